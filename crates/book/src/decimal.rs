//! Decimal text and scaled integers: the one reader and the one writer behind prices, quantities and money.
//!
//! The grammar is `[+-] digits [. digits]`, ASCII only, with digits on at least one side of the point and always
//! after it: `1`, `1.5`, `.5`, `-0.10`; not `1.`, `.`, `1e3`, `1_000`. Zeros beyond the last place are value-free
//! and accepted; any other digit there is refused rather than rounded.

use std::fmt;

/// Why a text is no decimal of the wanted scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Outside the grammar.
    Malformed,
    /// A digit other than zero beyond the last place.
    TooFine,
    /// Does not fit 128 bits.
    OutOfRange,
}

/// Six decimals are the finest unit here.
const POWERS_OF_TEN: [u64; 7] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

/// Reads `text` as an integer count of units of ten to the minus `places`, at most six. One pass, no allocation; a text
/// of any length costs time in proportion to it and nothing else.
pub(crate) fn read(text: &str, places: usize) -> Result<i128, Fault> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    // Eighteen digits cannot overflow 64 bits, and almost every text is shorter.
    if digits.len() > 18 {
        return read_long(negative, digits, places);
    }
    let mut value = 0u64;
    let mut point = None;
    for (at, &byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => value = value * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(at),
            _ => return Err(Fault::Malformed),
        }
    }
    let fraction = match point {
        Some(at) => digits.len() - at - 1,
        None => 0,
    };
    if digits.is_empty() || (point.is_some() && fraction == 0) {
        return Err(Fault::Malformed);
    }
    let Some(missing) = places.checked_sub(fraction) else {
        return read_long(negative, digits, places);
    };
    let value = i128::from(value) * i128::from(POWERS_OF_TEN[missing]);
    Ok(if negative { -value } else { value })
}

/// The same for texts of any length and any number of decimals.
fn read_long(negative: bool, digits: &[u8], places: usize) -> Result<i128, Fault> {
    let point = digits.iter().position(|&byte| byte == b'.');
    let (whole, fraction) = match point {
        Some(at) => (&digits[..at], &digits[at + 1..]),
        None => (digits, &digits[digits.len()..]),
    };
    let empty = if point.is_some() { fraction.is_empty() } else { whole.is_empty() };
    if empty || !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
        return Err(Fault::Malformed);
    }
    let (kept, rest) = fraction.split_at(fraction.len().min(places));
    if rest.iter().any(|&byte| byte != b'0') {
        return Err(Fault::TooFine);
    }
    let mut value = 0i128;
    for &byte in whole.iter().chain(kept).chain(std::iter::repeat_n(&b'0', places - kept.len())) {
        let digit = i128::from(byte - b'0');
        value = value
            .checked_mul(10)
            .and_then(|value| if negative { value.checked_sub(digit) } else { value.checked_add(digit) })
            .ok_or(Fault::OutOfRange)?;
    }
    Ok(value)
}

/// Writes `magnitude` units of ten to the minus `places` with exactly that many decimals, at least one. Obeys width,
/// fill, alignment, `+` and `0` as integers do; a precision is ignored, because it could only cut digits off.
pub(crate) fn write(f: &mut fmt::Formatter<'_>, negative: bool, magnitude: u128, places: usize) -> fmt::Result {
    // 2^128 has 39 digits; the point makes 40.
    let mut text = [b'0'; 40];
    let mut at = text.len();
    let mut push = |digit: u8| {
        if text.len() - at == places {
            at -= 1;
            text[at] = b'.';
        }
        at -= 1;
        text[at] = b'0' + digit;
    };
    let mut rest = magnitude;
    // 128-bit division is slow and rarely needed.
    while rest > u128::from(u64::MAX) {
        push((rest % 10) as u8);
        rest /= 10;
    }
    let mut rest = rest as u64;
    let mut written = 0;
    while rest > 0 {
        push((rest % 10) as u8);
        rest /= 10;
        written += 1;
    }
    // At least one digit stands before the point.
    while written <= places && magnitude <= u128::from(u64::MAX) {
        push(0);
        written += 1;
    }
    let text = std::str::from_utf8(&text[at..]).expect("ASCII digits and a point are UTF-8");
    f.pad_integral(!negative, "", text)
}

