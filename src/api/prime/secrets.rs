//! The two secrets of a run: from the caller, or from the server's environment, so that they never have to pass
//! through the model.

use schemars::JsonSchema;
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use crate::api::json::{self, Object};
use crate::api::{Api, Reply};
use crate::error::ToolError;
use crate::problems::{Path, Problems};

/// true: send WANDB_API_KEY and HF_TOKEN of this server's environment as wandbApiKey and hfToken, where body leaves them out. Default false.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ForwardSecrets(bool);

/// The members of a body that hold secrets.
pub const MEMBERS: [&str; 2] = ["wandbApiKey", "hfToken"];

/// Puts the secrets of the environment into a body, and makes all secrets of the body known, so that no echo of them
/// gets out. Returns the variables that were used.
pub fn fill(
    body: &mut Object,
    forward: Option<ForwardSecrets>,
    api: &Api,
) -> Result<Vec<&'static str>, ToolError> {
    let mut used = Vec::new();
    if let Some(ForwardSecrets(true)) = forward {
        for secret in &api.config().run_secrets {
            if body.get(secret.member).is_none() {
                let value = json::text(&secret.value.expose_secret())?;
                body.set(secret.member, json::raw(value)?);
                used.push(secret.variable);
            }
        }
        if used.is_empty() && !MEMBERS.iter().any(|member| body.get(member).is_some()) {
            return Err(ToolError::Arguments(Problems::one(
                &Path::Root.key("forward_secrets"),
                "neither WANDB_API_KEY nor HF_TOKEN is set in this server's environment: the user can add them (in the host's mcp.json, under \"env\"; then restart the server), or leave this out",
            )));
        }
    }
    for member in MEMBERS {
        let value = body
            .get(member)
            .map(|value| serde_json::from_str::<String>(value.get()));
        if let Some(Ok(secret)) = value {
            api.redactor().add(&secret);
        }
    }
    Ok(used)
}

/// An answer without the run's own key, which the platform wires into the run by itself and nobody else needs, and
/// with the variables that were forwarded.
pub fn answer(reply: &Reply, forwarded: &[&'static str], api: &Api) -> Result<Reply, ToolError> {
    let reply = json::without_secret(reply, "tokenValue", api.redactor())?;
    Ok(if forwarded.is_empty() {
        reply
    } else {
        reply.with("forwarded", &forwarded)
    })
}
