//! `sample`: completions of prompts, with log-probabilities.

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::error::problems::Problems;
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::together::args::SubmitArgs;
use crate::together::models::Contexts;
use crate::together::{base_model, operation, sample};

pub(crate) struct Sample;

impl Handler for Sample {
    const SPEC: &'static Spec = &spec::SAMPLE;
    type Args = SubmitArgs<sample::Sample>;

    fn doubt(args: &Self::Args, _: &Problems) -> Option<String> {
        args.body.value.doubt()
    }

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let beyond = args
            .body
            .value
            .longest()
            .and_then(|longest| beyond(call, &args.session_id, longest));
        let answer = operation::submit(call, args, &operation::SAMPLE).await?;
        Ok(match beyond {
            Some(beyond) => answer.noted(&beyond),
            None => answer,
        })
    }
}

/// What to say of a completion that may be longer than the model can write, as far as that is known already.
fn beyond(call: &Call<'_>, session_id: &str, longest: i64) -> Option<String> {
    let base_model = base_model::known(call, session_id)?;
    let context = call.context.state::<Contexts>().of(&base_model)?;
    (u64::try_from(longest).is_ok_and(|longest| longest >= context)).then(|| {
        format!("max_tokens {longest} is more than {base_model} can write: prompt and completion share {context} tokens, where each completion ends at the latest.")
    })
}
