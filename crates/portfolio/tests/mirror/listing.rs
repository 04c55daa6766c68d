//! A position that the venue lists no longer has ended, whatever list it was on.

use std::sync::Arc;

use daybook_portfolio::{AccountSource, Selection, Store, Stream, SyncOptions, SyncReport, sync};

use crate::{
    stores::{places, sqlite},
    venue::{Kept, Rows, StoppedClock, Venue, options, positions},
};

/// Positions in so many events, of one subaccount.
fn held(events: i64) -> Rows {
    let mut rows = Rows { subaccounts: vec![0], cutoff: 1000, ..Rows::default() };
    for index in 0..events {
        let event = format!("KX-{index}");
        let market = format!("{event}-A");
        let row = positions(&event, &[(&market, "1.50")], 2000);
        rows.positions.push(Kept { subaccount: 0, archived: false, row });
    }
    rows
}

struct Mirror {
    venue: Venue,
    clock: Arc<StoppedClock>,
    store: Store,
}

impl Mirror {
    async fn sync(&self, at: i64) -> SyncReport {
        self.clock.set(at);
        let only = SyncOptions { streams: vec![Stream::Positions], ..options(&self.clock, 2) };
        let told = sync(&self.venue, &self.store, &SyncOptions { dry_run: true, ..only.clone() }, &()).await.unwrap();
        self.venue.take_asked();
        let done = sync(&self.venue, &self.store, &only, &()).await.unwrap();
        assert_eq!(told.streams, done.streams);
        done
    }

    /// Market and version from when to when, in seconds after day one.
    async fn versions(&self) -> Vec<(String, i64, Option<i64>)> {
        let account = self.store.account(&self.venue.identity().unwrap()).await.unwrap().unwrap();
        let seconds = |at: jiff::Timestamp| at.as_second() - crate::venue::DAY_ONE;
        let mut versions: Vec<_> = (self.store.position_history(account, &Selection::default()).await.unwrap())
            .into_iter()
            .map(|version| (version.row.ticker.to_string(), seconds(version.valid_from), version.valid_to.map(seconds)))
            .collect();
        let events = self.store.event_position_history(account, &Selection::default()).await.unwrap();
        versions.extend(events.into_iter().map(|version| {
            (version.row.event_ticker.to_string(), seconds(version.valid_from), version.valid_to.map(seconds))
        }));
        versions
    }
}

fn version(name: &str, from: i64, to: Option<i64>) -> (String, i64, Option<i64>) {
    (name.to_owned(), from, to)
}

#[tokio::test]
async fn it_ends_when_no_list_has_it_and_begins_anew_when_it_comes_back() {
    for place in places("it_ends_when_no_list_has_it").await {
        let store = Store::open(&place.url).await.unwrap();
        let mirror = Mirror { venue: Venue::new(held(3)), clock: Arc::default(), store };
        assert_eq!(mirror.sync(5000).await.total().closed, 0);
        let gone = mirror.venue.rows.lock().unwrap().positions.remove(1);
        let total = mirror.sync(6000).await.total();
        assert_eq!((total.closed, total.changed, total.new), (2, 0, 0), "the market's and the event's");
        let versions = mirror.versions().await;
        assert!(versions.contains(&version("KX-1-A", 5000, Some(6000))), "{versions:?}");
        assert!(versions.contains(&version("KX-1", 5000, Some(6000))), "{versions:?}");
        assert!(versions.contains(&version("KX-2-A", 5000, None)), "{versions:?}");
        assert!(mirror.sync(6500).await.is_unchanged());
        // The clock has gone back meanwhile: no two versions overlap all the same.
        mirror.venue.change(|rows| rows.positions.push(gone));
        assert_eq!(mirror.sync(5500).await.total().new, 2);
        let versions = mirror.versions().await;
        assert!(versions.contains(&version("KX-1-A", 6000, None)), "{versions:?}");
        mirror.store.close().await;
    }
}

#[tokio::test]
async fn what_is_archived_has_not_ended_and_is_looked_for_once() {
    let place = sqlite();
    let store = Store::open(&place.url).await.unwrap();
    let mirror = Mirror { venue: Venue::new(held(3)), clock: Arc::default(), store };
    // So late that nothing of the archive is new.
    mirror.sync(50_000).await;
    mirror.sync(60_000).await;
    assert_eq!(mirror.venue.take_asked(), ["subaccounts", "positions", "positions", "cutoff"]);
    mirror.venue.change(|rows| rows.positions[0].archived = true);
    let report = mirror.sync(70_000).await;
    assert!(report.is_unchanged(), "{report:?}");
    assert!(mirror.venue.take_asked().contains(&"historical positions".to_owned()));
    mirror.sync(80_000).await;
    assert!(!mirror.venue.take_asked().contains(&"historical positions".to_owned()), "it is known to be there");
    // Now it is in neither, which a sync finds out that reads the archive.
    mirror.venue.change(|rows| {
        rows.positions.remove(0);
        rows.cutoff = 1_000_000;
    });
    assert_eq!(mirror.sync(90_000).await.total().closed, 2);
}

#[tokio::test]
async fn what_is_on_both_lists_is_what_the_live_one_says() {
    let place = sqlite();
    let store = Store::open(&place.url).await.unwrap();
    let mut rows = held(1);
    rows.cutoff = 1_000_000;
    let mut archived = Kept { archived: true, ..rows.positions[0].clone() };
    archived.row.0.total_cost_dollars = "3.99".parse().unwrap();
    archived.row.1[0].fees_paid_dollars = "0.25".parse().unwrap();
    rows.positions.push(archived);
    let mirror = Mirror { venue: Venue::new(rows), clock: Arc::default(), store };
    assert_eq!(mirror.sync(5000).await.total().new, 2);
    for at in [6000, 7000] {
        assert!(mirror.sync(at).await.is_unchanged());
    }
    assert_eq!(mirror.versions().await.len(), 2);
    // Also where a sync was cut off between the two.
    for requests in 1..5 {
        mirror.venue.fail_after(requests);
        let only = SyncOptions { streams: vec![Stream::Positions], ..options(&mirror.clock, 2) };
        let _ = sync(&mirror.venue, &mirror.store, &only, &()).await;
        mirror.venue.fail_after(usize::MAX / 2);
        mirror.sync(8000).await;
        assert_eq!(mirror.versions().await.len(), 2, "cut after {requests}");
    }
}

#[tokio::test]
async fn a_partial_list_ends_nothing() {
    let place = sqlite();
    let store = Store::open(&place.url).await.unwrap();
    let mirror = Mirror { venue: Venue::new(held(6)), clock: Arc::default(), store };
    mirror.sync(5000).await;
    // One has gone, and one that is there cannot be kept: it is not known what else could not be read.
    mirror.venue.change(|rows| {
        rows.positions.remove(1);
        rows.positions[0].row.1[0].fees_paid_dollars = "99999999999999".parse().unwrap();
    });
    let report = mirror.sync(6000).await;
    assert_eq!((report.unusable.len(), report.total().closed), (1, 0));
    // Cut off in the middle: what was not read is not what is not there.
    mirror.venue.change(|rows| rows.positions[0].row.1[0].fees_paid_dollars = "0.005".parse().unwrap());
    mirror.venue.fail_after(2);
    let only = SyncOptions { streams: vec![Stream::Positions], ..options(&mirror.clock, 2) };
    sync(&mirror.venue, &mirror.store, &only, &()).await.unwrap_err();
    assert!(mirror.versions().await.iter().all(|(_, _, to)| to.is_none()));
    let total = mirror.sync(7000).await.total();
    assert_eq!((total.closed, total.new), (2, 0));
}
