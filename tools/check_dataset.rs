//! `check-dataset`: a file of rows, before anything costs.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::arguments::Written;
use crate::arguments::schema::{renamed, retired, unlisted};
use crate::context::{Call, Reply};
use crate::dataset::{self, Request, Shape, placeholders};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::text;
use crate::text::Today;
use crate::together::SessionId;
use crate::together::grader_argument::GraderArgument;
use crate::together::tokenizer::{self, Whose};
use crate::work::blocking;

pub(crate) struct CheckDataset;

const OF_RECIPE: &str =
    "belongs to a recipe: start-training with estimate_only checks the rows with it, and starts nothing";

#[derive(Deserialize, JsonSchema)]
#[schemars(transform = retired(&[
    ("prompt", OF_RECIPE),
    ("completion", OF_RECIPE),
    ("system", OF_RECIPE),
    ("method", OF_RECIPE),
    ("rows", "is read from a file alone: name it in path"),
    ("data", "is read from a file alone: name it in path"),
]), transform = renamed(&[
    ("dataset", "path"),
    ("file", "path"),
    ("prompts_path", "path"),
    ("examples_path", "path"),
    ("train_path", "path"),
    ("eval_dataset", "eval_path"),
    ("model", "base_model"),
    ("max_length", "max_tokens"),
    ("max_seq_len", "max_tokens"),
]))]
pub(crate) struct Args {
    /// The file: a row in each line, {messages} or {prompt}, for supervised training with the assistant's turn or completion, and any members for a grader.
    path: String,
    /// Rows to hold against it.
    eval_path: Option<String>,
    /// As in start-training.
    prompt: Option<String>,
    #[schemars(transform = unlisted)]
    completion: Option<String>,
    #[schemars(transform = unlisted)]
    system: Option<String>,
    /// As in grade-completions: each row is to have what it expects.
    grader: Option<Written>,
    // As above; told in the errors that call for it.
    #[schemars(transform = unlisted)]
    grader_path: Option<String>,
    /// Whose tokenizer counts; without it characters are counted.
    base_model: Option<String>,
    session_id: Option<SessionId>,
    #[schemars(transform = unlisted)]
    tokenizer: Option<String>,
    /// Rows with more tokens are named. Default the model's context.
    #[schemars(range(min = 1))]
    max_tokens: Option<u32>,
}

impl Args {
    /// Whether tokens are counted, and not characters.
    const fn has_tokenizer(&self) -> bool {
        self.base_model.is_some() || self.session_id.is_some() || self.tokenizer.is_some()
    }

    fn grader(&self) -> GraderArgument<'_> {
        GraderArgument {
            grader: self.grader.as_ref(),
            path: self.grader_path.as_deref(),
        }
    }
}

impl Handler for CheckDataset {
    const SPEC: &'static Spec = &spec::CHECK_DATASET;
    type Args = Args;

    fn check(args: &Args, problems: &mut Problems) {
        for (name, template) in [("prompt", &args.prompt), ("completion", &args.completion)] {
            if let Some(template) = template
                && let Err(problem) = placeholders(template)
            {
                problems.add(&Path::Root.key(name), problem);
            }
        }
        if args.grader().is_given() {
            args.grader().check(problems);
        }
        if args.max_tokens.is_some()
            && !args.has_tokenizer()
            && !problems.mention(&Path::Root.key("base_model"))
        {
            problems.add(
                &Path::Root.key("max_tokens"),
                "needs base_model or session_id, whose tokenizer counts",
            );
        }
    }

    async fn check_files(args: &Args, call: &Call<'_>, problems: &mut Problems) {
        let named = [
            ("path", Some(args.path.clone())),
            ("eval_path", args.eval_path.clone()),
        ];
        let files = call.context.config().files.clone();
        let looked = blocking(move || {
            let missing = |(name, path): (&'static str, Option<String>)| {
                Some((name, files.path_blocking(&path?).err()?))
            };
            named.into_iter().filter_map(missing).collect::<Vec<_>>()
        });
        for (name, problem) in looked.await.unwrap_or_default() {
            let at = Path::Root.key(name);
            if !problems.mention(&at) {
                problems.add(&at, problem);
            }
        }
    }

    async fn call(args: Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let mut problems = Problems::default();
        let grader = args.grader().read(call, &mut problems).await?;
        if !problems.is_empty() {
            return Err(ToolError::Arguments(problems));
        }
        let model = if args.has_tokenizer() {
            let whose = Whose {
                tokenizer: args.tokenizer.as_deref(),
                base_model: args.base_model.as_deref(),
                session_id: args.session_id.as_deref(),
            };
            let source = tokenizer::source(call, &whose).await?;
            Some(text::load(call, &source).await?)
        } else {
            None
        };
        let request = Request {
            path: args.path,
            eval_path: args.eval_path,
            shape: Shape {
                system: args.system,
                prompt: args.prompt,
                completion: args.completion,
            },
            grader,
            model,
            date: call.context.state::<Today>().date(),
            max_tokens: args.max_tokens.map(u64::from),
        };
        dataset::checked(request, call).await
    }
}
