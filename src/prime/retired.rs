//! Keys that the trainer has dropped or renamed: what the official command line makes of them, so that a recipe starts
//! the same run from here.

use crate::error::ToolError;
use crate::json;
use crate::json::Object;

/// Keys of the orchestrator that are gone, each with what follows from leaving it out.
const GONE: [(&str, &str); 3] = [
    ("trajectory_strategy", "the trainer has only one"),
    ("trajectoryStrategy", "the trainer has only one"),
    ("buffer", "the trainer no longer filters by difficulty"),
];

/// Its old name, and the new one, which means the inverse.
const RENAMED: (&str, &str) = ("eval_base_model", "skip_first_step");

/// Leaves out or renames what is in a config, with a sentence about each.
pub(super) fn convert(config: &mut Object, notes: &mut Vec<String>) -> Result<(), ToolError> {
    let Some(mut orchestrator) = table(config, "orchestrator") else {
        return Ok(());
    };
    let before = notes.len();
    for (key, consequence) in GONE {
        if orchestrator.remove(key).is_some() {
            notes.push(format!(
                "orchestrator.{key} was left out of the config: {consequence}."
            ));
        }
    }
    if let Some(mut eval) = table(&orchestrator, "eval")
        && let Some(note) = rename(&mut eval)?
    {
        notes.push(note);
        orchestrator.set("eval", json::raw(json::text(&eval)?)?);
    }
    if notes.len() > before {
        config.set("orchestrator", json::raw(json::text(&orchestrator)?)?);
    }
    Ok(())
}

fn rename(eval: &mut Object) -> Result<Option<String>, ToolError> {
    let (old, new) = RENAMED;
    let Some(value) = eval.remove(old) else {
        return Ok(None);
    };
    if eval.get(new).is_some() {
        return Ok(Some(format!(
            "orchestrator.eval.{old} was left out of the config: {new} beside it says the same today, inverted."
        )));
    }
    let inverse = match value.get() {
        "true" => "false",
        "false" => "true",
        // Whatever else it is, the platform refuses it by the new name.
        other => other,
    };
    let note = format!(
        "orchestrator.eval.{old} is called {new} today, with the inverse meaning, and became {new} = {inverse}."
    );
    eval.set(new, json::raw(inverse.to_owned())?);
    Ok(Some(note))
}

/// A member that is an object.
fn table(parent: &Object, name: &str) -> Option<Object> {
    serde_json::from_str(parent.get(name)?.get()).ok()
}
