//! Every version of a position, from when to when; and balances as a series.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use daybook_portfolio::{AccountSource, Period, Selection, Store, Stream, SyncOptions, sync};
use jiff::Timestamp;
use proptest::prelude::*;

use crate::{
    stores::{places, sqlite},
    venue::{DAY_ONE, Kept, Rows, StoppedClock, Venue, account, options, positions},
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(DAY_ONE + seconds).unwrap()
}

#[tokio::test]
async fn a_change_closes_the_current_version_and_begins_a_new_one() {
    for place in places("a_change_closes_the_current_version").await {
        let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
        let store = Store::open(&place.url).await.unwrap();
        clock.set(100);
        sync(&venue, &store, &options(&clock, 2), &()).await.unwrap();
        clock.set(200);
        venue.change(|rows| {
            rows.balance_cents = 1;
            let kept = rows.positions.iter_mut().find(|kept| kept.row.0.event_ticker.as_str() == "KXEVENT-2").unwrap();
            kept.row = positions("KXEVENT-2", &[("KXEVENT-2-A", "7.00"), ("KXEVENT-2-B", "-2.00")], 100);
        });
        let report = sync(&venue, &store, &options(&clock, 2), &()).await.unwrap();
        assert_eq!(
            (report.total().changed, report.total().new),
            (1, 2),
            "a position, and a balance of two subaccounts"
        );

        let account = store.account(&venue.identity().unwrap()).await.unwrap().unwrap();
        let selection = Selection {
            ticker: Some("KXEVENT-2-A".parse().unwrap()),
            subaccount: Some(0.into()),
            ..Selection::default()
        };
        let history = store.position_history(account, &selection).await.unwrap();
        let told: Vec<_> = history
            .iter()
            .map(|version| (version.valid_from, version.valid_to, version.row.position_fp.to_string()))
            .collect();
        assert_eq!(told, [(at(100), Some(at(200)), "1.50".to_owned()), (at(200), None, "7.00".to_owned())]);
        let current = store.positions(account, &selection).await.unwrap();
        assert_eq!(current, history[1..]);
        let period = |start, end| Selection {
            period: Period { start: Some(at(start)), end: Some(at(end)) },
            ..selection.clone()
        };
        assert_eq!(store.position_history(account, &period(0, 100)).await.unwrap().len(), 0);
        assert_eq!(store.position_history(account, &period(0, 200)).await.unwrap().len(), 1);
        assert_eq!(store.position_history(account, &period(199, 201)).await.unwrap().len(), 2);

        let balances = store.balances(account, Some(0.into()), Period::ALL).await.unwrap();
        let series: Vec<_> = balances.iter().map(|row| (row.seen_at, row.row.balance.0)).collect();
        assert_eq!(series, [(at(100), 12_345), (at(200), 1)]);

        // Exposure is by the versions of its time.
        let now = store.exposure(account, None).await.unwrap();
        // Of eight markets in each of two subaccounts one is settled.
        assert_eq!(now.markets.len(), 14);
        assert!(now.markets.iter().all(|market| market.market.ticker != "KXEVENT-1-A"));
        assert_eq!((now.total.to_string(), now.events.len()), ("28.000000".to_owned(), 8));
        assert_eq!(store.exposure(account, Some(at(4999))).await.unwrap().markets.len(), 16);
        let position = |exposure: &daybook_portfolio::Exposure| {
            let market = exposure.markets.iter().find(|market| market.market.ticker == "KXEVENT-2-A").unwrap();
            market.position.to_string()
        };
        assert_eq!(position(&now), "7.00");
        assert_eq!(position(&store.exposure(account, Some(at(150))).await.unwrap()), "1.50");
        assert!(store.exposure(account, Some(at(99))).await.unwrap().markets.is_empty());
    }
}

