//! What is asked of the venue, and what it answers.

use daybook_book::Event;
use daybook_kalshi::{Channel, CommandError, EndCause, Fact, Subscription};

use crate::{builder, folded::Folded, read_until, read_until_true, server::Server, ticker};

fn books(markets: impl IntoIterator<Item = usize>) -> Subscription {
    Subscription::new(Channel::OrderbookDelta).markets(markets.into_iter().map(ticker))
}

#[tokio::test]
async fn books_follow_the_venue() {
    let server = Server::start(20).await;
    let mut session = builder(&server).markets_per_command(6).open().unwrap();
    let handle = session.handle();
    handle.subscribe(books(0..20)).await.unwrap();
    let mut folded = Folded { keeps: true, ..Folded::default() };
    for _ in 0..50 {
        server.act(40);
        tokio::task::yield_now().await;
    }
    read_until_true(&mut session, &mut folded, &server).await;
    assert_eq!(folded.gaps, []);
    assert!(folded.markets.values().all(|market| market.misfits == 0));
    let stats = handle.stats();
    assert_eq!((stats.connections[0].gaps_closed, stats.connections[0].gaps_opened), (20, 0));
    assert!(stats.connections[0].events > 2_000 && stats.connections[0].age_micros.is_some(), "{stats:?}");
    // Twenty markets by six.
    assert_eq!(stats.connections[0].commands, 4);
}

#[tokio::test]
async fn markets_come_and_go() {
    let server = Server::start(6).await;
    let mut session = builder(&server).open().unwrap();
    let handle = session.handle();
    handle.subscribe(books([0, 1, 2])).await.unwrap();
    handle.subscribe(books([2, 3])).await.unwrap();
    assert_eq!(server.carried(), [4]);
    handle.remove(Channel::OrderbookDelta, [ticker(0), ticker(5)]).await.unwrap();
    assert_eq!(server.carried(), [3]);
    let mut folded = Folded { keeps: true, ..Folded::default() };
    let removed = |fact: &Fact<'_>| matches!(fact, Fact::MarketsRemoved { markets, .. } if markets[..] == [ticker(0)]);
    read_until(&mut session, &mut folded, |folded| folded.facts.iter().any(removed) && folded.trusted() == 3).await;
    assert!(!folded.markets["M-0"].trusted);
    // Taken off and added again at once: it begins anew, with a snapshot of its own.
    let (removed, added) = (handle.remove(Channel::OrderbookDelta, [ticker(1)]), handle.subscribe(books([1, 0, 4, 5])));
    let (removed, added) = tokio::join!(removed, added);
    removed.unwrap();
    added.unwrap();
    server.act(100);
    read_until_true(&mut session, &mut folded, &server).await;
    assert_eq!(folded.gaps, []);
}

#[tokio::test]
async fn subscriptions_are_listed_and_ended() {
    let server = Server::start(2).await;
    let mut session = builder(&server).open().unwrap();
    let handle = session.handle();
    let channels = [Channel::OrderbookDelta, Channel::Trade, Channel::Fill];
    handle.subscribe(books([0, 1])).await.unwrap();
    handle.subscribe(Subscription::new(Channel::Trade)).await.unwrap();
    handle.subscribe(Subscription::new(Channel::Fill)).await.unwrap();
    let listed: Vec<_> = channels.iter().enumerate().map(|(at, name)| (0, name.to_string(), at as u32 + 1)).collect();
    assert_eq!(handle.list().await.unwrap(), listed);
    handle.unsubscribe(Channel::Trade).await.unwrap();
    assert_eq!(handle.list().await.unwrap().len(), 2);
    handle.snapshots([ticker(0), ticker(1)]).await.unwrap();
    let mut folded = Folded { keeps: true, ..Folded::default() };
    let ended = |fact: &Fact<'_>| matches!(fact, Fact::SubscriptionEnded { cause: EndCause::Requested, sid: 2, .. });
    read_until(&mut session, &mut folded, |folded| folded.facts.iter().any(ended)).await;
    let begun = folded.facts.iter().filter(|fact| matches!(fact, Fact::SubscriptionBegun { .. })).count();
    assert_eq!((begun, folded.gaps.len(), handle.stats().connections[0].surplus), (3, 0, 0));
}

