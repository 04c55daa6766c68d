//! Summaries against figures that were worked out otherwise.

use std::{collections::BTreeMap, sync::Arc};

use daybook_book::{Money, Price, Quantity};
use daybook_portfolio::{AccountId, AccountSource, BestBids, Marks, Period, Store, Summary, sync};
use jiff::Timestamp;
use proptest::prelude::*;

use crate::{
    stores::places,
    venue::{DAY_ONE, FillRow, Kept, Rows, StoppedClock, Venue, options, positions, settlement},
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(DAY_ONE + seconds).unwrap()
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

async fn mirrored(rows: Rows, store: &Store, page_size: u32) -> AccountId {
    let (venue, clock) = (Venue::new(rows), Arc::new(StoppedClock::default()));
    sync(&venue, store, &options(&clock, page_size), &()).await.unwrap();
    store.account(&venue.identity().unwrap()).await.unwrap().unwrap()
}

/// Bought, sold in part, flipped; settled; held.
fn worked_example() -> Rows {
    let mut rows = Rows { subaccounts: vec![0], balance_cents: 1, ..Rows::default() };
    for (id, ticker, side, count, yes_price, fee, at) in [
        ("1", "KXE-1-A", "yes", 1000, 4000, 168_000, 10),
        ("2", "KXE-1-A", "yes", 1000, 5000, 175_000, 20),
        ("3", "KXE-1-A", "no", 500, 6000, 84_000, 30),
        ("4", "KXE-1-A", "no", 2500, 3000, 367_500, 40),
        ("5", "KXE-1-B", "yes", 333, 2345, 41_900, 50),
        ("6", "KXE-1-C", "no", 10, 9999, 100, 60),
    ] {
        let row = FillRow { id, ticker, side, count, yes_price, fee, at }.row();
        rows.fills.push(Kept { subaccount: 0, archived: false, row });
    }
    let row = settlement("KXE-1-A", "no", ["0.00", "10.00"], 1000, 100);
    rows.settlements.push(Kept { subaccount: 0, archived: false, row });
    rows
}

#[tokio::test]
async fn a_worked_example() {
    for place in places("a_worked_example").await {
        let store = Store::open(&place.url).await.unwrap();
        let account = mirrored(worked_example(), &store, 2).await;
        let marks = Marks::from([
            ("KXE-1-B".parse().unwrap(), BestBids { yes: Some("0.3".parse().unwrap()), no: None }),
            // Ten NO are held, and nobody bids for them.
            ("KXE-1-C".parse().unwrap(), BestBids { yes: Some(Price::ONE), no: None }),
        ]);
        let summary = store.summary(account, Period::ALL, &marks).await.unwrap();
        let total = summary.total;
        // 0.75 and -2.25 by selling, 10 - 7 by winning.
        assert_eq!(total.realised, money("1.5"));
        assert_eq!(total.fees, money("0.8365"));
        assert_eq!(total.volume.to_string(), "53.43");
        // 4 + 5 + 2 + 17.5, 0.780885, 0.000010
        assert_eq!(total.turnover, money("29.280895"));
        assert_eq!(total.cost, money("0.780895"));
        assert_eq!((total.unrealised, total.unmarked), (money("0.218115"), 1));
        assert_eq!(total.fills, 6);
        let told: Vec<_> = summary
            .markets
            .iter()
            .map(|market| (market.market.ticker.as_str(), market.position.to_string(), market.mark, market.unrealised))
            .collect();
        assert_eq!(
            told,
            [
                ("KXE-1-A", "0.00".to_owned(), None, Some(Money::ZERO)),
                ("KXE-1-B", "3.33".to_owned(), Some("0.3".parse().unwrap()), Some(money("0.218115"))),
                ("KXE-1-C", "-0.10".to_owned(), None, None),
            ]
        );

        // Before the settlement, and from it on.
        let part = |start: Option<i64>, end: Option<i64>| Period { start: start.map(at), end: end.map(at) };
        let before = store.summary(account, part(None, Some(100)), &marks).await.unwrap();
        assert_eq!((before.total.realised, before.total.cost), (money("-1.5"), money("7.780895")));
        let after = store.summary(account, part(Some(100), None), &marks).await.unwrap();
        assert_eq!((after.total.realised, after.total.fills, after.total.fees), (money("3"), 0, Money::ZERO));
        assert_eq!(after.markets.len(), 3, "one settled, two still held");
        let sold = store.summary(account, part(Some(30), Some(40)), &marks).await.unwrap();
        assert_eq!((sold.total.realised, sold.total.volume.to_string()), (money("0.75"), "5.00".to_owned()));
        assert_eq!(sold.total.turnover, money("2"));
        assert_eq!(sold.total.fees, money("0.084"));
    }
}

#[tokio::test]
async fn differences_from_the_venue_are_told() {
    for place in places("differences_from_the_venue_are_told").await {
        let store = Store::open(&place.url).await.unwrap();
        let mut rows = worked_example();
        rows.settlements[0].row.fee_cost = money("0.7945");
        let mut kept = positions("KXE-1", &[("KXE-1-A", "0.00"), ("KXE-1-B", "3.33"), ("KXE-1-C", "-0.10")], 100);
        let figures = [("0", "1.5", "0.7945"), ("0.780885", "0", "0.0419"), ("0.00001", "0", "0.0001")];
        for (position, (exposure, realised, fees)) in kept.1.iter_mut().zip(figures) {
            position.market_exposure_dollars = money(exposure);
            position.realized_pnl_dollars = money(realised);
            position.fees_paid_dollars = money(fees);
        }
        rows.positions.push(Kept { subaccount: 0, archived: false, row: kept });
        let account = mirrored(rows.clone(), &store, 2).await;
        assert_eq!(store.cross_check(account, Money::ZERO).await.unwrap(), []);
        store.close().await;
        drop(store);

        // A cent more, a fill that is missing, a settlement that paid too little.
        rows.positions[0].row.1[1].fees_paid_dollars = money("0.05");
        rows.positions[0].row.1[1].market_exposure_dollars = money("0.780886");
        rows.positions[0].row.1.remove(2);
        rows.settlements[0].row.revenue = 999.into();
        let store = Store::in_memory().await.unwrap();
        let account = mirrored(rows, &store, 2).await;
        let told = |tolerance| {
            let store = &store;
            async move {
                let differences = store.cross_check(account, money(tolerance)).await.unwrap();
                differences.iter().map(ToString::to_string).collect::<Vec<_>>()
            }
        };
        assert_eq!(
            told("0.000001").await,
            [
                "KXE-1-A (subaccount 0, shard 0): realized_pnl_dollars is 1.500000, and 1.490000 by the fills",
                "KXE-1-A (subaccount 0, shard 0): settlement revenue is 9.990000, and 10.000000 by the fills",
                "KXE-1-B (subaccount 0, shard 0): fees_paid_dollars is 0.050000, and 0.041900 by the fills",
                "KXE-1-C (subaccount 0, shard 0): position_fp is 0.00, and -0.10 by the fills",
            ]
        );
        assert_eq!(told("0").await.len(), 5);
    }
}

/// Fills of three markets, some settled: (market, yes, hundredths, price, fee, second).
type Course = (Vec<(usize, bool, i64, i64, i64, i64)>, [Option<(bool, i64)>; 3]);

fn course() -> impl Strategy<Value = Course> {
    let fill = (0usize..3, any::<bool>(), 1i64..2_000, 0i64..=10_000, 0i64..100_000, 0i64..100);
    (prop::collection::vec(fill, 0..40), prop::array::uniform3(prop::option::of((any::<bool>(), 100i64..200))))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_summary_is_what_the_cash_says((fills, settled) in course(), page_size in 1u32..7, cut in 0i64..210) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare(fills, settled, page_size, cut))?;
    }
}

