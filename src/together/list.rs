//! What the lists have in common: pages, and the filter by status.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::context::{Call, Reply, Request};
use crate::error::ToolError;
use crate::error::problems::{Path, Problems, list, nearest};
use crate::journal::Given;
use crate::spec::Status;

/// Which part of a list.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Page {
    /// Entries on one page. Default 20.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u32>,
    /// meta.next_cursor of the page before.
    after: Option<String>,
}

impl Page {
    /// Adds the page to a request.
    #[must_use]
    pub(crate) fn of(self, request: Request<'_>) -> Request<'_> {
        request.query("limit", self.limit).query("after", self.after)
    }
}

/// Sends the request of a list that is filtered by the id `id`, if one is given. An id of another kind is no error there: the
/// list is only empty.
pub(crate) async fn of(
    call: &Call<'_>,
    request: Request<'_>,
    name: &'static str,
    id: Option<&str>,
) -> Result<Reply, ToolError> {
    let reply = request.id(name, id).query(name, id).send().await?;
    let is_empty = reply
        .member::<Vec<IgnoredAny>>("data")
        .is_some_and(|entries| entries.is_empty());
    let Some(id) = id.filter(|_| is_empty) else {
        return Ok(reply);
    };
    let mistaken = call
        .context
        .journal()
        .mistaken(call.spec, vec![Given::new(name, id)], false);
    Ok(match mistaken.await {
        Some(mistaken) => reply.noted(&mistaken),
        None => reply,
    })
}

/// The statuses of one kind of thing.
pub(crate) trait Statuses {
    /// What all of them begin with on the wire.
    const PREFIX: &'static str;
    /// The rest of each.
    const SHORT: &'static [&'static str];
}

/// The statuses of training sessions.
pub(crate) enum OfSession {}

impl Statuses for OfSession {
    const PREFIX: &'static str = Status::SESSION.prefix();
    const SHORT: &'static [&'static str] =
        &["CREATING", "RUNNING", "STOPPING", "STOPPED", "ERROR", "EXPIRED"];
}

/// The statuses of model resources.
pub(crate) enum OfModelResource {}

impl Statuses for OfModelResource {
    const PREFIX: &'static str = Status::RESOURCE.prefix();
    const SHORT: &'static [&'static str] = &["PENDING", "CREATING", "READY", "STOPPING", "STOPPED", "ERROR"];
}

/// One status, or several joined by commas; short names do.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct StatusFilter<K>(String, #[serde(skip)] PhantomData<K>);

/// The description names the statuses that are checked.
impl<K: Statuses> JsonSchema for StatusFilter<K> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}FILTER", K::PREFIX).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let known = list(K::SHORT.iter().copied());
        json_schema!({
            "type": "string",
            "description": format!("Only those of this status, or of several joined by commas: {known}."),
        })
    }

    fn inline_schema() -> bool {
        true
    }
}

/// The arguments of a list that can be filtered by status.
#[derive(Deserialize, JsonSchema)]
#[serde(bound = "")]
#[schemars(bound = "")]
pub(crate) struct Filters<K: Statuses> {
    status: Option<StatusFilter<K>>,
    /// Only those of this user id, or me.
    created_by: Option<String>,
}

impl<K: Statuses> Filters<K> {
    /// Reports statuses that do not exist.
    pub(crate) fn check(&self, problems: &mut Problems) {
        if let Some(status) = &self.status {
            status.check(&Path::Root.key("status"), problems);
        }
    }

    /// Adds the filters to a request.
    #[must_use]
    pub(crate) fn of(self, request: Request<'_>) -> Request<'_> {
        let status = self.status.map(|status| status.to_string());
        request
            .query("status", status)
            .query("created_by", self.created_by)
    }
}

impl<K: Statuses> StatusFilter<K> {
    fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split(',').map(str::trim).filter(|part| !part.is_empty())
    }

    fn check(&self, path: &Path<'_>, problems: &mut Problems) {
        if self.parts().next().is_none() {
            problems.add(path, "must not be empty; leave it out for all");
        }
        let known = || K::SHORT.iter().copied();
        for part in self.parts().filter(|part| Self::short(part).is_none()) {
            let hint =
                nearest(part, known()).map_or_else(String::new, |near| format!(" Did you mean {near}?"));
            problems.add(path, format!("`{part}` is not one of: {}.{hint}", list(known())));
        }
    }

    fn short(text: &str) -> Option<&'static str> {
        let upper = text.to_ascii_uppercase();
        let short = upper.strip_prefix(K::PREFIX).unwrap_or(&upper);
        K::SHORT.iter().copied().find(|status| *status == short)
    }
}

/// The wire form: long names, joined by commas.
impl<K: Statuses> fmt::Display for StatusFilter<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, status) in self.parts().filter_map(Self::short).enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}{status}", K::PREFIX)?;
        }
        Ok(())
    }
}
