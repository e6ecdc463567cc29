//! The routes: a row's method and path, and which arguments of its tool come from where.

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::arguments::Accepts;
use crate::context::Call;
use crate::error::problems::{Path, Problems, list};
use crate::mcp::tool::{Entry, Running, Tools};
use crate::spec;
use crate::spec::{Effect, Spec};

/// What a row does not say of its route.
struct Row {
    spec: &'static Spec,
    /// The arguments in the query.
    query: &'static [&'static str],
    /// A member that the body must have: in its place the tool takes another argument, which is about files.
    needs: Option<&'static str>,
}

const fn row(spec: &'static Spec) -> Row {
    Row {
        spec,
        query: &[],
        needs: None,
    }
}

/// The operations of the two capabilities.
const ROWS: [Row; 17] = [
    Row {
        query: &["variant"],
        ..row(&spec::DOWNLOAD_CHECKPOINT)
    },
    Row {
        query: &["status", "created_by", "model_resources_id", "limit", "after"],
        ..row(&spec::LIST_TRAINING_SESSIONS)
    },
    row(&spec::CREATE_TRAINING_SESSION),
    row(&spec::GET_TRAINING_SESSION),
    row(&spec::STOP_TRAINING_SESSION),
    row(&spec::FORWARD_BACKWARD_PASS),
    row(&spec::OPTIMIZER_STEP),
    Row {
        needs: Some("model_inputs"),
        ..row(&spec::SAMPLE)
    },
    row(&spec::CREATE_INFERENCE_CHECKPOINT),
    row(&spec::SAVE_TRAINING_CHECKPOINT),
    row(&spec::GET_FORWARD_BACKWARD_OPERATION),
    row(&spec::GET_OPTIM_STEP_OPERATION),
    row(&spec::GET_SAMPLE_OPERATION),
    row(&spec::GET_INFERENCE_CHECKPOINT_OPERATION),
    row(&spec::GET_SAVE_TRAINING_CHECKPOINT_OPERATION),
    Row {
        needs: Some("config"),
        ..row(&spec::CREATE_RUN)
    },
    row(&spec::DELETE_RUN),
];

/// What the paths of both services begin with here.
const PREFIX: &str = "/v1";
/// The argument that a header carries.
const IDEMPOTENCY_KEY: &str = "idempotency_key";

/// A route.
pub(super) struct Route {
    entry: &'static Entry,
    /// The path, with each argument in braces.
    path: String,
    query: &'static [&'static str],
    schema: Value,
    accepts: Accepts,
}

/// All routes.
pub(super) fn all(tools: &'static Tools) -> impl Iterator<Item = Route> {
    ROWS.iter().filter_map(move |row| Route::new(row, tools))
}

impl Route {
    fn new(row: &Row, tools: &'static Tools) -> Option<Self> {
        let entry = tools.find(row.spec.name)?;
        let mut schema = entry.schema();
        keep(&mut schema, |name| {
            name == "body"
                || name == IDEMPOTENCY_KEY
                || row.query.contains(&name)
                || row.spec.placeholders().any(|placeholder| placeholder == name)
        });
        if let Some(needed) = row.needs
            && let Some(Value::Object(body)) = schema.pointer_mut("/properties/body")
            && let Value::Array(required) = body.entry("required").or_insert_with(|| json!([]))
            && !required.iter().any(|known| known == needed)
        {
            required.push(needed.into());
        }
        let path = row.spec.path;
        Some(Self {
            entry,
            path: if path.starts_with("/v1/") {
                path.to_owned()
            } else {
                format!("{PREFIX}{path}")
            },
            query: row.query,
            accepts: Accepts::new(&schema),
            schema,
        })
    }

    /// The tool's row.
    pub(super) const fn spec(&self) -> &'static Spec {
        self.entry.spec
    }

    /// The HTTP method.
    pub(super) const fn method(&self) -> &'static str {
        self.spec().method.as_str()
    }

    /// The path, with each argument in braces.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The arguments in the query.
    pub(super) const fn query(&self) -> &'static [&'static str] {
        self.query
    }

    /// The schema of the arguments.
    pub(super) const fn schema(&self) -> &Value {
        &self.schema
    }

    /// Whether the tool has a body.
    pub(super) fn has_body(&self) -> bool {
        self.accepts.takes("body")
    }

    /// Whether a body that the tool does not have is passed on: to what starts an operation, which may have one tomorrow.
    pub(super) fn passes_body_on(&self) -> bool {
        self.spec().effect == Effect::Submit && !self.has_body()
    }

    /// Whether a path is one of this route.
    pub(super) fn is_at(&self, path: &str) -> bool {
        let (mut own, mut given) = (self.path.split('/'), path.split('/'));
        loop {
            match (own.next(), given.next()) {
                (None, None) => return true,
                (Some(own), Some(given)) if own == given || (own.starts_with('{') && !given.is_empty()) => {}
                _ => return false,
            }
        }
    }

    /// The arguments in a path of this route.
    pub(super) fn values(&self, path: &str, problems: &mut Problems) -> Vec<(&'static str, String)> {
        let placeholders = self.spec().placeholders();
        let own = self.path.split('/').zip(path.split('/'));
        let given = own
            .filter(|(own, _)| own.starts_with('{'))
            .map(|(_, given)| given);
        let mut values = Vec::new();
        for (name, value) in placeholders.zip(given) {
            match percent_decode_str(value).decode_utf8() {
                Ok(value) => values.push((name, value.into_owned())),
                Err(_) => problems.add(&Path::Root.key(name), "is no text in UTF-8"),
            }
        }
        values
    }

    /// What to say of a parameter that the query does not have.
    pub(super) fn unknown_query(&self, name: &str) -> String {
        let of_path = self.spec().placeholders().any(|own| own == name);
        match self.query {
            _ if of_path => "belongs into the path".to_owned(),
            [] => "is not known: this route has no query".to_owned(),
            known => format!("is not known: the query has {}", list(known.iter().copied())),
        }
    }

    /// Runs the tool.
    pub(super) fn run<'a>(&'a self, call: &'a Call<'a>, arguments: &'a str) -> Running<'a> {
        self.entry.relay(call, &self.accepts, arguments)
    }
}

/// Drops the arguments that are not wanted.
fn keep(schema: &mut Value, wanted: impl Fn(&str) -> bool) {
    if let Some(Value::Object(members)) = schema.get_mut("properties") {
        members.retain(|name, _| wanted(name));
    }
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|name| name.as_str().is_some_and(&wanted));
    }
}