#[tokio::test]
async fn what_the_venue_refuses_is_told_and_the_rest_stands() {
    let server = Server::start(9).await;
    server.state().refused = vec!["M-5".to_owned()];
    let mut session = builder(&server).open().unwrap();
    let handle = session.handle();
    // Nine markets in one command, one of them at fault, and the venue does not say which.
    let error = handle.subscribe(books(0..9)).await.unwrap_err();
    let CommandError::Refused { code: Some(11), markets, .. } = error else { panic!("{error}") };
    assert_eq!(markets[..], [ticker(5)]);
    let mut folded = Folded { keeps: true, ..Folded::default() };
    let told = |fact: &Fact<'_>| matches!(fact, Fact::CommandRefused { markets, .. } if markets[..] == [ticker(5)]);
    read_until(&mut session, &mut folded, |folded| folded.trusted() == 8 && folded.facts.iter().any(told)).await;
    assert_eq!(server.carried(), [8]);
}

#[tokio::test]
async fn every_kind_of_frame_comes_out() {
    let server = Server::start(1).await;
    let mut session = builder(&server).open().unwrap();
    let handle = session.handle();
    for channel in [Channel::Trade, Channel::Ticker, Channel::Fill, Channel::OrderGroupUpdates] {
        handle.subscribe(Subscription::new(channel)).await.unwrap();
    }
    server.say("trade", "trade", r#"{"trade_id":"t","market_ticker":"M-0","yes_price_dollars":"0.4000","no_price_dollars":"0.6000","count_fp":"1.00"}"#);
    server.say("ticker", "ticker", r#"{"market_ticker":"M-0","price_dollars":"0.4000"}"#);
    server.say("fill", "fill", r#"{"trade_id":"t","order_id":"o"}"#);
    server.say("order_group_updates", "order_group_updates", r#"{"event_type":"created"}"#);
    server.send_raw(r#"{"type":"never_heard_of","msg":{}}"#);
    server.send_raw("{\"type\":\"tic");
    let mut seen = Vec::new();
    while seen.len() < 6 {
        let mut batch = session.next().await.unwrap();
        while let Some(fact) = batch.next() {
            match fact {
                Fact::Event(record) => match record.event {
                    Event::Trade(_) => seen.push(format!("trade {:?}", record.seq)),
                    Event::Ticker(_) => seen.push(format!("ticker {:?}", record.seq)),
                    other => panic!("{other:?}"),
                },
                Fact::Message(message) => {
                    seen.push(format!("{} {:?} {:?}", message.frame_type, message.seq, message.channel))
                }
                Fact::Unreadable(unreadable) => seen.push(String::from_utf8(unreadable.frame.into_owned()).unwrap()),
                _ => {}
            }
        }
    }
    let expected = [
        "trade Some(1)",
        "ticker None",
        "fill None Some(Fill)",
        "order_group_updates Some(1) Some(OrderGroupUpdates)",
        "never_heard_of None None",
        "{\"type\":\"tic",
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_shutdown_is_the_last_thing_told() {
    let server = Server::start(1).await;
    let mut session = builder(&server).open().unwrap();
    let handle = session.handle();
    handle.subscribe(books([0])).await.unwrap();
    handle.shutdown().await;
    let mut last = None;
    while let Some(mut batch) = session.next().await {
        while let Some(fact) = batch.next() {
            last = Some(fact.into_owned());
        }
    }
    assert!(matches!(last, Some(Fact::ConnectionDown { cause: daybook_kalshi::DownCause::Shutdown, .. })), "{last:?}");
    assert_eq!(handle.subscribe(books([0])).await, Err(CommandError::Closed));
    assert!(server.carried().is_empty());
}
