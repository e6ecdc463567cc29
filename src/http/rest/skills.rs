//! The Agent Skill over HTTP: what it is, its files, and all of it as a zip file.

use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::wrong_method;
use crate::http::answer::{Answer, error, json_text, with};
use crate::http::listen::not_found;
use crate::skill::{self, FILES, NAME};

/// Where it is.
const ROOT: &str = "/skills";

/// The answer to a request at one of its paths; `None`: it is at another.
pub(super) fn answer(method: &Method, path: &str) -> Option<Answer> {
    let below = path.strip_prefix(ROOT)?;
    let below = match below.strip_prefix('/') {
        Some(below) => below,
        None if below.is_empty() => "",
        None => return None,
    };
    let answer = found(below).unwrap_or_else(|| {
        let message =
            format!("There is no such skill or file: {ROOT} lists the skills, and {ROOT}/{NAME} the files.");
        not_found(&message)
    });
    let is_there = answer.status() == StatusCode::OK;
    Some(if is_there && method != Method::GET {
        wrong_method("GET")
    } else {
        answer
    })
}

fn found(below: &str) -> Option<Answer> {
    if below.is_empty() {
        return Some(json_text(StatusCode::OK, json!({"data": [about()]}).to_string()));
    }
    let (name, rest) = below.split_once('/').unwrap_or((below, ""));
    if name != NAME {
        return None;
    }
    match rest.split_once('/') {
        None if rest.is_empty() => Some(json_text(StatusCode::OK, about().to_string())),
        None if rest == "download" => Some(zip()),
        None if rest == "contents" => Some(json_text(StatusCode::OK, json!({"data": files()}).to_string())),
        Some(("contents", path)) => skill::file(path).map(|file| text(file.text)),
        _ => None,
    }
}

/// What the skill says of itself, and which files it has.
fn about() -> Value {
    let mut about: Map<String, Value> = skill::front_matter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    about.insert("files".to_owned(), files());
    Value::Object(about)
}

fn files() -> Value {
    let file = |file: &skill::File| json!({"path": file.path, "title": file.title(), "bytes": file.bytes()});
    FILES.iter().map(file).collect()
}

fn text(text: &'static str) -> Answer {
    let answer = json_text(StatusCode::OK, text);
    with(
        answer,
        CONTENT_TYPE,
        HeaderValue::from_static("text/markdown; charset=utf-8"),
    )
}

fn zip() -> Answer {
    let Ok(zip) = skill::zip() else {
        return error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "The skill could not be packed: report the defect.",
        );
    };
    let answer = with(
        json_text(StatusCode::OK, zip),
        CONTENT_TYPE,
        HeaderValue::from_static("application/zip"),
    );
    match HeaderValue::from_str(&format!("attachment; filename=\"{NAME}.zip\"")) {
        Ok(attachment) => with(answer, CONTENT_DISPOSITION, attachment),
        Err(_) => answer,
    }
}
