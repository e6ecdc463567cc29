//! `sample`: completions of prompts, with log-probabilities.

use schemars::JsonSchema;
use serde::Deserialize;

#[cfg(feature = "text")]
use crate::arguments::{
    Written,
    schema::{renamed, retired, unlisted},
};
use crate::client::IdempotencyKey;
use crate::context::{Call, Output, Reply};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::json::Body;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::models::Models;
use crate::together::operation::Submission;
#[cfg(feature = "text")]
use crate::together::sample::prompts::{Given, Prompts};
use crate::together::{SessionId, base_model, operation, sample};
use crate::wait::WaitSeconds;

pub(crate) struct Sample;

/// What is said of an answer beside the prompts.
#[cfg(feature = "text")]
const OF_A_PROMPT: &str = "belongs to its prompt, in the row: write prompts[0].answer (in prompts_path, a member of the line), which grade-completions reads as {{row.answer}}";

#[derive(Deserialize, JsonSchema)]
#[cfg_attr(feature = "text", schemars(transform = retired(&[
    ("answer", OF_A_PROMPT),
    ("answers", OF_A_PROMPT),
    ("expected", OF_A_PROMPT),
    ("ground_truth", OF_A_PROMPT),
    ("reference", OF_A_PROMPT),
    ("references", OF_A_PROMPT),
    ("solution", OF_A_PROMPT),
    ("target", OF_A_PROMPT),
    ("targets", OF_A_PROMPT),
    ("labels", OF_A_PROMPT),
]), transform = renamed(&[
    ("data", "prompts|prompts_path"),
    ("dataset", "prompts|prompts_path"),
    ("dataset_path", "prompts_path"),
    ("prompts_file", "prompts_path"),
    ("lines", "prompt_lines"),
])))]
pub(crate) struct Args {
    session_id: SessionId,
    body: Body<sample::Sample>,
    /// In place of body.model_inputs: {messages: [{role, content}], tools, template_args}, or {prompt}, a text as it stands.
    #[cfg(feature = "text")]
    #[schemars(length(min = 1))]
    prompts: Option<Vec<Written>>,
    /// A JSON-lines file of them; other members stay with the completions.
    #[cfg(feature = "text")]
    prompts_path: Option<String>,
    /// Its lines to take, from 1 on. Default all.
    #[cfg(feature = "text")]
    #[schemars(length(min = 1), inner(range(min = 1)))]
    prompt_lines: Option<Vec<usize>>,
    /// As in render-prompt.
    #[cfg(feature = "text")]
    #[schemars(transform = unlisted)]
    tokenizer: Option<String>,
    /// In messages. The refusal names it.
    #[cfg(feature = "text")]
    #[schemars(transform = unlisted)]
    allow_control_tokens: Option<bool>,
    output: Option<Output>,
    wait_seconds: Option<WaitSeconds>,
    idempotency_key: Option<IdempotencyKey>,
}

impl Handler for Sample {
    const SPEC: &'static Spec = &spec::SAMPLE;
    type Args = Args;

    #[cfg(feature = "text")]
    fn check(args: &Args, problems: &mut Problems) {
        let given = [
            ("prompts", args.prompts.is_some()),
            ("prompts_path", args.prompts_path.is_some()),
        ];
        let mut given = given
            .into_iter()
            .filter(|(_, given)| *given)
            .map(|(name, _)| name);
        match (given.next(), given.next()) {
            (None, _)
                if !args.body.value.has_prompts()
                    && !problems.mention(&Path::Root.key("body").key("model_inputs"))
                    && !problems.mention(&Path::Root.key("prompts"))
                    && !problems.mention(&Path::Root.key("prompts_path")) => problems.add(
                &Path::Root.key("prompts"),
                "is required: what the model is to answer, such as [{\"messages\": [{\"role\": \"user\", \"content\": \"…\"}]}] (or prompts_path; or body.model_inputs, as token ids)",
            ),
            (Some(name), _) if args.body.value.has_prompts() => {
                problems.add(&Path::Root.key(name), "stands in place of body.model_inputs: give one of them");
            }
            (Some(_), Some(name)) => {
                problems.add(&Path::Root.key(name), "stands in place of prompts: give one of them");
            }
            (None | Some(_), _) => {}
        }
        if args.prompt_lines.is_some()
            && args.prompts_path.is_none()
            && !problems.mention(&Path::Root.key("prompts_path"))
        {
            problems.add(
                &Path::Root.key("prompt_lines"),
                "are those of prompts_path, which is missing",
            );
        }
        Given::check(args.prompts.as_deref(), &args.body.value, problems);
    }

