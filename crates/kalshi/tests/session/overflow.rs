//! A consumer that does not keep up: events are dropped under open gaps, and the books come true again.

use std::{collections::BTreeSet, time::Duration};

use daybook_kalshi::{Channel, Fact, GapCause, Subscription};

use crate::{builder, folded::Folded, read_until, read_until_true, server::Server};

#[tokio::test]
async fn what_does_not_fit_is_a_gap_of_the_markets_concerned_and_of_no_other() {
    let server = Server::start(6).await;
    let mut session = builder(&server).queue(100).open().unwrap();
    let handle = session.handle();
    handle.subscribe(Subscription::new(Channel::OrderbookDelta).markets(server.tickers())).await.unwrap();
    handle.subscribe(Subscription::new(Channel::Trade)).await.unwrap();
    let mut folded = Folded { keeps: true, ..Folded::default() };
    read_until_true(&mut session, &mut folded, &server).await;

    // Nobody reads, and the venue goes on.
    let mut changed = BTreeSet::new();
    let before = server.state().venue.books.clone();
    for _ in 0..300 {
        server.act(1);
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    server.say("trade", "trade", r#"{"trade_id":"t","market_ticker":"M-0","yes_price_dollars":"0.4000","no_price_dollars":"0.6000","count_fp":"1.00"}"#);
    for (ticker, (book, _)) in &server.state().venue.books {
        if *book != before[ticker].0 {
            changed.insert(ticker.clone());
        }
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let stats = handle.stats();
    // The queue's bound, one gap for each market and one for the trades.
    assert!(stats.connections[0].dropped > 100 && stats.queue_depth <= 100 + 64 + 7, "{stats:?}");

    read_until_true(&mut session, &mut folded, &server).await;
    assert!(folded.gaps.iter().all(|cause| *cause == GapCause::Overflow), "{:?}", folded.gaps);
    let mut stale = BTreeSet::new();
    for fact in &folded.facts {
        if let Fact::GapOpened(gap) = fact {
            stale.extend(gap.markets.iter().map(|ticker| ticker.as_str().to_owned()));
        }
    }
    assert!(!stale.is_empty() && stale.is_subset(&changed), "{stale:?} of {changed:?}");
    assert!(folded.markets.values().all(|market| market.misfits == 0));
    read_until(&mut session, &mut folded, |folded| {
        folded.facts.iter().any(|fact| matches!(fact, Fact::GapClosed(closed) if closed.channel == Channel::Trade))
    })
    .await;
}
