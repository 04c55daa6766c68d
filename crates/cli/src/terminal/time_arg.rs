//! Times as people give and read them: text to nanoseconds since the Unix epoch (UTC), and back.
//!
//! Accepted:
//!
//! | form | example |
//! | --- | --- |
//! | RFC 3339, any offset, up to nine fractional digits | `2026-08-11T01:20:00.5Z`, `2026-08-11t03:20:00+02:00` |
//! | date and time without offset: UTC; seconds optional | `2026-08-11 01:20:00.5`, `2026-08-11 01:20` |
//! | date: its midnight, UTC | `2026-08-11` |
//! | Unix time, the unit judged by magnitude | `1786410063.944`, `1786410063944` |
//! | the current time, and before or after it | `now`, `now-15m`, `now-1h30m`, `now+2d` |
//!
//! **Cut-offs of Unix times.** A whole number has the unit in which it lies between September 2001 and November 2286:
//! 10 digits are seconds, 13 milliseconds, 16 microseconds, 19 nanoseconds (to the limit of April 2262). So no number
//! fits two units, and every other number (`2026`, `20260811`) is refused as ambiguous, except `0`, which is the epoch
//! in all of them. A fraction of one to nine digits may follow seconds.
//!
//! Units after `now`: `ns`, `us` (`µs`), `ms`, `s`, `m` (minutes), `h`, `d` (24 hours), `w`; whole numbers, larger units first.
//!
//! Times reach from 1677-09-21T00:12:43.145224192Z to 2262-04-11T23:47:16.854775807Z: what nanoseconds in 64 bits hold.

use crate::terminal::utc::{DAY_SECONDS, days_from_civil, days_in_month};

const SECOND: i128 = 1_000_000_000;
const FORMS: &str = "a time such as 2026-08-11T01:20:00Z, 2026-08-11, 1786410063, now or now-15m";

/// Why a text is no time. Positions count characters from 1; of a long text the message holds the head.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Something else should stand there.
    #[error("{text:?} is not a time: expected {expected} at character {position}, found {found}")]
    Unexpected {
        /// What was read.
        text: String,
        /// Where it goes wrong.
        position: usize,
        /// What should stand there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A part of it is no such date or time of day.
    #[error("{text:?} is not a time: {part} {value} at character {position} is outside {least:02} to {most:02}{hint}")]
    NoSuch {
        /// What was read.
        text: String,
        /// Where the part begins.
        position: usize,
        /// The part: month, day, hour…
        part: &'static str,
        /// What it says.
        value: u32,
        /// Its least value.
        least: u32,
        /// Its greatest value.
        most: u32,
        /// More to say, or nothing.
        hint: &'static str,
    },
    /// A number that could be meant in more than one way.
    #[error(
        "{text:?} is ambiguous: a Unix time has 10 digits (seconds), 13 (ms), 16 (µs) or 19 (ns), and this has {digits}; \
         write a date as 2026-08-11"
    )]
    Ambiguous {
        /// What was read.
        text: String,
        /// Its digits before the point.
        digits: usize,
    },
    /// Outside what 64-bit nanoseconds hold.
    #[error(
        "{text:?} is out of range: times reach from 1677-09-21T00:12:43.145224192Z to 2262-04-11T23:47:16.854775807Z"
    )]
    OutOfRange {
        /// What was read.
        text: String,
    },
}

/// Reads a time as nanoseconds since the Unix epoch, UTC. `now` is the current time in the same unit.
///
/// # Errors
/// [`TimeError`] says what was expected, and where; never a guess for what is ambiguous.
pub fn parse_time(text: &str, now: i64) -> Result<i64, TimeError> {
    let mut reader = Reader { text, at: 0 };
    let nanos = if reader.take_text("now") {
        reader.offset_from(i128::from(now))?
    } else {
        match text.bytes().take_while(u8::is_ascii_digit).count() {
            0 => return Err(reader.unexpected(FORMS)),
            4 if text.as_bytes().get(4) == Some(&b'-') => reader.date_time()?,
            digits => reader.unix(digits)?,
        }
    };
    i64::try_from(nanos).map_err(|_| TimeError::OutOfRange { text: excerpt(text) })
}

