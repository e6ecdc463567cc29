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
use crate::together::models;
use crate::train::plan::{look, plan, unknown_model};
use crate::train::{Launcher, Recipe, launch, recipe};

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
        let is_elsewhere = recipe.recipe_path.is_some()
            || recipe.model_resources_id.is_some()
            || recipe.session_id.is_some();
        if !is_elsewhere {
            // A name that is not offered, or none, would cost another call.
            let models = models::offered(call).await;
            if recipe.base_model.is_none()
                && let Some(named) = models::named(&models)
            {
                problems.add(&Path::Root.key("base_model"), named);
            }
        }
        if let Some((name, problem)) = unknown_model(call, recipe)
            && !problems.mention(&Path::Root.key(name))
        {
            problems.add(&Path::Root.key(name), problem);
        }
        // What the recipe of a file says besides is not known here, nor what a template makes that cannot be used.
        let makes_rows = ["prompt", "completion"].map(|name| problems.mention(&Path::Root.key(name)));
        if args.value.recipe_path.is_some() || makes_rows.contains(&true) {
            return;
        }
        for (name, found) in look(call, &args.value).await {
            if !problems.mention(&Path::Root.key(name)) {
                problems.append(found);
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
