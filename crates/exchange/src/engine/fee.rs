//! What the venue charges for a fill: integers only, and rounding that no sequence of small fills can beat.
//!
//! A fill's *trade fee* is what the rule says, rounded up to $0.0001. The cash of an account has a precision, $0.01 or
//! for direct members $0.0001: what a fill changes it by is rounded down to that, and the difference is a *rounding
//! fee*. Every order remembers what both roundings have cost it so far; whenever that reaches $0.01, a cent of it is
//! paid back. So an order never pays a whole cent more than the exact fee of all its fills together, however many.
//!
//! The venue's documents also say that a fill's net fee is never negative. That cannot hold together with the sentence
//! before it (an order without a fee, filled one contract at a time at $0.0550), so here a fill can pay back more than
//! it costs; an order never does.

use daybook_book::{Price, Quantity};

/// Fees are exact in this unit: 10⁻¹⁶ dollars, a millionth (rate) of a hundredth (contract) of 10⁻⁸ (P × (1 − P)).
const UNITS_PER_MICRO: i128 = 10_000_000_000;
/// Trade fees are rounded up to a ten-thousandth of a dollar.
const UNITS_PER_CENTICENT: i128 = 100 * UNITS_PER_MICRO;
/// Rounding is paid back cent by cent.
const UNITS_PER_CENT: i128 = 10_000 * UNITS_PER_MICRO;
/// A cent in millionths of a dollar.
const CENT: i64 = 10_000;

/// What one role in a trade is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Fee {
    /// Nothing.
    #[default]
    Free,
    /// `rate × contracts × P × (1 − P)`.
    Quadratic {
        /// In millionths: 70 000 is the venue's 0.07. At most 1 000 000.
        rate: u32,
    },
    /// So much a contract, whatever its price.
    PerContract {
        /// In millionths of a dollar; at most 1 000 000.
        micros: u32,
    },
}

/// What the two sides of a trade are charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct FeeRule {
    taker: Fee,
    maker: Fee,
}

/// Why there is no such fee rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeeRuleError {
    /// More than a contract can be worth: then no limit price would bound what an order costs.
    #[error("a fee above $1 a contract, or a rate above 1, is not supported")]
    TooHigh,
}

/// To what an account's cash is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum BalancePrecision {
    /// $0.01, as of everyone but direct members.
    #[default]
    Cent,
    /// $0.0001, as of direct members.
    CentiCent,
}

impl BalancePrecision {
    /// In millionths of a dollar.
    pub const fn micros(self) -> i64 {
        match self {
            BalancePrecision::Cent => CENT,
            BalancePrecision::CentiCent => 100,
        }
    }
}

impl FeeRule {
    /// What the venue's 0.07 is in millionths.
    const BASE_RATE: u64 = 70_000;

    /// No fees.
    pub const FREE: FeeRule = FeeRule { taker: Fee::Free, maker: Fee::Free };

    /// Any two fees.
    ///
    /// # Errors
    /// A fee that can exceed $1 a contract.
    pub const fn new(taker: Fee, maker: Fee) -> Result<FeeRule, FeeRuleError> {
        if taker.limit() > 1_000_000 || maker.limit() > 1_000_000 {
            return Err(FeeRuleError::TooHigh);
        }
        Ok(FeeRule { taker, maker })
    }

    /// The rule behind a `fee_type` of the venue and a `fee_multiplier` in millionths; `None` for another type.
    ///
    /// Makers pay nothing under `quadratic`, a quarter of the taker's rate under `quadratic_with_maker_fees` and half
    /// of it under `quadratic_with_combo_maker_fees`. What `flat` charges the venue states in a table of its own that
    /// has no formula; here it is the multiplier in cents a contract, for the taker.
    ///
    /// # Errors
    /// A multiplier that makes a fee exceed $1 a contract.
    pub fn of_type(fee_type: &str, multiplier: u32) -> Option<Result<FeeRule, FeeRuleError>> {
        let rate = u32::try_from(FeeRule::BASE_RATE * u64::from(multiplier) / 1_000_000).unwrap_or(u32::MAX);
        let taker = Fee::Quadratic { rate };
        Some(match fee_type {
            "quadratic" => FeeRule::new(taker, Fee::Free),
            "quadratic_with_maker_fees" => FeeRule::new(taker, Fee::Quadratic { rate: rate / 4 }),
            "quadratic_with_combo_maker_fees" => FeeRule::new(taker, Fee::Quadratic { rate: rate / 2 }),
            "flat" => FeeRule::new(Fee::PerContract { micros: multiplier / 100 }, Fee::Free),
            _ => return None,
        })
    }

    /// What the taker is charged.
    pub const fn taker(&self) -> Fee {
        self.taker
    }

    /// What the maker is charged.
    pub const fn maker(&self) -> Fee {
        self.maker
    }
}

impl Fee {
    const fn limit(self) -> u32 {
        match self {
            Fee::Free => 0,
            Fee::Quadratic { rate } => rate,
            Fee::PerContract { micros } => micros,
        }
    }

