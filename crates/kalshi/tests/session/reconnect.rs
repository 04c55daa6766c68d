//! Connections that end, go silent, or are not admitted.

use std::{sync::Arc, time::Duration};

use daybook_kalshi::{Channel, Client, CommandError, DownCause, Fact, GapCause, Subscription};

use crate::{builder, folded::Folded, read_until, read_until_true, server::Server};

fn books(server: &Server) -> Subscription {
    Subscription::new(Channel::OrderbookDelta).markets(server.tickers())
}

/// Why connections went down.
fn causes(folded: &Folded) -> Vec<DownCause> {
    let cause = |fact: &Fact<'_>| match fact {
        Fact::ConnectionDown { cause, .. } => Some(cause.clone()),
        _ => None,
    };
    folded.facts.iter().filter_map(cause).collect()
}

#[tokio::test]
async fn everything_is_subscribed_to_again_after_a_loss() {
    let server = Server::start(10).await;
    let mut session = builder(&server).markets_per_command(4).open().unwrap();
    let handle = session.handle();
    handle.subscribe(books(&server)).await.unwrap();
    handle.subscribe(Subscription::new(Channel::Trade)).await.unwrap();
    let mut folded = Folded { keeps: true, ..Folded::default() };
    read_until_true(&mut session, &mut folded, &server).await;
    for _ in 0..2 {
        server.cut_all();
        let gone = folded.gaps.len();
        read_until(&mut session, &mut folded, |folded| folded.gaps.len() == gone + 2).await;
        assert_eq!(folded.trusted(), 0);
        server.act(30);
        read_until_true(&mut session, &mut folded, &server).await;
    }
    assert_eq!(folded.gaps, [GapCause::Disconnected; 4]);
    let up = |fact: &Fact<'_>| match fact {
        Fact::ConnectionUp { connection, slot: 0, .. } => Some(*connection),
        _ => None,
    };
    assert_eq!(folded.facts.iter().filter_map(up).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(handle.list().await.unwrap().len(), 2);
    assert_eq!(server.state().handshakes, 3);
}

/// Whoever is refused first for a wrong clock corrects it for all: a client's calls and any number of sessions.
#[tokio::test]
async fn a_correction_of_the_clock_is_shared() {
    let server = Server::start(1).await;
    server.state().ahead = Duration::from_secs(3_600);
    let client = Client::builder().environment(server.environment()).build().unwrap();
    for handshakes in [2, 3] {
        let mut session = builder(&server).venue_clock(Arc::clone(client.clock())).open().unwrap();
        session.handle().subscribe(books(&server)).await.unwrap();
        read_until_true(&mut session, &mut Folded::default(), &server).await;
        // The first session is refused once, the second one knows already.
        assert_eq!(server.state().handshakes, handshakes);
    }
    assert_ne!(client.clock().offset_nanos(), 0);
    // Without it, each has to find out for itself.
    let session = builder(&server).open().unwrap();
    session.handle().subscribe(books(&server)).await.unwrap();
    assert_eq!(server.state().handshakes, 5);
}

#[tokio::test]
async fn a_proper_close_is_told_apart() {
    let server = Server::start(1).await;
    let mut session = builder(&server).open().unwrap();
    session.handle().subscribe(books(&server)).await.unwrap();
    server.close_all();
    let mut folded = Folded { keeps: true, ..Folded::default() };
    read_until(&mut session, &mut folded, |folded| !causes(folded).is_empty()).await;
    assert!(matches!(causes(&folded)[..], [DownCause::Closed { .. }]), "{:?}", causes(&folded));
    read_until_true(&mut session, &mut folded, &server).await;
}

#[tokio::test]
async fn a_half_open_connection_is_given_up() {
    let server = Server::start(3).await;
    let mut session = builder(&server).open().unwrap();
    session.handle().subscribe(books(&server)).await.unwrap();
    let mut folded = Folded { keeps: true, ..Folded::default() };
    read_until_true(&mut session, &mut folded, &server).await;
    server.freeze_all();
    read_until(&mut session, &mut folded, |folded| !causes(folded).is_empty()).await;
    assert_eq!(causes(&folded), [DownCause::Silent]);
    read_until_true(&mut session, &mut folded, &server).await;
}

