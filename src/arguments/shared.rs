//! Arguments of several tools.

use serde::Deserialize;

/// Of tools that take no arguments.
#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(extend("properties" = {}))]
pub(crate) struct NoArgs {}
