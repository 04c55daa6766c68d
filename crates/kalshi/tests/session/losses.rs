//! Frames that are lost, doubled, reordered or garbled, and subscriptions that die: books go stale and come back.

use std::{collections::BTreeSet, time::Duration};

use daybook_kalshi::{Channel, EndCause, Fact, GapCause, Session, SessionHandle, Subscription};

use crate::{
    builder,
    folded::Folded,
    read_until, read_until_true,
    server::{Faults, Server},
    ticker,
};

/// A session that has every market's book.
async fn with_books(server: &Server) -> (Session, SessionHandle, Folded) {
    let mut session = builder(server).repair_interval(Duration::from_millis(20)).open().unwrap();
    let handle = session.handle();
    let books = Subscription::new(Channel::OrderbookDelta).markets(server.tickers());
    handle.subscribe(books).await.unwrap();
    let mut folded = Folded { keeps: true, ..Folded::default() };
    read_until_true(&mut session, &mut folded, server).await;
    (session, handle, folded)
}

#[tokio::test]
async fn a_lost_frame_makes_every_book_of_its_subscription_stale_until_its_own_snapshot() {
    let server = Server::start(8).await;
    let (mut session, handle, mut folded) = with_books(&server).await;
    server.lose_one();
    server.act(1);
    read_until(&mut session, &mut folded, |folded| !folded.gaps.is_empty()).await;
    read_until_true(&mut session, &mut folded, &server).await;
    let [GapCause::SequenceGap { missing }] = folded.gaps[..] else { panic!("{:?}", folded.gaps) };
    assert!(missing >= 1);
    let opened = folded.facts.iter().find_map(|fact| match fact {
        Fact::GapOpened(gap) => Some(gap.clone()),
        _ => None,
    });
    let opened = opened.unwrap();
    assert_eq!((opened.markets.len(), opened.sid), (8, Some(1)));
    assert!(opened.since < opened.at);
    let closed = folded.facts.iter().filter(
        |fact| matches!(fact, Fact::GapClosed(closed) if closed.since == Some(opened.since) && closed.at >= opened.at),
    );
    assert_eq!(closed.count(), 8);
    // One command repaired all eight.
    assert_eq!(handle.stats().connections[0].commands, 2);
}

#[tokio::test]
async fn doubled_frames_cost_nothing() {
    let server = Server::start(4).await;
    let (mut session, handle, mut folded) = with_books(&server).await;
    server.state().faults = Faults { duplicate: 500, ..Faults::default() };
    server.act(200);
    server.state().faults = Faults::default();
    server.act(1);
    read_until_true(&mut session, &mut folded, &server).await;
    assert_eq!(folded.gaps, []);
    assert!(handle.stats().connections[0].surplus > 50);
}

#[tokio::test]
async fn a_terminal_error_is_followed_by_a_new_subscription() {
    for code in [10, 25] {
        let server = Server::start(4).await;
        let (mut session, _, mut folded) = with_books(&server).await;
        server.fail("orderbook_delta", code);
        read_until(&mut session, &mut folded, |folded| !folded.gaps.is_empty()).await;
        server.act(50);
        read_until_true(&mut session, &mut folded, &server).await;
        assert_eq!(folded.gaps, [GapCause::SubscriptionEnded]);
        let ended = |fact: &&Fact<'_>| matches!(fact, Fact::SubscriptionEnded { sid: 1, cause: EndCause::Terminal { code: told }, .. } if *told == code);
        assert_eq!(folded.facts.iter().filter(ended).count(), 1);
        let anew = |fact: &Fact<'_>| matches!(fact, Fact::SubscriptionBegun { sid: 2, .. });
        assert!(folded.facts.iter().any(anew));
    }
}

