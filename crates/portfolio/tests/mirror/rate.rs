//! How fast it is: `cargo test -p daybook-portfolio -- --ignored --nocapture rate`.

use std::{sync::Arc, time::Instant};

use daybook_kalshi::rest::value::Subaccount;
use daybook_portfolio::{AccountSource, Marks, Period, Store, Stream, SyncOptions, sync};

use crate::{
    stores::places,
    venue::{FillRow, Kept, Rows, StoppedClock, Venue, options},
};

const FILLS: i64 = 20_000;

#[tokio::test]
#[ignore = "measures, and asserts no time"]
async fn rate() {
    for place in places("rate").await {
        let mut rows = Rows { subaccounts: vec![0], ..Rows::default() };
        for index in 0..FILLS {
            let (id, ticker) = (format!("{index:020}"), format!("KXEVENT-{}-A", index % 500));
            let side = if index % 3 == 0 { "no" } else { "yes" };
            let fill = FillRow { id: &id, ticker: &ticker, side, count: 100, yes_price: 4000, fee: 70, at: index };
            rows.fills.push(Kept { subaccount: 0, archived: false, row: fill.row() });
        }
        let (venue, clock) = (Venue::new(rows), Arc::new(StoppedClock::default()));
        let store = Store::open(&place.url).await.unwrap();
        let only = SyncOptions {
            subaccounts: vec![Subaccount(0)],
            streams: vec![Stream::Fills],
            full: true,
            ..options(&clock, 1000)
        };
        let kind = if store.location().file().is_some() { "SQLite" } else { "PostgreSQL" };
        for what in ["new", "known"] {
            let begin = Instant::now();
            sync(&venue, &store, &only, &()).await.unwrap();
            println!("{kind}: {FILLS} {what} fills mirrored, the test's venue included, in {:?}", begin.elapsed());
        }
        let account = store.account(&venue.identity().unwrap()).await.unwrap().unwrap();
        let begin = Instant::now();
        let summary = store.summary(account, Period::ALL, &Marks::new()).await.unwrap();
        println!("{kind}: {} fills summarised in {:?}", summary.total.fills, begin.elapsed());
        assert_eq!(summary.total.fills, FILLS as u64);
    }
}
