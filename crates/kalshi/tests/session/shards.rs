//! Markets spread over connections.

use daybook_book::Ticker;
use daybook_kalshi::{Channel, CommandError, Fact, FillInTurn, Subscription};

use crate::{builder, folded::Folded, read_until, read_until_true, server::Server, ticker};

fn books(markets: impl IntoIterator<Item = Ticker>) -> Subscription {
    Subscription::new(Channel::OrderbookDelta).markets(markets)
}

#[tokio::test]
async fn markets_fill_one_connection_after_the_other() {
    let server = Server::start(25).await;
    let mut session = builder(&server).placement(FillInTurn { markets_per_connection: 10 }).open().unwrap();
    let handle = session.handle();
    handle.subscribe(books(server.tickers())).await.unwrap();
    handle.subscribe(Subscription::new(Channel::Trade).markets([ticker(24)])).await.unwrap();
    let mut carried = server.carried();
    carried.sort_unstable();
    assert_eq!(carried, [5, 10, 10]);
    // A market's trades come over the connection that its book comes over.
    let listed = handle.list().await.unwrap();
    assert!(listed.contains(&(2, "trade".to_owned(), 2)), "{listed:?}");

    let mut folded = Folded { keeps: true, ..Folded::default() };
    read_until_true(&mut session, &mut folded, &server).await;
    // The loss of one connection concerns its markets only.
    let lost = *server.state().links.keys().next().unwrap();
    let size = server.state().links[&lost].link.carried("orderbook_delta");
    server.cut(lost);
    read_until(&mut session, &mut folded, |folded| !folded.gaps.is_empty()).await;
    let gone = folded.facts.iter().find_map(|fact| match fact {
        Fact::GapOpened(gap) => Some(gap.markets.len()),
        _ => None,
    });
    assert_eq!(gone, Some(size));
    server.act(50);
    read_until_true(&mut session, &mut folded, &server).await;
    let connections: Vec<_> = handle.stats().connections.iter().map(|stats| stats.connects).collect();
    assert_eq!(connections.iter().sum::<u64>(), 4);

    // Room that a removal makes is used again.
    handle.remove(Channel::OrderbookDelta, [ticker(3)]).await.unwrap();
    handle.subscribe(books([ticker(3)])).await.unwrap();
    assert_eq!(handle.stats().connections.len(), 3);
}

#[tokio::test]
async fn any_function_can_place_markets() {
    let server = Server::start(9).await;
    let by_number = |market: &Ticker, _: &[usize]| market.as_str()[2..].parse::<usize>().unwrap_or(0) % 3;
    let mut session = builder(&server).placement(by_number).open().unwrap();
    session.handle().subscribe(books(server.tickers())).await.unwrap();
    assert_eq!(server.carried(), [3, 3, 3]);
    let mut folded = Folded::default();
    read_until_true(&mut session, &mut folded, &server).await;
}

#[tokio::test]
async fn a_full_subscription_refuses_the_rest_by_name() {
    let server = Server::start(8).await;
    server.state().market_limit = Some(5);
    let session = builder(&server).markets_per_command(4).open().unwrap();
    let error = session.handle().subscribe(books(server.tickers())).await.unwrap_err();
    let CommandError::Refused { code: Some(26), markets, .. } = error else { panic!("{error}") };
    assert_eq!(markets.len(), 4);
    assert_eq!(server.carried(), [4]);
}

#[tokio::test]
async fn a_market_of_a_whole_channel_is_not_carried_by_another_connection_as_well() {
    let server = Server::start(2).await;
    let by_number = |market: &Ticker, _: &[usize]| market.as_str()[2..].parse::<usize>().unwrap_or(0);
    let session = builder(&server).placement(by_number).open().unwrap();
    let handle = session.handle();
    handle.subscribe(books(server.tickers())).await.unwrap();
    handle.subscribe(Subscription::new(Channel::Trade)).await.unwrap();
    handle.subscribe(Subscription::new(Channel::Trade).markets([ticker(1)])).await.unwrap();
    let of_trades = |listed: &[(u32, String, u32)]| listed.iter().filter(|(_, channel, _)| channel == "trade").count();
    assert_eq!(of_trades(&handle.list().await.unwrap()), 1);
    // Nor is the whole channel beside some markets of it.
    handle.unsubscribe(Channel::Trade).await.unwrap();
    handle.subscribe(Subscription::new(Channel::Trade).markets([ticker(1)])).await.unwrap();
    let mixed = CommandError::Mixed { channel: Channel::Trade };
    assert_eq!(handle.subscribe(Subscription::new(Channel::Trade)).await, Err(mixed));
    assert_eq!(of_trades(&handle.list().await.unwrap()), 1);
}