#[tokio::test]
async fn a_gap_of_trades_is_told_with_its_bounds() {
    let server = Server::start(1).await;
    let mut session = builder(&server).open().unwrap();
    session.handle().subscribe(Subscription::new(Channel::Trade)).await.unwrap();
    let trade = r#"{"trade_id":"t","market_ticker":"M-0","yes_price_dollars":"0.4000","no_price_dollars":"0.6000","count_fp":"1.00"}"#;
    server.say("trade", "trade", trade);
    for attached in server.state().links.values_mut() {
        attached.link.say("trade", "trade", trade).unwrap();
    }
    server.say("trade", "trade", trade);
    let mut folded = Folded { keeps: true, ..Folded::default() };
    read_until(&mut session, &mut folded, |folded| {
        folded.facts.iter().any(|fact| matches!(fact, Fact::GapClosed(closed) if closed.channel == Channel::Trade))
    })
    .await;
    assert_eq!(folded.gaps, [GapCause::SequenceGap { missing: 1 }]);
}

#[tokio::test]
async fn a_frame_of_no_subscription_that_cannot_be_read_may_have_changed_any_book() {
    let server = Server::start(3).await;
    let (mut session, _, mut folded) = with_books(&server).await;
    server.send_raw("{\"type\":\"orderbook_del");
    read_until(&mut session, &mut folded, |folded| !folded.gaps.is_empty()).await;
    read_until_true(&mut session, &mut folded, &server).await;
    assert_eq!(folded.gaps, [GapCause::Unreadable]);
    assert!(folded.facts.iter().any(|fact| matches!(fact, Fact::Unreadable(_))));
}

#[tokio::test]
async fn a_book_that_the_consumer_cannot_follow_is_fetched_anew() {
    let server = Server::start(3).await;
    let (mut session, handle, mut folded) = with_books(&server).await;
    handle.distrust(&ticker(1));
    read_until(&mut session, &mut folded, |folded| !folded.gaps.is_empty()).await;
    assert_eq!(folded.trusted(), 2);
    read_until_true(&mut session, &mut folded, &server).await;
    assert_eq!(folded.gaps, [GapCause::Divergence]);
}

#[tokio::test]
async fn a_venue_slower_than_the_patience_for_answers_is_waited_for() {
    let server = Server::start(6).await;
    server.state().slowness = Duration::from_millis(300);
    let mut session =
        builder(&server).answer_timeout(Duration::from_millis(200)).markets_per_command(3).open().unwrap();
    let handle = session.handle();
    handle.subscribe(Subscription::new(Channel::OrderbookDelta).markets(server.tickers())).await.unwrap();
    let mut folded = Folded { keeps: true, ..Folded::default() };
    read_until_true(&mut session, &mut folded, &server).await;
    server.act(20);
    read_until_true(&mut session, &mut folded, &server).await;
    assert_eq!(folded.gaps, []);
    let stats = handle.stats();
    // Commands were sent again, and nothing else went wrong.
    assert!(stats.connections[0].commands > 2 && stats.connections[0].connects == 1, "{stats:?}");
}

#[tokio::test]
async fn under_every_fault_at_once_the_books_come_true() {
    let server = Server::start(12).await;
    let (mut session, _, mut folded) = with_books(&server).await;
    for round in 0..30 {
        server.state().faults = Faults { drop: 3, duplicate: 20, reorder: 3, garble: 2 };
        server.act(60);
        match round % 10 {
            3 => server.fail("orderbook_delta", 25),
            6 => server.cut_all(),
            9 => server.close_all(),
            _ => {}
        }
        let deadline = tokio::time::Instant::now() + Duration::from_millis(100);
        while let Ok(Some(mut batch)) = tokio::time::timeout_at(deadline, session.next()).await {
            while let Some(fact) = batch.next() {
                folded.take(fact);
            }
        }
    }
    server.state().faults = Faults::default();
    // A frame that was lost last shows when another follows.
    server.act(10);
    read_until_true(&mut session, &mut folded, &server).await;
    let causes: BTreeSet<_> = folded.gaps.iter().map(|cause| cause.as_str()).collect();
    assert!(causes.len() >= 3, "{:?}", folded.gaps);
    assert!(folded.markets.values().all(|market| market.misfits == 0));
}
