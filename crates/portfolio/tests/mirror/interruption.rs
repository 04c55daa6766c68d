//! A sync that is stopped anywhere and started again leaves what one that was not stopped leaves.

use std::{future::Future, pin::pin, sync::Arc, task::Poll};

use daybook_portfolio::{Store, Stream, SyncError, SyncOptions, sync};

use crate::{
    stores::{places, rows, sqlite},
    venue::{FillRow, Kept, StoppedClock, Venue, account, options},
};

/// What an uninterrupted sync leaves.
async fn uninterrupted(url: &str) -> Vec<String> {
    let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
    let store = Store::open(url).await.unwrap();
    sync(&venue, &store, &options(&clock, 2), &()).await.unwrap();
    store.close().await;
    rows(url).await
}

#[tokio::test]
async fn the_wire_is_cut_at_every_request() {
    let expected = uninterrupted(&sqlite().url).await;
    let mut completed = false;
    for request in 0.. {
        for place in places("the_wire_is_cut_at_every_request").await {
            let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
            let store = Store::open(&place.url).await.unwrap();
            venue.fail_after(request);
            completed = match sync(&venue, &store, &options(&clock, 2), &()).await {
                Ok(_) => true,
                Err(SyncError::Account(_) | SyncError::Source { .. }) => false,
                Err(other) => panic!("{other}"),
            };
            venue.fail_after(usize::MAX / 2);
            sync(&venue, &store, &options(&clock, 2), &()).await.unwrap();
            store.close().await;
            assert_eq!(rows(&place.url).await, expected, "cut at request {request}");
        }
        if completed {
            assert!(request > 30, "an account of {request} requests tests nothing");
            return;
        }
    }
}

#[tokio::test]
async fn cut_again_and_again() {
    for place in places("cut_again_and_again").await {
        let expected = uninterrupted(&sqlite().url).await;
        let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
        let store = Store::open(&place.url).await.unwrap();
        // Each gets one request further than the one before, and goes on where that one stopped.
        for requests in 1.. {
            venue.fail_after(requests);
            match sync(&venue, &store, &options(&clock, 2), &()).await {
                Ok(_) => break,
                Err(SyncError::Account(_) | SyncError::Source { .. }) => assert!(requests < 100),
                Err(other) => panic!("{other}"),
            }
        }
        store.close().await;
        assert_eq!(rows(&place.url).await, expected);
    }
}

/// Polls `future` at most `polls` times, and drops it where it stands.
async fn at_most<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test]
async fn dropped_wherever_it_waits() {
    let expected = uninterrupted(&sqlite().url).await;
    for place in places("dropped_wherever_it_waits").await {
        let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
        let store = Store::open(&place.url).await.unwrap();
        let mut drops = 0;
        // Each sync gets further than the one before: every place at which it waits is one at which it was dropped.
        for polls in 1.. {
            match at_most(polls, sync(&venue, &store, &options(&clock, 2), &())).await {
                Some(report) => {
                    report.unwrap();
                    break;
                }
                None => drops += 1,
            }
        }
        assert!(drops > 40, "{drops}");
        store.close().await;
        assert_eq!(rows(&place.url).await, expected);
    }
}

#[tokio::test]
async fn what_happens_while_it_is_interrupted_is_mirrored_when_it_goes_on() {
    let place = sqlite();
    let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
    let store = Store::open(&place.url).await.unwrap();
    // One page of fills, and then nothing.
    let only = SyncOptions { subaccounts: vec![0.into()], streams: vec![Stream::Fills], ..options(&clock, 2) };
    venue.fail_after(1);
    sync(&venue, &store, &only, &()).await.unwrap_err();
    venue.change(|rows| {
        // Newest first: the pages shift by three.
        for index in 0..3 {
            let id = format!("late-{index}");
            let fill =
                FillRow { id: &id, ticker: "KX-A", side: "no", count: 1, yes_price: 1, fee: 1, at: 9000 + index };
            rows.fills.push(Kept { subaccount: 0, archived: false, row: fill.row() });
        }
    });
    let all = venue.rows.lock().unwrap().fills.len();
    let report = sync(&venue, &store, &options(&clock, 2), &()).await.unwrap();
    assert!(report.streams.iter().any(|stream| stream.resumed), "{report:?}");
    store.close().await;
    let fills = rows(&place.url).await.iter().filter(|row| row.starts_with("fills:")).count();
    assert_eq!(fills, all);
}

#[tokio::test]
async fn a_cursor_that_is_too_old_begins_anew() {
    let expected = uninterrupted(&sqlite().url).await;
    let mut refused = 0;
    for request in [5, 9, 12, 20, 30] {
        let place = sqlite();
        let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
        let store = Store::open(&place.url).await.unwrap();
        venue.fail_after(request);
        sync(&venue, &store, &options(&clock, 2), &()).await.unwrap_err();
        venue.change(|rows| rows.generation += 1);
        let report = sync(&venue, &store, &options(&clock, 2), &()).await.unwrap();
        refused += report.streams.iter().filter(|stream| stream.resumed).count();
        store.close().await;
        assert_eq!(rows(&place.url).await, expected);
    }
    assert!(refused > 0);
}

#[tokio::test]
async fn two_syncs_at_once_do_not_double() {
    for place in places("two_syncs_at_once_do_not_double").await {
        let expected = uninterrupted(&sqlite().url).await;
        let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
        let (one, other) = (Store::open(&place.url).await.unwrap(), Store::open(&place.url).await.unwrap());
        let options = options(&clock, 2);
        let (a, b) = tokio::join!(sync(&venue, &one, &options, &()), sync(&venue, &other, &options, &()));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert_eq!(a.total().new + b.total().new, 2 * (1 + 4 + 8 + 7 + 3 + 7));
        one.close().await;
        other.close().await;
        assert_eq!(rows(&place.url).await, expected);
    }
}
