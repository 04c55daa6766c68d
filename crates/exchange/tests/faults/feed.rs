//! Frames and subscriptions.

use std::{collections::BTreeSet, time::Duration};

use daybook_book::{Book, Event};
use daybook_kalshi::{Channel, Fact, GapCause, Subscription};
use futures_util::{FutureExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::stand::{MARKETS, PATIENCE, Stand, frame, seqs_to, subscribe, text};

/// A hundred changes of one book with this fault, and one of another after them; the texts of all the frames.
async fn faulted(plan: &str) -> (Stand, Vec<String>) {
    let stand = Stand::start().await;
    let mut socket = stand.subscribed(&MARKETS[..2]).await;
    stand.plan(&plan.replace("MARKET", MARKETS[0]));
    stand.change(MARKETS[0], 100);
    stand.change(MARKETS[1], 1);
    let mut texts = Vec::new();
    loop {
        texts.push(text(&mut socket).await);
        // A reordered last frame comes after it.
        let done = match plan.starts_with("reorder") {
            true => texts.len() == 101,
            false => texts.last().unwrap().contains(MARKETS[1]),
        };
        if done {
            return (stand, texts);
        }
    }
}

/// The number of a frame, whose end may be missing.
fn seq(text: &str) -> u64 {
    let digits = text.split_once(r#""seq":"#).unwrap().1;
    digits[..digits.find(',').unwrap()].parse().unwrap()
}

#[tokio::test]
async fn dropped_frames_are_those_of_the_log() {
    let (stand, texts) = faulted("drop=20%:market=MARKET").await;
    let came: BTreeSet<u64> = texts.iter().map(|text| seq(text)).collect();
    let missing: Vec<u64> = (3..=103).filter(|seq| !came.contains(seq)).collect();
    assert!(!missing.is_empty());
    assert_eq!(missing, stand.logged("drop"));
    let entry = &stand.log()[0];
    assert_eq!((entry.number, entry.connection, entry.sid, entry.rule), (1, Some(1), Some(1), Some(0)));
    assert_eq!((entry.market.as_deref(), entry.channel.as_deref()), (Some(MARKETS[0]), Some("orderbook_delta")));
}

#[tokio::test]
async fn doubled_frames_are_those_of_the_log() {
    let (stand, texts) = faulted("duplicate=20%:market=MARKET").await;
    let seqs: Vec<u64> = texts.iter().map(|text| seq(text)).collect();
    let doubled: Vec<u64> = seqs.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    assert!(!doubled.is_empty());
    assert_eq!(doubled, stand.logged("duplicate"));
}

#[tokio::test]
async fn reordered_frames_are_those_of_the_log() {
    let (stand, texts) = faulted("reorder=20%:market=MARKET").await;
    let seqs: Vec<u64> = texts.iter().map(|text| seq(text)).collect();
    let late: Vec<u64> = seqs.windows(2).filter(|pair| pair[0] > pair[1]).map(|pair| pair[1]).collect();
    assert!(!late.is_empty());
    assert_eq!(late, stand.logged("reorder"));
    assert_eq!(seqs.into_iter().collect::<BTreeSet<_>>(), (3..=103).collect());
}

#[tokio::test]
async fn malformed_frames_are_those_of_the_log() {
    let (stand, texts) = faulted("malformed=20%:market=MARKET").await;
    let cut = texts.iter().filter(|text| serde_json::from_str::<Value>(text).is_err());
    let cut: Vec<u64> = cut.map(|text| seq(text)).collect();
    assert!(!cut.is_empty());
    assert_eq!(cut, stand.logged("malformed"));
}

#[tokio::test]
async fn the_same_seed_makes_the_same_faults() {
    let plan = |seed: u64| format!("seed={seed},drop=10%:market=MARKET,duplicate=10%:market=MARKET");
    let mut runs = Vec::new();
    for seed in [1, 1, 2] {
        let (stand, texts) = faulted(&plan(seed)).await;
        let log: Vec<_> = stand.log().into_iter().map(|entry| (entry.kind, entry.seq, entry.rule)).collect();
        runs.push((texts.iter().map(|text| seq(text)).collect::<Vec<_>>(), log));
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[tokio::test]
async fn a_delayed_frame_holds_its_subscription_up() {
    let stand = Stand::start().await;
    let mut slow = stand.subscribed(&MARKETS[..1]).await;
    let mut other = stand.subscribed(&MARKETS[..1]).await;
    stand.plan("delay=1/2:connection=1:limit=1:for=2s");
    stand.change(MARKETS[0], 5);
    assert_eq!(seqs_to(&mut other, 6).await, [2, 3, 4, 5, 6]);
    assert_eq!(frame(&mut slow).await["seq"], 2);
    assert!(slow.next().now_or_never().is_none());
    assert_eq!(seqs_to(&mut slow, 6).await, [3, 4, 5, 6]);
    let entry = &stand.log()[0];
    assert_eq!((stand.logged("delay"), entry.for_ms, entry.connection), (vec![3], Some(2_000), Some(1)));
}

#[tokio::test]
async fn numbers_are_passed_over_though_nothing_is_lost() {
    let stand = Stand::start().await;
    let mut socket = stand.subscribed(&MARKETS[..1]).await;
    stand.plan("gap=1/4:amount=3:limit=1");
    stand.change(MARKETS[0], 4);
    assert_eq!(seqs_to(&mut socket, 5).await, [2, 3, 4, 5]);
    stand.change(MARKETS[0], 1);
    assert_eq!(frame(&mut socket).await["seq"], 9);
    assert_eq!((stand.logged("gap"), stand.log()[0].amount), (vec![6], Some(3)));
}

#[tokio::test]
async fn subscriptions_end_with_an_error_or_without_a_word() {
    for (kind, code) in [("error_25", Some(25)), ("error_10", Some(10)), ("forget", None)] {
        let stand = Stand::start().await;
        let mut socket = stand.subscribed(&MARKETS[..1]).await;
        let (status, _) = stand.admin("POST", "/faults/once", &json!({"kind": kind}).to_string()).await;
        assert_eq!(status, 200);
        if let Some(code) = code {
            let error = frame(&mut socket).await;
            assert_eq!(
                (&error["type"], &error["sid"], &error["msg"]["code"]),
                (&json!("error"), &json!(1), &json!(code))
            );
        } else {
            while stand.log().is_empty() {
                tokio::task::yield_now().await;
            }
        }
        // What changes now is not told; a new subscription is.
        stand.change(MARKETS[0], 1);
        subscribe(&mut socket, &MARKETS[..1]).await;
        assert_eq!(frame(&mut socket).await["msg"]["sid"], 2);
        assert_eq!(frame(&mut socket).await["seq"], 1);
        let entry = &stand.log()[0];
        assert_eq!((entry.kind.as_str(), entry.sid, entry.rule), (kind, Some(1), None));
    }
}

/// The project's own client notices what is done to it, repairs it, and ends with the truth.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_survives_all_of_it() {
    let stand = Stand::start().await;
    let mut session = stand.session();
    let handle = session.handle();
    let tickers = MARKETS.map(|market| market.parse().unwrap());
    let subscribing = tokio::spawn(async move {
        handle.subscribe(Subscription::new(Channel::OrderbookDelta).markets(tickers)).await.unwrap();
        handle
    });
    let mut books: std::collections::HashMap<String, (Book, bool)> = Default::default();
    let (mut lost, mut unreadable, mut repeated, mut rounds) = (0, 0, 0, 0);
    let ended = timeout(3 * PATIENCE, async {
        loop {
            if let Ok(batch) = timeout(Duration::from_millis(20), session.next()).await {
                let mut batch = batch.unwrap();
                while let Some(fact) = batch.next() {
                    match fact {
                        Fact::Event(record) => {
                            if let (Some(ticker), Event::Delta(_) | Event::Snapshot(_)) =
                                (record.event.ticker(), &record.event)
                            {
                                let _ = books.entry(ticker.to_owned()).or_default().0.apply_event(&record.event);
                            }
                        }
                        Fact::GapOpened(gap) => {
                            lost += u64::from(matches!(gap.cause, GapCause::SequenceGap { .. }));
                            gap.markets.iter().for_each(|ticker| books.get_mut(ticker.as_str()).unwrap().1 = false);
                        }
                        Fact::GapClosed(closed) => {
                            books.entry(closed.market.unwrap().as_str().to_owned()).or_default().1 = true;
                        }
                        Fact::Unreadable(_) => unreadable += 1,
                        Fact::Surplus(daybook_kalshi::Surplus::Repeated, _) => repeated += 1,
                        _ => {}
                    }
                }
            }
            let trusted = books.len() == MARKETS.len() && books.values().all(|(_, trusted)| *trusted);
            if rounds == 0 && trusted {
                stand.plan("drop=1/50,duplicate=1/31,reorder=1/43,malformed=1/101,error_25=1/160:limit=1");
            }
            if trusted || rounds > 0 {
                rounds += 1;
                match rounds {
                    1..=60 => MARKETS.iter().for_each(|market| stand.change(market, 3)),
                    61 => stand.plan(""),
                    _ => {
                        MARKETS.iter().for_each(|market| {
                            if rounds % 10 == 0 {
                                stand.change(market, 1)
                            }
                        });
                        let venue = stand.exchange.venue();
                        let is_true = |market: &&str| {
                            let truth = venue.true_book(venue.market_id(market).unwrap()).unwrap();
                            books.get(*market).is_some_and(|(book, trusted)| *trusted && *book == truth.book)
                        };
                        if MARKETS.iter().all(is_true) {
                            break;
                        }
                    }
                }
            }
        }
    })
    .await;
    assert!(ended.is_ok(), "the books come to be true; log: {:#?}", stand.log());
    assert!(!stand.logged("drop").is_empty() && lost > 0);
    assert_eq!(unreadable, stand.logged("malformed").len());
    assert!(repeated > 0 && repeated <= stand.logged("duplicate").len());
    assert_eq!(stand.logged("error_25").len(), 1);
    subscribing.await.unwrap();
}
