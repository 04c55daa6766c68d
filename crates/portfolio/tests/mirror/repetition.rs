//! What is mirrored once stays as it is, whatever comes again.

use std::sync::Arc;

use daybook_kalshi::rest::value::Subaccount;
use daybook_portfolio::{AccountSource, Selection, Store, Stream, SyncOptions, sync};

use crate::{
    stores::{places, rows, sqlite},
    venue::{FillRow, Kept, StoppedClock, Venue, account, options, order},
};

#[tokio::test]
async fn everything_is_mirrored_and_a_second_sync_changes_nothing() {
    for place in places("everything_is_mirrored").await {
        let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
        let store = Store::open(&place.url).await.unwrap();
        let report = sync(&venue, &store, &options(&clock, 2), &()).await.unwrap();
        // For each of two subaccounts: balance, 4 events with 2 markets each, 7 fills, 3 settlements, 7 orders.
        assert_eq!(report.total().new, 2 * (1 + 4 + 8 + 7 + 3 + 7));
        assert_eq!((report.total().changed, report.total().revised, report.total().unchanged), (0, 0, 0));

        let account = store.account(&venue.identity().unwrap()).await.unwrap().unwrap();
        let selection = Selection { subaccount: Some(Subaccount(3)), ..Selection::default() };
        let fills = store.fills(account, &selection).await.unwrap();
        let ids: Vec<_> = fills.iter().map(|fill| fill.row.trade_id.as_str().to_owned()).collect();
        assert_eq!(ids, (0..7).map(|index| format!("trade-3-{index}")).collect::<Vec<_>>());
        assert_eq!(fills[1].row.extra["a_field_of_tomorrow"]["x"], "trade-3-1", "nothing that the venue adds is lost");
        assert_eq!(store.settlements(account, &selection).await.unwrap().len(), 3);
        assert_eq!(store.orders(account, &selection).await.unwrap().len(), 7);
        assert_eq!(store.positions(account, &selection).await.unwrap().len(), 8);
        let balances = store.balances(account, None, Default::default()).await.unwrap();
        assert_eq!(balances.len(), 2);
        let event = Selection { event_ticker: Some("KXEVENT-1".into()), ..selection.clone() };
        assert_eq!(store.positions(account, &event).await.unwrap().len(), 2);
        assert_eq!(store.event_positions(account, &event).await.unwrap().len(), 1);
        assert_eq!(store.fills(account, &event).await.unwrap().len(), 7);
        let market = Selection { ticker: Some("KXEVENT-2-A".parse().unwrap()), ..selection };
        assert_eq!(store.positions(account, &market).await.unwrap().len(), 1);
        assert_eq!(store.event_positions(account, &market).await.unwrap().len(), 1);
        assert_eq!(store.fills(account, &market).await.unwrap().len(), 0);
        store.close().await;

        let before = rows(&place.url).await;
        let store = Store::open(&place.url).await.unwrap();
        for full in [false, true] {
            clock.set(10_000);
            let report = sync(&venue, &store, &SyncOptions { full, ..options(&clock, 3) }, &()).await.unwrap();
            assert!(report.is_unchanged(), "{report:?}");
        }
        store.close().await;
        assert_eq!(rows(&place.url).await, before);
    }
}

#[tokio::test]
async fn a_second_sync_asks_for_what_is_new_only() {
    let place = sqlite();
    let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
    let store = Store::open(&place.url).await.unwrap();
    let only = SyncOptions { subaccounts: vec![Subaccount(0)], streams: vec![Stream::Fills], ..options(&clock, 5) };
    sync(&venue, &store, &only, &()).await.unwrap();
    assert_eq!(venue.take_asked(), ["fills all", "cutoff", "historical fills all"]);
    // The newest fill is at 2400; an hour before is before the history's end.
    sync(&venue, &store, &only, &()).await.unwrap();
    assert_eq!(venue.take_asked(), ["fills since -1201", "cutoff", "historical fills since -1201"]);
    let overlap = std::time::Duration::from_secs(600);
    let report = sync(&venue, &store, &SyncOptions { overlap, ..only }, &()).await.unwrap();
    assert_eq!(venue.take_asked(), ["fills since 1799", "cutoff"]);
    assert_eq!(report.total().unchanged, 2, "those at 2000 and 2400");
}

