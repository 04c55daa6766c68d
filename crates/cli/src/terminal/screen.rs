//! What a terminal can show: colours, columns of text, and text from elsewhere made harmless.

use std::{borrow::Cow, fmt};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What the output goes to. The caller finds out (`NO_COLOR`, `isatty`, the window's size); nothing here asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Whether people read it directly. Binary formats are refused then.
    pub terminal: bool,
    /// Columns of text. `None`: as wide as needed, for a pipe or a file.
    pub width: Option<usize>,
    /// Whether to emphasise with ANSI colours.
    pub colour: bool,
    /// Whether to draw with ASCII alone.
    pub ascii: bool,
}

impl Screen {
    /// A pipe or a file: any width, no colours.
    pub const PIPE: Screen = Screen { terminal: false, width: None, colour: false, ascii: false };
}

/// An emphasis. Never carries meaning of its own: without colour the words must say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// As it is.
    Plain,
    /// Headings.
    Bold,
    /// What is of little interest.
    Dim,
    /// Bids; what is in order.
    Green,
    /// Asks; what is wrong.
    Red,
    /// What deserves care.
    Yellow,
}

impl Ink {
    const fn code(self) -> &'static str {
        match self {
            Ink::Plain => "",
            Ink::Bold => "\x1b[1m",
            Ink::Dim => "\x1b[2m",
            Ink::Green => "\x1b[32m",
            Ink::Red => "\x1b[31m",
            Ink::Yellow => "\x1b[33m",
        }
    }
}

/// A text to be printed with an emphasis, if colours are wanted.
pub(crate) struct Painted<T>(pub(crate) T, pub(crate) Ink, pub(crate) bool);

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Painted(text, ink, colour) = self;
        if *colour && *ink != Ink::Plain { write!(f, "{}{text}\x1b[0m", ink.code()) } else { write!(f, "{text}") }
    }
}

/// Columns of the terminal that a text takes.
pub(crate) fn columns(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// The text without what could steer a terminal or disguise its neighbours: control characters become visible
/// pictures, and characters that turn the direction of writing become `\u{fffd}`.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    fn shown(c: char) -> char {
        match c {
            '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
            '\x7f' => '\u{2421}',
            '\u{80}'..='\u{9f}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{61c}' => '\u{fffd}',
            c => c,
        }
    }
    if text.chars().all(|c| shown(c) == c) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().map(shown).collect())
    }
}

/// The text cut to so many columns, with an ellipsis where something is missing: at the end of prose, in the middle of a
/// single word, because tickers of one series differ at their end.
pub(crate) fn shorten(text: &str, width: usize, ascii: bool) -> Cow<'_, str> {
    if columns(text) <= width {
        return Cow::Borrowed(text);
    }
    /// Bytes of the characters that fit.
    fn fitting(characters: impl Iterator<Item = char>, mut room: usize) -> usize {
        let fits = |c: &char| c.width().and_then(|width| room.checked_sub(width)).map(|rest| room = rest).is_some();
        characters.take_while(fits).map(char::len_utf8).sum()
    }
    let Some(room) = width.checked_sub(1) else { return Cow::Borrowed("") };
    let tail = if text.contains(' ') { 0 } else { room / 2 };
    let head = &text[..fitting(text.chars(), room - tail)];
    let tail = &text[text.len() - fitting(text.chars().rev(), tail)..];
    Cow::Owned(format!("{head}{}{tail}", if ascii { '~' } else { '…' }))
}

/// A whole number with separators: `1,234,567`.
pub fn thousands(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count and what is counted, whose plural ends in `s`: `1 file`, `1,234 files`.
pub fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", thousands(count), if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_cannot_steer_the_terminal() {
        assert_eq!(harmless("plain ✓"), "plain ✓");
        assert!(matches!(harmless("plain"), Cow::Borrowed(_)));
        assert_eq!(harmless("a\x1b[2Jb\r\n\u{9b}1m\u{202e}x\x7f"), "a␛[2Jb␍␊\u{fffd}1m\u{fffd}x␡");
    }

    #[test]
    fn shortens_by_columns_not_by_characters() {
        assert_eq!(shorten("abcdef", 6, false), "abcdef");
        assert_eq!(shorten("ab cdef", 6, false), "ab cd…");
        assert_eq!(shorten("ab cdef", 6, true), "ab cd~");
        // A wide character that would be cut in half is left out.
        assert_eq!(shorten("金 金金金", 7, false), "金 金…");
        assert_eq!(shorten("a b", 0, false), "");
    }

    #[test]
    fn tickers_keep_their_end() {
        assert_eq!(shorten("KXGOLD15M-26AUG101800-T3400", 16, false), "KXGOLD15…0-T3400");
        assert_eq!(shorten("abcdefg", 2, false), "a…");
        assert_eq!(shorten("abcdefg", 1, false), "…");
        assert_eq!(shorten("金金金金", 6, false), "金…金");
    }

    #[test]
    fn separates_thousands() {
        let texts = [0, 999, 1_000, 12_345, 123_456, 1_234_567, u64::MAX].map(thousands);
        assert_eq!(texts, ["0", "999", "1,000", "12,345", "123,456", "1,234,567", "18,446,744,073,709,551,615"]);
    }

    #[test]
    fn paints_only_when_asked() {
        assert_eq!(Painted("x", Ink::Red, true).to_string(), "\x1b[31mx\x1b[0m");
        assert_eq!(Painted("x", Ink::Red, false).to_string(), "x");
        assert_eq!(Painted("x", Ink::Plain, true).to_string(), "x");
    }
}