/// What an account does between two syncs: the time of the next one, and the positions of three markets then.
fn course() -> impl Strategy<Value = Vec<(i64, [Option<i64>; 3])>> {
    let positions = prop::array::uniform3(prop::option::of(-3i64..3));
    prop::collection::vec((0i64..50, positions), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the clock does, and also where it stands or goes back.
    #[test]
    fn versions_never_overlap_and_one_is_current(course in course()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(follow(course))?;
    }
}

async fn follow(course: Vec<(i64, [Option<i64>; 3])>) -> Result<(), TestCaseError> {
    let (venue, clock) =
        (Venue::new(Rows { subaccounts: vec![0], ..Rows::default() }), Arc::new(StoppedClock::default()));
    let store = Store::in_memory().await.unwrap();
    let only = SyncOptions { streams: vec![Stream::Positions], ..options(&clock, 1) };
    // What was seen of each market, repetitions left out; and what was listed last.
    let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut listed: BTreeSet<String> = BTreeSet::new();
    for (seconds, held) in course {
        clock.set(seconds);
        venue.change(|rows| {
            rows.positions.clear();
            for (index, position) in held.iter().enumerate() {
                let (event, market) = (format!("KX-{index}"), format!("KX-{index}-A"));
                let Some(position) = position else {
                    listed.remove(&market);
                    continue;
                };
                let text = format!("{position}.00");
                rows.positions.push(Kept {
                    subaccount: 0,
                    archived: false,
                    row: positions(&event, &[(&market, &text)], 1),
                });
                let seen = expected.entry(market.clone()).or_default();
                // What comes back begins anew, also if it is what it was.
                if listed.insert(market) || seen.last() != Some(&text) {
                    seen.push(text);
                }
            }
        });
        sync(&venue, &store, &only, &()).await.unwrap();
    }
    let Some(account) = store.account(&venue.identity().unwrap()).await.unwrap() else { return Ok(()) };
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut ends: BTreeMap<String, Option<Timestamp>> = BTreeMap::new();
    for version in store.position_history(account, &Selection::default()).await.unwrap() {
        let ticker = version.row.ticker.to_string();
        if let Some(end) = ends.insert(ticker.clone(), version.valid_to) {
            prop_assert!(end.is_some_and(|end| end <= version.valid_from), "none begins before the one before ends");
        }
        prop_assert!(version.valid_to.is_none_or(|end| end > version.valid_from));
        found.entry(ticker).or_default().push(version.row.position_fp.to_string());
    }
    for (ticker, end) in &ends {
        prop_assert_eq!(end.is_none(), listed.contains(ticker), "the last version is current while it is listed");
    }
    prop_assert_eq!(&found, &expected);
    let current = store.positions(account, &Selection::default()).await.unwrap();
    prop_assert_eq!(current.len(), listed.len());
    let events = store.event_positions(account, &Selection::default()).await.unwrap();
    prop_assert_eq!(events.len(), listed.len());
    Ok(())
}

#[tokio::test]
async fn a_second_current_version_is_refused_by_the_store_itself() {
    let place = sqlite();
    let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
    let store = Store::open(&place.url).await.unwrap();
    sync(&venue, &store, &options(&clock, 2), &()).await.unwrap();
    let mut connection = crate::stores::connect(&store, &place.url).await;
    let copy = "INSERT INTO positions SELECT account_id, subaccount, exchange_index, ticker, position_centicontracts,
        market_exposure_microdollars, realized_pnl_microdollars, fees_paid_microdollars, total_traded_microdollars,
        last_updated_at_us, raw, valid_from_us + 1, NULL, archived FROM positions LIMIT 1";
    let error = sqlx::query(copy).execute(&mut connection).await.unwrap_err().to_string();
    assert!(error.contains("UNIQUE"), "{error}");
    let real = "UPDATE fills SET fee_microdollars = 0.5";
    let error = sqlx::query(real).execute(&mut connection).await.unwrap_err().to_string();
    assert!(error.contains("REAL value in INTEGER column"), "{error}");
}
