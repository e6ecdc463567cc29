//! The tokenizers that `run` fetched, for the comparison and the benchmark.

use std::fs;
use std::path::Path;

use rl_mcp::text::files::Files;
use rl_mcp::text::{Model, Origin};

/// The tokenizer in a directory, with another template if one is given.
pub(crate) fn load(directory: &Path, template: Option<&str>) -> Model {
    let read = |name: &str| fs::read_to_string(directory.join(name)).ok();
    let files = Files {
        tokenizer: read("tokenizer.json").unwrap(),
        config: read("tokenizer_config.json"),
        template: template
            .map(str::to_owned)
            .or_else(|| read("chat_template.jinja")),
        generation: read("generation_config.json"),
    };
    let origin = Origin {
        name: directory.display().to_string(),
        commit: None,
        place: "a directory",
    };
    Model::new(files, origin).unwrap()
}
