//! What a session logs, by the stable names of its fields.

use daybook_kalshi::{Channel, Subscription};
use tracing::{Dispatch, Level, subscriber::NoSubscriber};

use crate::{builder, folded::Folded, log::Log, read_until, read_until_true, server::Server, ticker};

/// The last line with this text, which must be there.
fn line(log: &Log, event: &str, also: &str) -> String {
    let text = log.text();
    let found = text.lines().rfind(|line| line.contains(event) && line.contains(also));
    found.unwrap_or_else(|| panic!("no {event:?} with {also:?} in\n{text}")).to_owned()
}

fn assert_fields(line: &str, fields: &[&str]) {
    for field in fields {
        let field = format!(" {field}");
        let at = line.find(&field).unwrap_or_else(|| panic!("no{field:?} in {line}"));
        let rest = &line[at + field.len()..];
        assert!(rest.is_empty() || rest.starts_with(' '), "{field:?} is longer in {line}");
    }
}

#[tokio::test]
async fn gaps_subscriptions_and_refusals_are_logged_with_stable_fields() {
    let log = Log::default();
    // With one subscriber only, whichever test comes first to an event decides whether it is ever recorded.
    let _second = Dispatch::new(NoSubscriber::default());
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // The session's tasks run on this thread.
    let _guard = tracing::subscriber::set_default(subscriber);

    let server = Server::start(3).await;
    server.state().refused = vec!["X".to_owned()];
    let mut session = builder(&server).first_connection(7).open().unwrap();
    let handle = session.handle();
    handle.subscribe(Subscription::new(Channel::OrderbookDelta).markets(server.tickers())).await.unwrap();
    handle.subscribe(Subscription::new(Channel::Trade)).await.unwrap();
    let mut folded = Folded::default();
    read_until_true(&mut session, &mut folded, &server).await;
    let begun = line(&log, "subscription begun", "orderbook_delta");
    assert!(begun.contains("INFO"), "{begun}");
    assert_fields(&begun, &["connection=7", "sid=1", "channel=\"orderbook_delta\""]);
    let first = line(&log, "gap closed", "M-2");
    assert!(first.contains("TRACE"), "{first}");
    assert_fields(&first, &["connection=7", "sid=1", "seq=3", "ticker=\"M-2\""]);

    // A frame is lost: the next one shows it.
    server.lose_one();
    let last = server.state().links.values().next().unwrap().link.last_seq("orderbook_delta");
    server.act(1);
    read_until(&mut session, &mut folded, |folded| !folded.gaps.is_empty()).await;
    read_until_true(&mut session, &mut folded, &server).await;
    let opened = line(&log, "gap opened", "sequence_gap");
    assert!(opened.contains("WARN"), "{opened}");
    assert_fields(&opened, &["connection=7", "sid=1", &format!("seq={}", last + 1), "markets=3"]);
    assert!(!opened.contains("ticker="), "{opened}");
    let closed = line(&log, "gap closed", "ticker=\"M-1\"");
    assert!(closed.contains("DEBUG"), "{closed}");

    // One market's gap names it.
    handle.distrust(&ticker(1));
    read_until(&mut session, &mut folded, |folded| folded.gaps.len() == 2).await;
    assert_fields(&line(&log, "gap opened", "divergence"), &["connection=7", "ticker=\"M-1\"", "markets=1"]);
    read_until_true(&mut session, &mut folded, &server).await;

    handle.subscribe(Subscription::new(Channel::OrderbookDelta).markets(["X".parse().unwrap()])).await.unwrap_err();
    let refused = line(&log, "command refused", "X");
    assert!(refused.contains("WARN"), "{refused}");
    assert_fields(&refused, &["connection=7", "ticker=\"X\"", "code=11", "channel=\"orderbook_delta\""]);

    server.fail("trade", 25);
    read_until(&mut session, &mut folded, |folded| folded.gaps.len() == 3).await;
    let ended = line(&log, "subscription ended", "trade");
    assert!(ended.contains("WARN"), "{ended}");
    assert_fields(&ended, &["connection=7", "sid=2", "seq=1", "cause=\"terminal\"", "code=25"]);
    handle.unsubscribe(Channel::OrderbookDelta).await.unwrap();
    let ended = line(&log, "subscription ended", "orderbook_delta");
    assert!(ended.contains("INFO"), "{ended}");
    assert_fields(&ended, &["connection=7", "sid=1", "cause=\"requested\""]);
    // Nothing of the kind that signs requests.
    assert!(!log.text().to_lowercase().contains("kalshi-access-signature"));
}
