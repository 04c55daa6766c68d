use proptest::prelude::*;

use super::*;

fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

#[test]
fn buying_selling_and_flipping() {
    let mut holding = Holding::default();
    holding.trade(Side::Yes, quantity("10"), price("0.40")).unwrap();
    holding.trade(Side::Yes, quantity("10"), price("0.50")).unwrap();
    assert_eq!((holding.position(), holding.cost()), (quantity("20"), money("9")));
    // Five are sold at 0.60: NO is bought at 0.40.
    holding.trade(Side::No, quantity("5"), price("0.60")).unwrap();
    assert_eq!(holding.realised(), money("0.75"));
    assert_eq!((holding.position(), holding.cost()), (quantity("15"), money("6.75")));
    assert_eq!(holding.unrealised(price("0.55")), money("1.5"));
    // The rest is sold at 0.30 and ten NO are bought at 0.70.
    holding.trade(Side::No, quantity("25"), price("0.30")).unwrap();
    assert_eq!(holding.realised(), money("-1.5"));
    assert_eq!((holding.position(), holding.cost()), (quantity("-10"), money("7")));
    assert_eq!(holding.side(), Some(Side::No));
    assert_eq!(holding.unrealised(price("0.65")), money("-0.5"));
    // NO wins.
    holding.settle(money("10"));
    assert_eq!((holding.position(), holding.cost(), holding.realised()), (Quantity::ZERO, Money::ZERO, money("1.5")));
}

#[test]
fn a_share_is_rounded_to_the_nearest_and_the_rest_stays() {
    // Three hundredths for 100 millionths: one of them takes 33, another 33 or 34 of what is left.
    let mut holding = Holding { position: quantity("0.03"), cost: Money::from_micros(100), realised: Money::ZERO };
    holding.trade(Side::No, quantity("0.01"), price("1")).unwrap();
    assert_eq!(holding.cost(), Money::from_micros(67));
    // 33.5 is a tie between 33 and 34: the even one.
    holding.trade(Side::No, quantity("0.01"), price("1")).unwrap();
    assert_eq!(holding.cost(), Money::from_micros(33));
    holding.trade(Side::No, quantity("0.01"), price("1")).unwrap();
    assert_eq!((holding.cost(), holding.realised()), (Money::ZERO, Money::from_micros(30_000 - 100)));
}

#[test]
fn what_is_too_large_is_an_error_that_changes_nothing() {
    let mut holding = Holding::default();
    holding.trade(Side::Yes, Quantity::from_hundredths(i64::MAX), price("1")).unwrap();
    let before = holding;
    assert_eq!(holding.trade(Side::Yes, Quantity::from_hundredths(1), price("1")), Err(LedgerOverflow));
    assert_eq!(holding, before);
}

/// Average cost with nine decimals more than the ledger has, and without its way of splitting a trade: contract by
/// contract (a hundredth at a time).
#[derive(Default)]
struct Naive {
    /// Hundredths, signed.
    position: i128,
    /// Of one hundredth that is held, in 10^-15 dollars.
    average: i128,
    realised: i128,
    closings: i128,
}

const FINE: i128 = 1_000_000_000;

impl Naive {
    fn trade(&mut self, side: Side, count: Quantity, yes_price: Price) {
        let sign = if side == Side::Yes { 1 } else { -1 };
        let yes = i128::from(yes_price.ten_thousandths()) * FINE;
        let (bought, sold) = if side == Side::Yes { (yes, 10_000 * FINE - yes) } else { (10_000 * FINE - yes, yes) };
        if self.position * sign < 0 {
            self.closings += 1;
        }
        for _ in 0..count.hundredths() {
            if self.position * sign < 0 {
                self.realised += 10_000 * FINE - bought - self.average;
                debug_assert_eq!(10_000 * FINE - bought, sold);
            } else {
                let held = self.position.abs();
                self.average = (self.average * held + bought) / (held + 1);
            }
            self.position += sign;
            if self.position == 0 {
                self.average = 0;
            }
        }
    }
}

fn trades() -> impl Strategy<Value = Vec<(bool, i64, u16)>> {
    prop::collection::vec((any::<bool>(), 1i64..400, 0u16..=10_000), 1..24)
}

fn side(yes: bool) -> Side {
    if yes { Side::Yes } else { Side::No }
}

proptest! {
    #[test]
    fn agrees_with_the_naive_ledger(trades in trades()) {
        let (mut holding, mut naive) = (Holding::default(), Naive::default());
        for (yes, count, price) in trades {
            let (count, price) = (Quantity::from_hundredths(count), Price::from_ten_thousandths(price).unwrap());
            holding.trade(side(yes), count, price).unwrap();
            naive.trade(side(yes), count, price);
            prop_assert_eq!(i128::from(holding.position().hundredths()), naive.position);
            // Half a millionth per closing is the ledger's rounding; the naive average loses less than that.
            let allowed = (naive.closings + 1) * FINE;
            prop_assert!((holding.realised().micros() * FINE - naive.realised).abs() <= allowed);
            let cost = naive.average * naive.position.abs();
            prop_assert!((holding.cost().micros() * FINE - cost).abs() <= allowed);
        }
    }

    /// Whatever is bought is paid for; a YES and a NO together are a dollar; a settlement pays. There is no other money.
    #[test]
    fn money_is_conserved(trades in trades(), revenue in 0i128..5_000_000, settle: bool) {
        let mut holding = Holding::default();
        let (mut bought, mut spent) = ([0i64; 2], Money::ZERO);
        for (yes, count, price) in trades {
            let (count, price) = (Quantity::from_hundredths(count), Price::from_ten_thousandths(price).unwrap());
            holding.trade(side(yes), count, price).unwrap();
            bought[usize::from(yes)] += count.hundredths();
            spent += Money::of(if yes { price } else { price.complement() }, count);
        }
        prop_assert_eq!(holding.position().hundredths(), bought[1] - bought[0]);
        let mut received = Money::of(Price::ONE, Quantity::from_hundredths(bought[0].min(bought[1])));
        if settle {
            holding.settle(Money::from_micros(revenue));
            received += Money::from_micros(revenue);
            prop_assert_eq!(holding.side(), None);
        }
        prop_assert_eq!(holding.realised() - holding.cost(), received - spent);
        prop_assert!(holding.cost() >= Money::ZERO);
        if holding.side().is_none() {
            prop_assert_eq!(holding.cost(), Money::ZERO);
        }
    }

    #[test]
    fn yes_and_no_are_mirror_images(trades in trades()) {
        let (mut holding, mut mirrored) = (Holding::default(), Holding::default());
        for (yes, count, price) in trades {
            let (count, price) = (Quantity::from_hundredths(count), Price::from_ten_thousandths(price).unwrap());
            holding.trade(side(yes), count, price).unwrap();
            mirrored.trade(side(!yes), count, price.complement()).unwrap();
        }
        prop_assert_eq!(holding.position(), -mirrored.position());
        prop_assert_eq!((holding.cost(), holding.realised()), (mirrored.cost(), mirrored.realised()));
    }
}
