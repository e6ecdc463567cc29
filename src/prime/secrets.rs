//! The two secrets of a run: from the caller, or from the server's environment, so that they never have to pass
//! through the model.

use schemars::JsonSchema;
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use crate::config::{RUN_SECRETS, given};
use crate::context::{Context, Reply};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems, list};
use crate::json;
use crate::json::Object;

/// true: send WANDB_API_KEY and HF_TOKEN of this server's environment as wandbApiKey and hfToken, where body leaves them out. Default false.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct ForwardSecrets(bool);

/// The variables that were asked for.
#[derive(Default)]
pub(crate) struct Forwarded {
    sent: Vec<&'static str>,
    unset: Vec<&'static str>,
}

/// Puts the secrets of the environment into a body, and makes all secrets of the body known, so that no echo of them
/// gets out.
pub(crate) fn fill(
    body: &mut Object,
    forward: Option<ForwardSecrets>,
    context: &Context,
) -> Result<Forwarded, ToolError> {
    let mut problems = Problems::default();
    let mut forwarded = Forwarded::default();
    let mut held = 0;
    for (variable, member) in RUN_SECRETS {
        let value = body.get(member);
        let value = value.and_then(|value| serde_json::from_str::<String>(value.get()).ok());
        if let Some(value) = value {
            held += 1;
            context.redactor().add_token(&value);
            if given(&value).is_none() {
                let at = Path::Root.key("body");
                problems.add(
                    &at.key(member),
                    format!("is a placeholder that nobody fills in: leave it out and call with forward_secrets true, which sends {variable} of this server's environment"),
                );
            }
            continue;
        }
        if !forward.is_some_and(|ForwardSecrets(asked)| asked) {
            continue;
        }
        let secrets = &context.config().run_secrets;
        if let Some(secret) = secrets.iter().find(|secret| secret.variable == variable) {
            let value = json::text(&secret.value.expose_secret())?;
            body.set(member, json::raw(value)?);
            forwarded.sent.push(variable);
        } else {
            forwarded.unset.push(variable);
        }
    }
    if held == 0 && forwarded.sent.is_empty() && !forwarded.unset.is_empty() {
        problems.add(
            &Path::Root.key("forward_secrets"),
            "neither WANDB_API_KEY nor HF_TOKEN is set in this server's environment: the user can add them (in the host's mcp.json, under \"env\"; then restart the server), or leave this out",
        );
    }
    if problems.is_empty() {
        Ok(forwarded)
    } else {
        Err(ToolError::Arguments(problems))
    }
}

impl Forwarded {
    /// Adds what was sent to the answer.
    #[must_use]
    pub(crate) fn told(&self, reply: Reply) -> Reply {
        if self.sent.is_empty() {
            return reply;
        }
        reply.with("forwarded", &self.sent)
    }

    /// What was asked for and could not be sent.
    #[must_use]
    pub(crate) fn gap(&self) -> Option<String> {
        let unset = list(self.unset.iter().copied());
        (!unset.is_empty())
            .then(|| format!("Not sent, because not set in this server's environment: {unset}."))
    }
}