/// A text being read, byte by byte; `at` never stands inside a character.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, wanted: &[u8]) -> Option<u8> {
        let byte = self.peek().filter(|byte| wanted.contains(byte))?;
        self.at += 1;
        Some(byte)
    }

    fn take_text(&mut self, wanted: &str) -> bool {
        let taken = self.text[self.at..].starts_with(wanted);
        self.at += if taken { wanted.len() } else { 0 };
        taken
    }

    fn expect(&mut self, wanted: &[u8], expected: &'static str) -> Result<u8, TimeError> {
        self.take(wanted).ok_or_else(|| self.unexpected(expected))
    }

    fn end(&self, expected: &'static str) -> Result<(), TimeError> {
        if self.at == self.text.len() { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    fn unexpected(&self, expected: &'static str) -> TimeError {
        let found = self.text[self.at..].chars().next();
        TimeError::Unexpected {
            text: excerpt(self.text),
            position: self.position(self.at),
            expected,
            found: found.map_or_else(|| "the end".to_owned(), |c| format!("{c:?}")),
        }
    }

    fn position(&self, at: usize) -> usize {
        self.text[..at].chars().count() + 1
    }

    /// Exactly `count` digits (at most nine) with a value in the range.
    fn number(&mut self, part: Part, most: u32) -> Result<u32, TimeError> {
        let start = self.at;
        let mut value = 0;
        for _ in 0..part.digits {
            let digit = self.expect(b"0123456789", part.expected)?;
            value = value * 10 + u32::from(digit - b'0');
        }
        if value < part.least || value > most {
            return Err(TimeError::NoSuch {
                text: excerpt(self.text),
                position: self.position(start),
                part: part.name,
                value,
                least: part.least,
                most,
                hint: part.hint,
            });
        }
        Ok(value)
    }

    /// `2026-08-11`, with or without a time of day, with or without an offset.
    fn date_time(&mut self) -> Result<i128, TimeError> {
        let year = self.number(YEAR, 9999)?;
        self.expect(b"-", "\"-\" after the year")?;
        let month = self.number(MONTH, 12)?;
        self.expect(b"-", "\"-\" after the month")?;
        let day = self.number(DAY, days_in_month(year, month))?;
        let midnight = days_from_civil(year, month, day) * DAY_SECONDS;
        if self.at == self.text.len() {
            return Ok(i128::from(midnight) * SECOND);
        }
        self.expect(b"Tt ", "\"T\" or a space after the date, or its end")?;
        let hour = self.number(HOUR, 23)?;
        self.expect(b":", "\":\" after the hour")?;
        let minute = self.number(MINUTE, 59)?;
        let (mut second, mut fraction) = (0, 0);
        if self.take(b":").is_some() {
            second = self.number(SECOND_OF_MINUTE, 59)?;
            fraction = self.fraction()?;
        }
        let offset = self.zone()?;
        let seconds = midnight + i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second) - offset;
        Ok(i128::from(seconds) * SECOND + fraction)
    }

    /// `.5`: nanoseconds; nothing there is zero.
    fn fraction(&mut self) -> Result<i128, TimeError> {
        if self.take(b".").is_none() {
            return Ok(0);
        }
        let (mut value, mut digits) = (0, 0);
        while let Some(digit) = self.take(b"0123456789") {
            digits += 1;
            if digits > 9 {
                self.at -= 1;
                return Err(self.unexpected("at most nine fractional digits (nanoseconds)"));
            }
            value = value * 10 + i128::from(digit - b'0');
        }
        if digits == 0 {
            return Err(self.unexpected("a digit after the point"));
        }
        Ok(value * 10_i128.pow(9 - digits))
    }

    /// `Z`, `+02:00` or nothing, then the end: seconds east of UTC.
    fn zone(&mut self) -> Result<i64, TimeError> {
        let sign = match self.take(b"Zz+-") {
            Some(b'+') => 1,
            Some(b'-') => -1,
            utc => {
                let expected =
                    if utc.is_some() { "nothing after \"Z\"" } else { "\"Z\", an offset such as +02:00, or the end" };
                return self.end(expected).map(|()| 0);
            }
        };
        let hours = self.number(OFFSET_HOUR, 23)?;
        self.expect(b":", "\":\" after the hours of the offset")?;
        let minutes = self.number(OFFSET_MINUTE, 59)?;
        self.end("nothing after the offset")?;
        Ok(sign * (i64::from(hours) * 3_600 + i64::from(minutes) * 60))
    }

    /// A number that begins with so many digits.
    fn unix(&mut self, digits: usize) -> Result<i128, TimeError> {
        let ambiguous = TimeError::Ambiguous { text: excerpt(self.text), digits };
        let whole = &self.text[..digits];
        self.at = digits;
        let unit = match digits {
            _ if self.text == "0" => return Ok(0),
            _ if whole.starts_with('0') => {
                self.at = 0;
                return Err(self.unexpected("a number without leading zeros"));
            }
            10 => SECOND,
            13 => 1_000_000,
            16 => 1_000,
            19 => 1,
            // What follows the digits says more than their number, unless it continues a number.
            _ if digits < self.text.len() && self.peek() != Some(b'.') => {
                return Err(self.unexpected(FORMS_AFTER_DIGITS));
            }
            _ => return Err(ambiguous),
        };
        let value = whole.bytes().fold(0, |value, digit| value * 10 + i128::from(digit - b'0')) * unit;
        if unit != SECOND {
            self.end("the end: only seconds take a fraction")?;
            return Ok(value);
        }
        let fraction = self.fraction()?;
        self.end("the end of the number")?;
        Ok(value + fraction)
    }

    /// What follows `now`.
    fn offset_from(&mut self, now: i128) -> Result<i128, TimeError> {
        let sign = match self.take(b"+-") {
            Some(b'+') => 1,
            Some(_) => -1,
            None => return self.end("\"-\" or \"+\" after \"now\", or the end").map(|()| now),
        };
        let (mut total, mut smallest) = (0_i128, i128::MAX);
        loop {
            let start = self.at;
            let mut amount = 0_i128;
            while let Some(digit) = self.take(b"0123456789") {
                amount = amount.saturating_mul(10).saturating_add(i128::from(digit - b'0'));
            }
            if self.at == start {
                return Err(self.unexpected("a whole number and a unit, such as 15m"));
            }
            let unit_at = self.at;
            let unit = self.unit()?;
            if unit >= smallest {
                self.at = unit_at;
                return Err(self.unexpected("a smaller unit than the one before, as in now-1h30m"));
            }
            smallest = unit;
            total = total.saturating_add(amount.saturating_mul(unit));
            if self.at == self.text.len() {
                return Ok(now.saturating_add(total.saturating_mul(sign)));
            }
        }
    }

    fn unit(&mut self) -> Result<i128, TimeError> {
        // Longer names first: `ms` begins with `m`.
        const UNITS: [(&str, i128); 9] = [
            ("ns", 1),
            ("us", 1_000),
            ("µs", 1_000),
            ("ms", 1_000_000),
            ("s", SECOND),
            ("m", 60 * SECOND),
            ("h", 3_600 * SECOND),
            ("d", 86_400 * SECOND),
            ("w", 7 * 86_400 * SECOND),
        ];
        let unit = UNITS.iter().find(|(name, _)| self.take_text(name)).map(|(_, unit)| *unit);
        unit.ok_or_else(|| self.unexpected("a unit: ns, us, ms, s, m, h, d or w"))
    }
}