    /// The fee before any rounding, in 10⁻¹⁶ dollars. The same for YES at a price and NO at its complement.
    #[inline]
    fn exact(self, price: Price, count: Quantity) -> i128 {
        let count = i128::from(count.hundredths());
        match self {
            Fee::Free => 0,
            Fee::Quadratic { rate } => {
                let spread = i64::from(price.ten_thousandths()) * i64::from(price.complement().ten_thousandths());
                i128::from(i64::from(rate) * spread) * count
            }
            Fee::PerContract { micros } => i128::from(micros) * count * (UNITS_PER_MICRO / 100),
        }
    }
}

/// What a fill does to its owner's cash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Charge {
    /// By how much the cash changes, in millionths of a dollar: a multiple of the account's precision.
    pub(crate) change: i64,
    /// The fee in it, roundings and what was paid back included.
    pub(crate) fee: i64,
    /// What the order has overpaid after it, in 10⁻¹⁶ dollars: at least nothing, less than a cent.
    pub(crate) overpaid: i64,
}

/// Charges a fill that would change the cash by `revenue` (negative where it is paid), for an order that has overpaid
/// so much so far.
///
/// A fill that only closes a position brings cash in before fees, and is never charged more than that.
#[inline]
pub(crate) fn charge(
    fee: Fee,
    price: Price,
    count: Quantity,
    revenue: i64,
    only_closes: bool,
    overpaid: i64,
    precision: BalancePrecision,
) -> Charge {
    let exact = fee.exact(price, count);
    let trade_fee = div_ceil(exact, UNITS_PER_CENTICENT) * 100;
    let exact_change = revenue - trade_fee;
    let mut change = exact_change - exact_change.rem_euclid(precision.micros());
    if only_closes {
        change = change.max(0);
    }
    let mut overpaid = i128::from(overpaid) + i128::from(revenue - change) * UNITS_PER_MICRO - exact;
    while overpaid >= UNITS_PER_CENT {
        overpaid -= UNITS_PER_CENT;
        change += CENT;
    }
    // Less than nothing only where the charge was capped.
    Charge { change, fee: revenue - change, overpaid: overpaid.max(0) as i64 }
}

/// The most that an order can still take out of the cash, in millionths of a dollar: a multiple of the precision.
///
/// `price` is that of the order's own side. The bound is reached: an order of ten contracts at $0.50 without a fee
/// needs $5.00. It shrinks by exactly what a fill at the limit takes, and by at least what a better one takes: as no
/// rate exceeds 1, a better price is never dearer for its fee.
#[inline]
pub(crate) fn worst_case(fee: Fee, price: Price, count: Quantity, overpaid: i64, precision: BalancePrecision) -> i64 {
    let cost = i64::from(price.ten_thousandths()) * count.hundredths();
    let roundings = UNITS_PER_CENT - 1 - i128::from(overpaid);
    let all = cost + div_floor(fee.exact(price, count) + roundings, UNITS_PER_MICRO);
    all - all % precision.micros()
}

/// Neither operand is negative. Most fees fit 64 bits, in which a division by a constant is a multiplication.
#[inline]
fn div_floor(value: i128, unit: i128) -> i64 {
    match u64::try_from(value) {
        Ok(value) => (value / unit as u64) as i64,
        Err(_) => (value / unit) as i64,
    }
}

