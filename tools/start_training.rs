//! `start-training`: a whole run from a recipe.

use std::sync::Arc;

use serde_json::json;

use crate::context::{Call, Reply};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems, or_inline};
use crate::files::LARGEST_JSON;
use crate::json::{self, Body};
use crate::mcp::tool::Handler;
use crate::spec;
use crate::spec::Spec;
use crate::train::plan::plan;
use crate::train::{Launcher, Recipe, launch, recipe};
use crate::work::blocking;

pub(crate) struct StartTraining;

impl Handler for StartTraining {
    const SPEC: &'static Spec = &spec::START_TRAINING;
    type Args = Body<Recipe>;

    fn check(args: &Self::Args, problems: &mut Problems) {
        args.value.check(problems);
    }

    fn doubt(args: &Self::Args, _: &Problems) -> Option<String> {
        args.value.doubt()
    }

    async fn check_files(args: &Self::Args, call: &Call<'_>, problems: &mut Problems) {
        let recipe = &args.value;
        let named = [
            ("dataset", &recipe.dataset),
            ("eval_dataset", &recipe.eval_dataset),
        ];
        let named: Vec<(&'static str, String)> = named
            .into_iter()
            .filter_map(|(name, path)| Some((name, path.clone()?)))
            .collect();
        let files = call.context.config().files.clone();
        let looked = blocking(move || {
            let missing =
                |(name, path): (&'static str, String)| Some((name, files.path_blocking(&path).err()?));
            named.into_iter().filter_map(missing).collect::<Vec<_>>()
        });
        for (name, problem) in looked.await.unwrap_or_default() {
            let at = Path::Root.key(name);
            if !problems.mention(&at) {
                problems.add(&at, problem);
            }
        }
    }

    async fn call(args: Self::Args, call: &Call<'_>) -> Result<Reply, ToolError> {
        let given = match &args.value.recipe_path {
            Some(path) => {
                let text = call.context.config().files.read(path, LARGEST_JSON).await;
                let text = text.map_err(|problem| {
                    Problems::one(&Path::Root.key("recipe_path"), or_inline(&problem, "the recipe"))
                })?;
                recipe::given(args, &text)?
            }
            None => args,
        };
        let config = call.context.config();
        let data = config.data.as_ref().ok_or_else(ToolError::no_data)?;
        let plan = plan(call, &given).await?;
        if given.value.estimate_only == Some(true) {
            let reply = Reply::new(json::text(&plan.said)?);
            return Ok(reply.noted("Only a plan: nothing was started."));
        }
        let said = json::text(&plan.said)?;
        let place = launch::prepared(Arc::clone(data), plan).await?;
        let launcher = call.context.state::<Launcher>();
        if let Err(problem) = launcher.launch(call.context, &place).await {
            return Err(ToolError::Here {
                why: format!("The run {} was not started: {problem}.", place.id()),
                next: "mend what it says, then call again; nothing was created at the service.".to_owned(),
            });
        }
        let reply = Reply::new(json::text(&json!({"run_id": place.id()}))?);
        let reply = reply.with("plan", &json::raw(said)?);
        let next =
            json!({"tool": spec::GET_TRAINING.name, "arguments": {"run_id": place.id(), "wait_seconds": 50}});
        let goes_on = if config.sandbox {
            "It runs in this server and ends with it, as the sandbox does."
        } else {
            "It goes on by itself when this conversation or its host ends."
        };
        Ok(reply.with("next", &next).noted(goes_on))
    }
}
