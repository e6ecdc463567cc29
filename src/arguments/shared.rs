//! Arguments of several tools.

use serde::Deserialize;

/// Arguments of tools that take none.
#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(extend("properties" = {}))]
pub(crate) struct NoArgs {}
