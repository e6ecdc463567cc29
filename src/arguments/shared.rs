//! Arguments of several tools.

#[cfg(feature = "text")]
use std::borrow::Cow;

#[cfg(feature = "text")]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
#[cfg(feature = "text")]
use serde_json::value::RawValue;

#[cfg(feature = "text")]
use super::schema::ANY;

/// Arguments of tools that take none.
#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(extend("properties" = {}))]
pub(crate) struct NoArgs {}

/// An object as the caller wrote it, for somebody else to read: the schema says only that it is one.
#[cfg(feature = "text")]
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Written(Box<RawValue>);

#[cfg(feature = "text")]
impl Written {
    /// Its JSON.
    #[must_use]
    pub(crate) fn raw(&self) -> &RawValue {
        &self.0
    }
}

#[cfg(feature = "text")]
impl JsonSchema for Written {
    fn schema_name() -> Cow<'static, str> {
        "Written".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", ANY: true})
    }

    fn inline_schema() -> bool {
        true
    }
}