#[inline]
fn div_ceil(value: i128, unit: i128) -> i64 {
    div_floor(value + unit - 1, unit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn price(value: u16) -> Price {
        Price::from_ten_thousandths(value).unwrap()
    }

    fn contracts(hundredths: i64) -> Quantity {
        Quantity::from_hundredths(hundredths)
    }

    fn taker(fee_type: &str, multiplier: u32) -> Fee {
        FeeRule::of_type(fee_type, multiplier).unwrap().unwrap().taker()
    }

    /// What buying costs in fees, in millionths of a dollar.
    fn bought(fee: Fee, at: u16, count: i64, overpaid: i64, precision: BalancePrecision) -> Charge {
        charge(fee, price(at), contracts(count), -i64::from(at) * count, false, overpaid, precision)
    }

    #[test]
    fn the_venue_s_types() {
        let rule = |fee_type| FeeRule::of_type(fee_type, 1_000_000).unwrap().unwrap();
        let (seven, none) = (Fee::Quadratic { rate: 70_000 }, Fee::Free);
        assert_eq!((rule("quadratic").taker(), rule("quadratic").maker()), (seven, none));
        assert_eq!(rule("quadratic_with_maker_fees").maker(), Fee::Quadratic { rate: 17_500 });
        assert_eq!(rule("quadratic_with_combo_maker_fees").maker(), Fee::Quadratic { rate: 35_000 });
        assert_eq!((rule("flat").taker(), rule("flat").maker()), (Fee::PerContract { micros: 10_000 }, none));
        assert_eq!(FeeRule::of_type("free", 1), None);
        assert_eq!(FeeRule::of_type("quadratic", 15_000_000), Some(Err(FeeRuleError::TooHigh)));
        assert_eq!(taker("quadratic", 500_000), Fee::Quadratic { rate: 35_000 });
    }

    #[test]
    fn what_fills_are_charged() {
        use BalancePrecision::{Cent, CentiCent};
        let fee = taker("quadratic", 1_000_000);
        // 0.07 × 100 × 0.50 × 0.50 = $1.75.
        assert_eq!(bought(fee, 5_000, 10_000, 0, Cent), Charge { change: -51_750_000, fee: 1_750_000, overpaid: 0 });
        // 0.07 × 1 × 0.49 × 0.51 = $0.017493: up to $0.0175, and the cash from 0.5075 to 0.51.
        let one = bought(fee, 4_900, 100, 0, Cent);
        assert_eq!((one.change, one.fee), (-510_000, 20_000));
        assert_eq!(i128::from(one.overpaid), 25_070_000_000_000, "0.02 − 0.017493");
        let direct = bought(fee, 4_900, 100, 0, CentiCent);
        assert_eq!((direct.change, direct.fee), (-507_500, 17_500));
        // A flat fee of a cent.
        assert_eq!(bought(taker("flat", 1_000_000), 5_000, 300, 0, Cent).fee, 30_000);
    }

    #[test]
    fn cents_of_rounding_are_paid_back() {
        // Three contracts at $0.0550, one by one and at once: the same in the end.
        let (mut paid, mut overpaid) = (Vec::new(), 0);
        for _ in 0..3 {
            let charge = bought(Fee::Free, 550, 100, overpaid, BalancePrecision::Cent);
            overpaid = charge.overpaid;
            paid.push(-charge.change);
        }
        assert_eq!(paid, [60_000, 50_000, 60_000]);
        assert_eq!(-bought(Fee::Free, 550, 300, 0, BalancePrecision::Cent).change, 170_000);
    }

    #[test]
    fn what_must_be_set_aside() {
        let cents = BalancePrecision::Cent;
        assert_eq!(worst_case(Fee::Free, price(5_000), contracts(1_000), 0, cents), 5_000_000);
        assert_eq!(worst_case(Fee::Free, price(550), contracts(100), 0, cents), 60_000);
        assert_eq!(worst_case(taker("quadratic", 1_000_000), price(5_000), contracts(10_000), 0, cents), 51_750_000);
        assert!(worst_case(Fee::Free, price(1), contracts(1), 0, cents) > 0, "no order is free");
    }

    #[test]
    fn a_fill_that_only_closes_never_takes_cash() {
        // A hundredth of a contract bought at $0.9999 to close: $0.000001 comes back, and half a cent is charged.
        let fee = Fee::PerContract { micros: 500_000 };
        let fill = |only_closes| charge(fee, price(9_999), contracts(1), 1, only_closes, 0, BalancePrecision::Cent);
        assert_eq!(fill(true), Charge { change: 0, fee: 1, overpaid: 0 });
        assert_eq!(fill(false).change, -10_000);
    }

    fn fees() -> impl Strategy<Value = Fee> {
        prop_oneof![
            Just(Fee::Free),
            (0u32..=1_000_000).prop_map(|rate| Fee::Quadratic { rate }),
            (0u32..=1_000_000).prop_map(|micros| Fee::PerContract { micros }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// However an order is filled, at its limit or better: what it has paid and what it can still cost never exceed
        /// what it could cost at first, and rounding never costs it a cent.
        #[test]
        fn no_sequence_of_fills_exceeds_the_worst_case(
            fee in fees(),
            limit in 1u16..10_000,
            fills in prop::collection::vec((1i64..400, 0u16..3_000), 1..40),
            rest in 0i64..200,
            is_direct: bool,
        ) {
            let precision = if is_direct { BalancePrecision::CentiCent } else { BalancePrecision::Cent };
            let mut left = fills.iter().map(|fill| fill.0).sum::<i64>() + rest;
            let mut bound = worst_case(fee, price(limit), contracts(left), 0, precision);
            let (mut overpaid, mut paid, mut exact) = (0, 0, 0);
            for (count, better) in fills {
                let at = limit.saturating_sub(better).max(1);
                let charge = bought(fee, at, count, overpaid, precision);
                prop_assert_eq!(charge.change % precision.micros(), 0);
                prop_assert_eq!(charge.fee, -charge.change - i64::from(at) * count);
                overpaid = charge.overpaid;
                left -= count;
                paid -= i128::from(charge.change);
                exact += fee.exact(price(at), contracts(count)) + i128::from(at) * i128::from(count) * UNITS_PER_MICRO;
                prop_assert_eq!(paid * UNITS_PER_MICRO - exact, i128::from(overpaid));
                prop_assert!((0..UNITS_PER_CENT).contains(&i128::from(overpaid)));
                let still = worst_case(fee, price(limit), contracts(left), overpaid, precision);
                prop_assert!(still <= bound + charge.change, "{} after {}", still, bound);
                bound = still;
            }
        }
    }
}
