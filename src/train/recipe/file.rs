//! Recipes in files: JSON or TOML.

use serde_json::Value;

use super::Recipe;
use crate::arguments::Accepts;
use crate::arguments::schema::input_schema;
use crate::error::ToolError;
use crate::error::problems::{Path, Problems};
use crate::json::{self, Body, Object};
use crate::prime::config_file;

/// A recipe for GRPO, with comments.
pub(crate) const EXAMPLE_GRPO: &str = include_str!("grpo.toml");
/// A recipe for supervised training, with comments.
pub(crate) const EXAMPLE_SFT: &str = include_str!("sft.toml");

/// The argument that names a file.
const RECIPE_PATH: &str = "recipe_path";

/// The recipe in the text of a file. Problems stand below `at`.
pub(crate) fn read(text: &str, at: &Path<'_>) -> Result<Body<Recipe>, ToolError> {
    let json = as_json(text, at)?;
    checked(&json, at)
}

/// A recipe that was given in a call, with what the file holds that it names.
pub(crate) fn given(recipe: Body<Recipe>, text: &str) -> Result<Body<Recipe>, ToolError> {
    let at = Path::Root.key(RECIPE_PATH);
    let mut whole: Object = json::object(&as_json(text, &at)?)?;
    whole.extend(json::object(&recipe.into_text())?);
    whole.remove(RECIPE_PATH);
    checked(&json::text(&whole)?, &at)
}

fn as_json(text: &str, at: &Path<'_>) -> Result<String, ToolError> {
    if !text.trim_start().starts_with('{') {
        return config_file::read(text, at);
    }
    match serde_json::from_str::<Value>(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(ToolError::Arguments(Problems::one(
            at,
            format!("is neither JSON ({error}) nor TOML"),
        ))),
    }
}

fn checked(json: &str, at: &Path<'_>) -> Result<Body<Recipe>, ToolError> {
    let accepts = Accepts::new(&input_schema::<Recipe>());
    let read = accepts.read(json, |recipe: &Body<Recipe>, problems| {
        recipe.value.check_whole(problems);
        if recipe.value.recipe_path.is_some() {
            problems.add(
                &Path::Root.key(RECIPE_PATH),
                "stands in a recipe itself: leave it out",
            );
        }
    });
    read.map_err(|found| {
        let mut problems = Problems::default();
        problems.append_below(at, found);
        ToolError::Arguments(problems)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_are_recipes() {
        for example in [EXAMPLE_GRPO, EXAMPLE_SFT] {
            let recipe = read(example, &Path::Root.key("file"));
            assert!(recipe.is_ok(), "{}", recipe.err().unwrap());
        }
    }

    #[test]
    fn what_a_call_gives_goes_before_the_file() {
        let accepts = Accepts::new(&input_schema::<Recipe>());
        let call = r#"{"recipe_path": "r.toml", "steps": 3}"#;
        let call: Body<Recipe> = accepts.read(call, |_, _| ()).unwrap();
        let whole = given(call, EXAMPLE_GRPO).unwrap();
        assert_eq!(whole.value.steps, Some(3));
        assert!(whole.value.dataset.is_some() && whole.value.recipe_path.is_none());
    }

    #[test]
    fn what_is_wrong_in_a_file_names_the_file() {
        let problem = read("method = \"sft\"\nstep = 3\n", &Path::Root.key("recipe_path"));
        let problem = problem.err().unwrap().to_string();
        for expected in [
            "recipe_path.step: is not known here; did you mean steps",
            "recipe_path.dataset: is required",
            "recipe_path.base_model: is required",
        ] {
            assert!(problem.contains(expected), "{problem}");
        }
    }
}
