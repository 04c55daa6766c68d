//! Money: integer millionths of a dollar, the unit in which price times quantity is exact.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Neg, Sub},
    str::FromStr,
};

use crate::{
    Price, Quantity,
    decimal::{self, Fault},
};

/// Dollars in millionths, signed. Text form `"6.000000"`.
///
/// A ten-thousandth of a dollar times a hundredth of a contract is exactly one millionth, and so is half a
/// ten-thousandth fifty of them: costs and mid prices need no rounding. 128 bits hold the sum over any book, so the
/// arithmetic has no error to report.
///
/// ```
/// # use daybook_book::{Money, Price, Quantity};
/// let cost = Money::of(Price::from_cents(48).unwrap(), Quantity::from_hundredths(1250));
/// assert_eq!(cost.to_string(), "6.000000");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i128);

/// Why a text is no sum of money. Of a long text the message holds the head.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a decimal number of the form `6.25`.
    #[error("{0:?} is not a sum of money: expected dollars as a decimal, such as \"6.25\"")]
    Malformed(String),
    /// More than six decimal places carry value.
    #[error("{0:?} is finer than a millionth of a dollar")]
    TooFine(String),
    /// Does not fit 128 bits of millionths.
    #[error("{0:?} is more dollars than fit 128 bits of millionths")]
    OutOfRange(String),
}

impl Money {
    /// No dollars.
    pub const ZERO: Money = Money(0);

    /// What `quantity` contracts cost at `price` each.
    pub const fn of(price: Price, quantity: Quantity) -> Money {
        Money(price.ten_thousandths() as i128 * quantity.hundredths() as i128)
    }

    /// From millionths of a dollar.
    pub const fn from_micros(micros: i128) -> Money {
        Money(micros)
    }

    /// Millionths of a dollar.
    pub const fn micros(self) -> i128 {
        self.0
    }
}

impl Add for Money {
    type Output = Money;

    fn add(self, other: Money) -> Money {
        Money(self.0 + other.0)
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Money) {
        self.0 += other.0;
    }
}

impl Sub for Money {
    type Output = Money;

    fn sub(self, other: Money) -> Money {
        Money(self.0 - other.0)
    }
}

impl Neg for Money {
    type Output = Money;

    fn neg(self) -> Money {
        Money(-self.0)
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Money>>(sums: I) -> Money {
        sums.fold(Money::ZERO, Add::add)
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    /// Allocates only to report an error.
    fn from_str(text: &str) -> Result<Money, MoneyError> {
        decimal::read(text, 6).map(Money).map_err(|fault| match fault {
            Fault::Malformed => MoneyError::Malformed(decimal::excerpt(text)),
            Fault::TooFine => MoneyError::TooFine(decimal::excerpt(text)),
            Fault::OutOfRange => MoneyError::OutOfRange(decimal::excerpt(text)),
        })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write(f, self.0 < 0, self.0.unsigned_abs(), 6)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prints_six_decimals() {
        for (micros, text) in [
            (0, "0.000000"),
            (-50, "-0.000050"),
            (999_999, "0.999999"),
            (1_000_000, "1.000000"),
            (i128::from(u64::MAX) + 1, "18446744073709.551616"),
            (i128::MIN, "-170141183460469231731687303715884.105728"),
        ] {
            assert_eq!(Money(micros).to_string(), text);
        }
        assert!("0.0000005".parse::<Money>().unwrap_err().to_string().contains("finer than a millionth"));
    }

    #[test]
    fn arithmetic() {
        let (one, two) = (Money::from_micros(1), Money::from_micros(2));
        assert_eq!([one, two].into_iter().sum::<Money>(), Money(3));
        assert_eq!((one - two, -two), (Money(-1), Money(-2)));
        assert_eq!(Money::of(Price::ONE, Quantity::from_hundredths(i64::MAX)).micros(), i128::from(i64::MAX) * 10_000);
    }

    proptest! {
        #[test]
        fn survives_its_text(high: i64, low: u64, shift in 0u32..127) {
            let micros = ((i128::from(high) << 64) | i128::from(low)) >> shift;
            prop_assert_eq!(Money(micros).to_string().parse(), Ok(Money(micros)));
        }
    }
}
