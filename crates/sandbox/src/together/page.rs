//! Pages of lists.

use serde_json::{Value, json};

use super::wire::{Refusal, within};

/// Entries on a page when nobody says.
const DEFAULT_LIMIT: usize = 20;

/// Which page.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) limit: Option<usize>,
    pub(super) after: Option<String>,
}

impl Page {
    /// The page of a list, newest first, of entries that are `wanted`. The cursor is the id of the last entry of the page
    /// before, whether that one is still wanted or not.
    pub(super) fn of<'a, T: 'a>(
        &self,
        newest_first: impl Iterator<Item = &'a T>,
        id: impl Fn(&'a T) -> &'a str,
        wanted: impl Fn(&T) -> bool,
        shown: impl Fn(&T) -> Value,
    ) -> Result<Value, Refusal> {
        let limit = within("limit", self.limit.unwrap_or(DEFAULT_LIMIT), 1, 100)?;
        let mut entries = newest_first;
        if let Some(after) = self.after.as_deref().filter(|after| !after.is_empty()) {
            let found = entries.find(|entry| id(entry) == after);
            found.ok_or_else(|| Refusal::of("after", "is no cursor of this list"))?;
        }
        let mut rest = entries.filter(|entry| wanted(entry));
        let page: Vec<&T> = rest.by_ref().take(limit).collect();
        let more = rest.next().is_some();
        let cursor = page.last().filter(|_| more).map_or("", |entry| id(entry));
        Ok(json!({
            "data": page.into_iter().map(shown).collect::<Vec<_>>(),
            "meta": {"limit": limit, "has_more": more, "next_cursor": cursor},
        }))
    }
}

/// The values of a list with commas.
pub(super) fn separated<T>(
    param: &str,
    text: Option<&str>,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<Vec<T>>, Refusal> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let value = |part: &str| parse(part).ok_or_else(|| Refusal::of(param, format!("there is no `{part}`")));
    text.split(',').map(value).collect::<Result<_, _>>().map(Some)
}
