//! The documented services: examples to answer from, and JSON Schemas that every request is held against.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use rl_mcp::Spec;
use serde_json::{Map, Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::{PRIME_KEY, TOGETHER_KEY};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/api");

/// One documented call: the operation, what is sent and what is answered.
#[derive(Clone, Debug)]
pub struct Example {
    pub operation: String,
    pub note: String,
    pub path_params: Map<String, Value>,
    pub query: Map<String, Value>,
    pub request: Value,
    pub status: u16,
    pub response: Value,
}

/// All examples of an operation: the plain one and its variants, which replace parts of it.
pub fn examples(operation: &str) -> Vec<Example> {
    let file = ["together-rl", "prime-training"]
        .iter()
        .map(|api| format!("{DATA}/examples/{api}.{operation}.json"))
        .find(|file| Path::new(file).exists())
        .unwrap_or_else(|| panic!("no example of {operation}"));
    let plain: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let variants = plain["variants"].as_array().cloned().unwrap_or_default();
    let mut all = vec![json!({"note": "plain"})];
    all.extend(variants);
    all.iter()
        .map(|variant| {
            let part = |name: &str| variant.get(name).unwrap_or(&plain[name]).clone();
            Example {
                operation: operation.to_owned(),
                note: variant["note"].as_str().unwrap_or_default().to_owned(),
                path_params: part("path_params").as_object().unwrap().clone(),
                query: part("query").as_object().unwrap().clone(),
                request: part("request"),
                status: u16::try_from(part("response_status").as_u64().unwrap()).unwrap(),
                response: part("response"),
            }
        })
        .collect()
}

/// One documented operation.
pub struct Operation {
    pub name: String,
    pub method: String,
    pub path: String,
    pub needs_key: bool,
    prime: bool,
    request: Option<Validator>,
    response: Validator,
    query: BTreeMap<String, (Validator, bool)>,
}

static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    let mut operations = read_api("together-rl", false);
    operations.extend(read_api("prime-training", true));
    operations
});

pub fn operation(name: &str) -> &'static Operation {
    OPERATIONS
        .iter()
        .find(|operation| operation.name == name)
        .unwrap()
}

/// The documented operation that a request is for.
pub fn operation_at(method: &str, path: &str) -> Option<&'static Operation> {
    OPERATIONS
        .iter()
        .find(|operation| operation.matches(method, path))
}

/// The names of all documented operations of a service.
pub fn operations(prime: bool) -> impl Iterator<Item = &'static str> {
    OPERATIONS
        .iter()
        .filter(move |operation| operation.prime == prime)
        .map(|operation| operation.name.as_str())
}

/// The documented operation that a tool stands for.
pub fn operation_of(spec: &Spec) -> &'static Operation {
    OPERATIONS
        .iter()
        .find(|operation| operation.method == spec.method.as_str() && operation.path == spec.path)
        .unwrap_or_else(|| panic!("{} is not documented", spec.name))
}

fn read_api(api: &str, prime: bool) -> Vec<Operation> {
    let text = fs::read_to_string(format!("{DATA}/{api}.schema.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let validator = |schema: &Value| {
        let mut schema = schema.clone();
        schema["$schema"] = document["$schema"].clone();
        schema["$defs"] = document["$defs"].clone();
        jsonschema::validator_for(&schema).unwrap()
    };
    document["operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|operation| {
            let text = |name: &str| operation[name].as_str().unwrap().to_owned();
            let query = operation["query"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, parameter)| {
                    let commas = parameter["style"] == "comma-separated";
                    (name.clone(), (validator(&parameter["schema"]), commas))
                });
            Operation {
                name: text("name"),
                method: text("method"),
                path: text("path"),
                needs_key: operation["idempotency_key"].as_bool().unwrap_or(false),
                prime,
                request: (operation["request"]["type"] != "null").then(|| validator(&operation["request"])),
                response: validator(&operation["response"]),
                query: query.collect(),
            }
        })
        .collect()
}

impl Operation {
    /// The arguments that the placeholders of the path have in `path`.
    fn matches(&self, method: &str, path: &str) -> bool {
        let (expected, given): (Vec<_>, Vec<_>) = (self.path.split('/').collect(), path.split('/').collect());
        let same = |(expected, given): (&&str, &&str)| expected.starts_with('{') || expected == given;
        method == self.method && expected.len() == given.len() && expected.iter().zip(&given).all(same)
    }

    /// Whether a body is of the documented form.
    pub fn accepts(&self, body: &Value) -> bool {
        self.request.as_ref().is_some_and(|schema| schema.is_valid(body))
    }

    /// Everything that is wrong with a success, by the documentation.
    pub fn misanswers(&self, body: &Value) -> Vec<String> {
        let errors = self.response.iter_errors(body);
        errors
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    }