/// The head of a refused text: enough to recognise it in a message, never a whole megabyte of it.
pub(crate) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 64;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Texts near the grammar, inside and outside of it.
    pub(crate) fn texts() -> impl Strategy<Value = String> {
        prop_oneof![
            6 => "[+-]?[0-9]{0,3}(\\.[0-9]{0,5})?",
            3 => "[+-]?0{0,20}[0-9]{0,24}(\\.[0-9]{0,4}0{0,20})?",
            1 => "[+-]?[0-9]{15,45}(\\.[0-9]{0,8})?",
            1 => "[-+.0-9eE_ ]{0,8}",
            1 => "\\PC{0,8}",
        ]
    }

    /// An independent reading: digits are shifted and compared as text, never computed with. The answer is the
    /// decimal text of the integer, or `None` if the grammar or the scale refuses it.
    pub(crate) fn scaled(text: &str, places: usize) -> Option<String> {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let parts: Vec<&str> = unsigned.split('.').collect();
        let (whole, fraction) = match parts[..] {
            [whole] if !whole.is_empty() => (whole, ""),
            [whole, fraction] if !fraction.is_empty() => (whole, fraction),
            _ => return None,
        };
        if !format!("{whole}{fraction}").chars().all(|digit| "0123456789".contains(digit)) {
            return None;
        }
        let significant = fraction.trim_end_matches('0');
        if significant.len() > places {
            return None;
        }
        let shifted = format!("{whole}{significant:0<places$}");
        let digits = shifted.trim_start_matches('0');
        let sign = if text.starts_with('-') && !digits.is_empty() { "-" } else { "" };
        Some(format!("{sign}{}", if digits.is_empty() { "0" } else { digits }))
    }

    #[test]
    fn grammar() {
        for (text, read_as) in [
            ("", Err(Fault::Malformed)),
            (".", Err(Fault::Malformed)),
            ("-", Err(Fault::Malformed)),
            ("+", Err(Fault::Malformed)),
            ("-.", Err(Fault::Malformed)),
            ("1.", Err(Fault::Malformed)),
            ("+-1", Err(Fault::Malformed)),
            ("--1", Err(Fault::Malformed)),
            ("1.2.3", Err(Fault::Malformed)),
            ("1.2.", Err(Fault::Malformed)),
            ("1,5", Err(Fault::Malformed)),
            ("1e3", Err(Fault::Malformed)),
            (" 1", Err(Fault::Malformed)),
            ("1\n", Err(Fault::Malformed)),
            ("١", Err(Fault::Malformed)),
            ("１.０", Err(Fault::Malformed)),
            ("−1", Err(Fault::Malformed)),
            ("NaN", Err(Fault::Malformed)),
            ("0.001", Err(Fault::TooFine)),
            ("0.00x", Err(Fault::Malformed)),
            (".5", Ok(50)),
            ("-.5", Ok(-50)),
            ("+1", Ok(100)),
            ("-0", Ok(0)),
            ("007.10000", Ok(710)),
        ] {
            assert_eq!(read(text, 2), read_as, "{text:?}");
        }
    }

    #[test]
    fn a_megabyte_of_digits_is_refused_or_read() {
        let digits = "9".repeat(1 << 20);
        assert_eq!(read(&digits, 2), Err(Fault::OutOfRange));
        assert_eq!(read(&format!("0.{digits}"), 2), Err(Fault::TooFine));
        assert_eq!(read(&format!("{digits}x"), 2), Err(Fault::Malformed));
        assert_eq!(read(&format!("{}1.5{}", "0".repeat(1 << 20), "0".repeat(1 << 20)), 2), Ok(150));
        assert_eq!(excerpt(&digits).chars().count(), 65);
        assert_eq!(excerpt(&"é".repeat(65)), format!("{}…", "é".repeat(64)));
        assert_eq!(excerpt(&"é".repeat(64)), "é".repeat(64));
    }

    #[test]
    fn the_ends_of_128_bits() {
        assert_eq!(read(&i128::MAX.to_string(), 0), Ok(i128::MAX));
        assert_eq!(read(&i128::MIN.to_string(), 0), Ok(i128::MIN));
        assert_eq!(read("170141183460469231731687303715884105728", 0), Err(Fault::OutOfRange));
    }

    proptest! {
        #[test]
        fn agrees_with_the_independent_reading(text in texts(), places in 0usize..7) {
            match (read(&text, places), scaled(&text, places)) {
                (Ok(value), expected) => prop_assert_eq!(Some(value.to_string()), expected),
                (Err(Fault::OutOfRange), Some(digits)) => prop_assert!(digits.parse::<i128>().is_err()),
                (Err(_), expected) => prop_assert_eq!(expected, None),
            }
        }
    }
}