#[tokio::test]
async fn orders_are_followed_while_they_rest() {
    let place = sqlite();
    let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
    venue.change(|rows| {
        rows.fills.clear();
        rows.orders.push(Kept { subaccount: 0, archived: false, row: order("resting", "resting", "2.00", 5, 5) });
        rows.orders.push(Kept {
            subaccount: 0,
            archived: false,
            row: order("last", "executed", "2.00", 90_000, 90_000),
        });
    });
    let store = Store::open(&place.url).await.unwrap();
    let only = SyncOptions { subaccounts: vec![Subaccount(0)], streams: vec![Stream::Orders], ..options(&clock, 5) };
    sync(&venue, &store, &only, &()).await.unwrap();
    venue.take_asked();
    venue.change(|rows| {
        let resting = rows.orders.iter_mut().find(|row| row.row.order_id.as_str() == "resting").unwrap();
        resting.row = order("resting", "canceled", "3.00", 5, 95_000);
    });
    let report = sync(&venue, &store, &only, &()).await.unwrap();
    assert_eq!(venue.take_asked()[0], "orders since 4");
    assert_eq!(report.total().changed, 1);
    sync(&venue, &store, &only, &()).await.unwrap();
    assert_eq!(venue.take_asked()[0], format!("orders since {}", 90_000 - 3600 - 1));
    let account = store.account(&venue.identity().unwrap()).await.unwrap().unwrap();
    let orders = store.orders(account, &Selection::default()).await.unwrap();
    let resting = orders.iter().find(|order| order.row.order_id.as_str() == "resting").unwrap();
    assert_eq!((resting.row.status.as_str(), resting.row.fill_count_fp.to_string()), ("canceled", "3.00".to_owned()));
}

#[tokio::test]
async fn what_the_venue_changes_afterwards_is_told_once_and_never_overwrites() {
    for place in places("what_the_venue_changes_afterwards").await {
        let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
        let store = Store::open(&place.url).await.unwrap();
        sync(&venue, &store, &options(&clock, 2), &()).await.unwrap();
        store.close().await;
        let before = rows(&place.url).await;

        venue.change(|rows| {
            let fill = &mut rows.fills.iter_mut().find(|row| row.row.trade_id.as_str() == "trade-3-4").unwrap().row;
            fill.fee_cost = "0.5".parse().unwrap();
            // No longer sent: contradicts nothing.
            fill.ts = None;
            rows.settlements[0].row.revenue = 299.into();
        });
        let store = Store::open(&place.url).await.unwrap();
        let report = sync(&venue, &store, &options(&clock, 2), &()).await.unwrap();
        let told: Vec<String> = report
            .revisions
            .iter()
            .map(|revision| {
                let change = &revision.changes[0];
                assert_eq!(revision.changes.len(), 1);
                let before = change.before.as_ref().unwrap();
                format!("{} {}: {} {before} -> {}", revision.table, revision.key, change.field, change.after)
            })
            .collect();
        assert_eq!(
            told,
            [
                "settlements 0/0/KXEVENT-1-A: revenue 300 -> 299",
                "fills trade-3-4/order-of-trade-3-4: fee_cost \"0.001238\" -> \"0.5000\"",
            ]
        );
        let account = store.account(&venue.identity().unwrap()).await.unwrap().unwrap();
        assert_eq!(store.revisions(account).await.unwrap().len(), 2);
        // Told already.
        assert!(sync(&venue, &store, &options(&clock, 2), &()).await.unwrap().is_unchanged());
        // Another one of the same row.
        venue.change(|rows| rows.settlements[0].row.revenue = 298.into());
        let report = sync(&venue, &store, &options(&clock, 2), &()).await.unwrap();
        assert_eq!((report.total().revised, report.revisions.len()), (1, 1));
        store.close().await;

        let after = rows(&place.url).await;
        let unrevised: Vec<_> = after.iter().filter(|row| !row.starts_with("revisions:")).cloned().collect();
        assert_eq!(unrevised, before);
        assert_eq!(after.len(), before.len() + 3);
    }
}

#[tokio::test]
async fn a_row_that_was_archived_meanwhile_is_the_same_row() {
    let place = sqlite();
    let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
    let store = Store::open(&place.url).await.unwrap();
    sync(&venue, &store, &options(&clock, 2), &()).await.unwrap();
    let new = FillRow { id: "new", ticker: "KX-A", side: "yes", count: 100, yes_price: 5000, fee: 0, at: 9000 };
    venue.change(|rows| {
        rows.cutoff = 1_000_000;
        rows.fills.push(Kept { subaccount: 0, archived: false, row: new.row() });
        rows.fills.iter_mut().for_each(|row| row.archived = true);
        rows.orders.iter_mut().for_each(|row| row.archived = true);
        rows.positions.iter_mut().for_each(|row| row.archived = true);
    });
    let report = sync(&venue, &store, &options(&clock, 2), &()).await.unwrap();
    let total = report.total();
    assert_eq!((total.new, total.changed, total.revised), (1, 0, 0), "only the new fill, archived before it was seen");
}

#[tokio::test]
async fn a_self_match_is_two_fills() {
    let place = sqlite();
    let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
    let mut other = venue.rows.lock().unwrap().fills[0].clone();
    other.row.order_id = "another-order".into();
    venue.change(|rows| rows.fills.push(other));
    let store = Store::open(&place.url).await.unwrap();
    let report = sync(&venue, &store, &options(&clock, 100), &()).await.unwrap();
    let fills: u64 =
        report.streams.iter().filter(|stream| stream.stream == Stream::Fills).map(|stream| stream.counts.new).sum();
    assert_eq!(fills, 15);
}
