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
pub(crate) fn charge(
    fee: Fee,
    price: Price,
    count: Quantity,
    revenue: i64,
    overpaid: i64,
    precision: BalancePrecision,
) -> Charge {
    let exact = fee.exact(price, count);
    let trade_fee = div_ceil(exact, UNITS_PER_CENTICENT) * 100;
    let exact_change = revenue - trade_fee;
    let change = exact_change - exact_change.rem_euclid(precision.micros());
    let mut overpaid = i128::from(overpaid) + i128::from(revenue - change) * UNITS_PER_MICRO - exact;
    let mut refund = 0;
    while overpaid >= UNITS_PER_CENT {
        overpaid -= UNITS_PER_CENT;
        refund += CENT;
    }
    Charge { change: change + refund, fee: revenue - change - refund, overpaid: overpaid as i64 }
}

/// The most that an order can still take out of the cash, in two parts, each in millionths of a dollar and a multiple
/// of the precision: its price, which the pay-back of a closed pair covers, and all else, which it does not.
///
/// `price` is that of the order's own side. The bound is reached: an order of ten contracts at $0.50 without a fee
/// needs $5.00. It shrinks by exactly what a fill at the limit takes, and by at least what a better one takes.
pub(crate) fn worst_case(
    fee: Fee,
    price: Price,
    count: Quantity,
    overpaid: i64,
    precision: BalancePrecision,
) -> (i64, i64) {
    let cost = i64::from(price.ten_thousandths()) * count.hundredths();
    let roundings = UNITS_PER_CENT - 1 - i128::from(overpaid);
    let all = cost + div_floor(fee.exact(price, count) + roundings, UNITS_PER_MICRO);
    let floor = |value: i64| value - value % precision.micros();
    (floor(cost), floor(all) - floor(cost))
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
