//! What the protocol calls by UUIDs, out of the numbers that the exchange gives: without a table, and the same in every
//! run of one seed.

use crate::feed::Uuid;

/// What an identifier names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs, reason = "they say it")]
pub enum Kind {
    Order = 1,
    Trade,
    Group,
    User,
    Key,
    Market,
    Transfer,
    Payment,
    FeeChange,
}

/// Makes identifiers of numbers, and numbers of identifiers.
///
/// A number and its kind are mixed under a key into the 122 bits that a UUID of version 4 has for itself. The mixing is
/// a Feistel network, so it can be undone; an identifier that was not made here is recognized by bits that should be
/// zero, but for one in 2⁵⁰ of them. It hides numbers from nobody who tries: it is no encryption.
#[derive(Clone, Copy, Debug)]
pub struct Identifiers {
    seed: u64,
}

/// Bits of one half of what is mixed.
const HALF: u32 = 61;
const HALF_MASK: u64 = (1 << HALF) - 1;
const ROUNDS: u64 = 4;

impl Identifiers {
    /// Those of one seed.
    pub fn new(seed: u64) -> Identifiers {
        Identifiers { seed }
    }

    /// The identifier of a number.
    pub fn of(&self, kind: Kind, number: u64) -> Uuid {
        let block = u128::from(kind as u8) << 64 | u128::from(number);
        let mut left = u64::try_from(block >> HALF).expect("nothing is above the kind");
        let mut right = (block & u128::from(HALF_MASK)) as u64;
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ self.mixed(round, right));
        }
        Uuid(spread(u128::from(left) << HALF | u128::from(right)))
    }

    /// The number of an identifier, if it is one of this kind.
    pub fn number(&self, kind: Kind, id: Uuid) -> Option<u64> {
        let block = gathered(id.0)?;
        let mut left = (block >> HALF) as u64 & HALF_MASK;
        let mut right = (block & u128::from(HALF_MASK)) as u64;
        for round in (0..ROUNDS).rev() {
            (left, right) = (right ^ self.mixed(round, left), left);
        }
        let block = u128::from(left) << HALF | u128::from(right);
        (block >> 64 == u128::from(kind as u8)).then_some(block as u64)
    }

    /// The number that a text names, if it is an identifier of this kind.
    pub fn parse(&self, kind: Kind, text: &str) -> Option<u64> {
        self.number(kind, Uuid::parse(text)?)
    }

    fn mixed(&self, round: u64, half: u64) -> u64 {
        let mut mixed = half ^ self.seed.rotate_left(round as u32 * 16) ^ round.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for factor in [0xbf58_476d_1ce4_e5b9_u64, 0x94d0_49bb_1331_11eb] {
            mixed = (mixed ^ mixed >> 30).wrapping_mul(factor);
        }
        (mixed ^ mixed >> 31) & HALF_MASK
    }
}

/// Puts 122 bits around the version and the variant.
fn spread(bits: u128) -> u128 {
    const VERSION: u128 = 0x4 << 76;
    const VARIANT: u128 = 0b10 << 62;
    let low = bits & ((1 << 62) - 1);
    let middle = bits >> 62 & 0xfff;
    let high = bits >> 74;
    high << 80 | VERSION | middle << 64 | VARIANT | low
}

/// The 122 bits, if version and variant are right.
fn gathered(id: u128) -> Option<u128> {
    (id >> 76 & 0xf == 4 && id >> 62 & 0b11 == 0b10)
        .then_some(id >> 80 << 74 | (id >> 64 & 0xfff) << 62 | id & ((1 << 62) - 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_made_is_recognized(seed: u64, number: u64, other: u64) {
            let ids = Identifiers::new(seed);
            let id = ids.of(Kind::Order, number);
            let text = id.to_string();
            prop_assert_eq!(text.as_bytes()[14], b'4');
            prop_assert!(matches!(text.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
            prop_assert_eq!(ids.parse(Kind::Order, &text), Some(number));
            prop_assert_eq!(ids.parse(Kind::Trade, &text), None);
            prop_assert_eq!(ids.of(Kind::Order, other) == id, other == number);
        }

        #[test]
        fn what_was_not_made_is_not(seed: u64, bits: u128) {
            prop_assert_eq!(Identifiers::new(seed).number(Kind::Order, Uuid(bits)), None);
        }
    }

    #[test]
    fn neighbours_look_nothing_alike() {
        let ids = Identifiers::new(7);
        let differing = |a: Uuid, b: Uuid| (a.0 ^ b.0).count_ones();
        for number in 0..1_000 {
            assert!(differing(ids.of(Kind::Order, number), ids.of(Kind::Order, number + 1)) > 20, "{number}");
        }
    }
}
