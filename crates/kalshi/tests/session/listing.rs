//! Indices, underlyings and market ids, which come and go on an open subscription.

use daybook_kalshi::{
    Channel, CommandError, Fact, GapCause, PrivateFrame, Subscription,
    rest::value::{IndexId, UnderlyingTicker},
};

use crate::{builder, folded::Folded, read_until, server::Server, ticker};

/// What the newest connection's subscription lists.
fn listed(server: &Server, channel: Channel) -> Option<Vec<String>> {
    let state = server.state();
    let link = &state.links.values().last()?.link;
    Some(link.listed(channel.as_str())?.into_iter().map(str::to_owned).collect())
}

fn indices<const N: usize>(names: [&str; N]) -> Subscription {
    Subscription::new(Channel::CfBenchmarks).indices(names)
}

#[tokio::test]
async fn indices_come_and_go_and_outlive_the_connection() {
    let server = Server::start(1).await;
    let mut session = builder(&server).open().unwrap();
    let handle = session.handle();
    handle.subscribe(Subscription::new(Channel::CfBenchmarks)).await.unwrap();
    assert_eq!(listed(&server, Channel::CfBenchmarks), None);
    handle.subscribe(indices(["BRTI", "ETH"])).await.unwrap();
    assert_eq!(listed(&server, Channel::CfBenchmarks).unwrap(), ["BRTI", "ETH"]);
    let commands = handle.stats().connections[0].commands;
    // Nothing new, nothing to ask.
    handle.subscribe(indices(["ETH"])).await.unwrap();
    handle.narrow(Channel::CfBenchmarks, ["SOL"]).await.unwrap();
    handle.narrow(Channel::Pyth, ["Metal.XPT/USD"]).await.unwrap();
    assert_eq!(handle.stats().connections[0].commands, commands);
    // One after the other, in the order in which they were asked for.
    let (gone, back, more) = (
        handle.narrow(Channel::CfBenchmarks, ["BRTI"]),
        handle.subscribe(indices(["BRTI", "SOL"])),
        handle.narrow(Channel::CfBenchmarks, ["ETH"]),
    );
    let (gone, back, more) = tokio::join!(gone, back, more);
    assert_eq!([gone, back, more], [Ok(()), Ok(()), Ok(())]);
    assert_eq!(listed(&server, Channel::CfBenchmarks).unwrap(), ["BRTI", "SOL"]);

    server.cut_all();
    let mut folded = Folded { keeps: true, ..Folded::default() };
    let begun = |fact: &&Fact<'_>| matches!(fact, Fact::SubscriptionBegun { .. });
    read_until(&mut session, &mut folded, |folded| folded.facts.iter().filter(begun).count() == 2).await;
    assert_eq!(listed(&server, Channel::CfBenchmarks).unwrap(), ["BRTI", "SOL"]);
    // The acknowledgements took their numbers, and no frame was missed for it.
    assert_eq!(folded.gaps, [GapCause::Disconnected]);
}