#[tokio::test]
async fn a_quiet_connection_that_answers_pings_is_kept() {
    let server = Server::start(1).await;
    let mut session = builder(&server).silence(Duration::from_millis(20), Duration::from_millis(500)).open().unwrap();
    session.handle().subscribe(books(&server)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut folded = Folded { keeps: true, ..Folded::default() };
    read_until_true(&mut session, &mut folded, &server).await;
    assert_eq!((causes(&folded).len(), server.state().handshakes), (0, 1));
}

#[tokio::test]
async fn a_wrong_clock_is_corrected_by_the_venue_s() {
    for ahead in [0, 90] {
        let server = Server::start(1).await;
        server.state().ahead = Duration::from_secs(ahead);
        let mut session = builder(&server).open().unwrap();
        session.handle().subscribe(books(&server)).await.unwrap();
        let mut folded = Folded { keeps: true, ..Folded::default() };
        read_until_true(&mut session, &mut folded, &server).await;
        let refused = u32::from(ahead > 0);
        assert_eq!(server.state().handshakes, 1 + refused);
        // A reconnect uses what was learnt.
        server.cut_all();
        read_until(&mut session, &mut folded, |folded| !causes(folded).is_empty()).await;
        read_until_true(&mut session, &mut folded, &server).await;
        assert_eq!(server.state().handshakes, 2 + refused);
    }
}

#[tokio::test]
async fn refused_credentials_are_not_tried_again() {
    let server = Server::start(1).await;
    server.state().refusal = Some((401, r#"{"code":"authentication_error","details":"NOT_FOUND"}"#));
    let mut session = builder(&server).open().unwrap();
    let result = session.handle().subscribe(books(&server)).await;
    assert_eq!(result, Err(CommandError::Closed));
    let mut facts = Vec::new();
    while let Some(mut batch) = session.next().await {
        while let Some(fact) = batch.next() {
            facts.push(fact.into_owned());
        }
    }
    let [Fact::ConnectFailed { error, retry_in: None, .. }] = &facts[..] else { panic!("{facts:?}") };
    assert!(error.contains("authentication_error") && error.contains("NOT_FOUND"), "{error}");
    assert_eq!(server.state().handshakes, 1);
}

#[tokio::test]
async fn an_unwell_venue_is_tried_again_with_pauses() {
    let server = Server::start(1).await;
    server.state().refusal = Some((503, "maintenance"));
    let mut session = builder(&server).open().unwrap();
    let handle = session.handle();
    let books = books(&server);
    let subscribing = tokio::spawn(async move { handle.subscribe(books).await });
    let mut folded = Folded { keeps: true, ..Folded::default() };
    let failures = |folded: &Folded| {
        let pause = |fact: &Fact<'_>| match fact {
            Fact::ConnectFailed { retry_in, .. } => Some(retry_in.unwrap()),
            _ => None,
        };
        folded.facts.iter().filter_map(pause).collect::<Vec<_>>()
    };
    read_until(&mut session, &mut folded, |folded| failures(folded).len() == 5).await;
    let pauses = failures(&folded);
    assert!(pauses[4] >= Duration::from_millis(50) && pauses[0] <= Duration::from_millis(10), "{pauses:?}");
    server.state().refusal = None;
    read_until_true(&mut session, &mut folded, &server).await;
    subscribing.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_venue_that_starts_anew_is_found_again() {
    let server = Server::start(5).await;
    let address = server.address;
    let mut session = builder(&server).open().unwrap();
    session.handle().subscribe(books(&server)).await.unwrap();
    let mut folded = Folded { keeps: true, ..Folded::default() };
    read_until_true(&mut session, &mut folded, &server).await;
    server.cut_all();
    drop(server);
    read_until(&mut session, &mut folded, |folded| {
        folded.facts.iter().any(|fact| matches!(fact, Fact::ConnectFailed { .. }))
    })
    .await;
    let server = Server::start_at(address, 5).await;
    server.act(20);
    read_until_true(&mut session, &mut folded, &server).await;
}

#[tokio::test]
async fn a_subscription_that_the_venue_forgot_is_opened_anew() {
    let server = Server::start(4).await;
    let mut session = builder(&server).open().unwrap();
    let handle = session.handle();
    handle.subscribe(books(&server)).await.unwrap();
    let mut folded = Folded { keeps: true, ..Folded::default() };
    read_until_true(&mut session, &mut folded, &server).await;
    server.state().links.values_mut().for_each(|attached| attached.link.forget());
    server.act(10);
    // Nothing comes any more, and nobody knows; asking what the venue holds shows it.
    assert_eq!(handle.list().await.unwrap(), []);
    read_until(&mut session, &mut folded, |folded| !folded.gaps.is_empty()).await;
    read_until_true(&mut session, &mut folded, &server).await;
    assert_eq!((folded.gaps.len(), causes(&folded).len()), (1, 0));
}

#[tokio::test]
async fn a_refusal_that_is_not_the_venues_own_word_is_tried_again() {
    for refusal in [(403, "<html>Forbidden</html>"), (401, r#"{"error":{"code":"header_time"#), (401, "")] {
        let server = Server::start(1).await;
        server.state().refusal = Some(refusal);
        let mut session = builder(&server).open().unwrap();
        loop {
            let mut batch = session.next().await.expect("the session goes on");
            if let Some(Fact::ConnectFailed { retry_in, .. }) = batch.next() {
                assert!(retry_in.is_some(), "{refusal:?}");
                break;
            }
        }
        server.state().refusal = None;
        session.handle().subscribe(books(&server)).await.unwrap();
    }
}
