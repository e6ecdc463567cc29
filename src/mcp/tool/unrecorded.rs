//! What an answer says when the journal cannot be written.

use rmcp::model::{CallToolResult, ContentBlock};

use crate::context::Reply;
use crate::error::ToolError;
use crate::spec::Spec;

/// Whether a call by this row, which ended so, has done something that belongs in the journal.
pub(super) fn concerns(spec: &Spec, result: &Result<CallToolResult, ToolError>) -> bool {
    let went_out = matches!(result, Ok(_) | Err(ToolError::Call(_) | ToolError::Deadline(_)));
    went_out && spec.is_recorded() && !spec.is_local()
}

/// Says it in an answer: whoever reads that knows what nobody will find later.
pub(super) fn say(mut result: CallToolResult, problem: &str) -> CallToolResult {
    let note = format!(
        "The journal of calls cannot be written ({problem}). list-recent-activity shows this call as long as this server runs, and no longer: keep its ids, and tell the user."
    );
    if let Some(ContentBlock::Text(block)) = result.content.first_mut() {
        let text = std::mem::take(&mut block.text);
        block.text = match result.is_error {
            Some(true) => format!("{text}\n{note}"),
            _ => Reply::new(text).noted(&note).into_text(),
        };
    }
    result
}