#[tokio::test]
async fn underlyings_come_and_go_beside_all_of_them() {
    let server = Server::start(1).await;
    let mut session = builder(&server).open().unwrap();
    let handle = session.handle();
    let pyth = |names: &[&'static str]| Subscription::new(Channel::Pyth).underlyings(names.iter().copied());
    handle.subscribe(pyth(&["Metal.XAU/USD"])).await.unwrap();
    handle.subscribe(pyth(&["all", "Metal.XPT/USD"])).await.unwrap();
    assert_eq!(listed(&server, Channel::Pyth).unwrap(), ["Metal.XAU/USD", "Metal.XPT/USD", "all"]);
    server.cut_all();
    let mut folded = Folded { keeps: true, ..Folded::default() };
    let begun = |fact: &&Fact<'_>| matches!(fact, Fact::SubscriptionBegun { .. });
    read_until(&mut session, &mut folded, |folded| folded.facts.iter().filter(begun).count() == 2).await;
    handle.narrow(Channel::Pyth, ["all"]).await.unwrap();
    assert_eq!(listed(&server, Channel::Pyth).unwrap(), ["Metal.XAU/USD", "Metal.XPT/USD"]);
    handle.unsubscribe(Channel::Pyth).await.unwrap();
    // Begins with what is named now.
    handle.subscribe(pyth(&["FX.EUR/USD"])).await.unwrap();
    assert_eq!(listed(&server, Channel::Pyth).unwrap(), ["FX.EUR/USD"]);
}

#[tokio::test]
async fn a_refused_index_is_told_and_not_asked_for_again() {
    let server = Server::start(1).await;
    let mut session = builder(&server).open().unwrap();
    let handle = session.handle();
    handle.subscribe(indices(["BRTI"])).await.unwrap();
    let link = |server: &Server| *server.state().links.keys().next().unwrap();
    let id = link(&server);
    server.state().links.get_mut(&id).unwrap().link.refused.insert("NONE".to_owned());
    let error = handle.subscribe(indices(["NONE"])).await.unwrap_err();
    assert!(matches!(error, CommandError::Refused { code: Some(11), .. }), "{error}");
    let mut folded = Folded { keeps: true, ..Folded::default() };
    let told = |fact: &Fact<'_>| matches!(fact, Fact::CommandRefused { channel: Some(Channel::CfBenchmarks), .. });
    read_until(&mut session, &mut folded, |folded| folded.facts.iter().any(told)).await;
    server.cut_all();
    let begun = |fact: &&Fact<'_>| matches!(fact, Fact::SubscriptionBegun { .. });
    read_until(&mut session, &mut folded, |folded| folded.facts.iter().filter(begun).count() == 2).await;
    assert_eq!(listed(&server, Channel::CfBenchmarks).unwrap(), ["BRTI"]);
}

#[tokio::test]
async fn what_there_is_can_be_asked_before_anything_is_subscribed_to() {
    let server = Server::start(1).await;
    let mut session = builder(&server).open().unwrap();
    let handle = session.handle();
    let unlisted = |channel| Err(CommandError::Unlisted { channel });
    assert_eq!(handle.available(Channel::CfBenchmarks).await, unlisted(Channel::CfBenchmarks));
    for channel in [Channel::CfBenchmarks, Channel::CfBenchmarks5Hz, Channel::Pyth, Channel::Trade] {
        handle.subscribe(Subscription::new(channel)).await.unwrap();
    }
    assert_eq!(handle.available(Channel::Trade).await, unlisted(Channel::Trade));
    let names = ["BRTI", "ETHUSD_RTI"];
    for attached in server.state().links.values_mut() {
        attached.link.available = names.map(str::to_owned).to_vec();
    }
    for channel in [Channel::CfBenchmarks, Channel::CfBenchmarks5Hz, Channel::Pyth] {
        assert_eq!(handle.available(channel).await.unwrap(), names);
        assert_eq!(listed(&server, channel), None, "nothing is subscribed to by it");
    }
    // The answers took their numbers, so what follows them is no gap; they can be read as any other frame, too.
    let value =
        r#"{"underlying_ticker":"InterestRate.US2Y","value_usd":"4.25000000","source_ts_ms":1,"received_at":2}"#;
    server.say("pyth_value", "pyth_value", value);
    let mut folded = Folded { keeps: true, ..Folded::default() };
    let decoded = |folded: &Folded| -> Vec<PrivateFrame> {
        let messages = folded.facts.iter().filter_map(|fact| match fact {
            Fact::Message(message) => Some(message.decode().unwrap()),
            _ => None,
        });
        messages.collect()
    };
    read_until(&mut session, &mut folded, |folded| decoded(folded).len() == 4).await;
    let [first, _, underlyings, yielded] = &decoded(&folded)[..] else { panic!("there are four") };
    let PrivateFrame::CfBenchmarksIndexList(list) = first else { panic!("{first:?}") };
    assert_eq!(list.index_ids, names.map(IndexId::from));
    let PrivateFrame::PythUnderlyingList(list) = underlyings else { panic!("{underlyings:?}") };
    assert_eq!(list.underlying_tickers, names.map(UnderlyingTicker::from));
    let PrivateFrame::PythValue(yielded) = yielded else { panic!("{yielded:?}") };
    assert_eq!(yielded.value_usd.to_string(), "4.25000000");
    assert_eq!(folded.gaps, []);
}

#[tokio::test]
async fn the_ticker_channel_takes_market_ids() {
    let server = Server::start(1).await;
    let session = builder(&server).open().unwrap();
    let handle = session.handle();
    let by_id = |id: &str| Subscription::new(Channel::Ticker).market_ids([&id.into()]);
    handle.subscribe(by_id("a")).await.unwrap();
    handle.subscribe(by_id("b")).await.unwrap();
    assert_eq!(listed(&server, Channel::Ticker).unwrap(), ["a", "b"]);
    for other in [Subscription::new(Channel::Ticker), Subscription::new(Channel::Ticker).markets([ticker(0)])] {
        let mixed = CommandError::Mixed { channel: Channel::Ticker };
        assert_eq!(handle.subscribe(other).await, Err(mixed));
    }
    handle.narrow(Channel::Ticker, ["a"]).await.unwrap();
    assert_eq!(listed(&server, Channel::Ticker).unwrap(), ["b"]);
    // Without any id the venue would take it for all markets.
    handle.narrow(Channel::Ticker, ["b"]).await.unwrap();
    assert_eq!(handle.list().await.unwrap(), []);
    // The whole channel contains any of its markets.
    handle.subscribe(Subscription::new(Channel::Ticker)).await.unwrap();
    handle.subscribe(by_id("c")).await.unwrap();
    assert_eq!(listed(&server, Channel::Ticker), None);
}
