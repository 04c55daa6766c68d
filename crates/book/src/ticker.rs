//! Market tickers: validated names that are cheap to hold many times.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use crate::decimal::excerpt;

/// A market's name, such as `KXGOLD15M-26AUG101800-00`.
///
/// 1 to 200 bytes of printable ASCII without space, quotes (`"`, `'`, `` ` ``), `/` and `\`, and neither `.` nor `..`:
/// safe to print, to quote and to use as one component of a path. Clones share one allocation. It orders, hashes and
/// compares as its text does, so a map of tickers can be asked with a `&str`.
///
/// ```
/// # use daybook_book::Ticker;
/// let ticker: Ticker = "KXGOLD15M-26AUG101800-00".parse()?;
/// assert_eq!(ticker.as_str(), "KXGOLD15M-26AUG101800-00");
/// assert!("../etc/passwd".parse::<Ticker>().is_err());
/// # Ok::<(), daybook_book::TickerError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticker(Arc<str>);

/// Why a text is no ticker. Of a long text the message holds the head.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TickerError {
    /// No character at all.
    #[error("a ticker must not be empty")]
    Empty,
    /// More than 200 bytes.
    #[error("{ticker:?} is not a ticker: it has {length} bytes, and 200 is the limit")]
    TooLong {
        /// The head of the text.
        ticker: String,
        /// Its length in bytes.
        length: usize,
    },
    /// A character that no ticker has.
    #[error(
        "{ticker:?} is not a ticker: {character:?} at byte {offset} is not allowed \
         (printable ASCII, no space, quote, / or \\)"
    )]
    Character {
        /// The text.
        ticker: String,
        /// The first such character.
        character: char,
        /// Where it begins, in bytes.
        offset: usize,
    },
    /// `.` or `..`, which a file system would read as a folder.
    #[error("{0:?} is not a ticker: it names a folder")]
    Dots(String),
}

impl Ticker {
    /// The longest ticker, in bytes.
    pub const MAX_LEN: usize = 200;

    /// Validates and copies `text`: one allocation.
    ///
    /// # Errors
    /// The first rule of [`Ticker`] that `text` breaks.
    pub fn new(text: &str) -> Result<Ticker, TickerError> {
        Ticker::check(text)?;
        Ok(Ticker(Arc::from(text)))
    }

    /// Whether [`new`](Ticker::new) takes this text. Allocates nothing.
    ///
    /// # Errors
    /// As [`new`](Ticker::new).
    pub fn check(text: &str) -> Result<(), TickerError> {
        if text.is_empty() {
            return Err(TickerError::Empty);
        }
        if text.len() > Ticker::MAX_LEN {
            return Err(TickerError::TooLong { ticker: excerpt(text), length: text.len() });
        }
        let allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'`' | b'/' | b'\\');
        // What is not ASCII begins with a byte that is none, so the first byte found begins a character.
        if let Some(offset) = text.bytes().position(|byte| !allowed(byte))
            && let Some(character) = text[offset..].chars().next()
        {
            return Err(TickerError::Character { ticker: text.to_owned(), character, offset });
        }
        if matches!(text, "." | "..") {
            return Err(TickerError::Dots(text.to_owned()));
        }
        Ok(())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Ticker {
    type Err = TickerError;

    fn from_str(text: &str) -> Result<Ticker, TickerError> {
        Ticker::new(text)
    }
}

impl Borrow<str> for Ticker {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Ticker {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Ticker {
    fn eq(&self, text: &str) -> bool {
        self.as_str() == text
    }
}

impl PartialEq<&str> for Ticker {
    fn eq(&self, text: &&str) -> bool {
        self.as_str() == *text
    }
}

impl fmt::Display for Ticker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Ticker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_rules() {
        for text in ["A", "KXGOLD15M-26AUG101800-00", "KXBTCD-25JAN0117-T94999.99", "a_b", "...", &"X".repeat(200)] {
            assert_eq!(Ticker::new(text).unwrap(), text);
        }
        let error = |text: &str| Ticker::new(text).unwrap_err().to_string();
        assert_eq!(error(""), "a ticker must not be empty");
        assert!(error(&"X".repeat(201)).ends_with("it has 201 bytes, and 200 is the limit"));
        assert_eq!(error(".."), "\"..\" is not a ticker: it names a folder");
        assert_eq!(
            error("KX A"),
            "\"KX A\" is not a ticker: ' ' at byte 2 is not allowed (printable ASCII, no space, quote, / or \\)"
        );
        for (text, character, offset) in [
            ("a\"b", '"', 1),
            ("a'b", '\'', 1),
            ("`", '`', 0),
            ("a/b", '/', 1),
            ("ab\\", '\\', 2),
            ("a\n", '\n', 1),
            ("\0", '\0', 0),
            ("a\u{7f}", '\u{7f}', 1),
            ("aé/", 'é', 1),
        ] {
            assert_eq!(Ticker::new(text), Err(TickerError::Character { ticker: text.to_owned(), character, offset }));
        }
    }

    #[test]
    fn a_map_can_be_asked_with_text() {
        let ticker = Ticker::new("KX").unwrap();
        assert_eq!(HashMap::from([(ticker.clone(), 1)]).get("KX"), Some(&1));
        assert_eq!(BTreeMap::from([(ticker.clone(), 1)]).get("KX"), Some(&1));
        assert!(std::ptr::eq(ticker.as_str(), ticker.clone().as_str()));
    }

    proptest! {
        #[test]
        fn orders_as_its_text(a in "[!#-&(-.0-\\[\\]-_a-~]{1,20}", b in "[!#-&(-.0-\\[\\]-_a-~]{1,20}") {
            prop_assume!(![".", ".."].contains(&a.as_str()) && ![".", ".."].contains(&b.as_str()));
            let (left, right) = (Ticker::new(&a).unwrap(), Ticker::new(&b).unwrap());
            prop_assert_eq!(left.cmp(&right), a.cmp(&b));
            prop_assert_eq!(left.to_string(), a);
        }
    }
}