    #[cfg(not(feature = "text"))]
    fn check(args: &Args, problems: &mut Problems) {
        if !args.body.value.has_prompts() {
            problems.add(
                &Path::Root.key("body").key("model_inputs"),
                "is required: the prompts, as token ids",
            );
        }
    }

    #[cfg(feature = "text")]
    async fn check_files(args: &Args, call: &Call<'_>, problems: &mut Problems) {
        if args.prompts.is_none() && args.prompts_path.is_none() {
            return;
        }
        let params = Path::Root.key("body");
        let params = params.key("sampling_params");
        // What is wrong with the longest completion says nothing of the prompts.
        let longest = args.body.value.longest();
        let longest = longest.or_else(|| problems.mention(&params.key("max_tokens")).then_some(1));
        let given = Given {
            prompts: args.prompts.clone(),
            path: args.prompts_path.clone(),
            lines: args.prompt_lines.clone(),
            tokenizer: args.tokenizer.clone(),
            allow_control_tokens: args.allow_control_tokens == Some(true),
            max_tokens: longest,
        };
        problems.append(given.look(call, &args.session_id).await);
    }

    fn doubt(args: &Args, _: &Problems) -> Option<String> {
        args.body.value.doubt()
    }

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let longest = args.body.value.longest();
        let submission = Submission {
            session_id: args.session_id,
            body: args.body.into_text(),
            output: args.output,
            wait_seconds: args.wait_seconds,
            idempotency_key: args.idempotency_key,
            prompts: None,
        };
        #[cfg(feature = "text")]
        if args.prompts.is_some() || args.prompts_path.is_some() {
            let given = Given {
                prompts: args.prompts,
                path: args.prompts_path,
                lines: args.prompt_lines,
                tokenizer: args.tokenizer,
                allow_control_tokens: args.allow_control_tokens == Some(true),
                max_tokens: longest,
            };
            let prompts = given
                .ready(call, &submission.session_id, &submission.body)
                .await?;
            return submit(call, submission, prompts).await;
        }
        let beyond = longest.and_then(|longest| beyond(call, &submission.session_id, longest));
        let answer = operation::submit(call, submission, &operation::SAMPLE).await?;
        Ok(match beyond {
            Some(beyond) => answer.noted(&beyond),
            None => answer,
        })
    }
}

/// Sends prompts that were given as text, and says what became of them.
#[cfg(feature = "text")]
async fn submit(call: &Call<'_>, submission: Submission, prompts: Prompts) -> Result<Reply, ToolError> {
    let Prompts { body, kept, said } = prompts;
    let submission = Submission {
        body,
        prompts: Some(kept),
        ..submission
    };
    let reply = operation::submit(call, submission, &operation::SAMPLE).await?;
    Ok(said.beside(reply))
}

/// What to say of a completion that may be longer than the model can write, as far as that is known already.
fn beyond(call: &Call<'_>, session_id: &str, longest: u64) -> Option<String> {
    let base_model = base_model::known(call, session_id)?;
    let context = call.context.state::<Models>().context_length(&base_model)?;
    (longest >= context).then(|| {
        format!("max_tokens {longest} is more than {base_model} can write: prompt and completion share {context} tokens, where each completion ends at the latest.")
    })
}