async fn compare(
    fills: Vec<(usize, bool, i64, i64, i64, i64)>,
    settled: [Option<(bool, i64)>; 3],
    page_size: u32,
    cut: i64,
) -> Result<(), TestCaseError> {
    let tickers = ["KX-1-A", "KX-1-B", "KX-2-A"];
    let mut rows = Rows { subaccounts: vec![0], cutoff: 50, ..Rows::default() };
    // By market: hundredths of NO and of YES bought, and millionths spent.
    let mut cash: BTreeMap<usize, ([i64; 2], i128)> = BTreeMap::new();
    let (mut fees, mut volume) = (0, 0);
    for (index, &(market, yes, count, yes_price, fee, at)) in fills.iter().enumerate() {
        let id = format!("{index:03}");
        let side = if yes { "yes" } else { "no" };
        let row = FillRow { id: &id, ticker: tickers[market], side, count, yes_price, fee, at }.row();
        rows.fills.push(Kept { subaccount: 0, archived: at < 50, row });
        let (bought, spent) = cash.entry(market).or_default();
        bought[usize::from(yes)] += count;
        *spent += i128::from(count * if yes { yes_price } else { 10_000 - yes_price });
        fees += i128::from(fee);
        volume += count;
    }
    let mut expected = 0;
    let mut any_open = false;
    for (market, (bought, spent)) in &cash {
        let pairs = i128::from(bought[0].min(bought[1])) * 10_000;
        let held = bought[1] - bought[0];
        let mut revenue = 0;
        if let Some((yes_wins, at)) = settled[*market] {
            // A winning hundredth pays a cent.
            revenue = if (held > 0) == yes_wins { held.abs() } else { 0 };
            let counts = [held.max(0), (-held).max(0)].map(|count| format!("{}.{:02}", count / 100, count % 100));
            let result = if yes_wins { "yes" } else { "no" };
            let row = settlement(tickers[*market], result, [&counts[0], &counts[1]], revenue, at);
            rows.settlements.push(Kept { subaccount: 0, archived: false, row });
        } else {
            any_open = true;
        }
        expected += pairs + i128::from(revenue) * 10_000 - spent;
    }
    let store = Store::in_memory().await.unwrap();
    let account = mirrored(rows, &store, page_size).await;
    let all: Summary = store.summary(account, Period::ALL, &Marks::new()).await.unwrap();
    prop_assert_eq!((all.total.realised - all.total.cost).micros(), expected);
    prop_assert_eq!(all.total.fees.micros(), fees);
    prop_assert_eq!(all.total.volume, Quantity::from_hundredths(volume));
    prop_assert!(any_open || all.total.cost == Money::ZERO);
    // Two parts are the whole.
    let cut = Some(at(cut));
    let first = store.summary(account, Period { start: None, end: cut }, &Marks::new()).await.unwrap();
    let second = store.summary(account, Period { start: cut, end: None }, &Marks::new()).await.unwrap();
    prop_assert_eq!(first.total.realised + second.total.realised, all.total.realised);
    prop_assert_eq!(first.total.fees + second.total.fees, all.total.fees);
    prop_assert_eq!(first.total.turnover + second.total.turnover, all.total.turnover);
    prop_assert_eq!(first.total.fills + second.total.fills, all.total.fills);
    prop_assert_eq!(second.total.cost, all.total.cost);
    // The venue's settlements agree with what was held.
    let differences = store.cross_check(account, Money::from_micros(1_000_000_000_000)).await.unwrap();
    for difference in differences {
        prop_assert!(difference.figure.name() == "position_fp", "{}", difference);
    }
    Ok(())
}
