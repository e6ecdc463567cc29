//! The query of a request. Unknown parameters are ignored, as the service's framework does.

use std::ops::RangeInclusive;

use super::error::Refusal;

/// The parameters, as they came.
pub(super) struct Query(Vec<(String, String)>);

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Query {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, state: &S) -> Result<Self, Refusal> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(pairs)) => Ok(Self(pairs)),
            Err(rejection) => Err(Refusal::invalid(
                "query",
                "query",
                rejection.to_string(),
                "value_error",
            )),
        }
    }
}

impl Query {
    /// A parameter; an empty one counts as absent.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// A parameter that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name)
            .ok_or_else(|| Refusal::invalid("query", name, "Field required", "missing"))
    }

    /// A whole number in a range.
    pub(super) fn integer(&self, name: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let number: u64 = text.parse().map_err(|_| {
            let message = "Input should be a valid integer that is not negative";
            Refusal::invalid("query", name, message, "int_parsing")
        })?;
        if range.contains(&number) {
            return Ok(Some(number));
        }
        let message = match *range.end() {
            u64::MAX => format!("Input should be greater than or equal to {}", range.start()),
            end => format!("Input should be from {} to {end}", range.start()),
        };
        Err(Refusal::invalid("query", name, message, "out_of_range"))
    }

    /// A position or count, with its default.
    pub(super) fn size(
        &self,
        name: &str,
        range: RangeInclusive<u64>,
        default: usize,
    ) -> Result<usize, Refusal> {
        let number = self.integer(name, range)?;
        Ok(number.map_or(default, |number| usize::try_from(number).unwrap_or(usize::MAX)))
    }

    /// Whether something is so, in the spellings that the service's framework takes.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.text(name).map(str::to_ascii_lowercase).as_deref() {
            None | Some("false" | "0" | "no" | "off") => Ok(false),
            Some("true" | "1" | "yes" | "on") => Ok(true),
            Some(_) => Err(Refusal::invalid(
                "query",
                name,
                "Input should be a valid boolean, unable to interpret input",
                "bool_parsing",
            )),
        }
    }

    /// One of several words.
    pub(super) fn one_of<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, Refusal> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == text) {
            return Ok(Some(*meaning));
        }
        let words: Vec<String> = words.iter().map(|(word, _)| format!("'{word}'")).collect();
        let message = format!("Input should be {}", words.join(" or "));
        Err(Refusal::invalid("query", name, message, "enum"))
    }
}

/// One page of a list, with the counters that go with it.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) total: usize,
    pub(super) number: usize,
    pub(super) limit: usize,
    pub(super) pages: usize,
}

impl<T> Page<T> {
    /// Page number `page`, from 1, of `limit` items each.
    pub(super) fn of(all: impl ExactSizeIterator<Item = T>, page: usize, limit: usize) -> Self {
        let total = all.len();
        let before = page.saturating_sub(1).saturating_mul(limit);
        Self {
            items: all.skip(before).take(limit).collect(),
            total,
            number: page,
            limit,
            pages: total.div_ceil(limit.max(1)),
        }
    }
}
