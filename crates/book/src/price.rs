//! Prices: integer ten-thousandths of a dollar.

use std::{fmt, str::FromStr};

use crate::decimal::{self, Fault};

/// A contract's price in ten-thousandths of a dollar, 0 to 10 000. Text form `"0.4800"`.
///
/// Reading accepts every exact way to write it (`"0.48"`, `".48"`, `"0.480000"`, `"1"`) and no sign; printing always
/// gives four decimals. A text is always dollars: `"48"` is refused, never taken for cents ([`Price::from_cents`]).
///
/// ```
/// # use daybook_book::Price;
/// let price: Price = "0.48".parse()?;
/// assert_eq!(price, Price::from_cents(48).unwrap());
/// assert_eq!(price.to_string(), "0.4800");
/// assert_eq!(price.complement().to_string(), "0.5200");
/// # Ok::<(), daybook_book::PriceError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Price(pub(crate) u16);

/// Why a text is no price. Of a long text the message holds the head.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// Not a decimal number of the form `0.4800`.
    #[error("{0:?} is not a price: expected dollars as a decimal, such as \"0.4800\"")]
    Malformed(String),
    /// More than four decimal places carry value.
    #[error("{0:?} is finer than a ten-thousandth of a dollar")]
    TooFine(String),
    /// Outside 0 to 1 dollar.
    #[error("{0:?} is outside 0.0000 to 1.0000 dollars")]
    OutOfRange(String),
}

impl Price {
    /// No dollars.
    pub const ZERO: Price = Price(0);
    /// One dollar: what a winning contract pays.
    pub const ONE: Price = Price(10_000);

    /// From ten-thousandths of a dollar; `None` above one dollar.
    pub const fn from_ten_thousandths(value: u16) -> Option<Price> {
        if value <= 10_000 { Some(Price(value)) } else { None }
    }

    /// From the integer cents that the venue used until March 2026; `None` above 100.
    pub const fn from_cents(cents: u8) -> Option<Price> {
        if cents <= 100 { Some(Price(cents as u16 * 100)) } else { None }
    }

    /// Ten-thousandths of a dollar.
    pub const fn ten_thousandths(self) -> u16 {
        self.0
    }

    /// One dollar less this price: what a bid on one side asks on the other.
    pub const fn complement(self) -> Price {
        Price(10_000 - self.0)
    }
}

impl FromStr for Price {
    type Err = PriceError;

    /// Allocates only to report an error.
    fn from_str(text: &str) -> Result<Price, PriceError> {
        if let Some(price) = canonical(text.as_bytes()) {
            return Ok(price);
        }
        let refuse = |fault| match fault {
            Fault::Malformed => PriceError::Malformed(decimal::excerpt(text)),
            Fault::TooFine => PriceError::TooFine(decimal::excerpt(text)),
            Fault::OutOfRange => PriceError::OutOfRange(decimal::excerpt(text)),
        };
        if text.starts_with(['-', '+']) {
            return Err(refuse(Fault::Malformed));
        }
        let value = decimal::read(text, 4).map_err(refuse)?;
        u16::try_from(value).ok().and_then(Price::from_ten_thousandths).ok_or_else(|| refuse(Fault::OutOfRange))
    }
}

/// Reads the one form that the venue sends for an order's price, `0.dddd`: no loop, no general decimal.
fn canonical(text: &[u8]) -> Option<Price> {
    let &[b'0', b'.', a, b, c, d] = text else { return None };
    let [a, b, c, d] = [a, b, c, d].map(|byte| byte.wrapping_sub(b'0'));
    if a > 9 || b > 9 || c > 9 || d > 9 {
        return None;
    }
    Some(Price(u16::from(a) * 1_000 + u16::from(b) * 100 + u16::from(c) * 10 + u16::from(d)))
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write(f, false, u128::from(self.0), 4)
    }
}

impl fmt::Debug for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decimal::tests::{scaled, texts};

    #[test]
    fn every_price_survives_its_text() {
        for value in 0..=10_000 {
            let price = Price::from_ten_thousandths(value).unwrap();
            let text = price.to_string();
            assert_eq!(text.len(), 6);
            assert_eq!(text.parse(), Ok(price));
            assert_eq!(text.trim_end_matches('0').trim_end_matches('.').parse(), Ok(price));
            assert_eq!(price.complement().complement(), price);
        }
        assert_eq!(Price::from_ten_thousandths(10_001), None);
        assert_eq!((Price::from_cents(100), Price::from_cents(101)), (Some(Price::ONE), None));
    }

    #[test]
    fn refusals_say_why() {
        let error = |text: &str| text.parse::<Price>().unwrap_err().to_string();
        assert_eq!(error("0.48¢"), "\"0.48¢\" is not a price: expected dollars as a decimal, such as \"0.4800\"");
        assert_eq!(error("0.48001"), "\"0.48001\" is finer than a ten-thousandth of a dollar");
        assert_eq!(error("48"), "\"48\" is outside 0.0000 to 1.0000 dollars");
        assert_eq!("".parse::<Price>(), Err(PriceError::Malformed(String::new())));
        assert_eq!("1.0001".parse::<Price>(), Err(PriceError::OutOfRange("1.0001".to_owned())));
        // 65 536 + 100 ten-thousandths: the range must not be checked after a cast.
        assert_eq!("6.5636".parse::<Price>(), Err(PriceError::OutOfRange("6.5636".to_owned())));
        for text in ["-0.1", "+0.1", "-0", "+1", "0.48 ", "0.4 8", "0.480/", "0.48:0", "0..480", "1.", "."] {
            assert_eq!(text.parse::<Price>(), Err(PriceError::Malformed(text.to_owned())));
        }
    }

    #[test]
    fn pads_like_a_number() {
        let price = Price::from_cents(48).unwrap();
        assert_eq!(format!("{price:>8}|{price:<8}|{price:8}|{price:.2}"), "  0.4800|0.4800  |  0.4800|0.4800");
        assert_eq!(format!("{price:?}"), "0.4800");
    }

    proptest! {
        #[test]
        fn agrees_with_the_independent_reading(text in texts()) {
            let signed = text.starts_with(['-', '+']);
            // Longer than "10000", or as long and greater: out of range, compared as text.
            let expected = scaled(&text, 4)
                .filter(|digits| !signed && (digits.len() < 5 || digits == "10000"));
            let read = text.parse::<Price>().ok().map(|price| price.ten_thousandths().to_string());
            prop_assert_eq!(read, expected);
        }
    }
}
