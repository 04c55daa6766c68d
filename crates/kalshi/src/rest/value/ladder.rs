//! One side of an order book as REST tells it.

use std::{fmt, ops::Deref};

use daybook_book::{Price, Quantity};
use serde::{
    Deserializer, Serializer,
    de::{Error, IgnoredAny, SeqAccess, Visitor},
    ser::SerializeTuple,
};

use super::{
    FromWire, ToWire,
    wire::{Seed, Written},
};

/// All that is bid at one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Level {
    /// The price, in terms of the ladder's own side.
    pub price: Price,
    /// Contracts bid there.
    pub quantity: Quantity,
}

/// Written `["0.4200","13.00"]`.
impl FromWire for Level {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Level, D::Error> {
        deserializer.deserialize_seq(LevelVisitor)
    }
}

impl ToWire for Level {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pair = serializer.serialize_tuple(2)?;
        pair.serialize_element(&Written(&self.price))?;
        pair.serialize_element(&Written(&self.quantity))?;
        pair.end()
    }
}

struct LevelVisitor;

impl<'de> Visitor<'de> for LevelVisitor {
    type Value = Level;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a price and a quantity, such as [\"0.4200\",\"13.00\"]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Level, A::Error> {
        let price = items.next_element_seed(Seed::new())?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
        let quantity = items.next_element_seed(Seed::new())?.ok_or_else(|| A::Error::invalid_length(1, &self))?;
        if items.next_element::<IgnoredAny>()?.is_some() {
            return Err(A::Error::invalid_length(3, &self));
        }
        Ok(Level { price, quantity })
    }
}

/// The bids of one side, lowest price first, so that the best bid is the last.
///
/// The order holds whatever order the venue wrote them in. A side that is `null` or missing is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ladder(Vec<Level>);

impl Ladder {
    /// The highest bid.
    pub fn best(&self) -> Option<Level> {
        self.0.last().copied()
    }
}

impl FromIterator<Level> for Ladder {
    fn from_iter<I: IntoIterator<Item = Level>>(levels: I) -> Ladder {
        let mut levels: Vec<Level> = levels.into_iter().collect();
        levels.sort_by_key(|level| level.price);
        Ladder(levels)
    }
}

impl Deref for Ladder {
    type Target = [Level];

    fn deref(&self) -> &[Level] {
        &self.0
    }
}

impl FromWire for Ladder {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Ladder, D::Error> {
        Vec::<Level>::read(deserializer).map(Ladder::from_iter)
    }

    fn absent() -> Option<Ladder> {
        Some(Ladder::default())
    }
}

impl ToWire for Ladder {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(serializer)
    }
}