const FORMS_AFTER_DIGITS: &str = "a date such as 2026-08-11 or a Unix time such as 1786410063";

/// A part of a date or time: so many digits, in a range.
struct Part {
    name: &'static str,
    expected: &'static str,
    digits: u32,
    least: u32,
    hint: &'static str,
}

const fn part(name: &'static str, expected: &'static str, digits: u32, least: u32, hint: &'static str) -> Part {
    Part { name, expected, digits, least, hint }
}

const YEAR: Part = part("year", "a digit of the year", 4, 0, "");
const MONTH: Part = part("month", "a digit of the month (two)", 2, 1, "");
const DAY: Part = part("day", "a digit of the day (two)", 2, 1, " in that month");
const HOUR: Part = part("hour", "a digit of the hour (two)", 2, 0, "");
const MINUTE: Part = part("minute", "a digit of the minute (two)", 2, 0, "");
const SECOND_OF_MINUTE: Part = part("second", "a digit of the second (two)", 2, 0, " (Unix time has no leap seconds)");
const OFFSET_HOUR: Part = part("offset hour", "a digit of the offset's hours (two)", 2, 0, "");
const OFFSET_MINUTE: Part = part("offset minute", "a digit of the offset's minutes (two)", 2, 0, "");

/// The head of a text, for a message.
fn excerpt(text: &str) -> String {
    const HEAD: usize = 60;
    match text.char_indices().nth(HEAD) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
