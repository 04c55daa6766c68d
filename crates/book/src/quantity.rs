//! Quantities: signed integer hundredths of a contract.

use std::{fmt, ops::Neg, str::FromStr};

use crate::decimal::{self, Fault};

/// Contracts in hundredths; negative where it is a change that takes away. Text form `"12.50"`.
///
/// Reading accepts every exact way to write it (`"12.5"`, `"+12.500"`, `"-.5"`); printing always gives two decimals.
///
/// ```
/// # use daybook_book::Quantity;
/// let change: Quantity = "-0.1".parse()?;
/// assert_eq!(change.hundredths(), -10);
/// assert_eq!((-change).to_string(), "0.10");
/// # Ok::<(), daybook_book::QuantityError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quantity(i64);

/// Why a text is no quantity. Of a long text the message holds the head.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Not a decimal number of the form `12.50`.
    #[error("{0:?} is not a quantity: expected contracts as a decimal, such as \"12.50\"")]
    Malformed(String),
    /// More than two decimal places carry value.
    #[error("{0:?} is finer than a hundredth of a contract")]
    TooFine(String),
    /// Does not fit 64 bits of hundredths.
    #[error("{0:?} is too large: the limit is 92233720368547758.07 contracts")]
    OutOfRange(String),
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Quantity = Quantity(0);

    /// From hundredths of a contract.
    pub const fn from_hundredths(value: i64) -> Quantity {
        Quantity(value)
    }

    /// From whole contracts; `None` on overflow.
    pub const fn from_contracts(contracts: i64) -> Option<Quantity> {
        match contracts.checked_mul(100) {
            Some(value) => Some(Quantity(value)),
            None => None,
        }
    }

    /// Hundredths of a contract.
    pub const fn hundredths(self) -> i64 {
        self.0
    }

    /// The sum; `None` on overflow.
    pub const fn checked_add(self, other: Quantity) -> Option<Quantity> {
        match self.0.checked_add(other.0) {
            Some(value) => Some(Quantity(value)),
            None => None,
        }
    }

    /// The difference; `None` on overflow.
    pub const fn checked_sub(self, other: Quantity) -> Option<Quantity> {
        match self.0.checked_sub(other.0) {
            Some(value) => Some(Quantity(value)),
            None => None,
        }
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether it takes away.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }
}

impl Neg for Quantity {
    type Output = Quantity;

    /// The opposite change.
    ///
    /// # Panics
    /// On `i64::MIN` hundredths, which have no opposite. Where the value may be hostile, use
    /// [`Quantity::ZERO`]`.`[`checked_sub`](Quantity::checked_sub).
    fn neg(self) -> Quantity {
        Quantity(self.0.checked_neg().expect("i64::MIN hundredths have no opposite"))
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    /// Allocates only to report an error.
    fn from_str(text: &str) -> Result<Quantity, QuantityError> {
        let refuse = |fault| match fault {
            Fault::Malformed => QuantityError::Malformed(decimal::excerpt(text)),
            Fault::TooFine => QuantityError::TooFine(decimal::excerpt(text)),
            Fault::OutOfRange => QuantityError::OutOfRange(decimal::excerpt(text)),
        };
        let value = decimal::read(text, 2).map_err(refuse)?;
        i64::try_from(value).map(Quantity).map_err(|_| refuse(Fault::OutOfRange))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write(f, self.0 < 0, u128::from(self.0.unsigned_abs()), 2)
    }
}

impl fmt::Debug for Quantity {
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
    fn the_ends_of_the_range() {
        for (value, text) in [
            (i64::MAX, "92233720368547758.07"),
            (i64::MIN, "-92233720368547758.08"),
            (0, "0.00"),
            (-1, "-0.01"),
            (9, "0.09"),
            (100, "1.00"),
        ] {
            assert_eq!(Quantity(value).to_string(), text);
            assert_eq!(text.parse(), Ok(Quantity(value)));
        }
        for text in ["92233720368547758.08", "-92233720368547758.09", "99999999999999999999"] {
            assert_eq!(text.parse::<Quantity>(), Err(QuantityError::OutOfRange(text.to_owned())));
        }
        assert_eq!(Quantity::from_contracts(i64::MAX / 100 + 1), None);
        assert_eq!(Quantity(i64::MAX).checked_add(Quantity(1)), None);
        assert_eq!(Quantity::ZERO.checked_sub(Quantity(i64::MIN)), None);
        assert_eq!(-Quantity(i64::MAX), Quantity(-i64::MAX));
    }

    #[test]
    #[should_panic(expected = "no opposite")]
    fn the_one_value_without_opposite() {
        let _ = -Quantity(i64::MIN);
    }

    #[test]
    fn refusals_say_why() {
        let error = |text: &str| text.parse::<Quantity>().unwrap_err().to_string();
        assert_eq!(error("ten"), "\"ten\" is not a quantity: expected contracts as a decimal, such as \"12.50\"");
        assert_eq!(error("0.125"), "\"0.125\" is finer than a hundredth of a contract");
        assert_eq!(error("1e19"), "\"1e19\" is not a quantity: expected contracts as a decimal, such as \"12.50\"");
    }

    #[test]
    fn pads_like_a_number() {
        let change = Quantity(-1250);
        assert_eq!(format!("{change:>8}|{change:<8}|{change:08}|{:+}", -change), "  -12.50|-12.50  |-0012.50|+12.50");
    }

    proptest! {
        #[test]
        fn survives_its_text(value: i64) {
            prop_assert_eq!(Quantity(value).to_string().parse(), Ok(Quantity(value)));
        }

        #[test]
        fn agrees_with_the_independent_reading(text in texts()) {
            let in_range = |digits: &String| {
                let (limit, magnitude) = match digits.strip_prefix('-') {
                    Some(magnitude) => ("9223372036854775808", magnitude),
                    None => ("9223372036854775807", digits.as_str()),
                };
                magnitude.len() < limit.len() || (magnitude.len() == limit.len() && magnitude <= limit)
            };
            let read = text.parse::<Quantity>().ok().map(|quantity| quantity.hundredths().to_string());
            prop_assert_eq!(read, scaled(&text, 2).filter(in_range));
        }
    }
}
