//! What the server makes of text, for `compare.py`: one JSON request on each line of standard input, one answer on each
//! line of standard output.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a comparison that cannot go on has failed"
)]

mod load;

use std::io::stdin;
use std::path::Path;

use load::load;
use rl_mcp::text::{Conversation, Date, Model, Turns, assistant_mask};
use serde_json::{Value, json};

fn conversation(request: &Value) -> Conversation {
    Conversation {
        messages: serde_json::from_value(request["messages"].clone()).unwrap(),
        tools: serde_json::from_value(request["tools"].clone()).unwrap(),
        template_args: serde_json::from_value(request["template_args"].clone()).unwrap(),
    }
}

fn answer(model: &Model, request: &Value) -> Result<Value, String> {
    let flag = request["special"] == true;
    let date = Date::at(request["date"].as_u64().unwrap_or_default());
    Ok(match request["do"].as_str().unwrap() {
        "encode" => {
            let encoded = model
                .tokenizer()
                .encode(request["text"].as_str().unwrap(), flag)?;
            json!(encoded.ids)
        }
        "decode" => {
            let ids: Vec<u32> = serde_json::from_value(request["ids"].clone()).unwrap();
            json!(model.tokenizer().decode(&ids, flag)?)
        }
        "render" => json!(model.rendered(&conversation(request), date)?.text),
        _ => {
            let masked = assistant_mask(model, &conversation(request), Turns::All, date)?;
            json!([masked.ids, masked.mask])
        }
    })
}

fn main() {
    let mut model = None;
    for line in stdin().lines() {
        let request: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if let Some(directory) = request["directory"].as_str() {
            model = Some(load(Path::new(directory), request["template"].as_str()));
            println!("null");
            continue;
        }
        match answer(model.as_ref().unwrap(), &request) {
            Ok(value) => println!("{value}"),
            Err(error) => println!("{}", json!({ "error": error })),
        }
    }
}
