//! Integers with a unit.

use std::fmt;

use daybook_book::{Money, Quantity};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{FromWire, ToWire};

macro_rules! integer {
    ($($(#[$meta:meta])* $name:ident($type:ty);)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub $type);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl From<$type> for $name {
            fn from(value: $type) -> $name {
                $name(value)
            }
        }

        impl FromWire for $name {
            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::deserialize(deserializer)
            }
        }

        impl ToWire for $name {
            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.serialize(serializer)
            }
        }
    )*};
}

integer! {
    /// Whole cents of a dollar, signed.
    Cents(i64);
    /// Ten-thousandths of a dollar, signed.
    CentiCents(i64);
    /// Hundredths of a contract, signed.
    CentiCount(i64);
    /// Whole seconds since the Unix epoch, UTC.
    UnixSeconds(i64);
    /// Milliseconds since the Unix epoch, UTC.
    UnixMillis(i64);
    /// A shard of the exchange. An event and all its markets live on one.
    ExchangeIndex(i32);
    /// One of the numbered accounts of a member: 0 is the primary one, 1 to 63 the others.
    Subaccount(u32);
}

impl ExchangeIndex {
    /// In an order request: the venue finds the shard by the market's ticker. Slower than naming the shard, and
    /// charged to the write budget of every shard.
    pub const AUTO: ExchangeIndex = ExchangeIndex(-1);
}

impl Subaccount {
    /// The account that every member has.
    pub const PRIMARY: Subaccount = Subaccount(0);
}

/// Units of `Money` in a cent and in a ten-thousandth of a dollar.
const MICROS_PER_CENT: i128 = 10_000;
const MICROS_PER_CENTI_CENT: i128 = 100;

impl From<Cents> for Money {
    fn from(cents: Cents) -> Money {
        Money::from_micros(i128::from(cents.0) * MICROS_PER_CENT)
    }
}

impl From<CentiCents> for Money {
    fn from(centi_cents: CentiCents) -> Money {
        Money::from_micros(i128::from(centi_cents.0) * MICROS_PER_CENTI_CENT)
    }
}

impl Cents {
    /// The same sum; `None` if it is no whole number of cents, or too large.
    pub fn exactly(money: Money) -> Option<Cents> {
        exact_quotient(money, MICROS_PER_CENT).map(Cents)
    }
}

impl CentiCents {
    /// The same sum; `None` if it is no whole number of ten-thousandths of a dollar, or too large.
    pub fn exactly(money: Money) -> Option<CentiCents> {
        exact_quotient(money, MICROS_PER_CENTI_CENT).map(CentiCents)
    }
}

fn exact_quotient(money: Money, unit: i128) -> Option<i64> {
    (money.micros() % unit == 0).then(|| i64::try_from(money.micros() / unit).ok()).flatten()
}

impl From<CentiCount> for Quantity {
    fn from(count: CentiCount) -> Quantity {
        Quantity::from_hundredths(count.0)
    }
}

impl From<Quantity> for CentiCount {
    fn from(quantity: Quantity) -> CentiCount {
        CentiCount(quantity.hundredths())
    }
}
