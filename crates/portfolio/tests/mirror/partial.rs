//! What cannot be kept costs nothing else, is told, and is asked for again until it can be.

use std::sync::Arc;

use daybook_portfolio::{AccountSource, Selection, Store, Stream, SyncOptions, SyncReport, sync};

use crate::{
    stores::{places, rows, sqlite},
    venue::{StoppedClock, Venue, account, options},
};

/// What could not be kept, in words.
fn told(report: &SyncReport) -> Vec<String> {
    report.unusable.iter().map(ToString::to_string).collect()
}

async fn counts(store: &Store, venue: &Venue) -> [usize; 5] {
    let account = store.account(&venue.identity().unwrap()).await.unwrap().unwrap();
    let all = Selection::default();
    [
        store.positions(account, &all).await.unwrap().len(),
        store.fills(account, &all).await.unwrap().len(),
        store.settlements(account, &all).await.unwrap().len(),
        store.orders(account, &all).await.unwrap().len(),
        store.balances(account, None, Default::default()).await.unwrap().len(),
    ]
}

#[tokio::test]
async fn one_row_of_each_stream_that_cannot_be_kept() {
    for place in places("one_row_of_each_stream_that_cannot_be_kept").await {
        let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
        let good = venue.rows.lock().unwrap().clone();
        let huge = "99999999999999.000000";
        venue.change(|rows| {
            rows.positions[2].row.1[0].market_exposure_dollars = huge.parse().unwrap();
            // Another one cannot even be read.
            rows.garbled.push("trade-0-5".to_owned());
            rows.fills[3].row.fee_cost = huge.parse().unwrap();
            rows.settlements[1].row.fee_cost = huge.parse().unwrap();
            rows.orders[6].row.taker_fees_dollars = huge.parse().unwrap();
        });
        let store = Store::open(&place.url).await.unwrap();
        let dry = SyncOptions { dry_run: true, ..options(&clock, 2) };
        let imagined = sync(&venue, &store, &dry, &()).await.unwrap();
        let report = sync(&venue, &store, &options(&clock, 2), &()).await.unwrap();
        assert_eq!(told(&imagined), told(&report));
        assert_eq!(
            told(&report),
            [
                "positions of subaccount 0: position in KXEVENT-2-A: `market_exposure_dollars` is 99999999999999.000000 dollars, \
                 more than fits the store",
                "fills of subaccount 0: fill trade-0-5 of order order-of-trade-0-5 in KXEVENT-1-B cannot be read: \
                 Fill.count_fp: \"a lot\" is not a quantity: expected contracts as a decimal, such as \"12.50\"",
                "fills of subaccount 0: fill trade-0-3 of order order-of-trade-0-3 in KXEVENT-1-B: `fee_cost` is \
                 99999999999999.000000 dollars, more than fits the store",
                "settlements of subaccount 0: settlement of KXEVENT-1-C: `fee_cost` is 99999999999999.000000 dollars, more \
                 than fits the store",
                "orders of subaccount 0: order order-0-6 in KXEVENT-1-A: `taker_fees_dollars + maker_fees_dollars` is \
                 99999999999999.000020 dollars, more than fits the store",
            ]
        );
        assert!(!report.is_complete());
        assert_eq!(report.total().unusable, 5);
        // Everything else is there, the other subaccount's too.
        assert_eq!(counts(&store, &venue).await, [15, 12, 5, 13, 2]);

        let lacking = async || {
            let account = store.account(&venue.identity().unwrap()).await.unwrap().unwrap();
            store
                .lacking(account)
                .await
                .unwrap()
                .iter()
                .map(ToString::to_string)
                .collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(lacking().await, told(&report).into_iter().collect());

        // It is asked for again, and told again, for as long as it is so.
        clock.set(1_000_000);
        let again = sync(&venue, &store, &options(&clock, 2), &()).await.unwrap();
        assert_eq!(told(&again), told(&report));
        assert_eq!(again.total().new, 0);
        assert_eq!(lacking().await.len(), 5);
        venue.change(|rows| *rows = good);
        let mended = sync(&venue, &store, &options(&clock, 2), &()).await.unwrap();
        assert!(mended.is_complete());
        assert!(lacking().await.is_empty());
        assert_eq!(counts(&store, &venue).await, [16, 14, 6, 14, 2]);
        // From now on only what is new is asked for.
        venue.take_asked();
        let only = SyncOptions { subaccounts: vec![0.into()], streams: vec![Stream::Fills], ..options(&clock, 2) };
        assert!(sync(&venue, &store, &only, &()).await.unwrap().is_complete());
        assert_eq!(venue.take_asked()[0], "fills since -1201");
        store.close().await;
    }
}

#[tokio::test]
async fn it_is_asked_for_however_much_comes_after_it() {
    let place = sqlite();
    let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
    venue.change(|rows| {
        rows.subaccounts = vec![0];
        rows.garbled.push("trade-0-3".to_owned());
    });
    let overlap = std::time::Duration::from_secs(1);
    let only = SyncOptions { streams: vec![Stream::Fills], overlap, ..options(&clock, 2) };
    let store = Store::open(&place.url).await.unwrap();
    for _ in 0..2 {
        assert!(!sync(&venue, &store, &only, &()).await.unwrap().is_complete());
    }
    venue.take_asked();
    // It is of 1200; later ones were kept.
    sync(&venue, &store, &only, &()).await.unwrap();
    assert_eq!(venue.take_asked()[1], "fills since 1197");
    venue.change(|rows| rows.garbled.clear());
    assert_eq!(sync(&venue, &store, &only, &()).await.unwrap().total().new, 1);
    venue.take_asked();
    sync(&venue, &store, &only, &()).await.unwrap();
    assert_eq!(venue.take_asked()[1], "fills since 2398");
}

#[tokio::test]
async fn a_page_that_is_none_stops_its_own_stream() {
    let place = sqlite();
    let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
    let store = Store::open(&place.url).await.unwrap();
    let only = SyncOptions { subaccounts: vec![0.into()], streams: vec![Stream::Settlements], ..options(&clock, 2) };
    // A page that is none: the stream stops there, and it alone.
    venue.change(|rows| rows.garbled_settlements = true);
    let report = sync(&venue, &store, &options(&clock, 2), &()).await.unwrap();
    assert_eq!(
        told(&report),
        [
            "settlements of subaccount 0: page 1 cannot be read: no JSON",
            "settlements of subaccount 3: page 1 cannot be read: no JSON"
        ]
    );
    assert_eq!(counts(&store, &venue).await, [16, 14, 0, 14, 2]);
    let account = store.account(&venue.identity().unwrap()).await.unwrap().unwrap();
    assert_eq!(store.lacking(account).await.unwrap().len(), 2);
    venue.change(|rows| rows.garbled_settlements = false);
    assert_eq!(sync(&venue, &store, &only, &()).await.unwrap().total().new, 3);
}

#[tokio::test]
async fn a_sync_that_is_cut_after_such_a_row_remembers_it() {
    for request in 0..8 {
        let place = sqlite();
        let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
        venue.change(|rows| rows.garbled = vec!["trade-0-5".to_owned()]);
        // The newest one is kept: from the resumed walk's end on, only what is newer than that is asked for.
        let overlap = std::time::Duration::from_secs(1);
        let only =
            SyncOptions { subaccounts: vec![0.into()], streams: vec![Stream::Fills], overlap, ..options(&clock, 1) };
        let store = Store::open(&place.url).await.unwrap();
        venue.fail_after(request);
        let cut = sync(&venue, &store, &only, &()).await.is_err();
        assert!(cut, "request {request}");
        let account = store.account(&venue.identity().unwrap()).await.unwrap().unwrap();
        let cut_off = store.lacking(account).await.unwrap().iter().any(|lacking| lacking.reason.is_none());
        assert_eq!(cut_off, request > 0, "a page was there, and more were to come");
        sync(&venue, &store, &only, &()).await.unwrap();
        venue.change(|rows| rows.garbled.clear());
        sync(&venue, &store, &only, &()).await.unwrap();
        store.close().await;
        let fills = rows(&place.url).await.iter().filter(|row| row.starts_with("fills:")).count();
        assert_eq!(fills, 7, "cut at request {request}");
    }
}

#[tokio::test]
async fn orders_of_a_status_that_nobody_knows_are_followed() {
    let place = sqlite();
    let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
    let set = |status: &str| {
        venue.change(|rows| rows.orders[4].row.status = status.into());
    };
    set("suspended");
    let overlap = std::time::Duration::from_secs(1);
    let only =
        SyncOptions { subaccounts: vec![0.into()], streams: vec![Stream::Orders], overlap, ..options(&clock, 5) };
    let store = Store::open(&place.url).await.unwrap();
    sync(&venue, &store, &only, &()).await.unwrap();
    venue.take_asked();
    set("canceled");
    assert_eq!(sync(&venue, &store, &only, &()).await.unwrap().total().changed, 1);
    assert_eq!(venue.take_asked()[0], "orders since 1599");
    sync(&venue, &store, &only, &()).await.unwrap();
    assert_eq!(venue.take_asked()[0], "orders since 2398");
}
