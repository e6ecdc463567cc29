//! How much memory the answers under way may take, all together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::Cause;

/// The largest answer that is read, and all answers that are being read, in bytes.
const MOST: usize = 256 << 20;

/// What the answers under way take.
#[derive(Clone, Debug, Default)]
pub(super) struct Room(Arc<AtomicUsize>);

/// What one answer takes, until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    room: Room,
    bytes: usize,
}

impl Room {
    /// For an answer of which nothing is there yet.
    pub(super) fn held(&self) -> Held {
        Held {
            room: self.clone(),
            bytes: 0,
        }
    }
}

impl Held {
    /// Whether an answer of this length is one that would be read if it were the only one.
    pub(super) fn check(length: usize) -> Result<(), Cause> {
        if length > MOST {
            return Err(Cause::TooLarge(MOST));
        }
        Ok(())
    }

    /// Takes so many bytes more, if there is room for them.
    pub(super) fn grow(&mut self, more: usize) -> Result<(), Cause> {
        let grown = self.bytes.saturating_add(more);
        Self::check(grown)?;
        let taken = self.room.0.fetch_add(more, Ordering::Relaxed);
        self.bytes = grown;
        // What is too much goes again with the answer, which nobody reads on.
        if taken.saturating_add(more) > MOST {
            return Err(Cause::NoRoom(MOST));
        }
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.room.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_answers_share_the_room_and_give_it_back() {
        let room = Room::default();
        let mut large = room.held();
        large.grow(MOST - 10).unwrap();
        let mut small = room.held();
        small.grow(10).unwrap();
        assert_eq!(small.grow(1), Err(Cause::NoRoom(MOST)));
        drop(small);
        assert_eq!(large.grow(11), Err(Cause::TooLarge(MOST)));
        large.grow(10).unwrap();
        drop(large);
        room.held().grow(MOST).unwrap();
        assert_eq!(room.0.load(Ordering::Relaxed), 0);
    }
}
