//! Values of which there are a few: in short, in another spelling, and those of other versions.

use super::rule::Text;
use super::schema::common_prefix;

impl Text {
    /// The long wire form of `value`: itself, or the one whose end it is, so `grpo` for `LOSS_TYPE_GRPO`.
    #[must_use]
    pub(crate) fn wire_form(&self, value: &str) -> Option<&str> {
        let joined = |text: &str| text.replace(['-', ' '], "_");
        let plain = joined(value.trim());
        let prefix = self.common_prefix();
        self.values.iter().map(String::as_str).find(|known| {
            joined(known).eq_ignore_ascii_case(&plain)
                || known
                    .get(prefix..)
                    .is_some_and(|short| short.eq_ignore_ascii_case(&plain))
        })
    }

    /// What to say about a value of earlier versions or of other services, in whatever spelling.
    #[must_use]
    pub(crate) fn retirement(&self, value: &str) -> Option<&str> {
        self.old(value).map(|(_, sentence)| sentence)
    }

    /// The value of today that such a value means, and what to say about it.
    #[must_use]
    pub(crate) fn successor(&self, value: &str) -> Option<(&str, &str)> {
        let (old, sentence) = self.old(value)?;
        Some((self.renamed.get(old)?, sentence))
    }

    fn old(&self, value: &str) -> Option<(&str, &str)> {
        let short = |name: &str| -> String {
            let name = name.trim().replace(['-', ' '], "_").to_ascii_uppercase();
            let first = self.values.first().map_or("", String::as_str);
            let prefix = first.get(..self.common_prefix()).unwrap_or_default();
            name.strip_prefix(prefix).unwrap_or(&name).to_owned()
        };
        let wanted = short(value);
        let found = self.retired.iter().find(|(name, _)| short(name) == wanted);
        found.map(|(old, sentence)| (old.as_str(), sentence.as_str()))
    }

    /// The length of the words that all values begin with, such as `LOSS_TYPE_`.
    fn common_prefix(&self) -> usize {
        common_prefix(self.values.iter().map(String::as_str))
    }
}
