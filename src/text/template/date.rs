//! The date that a template prints, fixed for as long as whoever renders wants it to be.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY: u64 = 86_400;
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
];

/// A point in time, in seconds since 1970, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date(u64);

impl Date {
    /// So many seconds after the beginning of 1970.
    #[must_use]
    pub const fn at(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Now.
    #[must_use]
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self(since.unwrap_or_default().as_secs())
    }

    /// As `strftime` writes it; `None`: by a code that nobody knows.
    #[must_use]
    pub fn format(self, format: &str) -> Option<String> {
        let (year, month, day, of_year) = self.calendar();
        let (hour, minute, second) = (self.0 / 3600 % 24, self.0 / 60 % 60, self.0 % 60);
        let twelve = (hour + 11) % 12 + 1;
        let name = |names: &'static [&str], at: u64| {
            let at = usize::try_from(at).ok()?;
            names.get(at).copied()
        };
        let month_name = name(&MONTHS, month - 1)?;
        let day_name = name(&DAYS, self.0 / DAY % 7)?;
        let mut text = String::new();
        let mut rest = format.chars();
        while let Some(c) = rest.next() {
            if c != '%' {
                text.push(c);
                continue;
            }
            let mut code = rest.next()?;
            let bare = code == '-';
            if bare {
                code = rest.next()?;
            }
            let number = |value: u64, width: usize| {
                if bare {
                    value.to_string()
                } else {
                    format!("{value:0width$}")
                }
            };
            let part = match code {
                'Y' => year.to_string(),
                'y' => number(year % 100, 2),
                'm' => number(month, 2),
                'd' => number(day, 2),
                'e' => format!("{day:2}"),
                'j' => number(of_year, 3),
                'H' => number(hour, 2),
                'I' => number(twelve, 2),
                'M' => number(minute, 2),
                'S' => number(second, 2),
                'p' => if hour < 12 { "AM" } else { "PM" }.to_owned(),
                'B' => month_name.to_owned(),
                'b' => month_name.chars().take(3).collect(),
                'A' => day_name.to_owned(),
                'a' => day_name.chars().take(3).collect(),
                'F' => format!("{year}-{month:02}-{day:02}"),
                'T' => format!("{hour:02}:{minute:02}:{second:02}"),
                '%' => "%".to_owned(),
                _ => return None,
            };
            text.push_str(&part);
        }
        Some(text)
    }

    /// Year, month, day of the month, day of the year.
    fn calendar(self) -> (u64, u64, u64, u64) {
        let leap =
            |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let (mut year, mut left) = (1970, self.0 / DAY);
        loop {
            let length = if leap(year) { 366 } else { 365 };
            if left < length {
                break;
            }
            left -= length;
            year += 1;
        }
        let of_year = left + 1;
        let february = if leap(year) { 29 } else { 28 };
        let mut month = 1;
        for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
            if left < length {
                break;
            }
            left -= length;
            month += 1;
        }
        (year, month, left + 1, of_year)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line is what Python 3 wrote.
    #[test]
    fn dates_are_written_as_python_does() {
        for (seconds, format, expected) in [
            (1_795_735_445, "%d %b %Y", "26 Nov 2026"),
            (
                1_795_735_445,
                "%A, %B %d, %Y %H:%M:%S %p %I %j %y",
                "Thursday, November 26, 2026 23:24:05 PM 11 330 26",
            ),
            (1_709_164_800, "%Y-%m-%d %-m/%-d", "2024-02-29 2/29"),
            (1_735_603_200, "%F %a %j %T", "2024-12-31 Tue 366 00:00:00"),
            (0, "%e. %B 100%%", " 1. January 100%"),
        ] {
            assert_eq!(Date::at(seconds).format(format).as_deref(), Some(expected));
        }
        assert_eq!(Date::at(0).format("%Q"), None);
        assert_eq!(Date::at(0).format("%"), None);
    }
}