    /// Everything that is wrong with a request, by the documentation.
    fn violations(&self, request: &Request) -> Vec<String> {
        let mut wrong = Vec::new();
        let header = |name: &str| {
            request
                .headers
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        let key = if self.prime { PRIME_KEY } else { TOGETHER_KEY };
        if header("authorization") != Some(format!("Bearer {key}")) {
            wrong.push("authorization".to_owned());
        }
        if header("accept").as_deref() != Some("application/json") {
            wrong.push("accept".to_owned());
        }
        match (self.needs_key, header("idempotency-key")) {
            (true, None) => wrong.push("no idempotency-key".to_owned()),
            (false, Some(_)) => wrong.push("an idempotency-key where there is none".to_owned()),
            _ => {}
        }
        for (name, value) in request.url.query_pairs() {
            let Some((schema, commas)) = self.query.get(name.as_ref()) else {
                wrong.push(format!("unknown query parameter {name}"));
                continue;
            };
            let text = json!(value);
            if !commas && schema.is_valid(&text) {
                continue;
            }
            let value = if *commas {
                json!(value.split(',').collect::<Vec<_>>())
            } else {
                serde_json::from_str(&value).unwrap_or(text)
            };
            wrong.extend(schema.iter_errors(&value).map(|error| format!("{name}: {error}")));
        }
        match &self.request {
            None if !request.body.is_empty() => wrong.push("a body where there is none".to_owned()),
            None => {}
            Some(schema) => {
                if header("content-type").as_deref() != Some("application/json") {
                    wrong.push("content-type".to_owned());
                }
                let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
                wrong.extend(
                    schema
                        .iter_errors(&body)
                        .map(|error| format!("{}: {error}", error.instance_path())),
                );
            }
        }
        wrong
    }
}

/// A service that knows the documentation. It answers what it was told for the operation, or its plain example,
/// and remembers what was wrong with a request.
pub struct Upstream {
    pub server: MockServer,
    known: Arc<Known>,
}

#[derive(Default)]
struct Known {
    answers: Mutex<BTreeMap<String, VecDeque<(u16, Value)>>>,
    wrong: Mutex<Vec<String>>,
}

impl Upstream {
    pub async fn start() -> Self {
        let server = MockServer::start().await;
        let known = Arc::new(Known::default());
        Mock::given(any())
            .respond_with(Documented(known.clone()))
            .mount(&server)
            .await;
        Self { server, known }
    }

    /// Answers an operation with this example from now on.
    pub fn answer(&self, example: &Example) {
        self.tell(
            &example.operation,
            vec![(example.status, example.response.clone())],
        );
    }

    /// Answers an operation with these bodies in turn; the last one repeats.
    pub fn answers(&self, operation: &str, bodies: Vec<Value>) {
        self.tell(operation, bodies.into_iter().map(|body| (200, body)).collect());
    }

    /// The same with their statuses.
    pub fn tell(&self, operation: &str, answers: Vec<(u16, Value)>) {
        let mut told = self.known.answers.lock().unwrap();
        told.insert(operation.to_owned(), answers.into());
    }

    /// The requests since the last time; fails if one of them was against the documentation.
    pub async fn requests(&self) -> Vec<Request> {
        let wrong = std::mem::take(&mut *self.known.wrong.lock().unwrap());
        assert!(wrong.is_empty(), "against the documentation: {wrong:#?}");
        let requests = self.server.received_requests().await.unwrap();
        self.server.reset().await;
        Mock::given(any())
            .respond_with(Documented(self.known.clone()))
            .mount(&self.server)
            .await;
        requests
    }
}

impl Known {
    fn next(&self, operation: &str) -> Option<(u16, Value)> {
        let mut answers = self.answers.lock().unwrap();
        let answers = answers.get_mut(operation)?;
        if answers.len() > 1 {
            answers.pop_front()
        } else {
            answers.front().cloned()
        }
    }
}

struct Documented(Arc<Known>);

impl Respond for Documented {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let (method, path) = (request.method.as_str(), request.url.path());
        let Some(operation) = OPERATIONS
            .iter()
            .find(|operation| operation.matches(method, path))
        else {
            self.0
                .wrong
                .lock()
                .unwrap()
                .push(format!("no operation {method} {path}"));
            return ResponseTemplate::new(404);
        };
        let violations = operation.violations(request);
        let mut wrong = self.0.wrong.lock().unwrap();
        wrong.extend(
            violations
                .into_iter()
                .map(|violation| format!("{}: {violation}", operation.name)),
        );
        let told = self.0.next(&operation.name);
        let (status, body) = told.unwrap_or_else(|| {
            let plain = examples(&operation.name).remove(0);
            (plain.status, plain.response)
        });
        ResponseTemplate::new(status).set_body_json(body)
    }
}
