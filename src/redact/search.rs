//! Finds many words in one pass over a text, mostly in leaps (Wu and Manber, "A fast algorithm for multi-pattern
//! searching", 1994).
//!
//! A library's automaton would do as well and is larger; one search for each word takes ten times as long, since each key
//! has a dozen forms.

use std::collections::HashMap;
use std::ops::Range;

/// How many bytes decide about a leap.
const BLOCK: usize = 3;
/// The logarithm of the number of leaps that are told apart.
const BITS: u32 = 14;

/// The words, prepared for the search.
#[derive(Default)]
pub(super) struct Search {
    /// Longest first, so that of two that begin alike the longer one is found.
    words: Vec<Vec<u8>>,
    shortest: usize,
    /// How far a window that ends with such a block can leap.
    leaps: Vec<u8>,
    /// The words whose beginning, as long as the shortest word, ends with a block.
    ends: HashMap<[u8; BLOCK], Vec<usize>>,
}

impl Search {
    /// A search for these words, none of which is shorter than a block.
    pub(super) fn new(mut words: Vec<Vec<u8>>) -> Self {
        words.retain(|word| word.len() >= BLOCK);
        words.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        words.dedup();
        let shortest = words.last().map_or(0, Vec::len);
        let longest_leap = u8::try_from((shortest + 1).saturating_sub(BLOCK)).unwrap_or(u8::MAX);
        let mut leaps = vec![longest_leap; 1 << BITS];
        let mut ends: HashMap<[u8; BLOCK], Vec<usize>> = HashMap::new();
        for (index, word) in words.iter().enumerate() {
            let beginning = word.get(..shortest).unwrap_or_default();
            let blocks = beginning
                .windows(BLOCK)
                .filter_map(|block| <[u8; BLOCK]>::try_from(block).ok());
            for (block, left) in blocks.zip((0..=shortest - BLOCK).rev()) {
                if let Some(leap) = leaps.get_mut(slot(block)) {
                    *leap = (*leap).min(u8::try_from(left).unwrap_or(u8::MAX));
                }
                if left == 0 {
                    ends.entry(block).or_default().push(index);
                }
            }
        }
        Self {
            words,
            shortest,
            leaps,
            ends,
        }
    }

    /// Where the words are, by their beginnings; they may overlap.
    pub(super) fn find(&self, text: &[u8], found: &mut Vec<Range<usize>>) {
        if self.words.is_empty() {
            return;
        }
        let mut end = self.shortest;
        while let Some(block) = text
            .get(end - BLOCK..end)
            .and_then(|block| <[u8; BLOCK]>::try_from(block).ok())
        {
            let leap = self.leaps.get(slot(block)).copied().unwrap_or(1);
            if leap > 0 {
                end += usize::from(leap);
                continue;
            }
            let start = end - self.shortest;
            let here = text.get(start..).unwrap_or_default();
            let candidates = self.ends.get(&block).into_iter().flatten();
            let mut words = candidates.filter_map(|index| self.words.get(*index));
            if let Some(word) = words.find(|word| here.starts_with(word)) {
                found.push(start..start + word.len());
            }
            end += 1;
        }
    }
}

/// Where the leap of a block is kept.
fn slot([a, b, c]: [u8; BLOCK]) -> usize {
    let block = u32::from_le_bytes([a, b, c, 0]);
    // The golden ratio spreads what is alike.
    usize::try_from(block.wrapping_mul(0x9e37_79b1) >> (u32::BITS - BITS)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(words: &[&str], text: &str) -> Vec<Range<usize>> {
        let search = Search::new(words.iter().map(|word| word.as_bytes().to_vec()).collect());
        let mut found = Vec::new();
        search.find(text.as_bytes(), &mut found);
        found
    }

    #[test]
    fn of_words_that_begin_alike_the_longer_one_is_found() {
        assert_eq!(found(&["abcdef", "abcdefgh"], "xabcdefghi"), vec![1..9]);
        assert_eq!(found(&["abcdef", "abcdefgh"], "xabcdefgi"), vec![1..7]);
        assert!(found(&[], "anything").is_empty());
        assert!(found(&["abcdef"], "abcde").is_empty());
    }

    proptest! {
        #[test]
        fn finds_what_looking_everywhere_finds(
            words in prop::collection::vec("[ab]{3,7}", 1..5),
            text in "[abc]{0,60}",
        ) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let everywhere: Vec<Range<usize>> = (0..text.len())
                .filter_map(|start| {
                    let here = words.iter().filter(|word| text[start..].starts_with(**word));
                    Some(start..start + here.map(|word| word.len()).max()?)
                })
                .collect();
            prop_assert_eq!(found(&words, &text), everywhere);
        }
    }
}
