//! The session and the books over it, against a venue in this process, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

#[path = "../client/keys.rs"]
#[allow(dead_code, reason = "the client's tests use the rest")]
mod keys;
#[path = "../client/log.rs"]
#[allow(dead_code, reason = "the client's tests use the rest")]
mod log;

mod allocation;
mod books;
mod certificate;
mod commands;
#[path = "../documents/mod.rs"]
mod documents;
mod folded;
mod listing;
mod logged;
mod losses;
mod overflow;
mod private;
mod reconnect;
mod server;
mod shards;
mod tls;
mod venue;

/// What `folded` reads facts with.
mod session {
    pub(crate) use daybook_kalshi::{Fact, GapCause};
}

use std::time::Duration;

use daybook_book::Ticker;
use daybook_kalshi::{Session, SessionBuilder};

use self::{folded::Folded, server::Server};

/// A session with this server that notices everything sooner than it would with the venue.
fn builder(server: &Server) -> SessionBuilder {
    Session::builder(server.environment(), server::credentials())
        .seed(1)
        .backoff(Duration::from_millis(10), Duration::from_millis(100))
        .silence(Duration::from_millis(400), Duration::from_millis(200))
        .answer_timeout(Duration::from_millis(500))
}

fn ticker(index: usize) -> Ticker {
    format!("M-{index}").parse().unwrap()
}

/// Reads facts until something holds.
async fn read_until(session: &mut Session, folded: &mut Folded, holds: impl Fn(&Folded) -> bool) {
    let reading = async {
        while !holds(folded) {
            let mut batch = session.next().await.expect("the session goes on");
            while let Some(fact) = batch.next() {
                folded.take(fact);
            }
        }
    };
    if tokio::time::timeout(Duration::from_secs(20), reading).await.is_err() {
        let states: Vec<_> = folded.markets.iter().map(|(ticker, market)| (ticker, market.trusted)).collect();
        panic!("it never held: {:?} {:?} {states:?}", folded.facts, folded.gaps);
    }
}

/// Reads facts until every market of the server is trusted and its book is the server's.
async fn read_until_true(session: &mut Session, folded: &mut Folded, server: &Server) {
    read_until(session, folded, |folded| {
        let state = server.state();
        state.venue.books.iter().all(|(ticker, (book, _))| {
            folded.markets.get(ticker).is_some_and(|market| market.trusted && market.book == *book)
        })
    })
    .await;
}
