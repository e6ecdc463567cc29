//! Files that another program holds up for a moment, as those do on Windows that look for viruses.

use std::io;
use std::thread::sleep;
use std::time::Duration;

/// How often it is tried again.
const MOST: u32 = 20;
/// The wait before that.
const WAIT: Duration = Duration::from_millis(50);
/// What Windows says then: access is denied, the file is in use, a part of it is locked.
const CODES: [i32; 3] = [5, 32, 33];

/// How much patience is left.
pub(crate) struct Patience {
    left: u32,
    is_needed: bool,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            left: MOST,
            is_needed: cfg!(windows),
        }
    }
}

impl Patience {
    /// Whether it is worth another try after this error. Waits a moment then.
    pub(crate) fn lasts(&mut self, error: &io::Error) -> bool {
        let passes = error.raw_os_error().is_some_and(|code| CODES.contains(&code));
        if !self.is_needed || !passes || self.left == 0 {
            return false;
        }
        self.left -= 1;
        sleep(WAIT);
        true
    }
}

/// Does what may be held up.
#[cfg_attr(unix, expect(dead_code, reason = "only Windows lets others hold up a rename"))]
pub(crate) fn patiently(mut act: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    let mut patience = Patience::default();
    loop {
        match act() {
            Err(error) if patience.lasts(&error) => {}
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_passes_is_waited_for_and_not_for_ever() {
        let mut patience = Patience {
            left: 1,
            is_needed: true,
        };
        assert!(!patience.lasts(&io::ErrorKind::NotFound.into()));
        assert!(!patience.lasts(&io::Error::from_raw_os_error(2)));
        assert!(patience.lasts(&io::Error::from_raw_os_error(32)));
        assert!(!patience.lasts(&io::Error::from_raw_os_error(32)));
    }
}
