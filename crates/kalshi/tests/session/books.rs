//! Live books: true whenever they are to be had.

use std::{collections::HashMap, time::Duration};

use daybook_kalshi::{BookStream, BookStreamError, BookUpdate, Channel};

use crate::{
    builder,
    server::{Faults, Server, credentials},
    ticker,
};

/// Reads updates until nothing comes for a while; checks that each is what it says.
async fn read_all(books: &mut BookStream, live: &mut HashMap<String, bool>) {
    loop {
        let (name, is_live) = match tokio::time::timeout(Duration::from_millis(700), books.next()).await {
            Err(_) => return,
            Ok(update) => match update.unwrap().expect("the stream goes on") {
                BookUpdate::Live { ticker, .. } => {
                    let was = live.insert(ticker.as_str().to_owned(), true);
                    assert_ne!(was, Some(true), "{ticker:?} was live already");
                    (ticker.clone(), true)
                }
                BookUpdate::Changed { ticker, .. } => {
                    assert_eq!(live.get(ticker.as_str()), Some(&true), "{ticker:?} changed while stale");
                    (ticker.clone(), true)
                }
                BookUpdate::Stale { ticker, .. } => {
                    let was = live.insert(ticker.as_str().to_owned(), false);
                    assert_eq!(was, Some(true), "{ticker:?} was stale already");
                    (ticker.clone(), false)
                }
                BookUpdate::Refused { ticker, reason } => panic!("{ticker:?}: {reason}"),
            },
        };
        assert_eq!(books.book(name.as_str()).is_some(), is_live, "{name:?}");
    }
}

#[tokio::test]
async fn books_are_live_stale_and_live_again() {
    let server = Server::start(5).await;
    let session = builder(&server).open().unwrap();
    let mut books = BookStream::over(session, server.tickers());
    let mut live = HashMap::new();
    read_all(&mut books, &mut live).await;
    for faults in [
        Faults::default(),
        Faults { drop: 30, ..Faults::default() },
        Faults { drop: 10, duplicate: 50, reorder: 30, garble: 10 },
    ] {
        server.state().faults = faults;
        for round in 0..10 {
            server.act(50);
            if round == 5 {
                server.cut_all();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server.state().faults = Faults::default();
        server.act(5);
        read_all(&mut books, &mut live).await;
        for ticker in server.tickers() {
            assert_eq!(books.book(ticker.as_str()), Some(&server.book(ticker.as_str())), "{ticker:?}");
        }
    }
    assert!(books.stats().connections[0].gaps_opened > 3);
    books.remove([ticker(2)]).await.unwrap();
    read_all(&mut books, &mut live).await;
    assert_eq!(books.book("M-2"), None);
    books.add([ticker(2)]).await.unwrap();
    read_all(&mut books, &mut live).await;
    assert_eq!(books.book("M-2"), Some(&server.book("M-2")));
    books.shutdown().await;
    loop {
        match books.next().await.unwrap() {
            None => break,
            Some(BookUpdate::Stale { .. }) => {}
            Some(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(books.book("M-0"), None);
}

#[tokio::test]
async fn a_delta_that_does_not_fit_makes_its_book_stale_and_is_repaired() {
    let server = Server::start(2).await;
    let mut books = BookStream::over(builder(&server).open().unwrap(), server.tickers());
    let mut live = HashMap::new();
    read_all(&mut books, &mut live).await;
    // The numbers are in order, but the change takes more away than there is.
    server.misfit("M-1");
    let mut stale = 0;
    while books.book("M-1").is_some() {
        if let Some(BookUpdate::Stale { .. }) = books.next().await.unwrap() {
            stale += 1;
        }
    }
    assert_eq!(stale, 1);
    while books.book("M-1").is_none() {
        books.next().await.unwrap().unwrap();
    }
    assert_eq!(books.book("M-1"), Some(&server.book("M-1")));
    assert!(books.book("M-0").is_some());
}

#[tokio::test]
async fn refusals_are_told() {
    let server = Server::start(2).await;
    server.state().refused = vec!["M-1".to_owned()];
    let mut books = BookStream::over(builder(&server).open().unwrap(), server.tickers());
    let mut refused = false;
    while !refused || books.book("M-0").is_none() {
        if let BookUpdate::Refused { ticker: which, reason } = books.next().await.unwrap().unwrap() {
            assert_eq!((which.as_str(), reason), ("M-1", "Invalid parameter"));
            refused = true;
        }
    }

    let server = Server::start(1).await;
    server.state().refusal = Some((401, r#"{"error":{"code":"authentication_error","details":"NOT_FOUND"}}"#));
    let mut books = BookStream::open(server.environment(), credentials(), server.tickers()).unwrap();
    let error = books.next().await.unwrap_err();
    assert!(matches!(&error, BookStreamError::Unauthorized(text) if text.contains("NOT_FOUND")), "{error}");
}

#[tokio::test]
async fn what_is_taken_off_directly_after_opening_does_not_become_live() {
    let server = Server::start(3).await;
    let mut books = BookStream::over(builder(&server).open().unwrap(), server.tickers());
    books.remove([ticker(0)]).await.unwrap();
    let mut live = HashMap::new();
    read_all(&mut books, &mut live).await;
    assert_eq!((books.book("M-0"), live.get("M-0").copied().unwrap_or(false)), (None, false));
    assert!(books.book("M-1").is_some() && books.book("M-2").is_some());
    assert_eq!(server.carried(), [2]);
}

#[tokio::test]
async fn no_book_of_an_ended_subscription_is_shown() {
    let server = Server::start(2).await;
    let session = builder(&server).open().unwrap();
    let handle = session.handle();
    let mut books = BookStream::over(session, server.tickers());
    let mut live = HashMap::new();
    read_all(&mut books, &mut live).await;
    handle.unsubscribe(Channel::OrderbookDelta).await.unwrap();
    read_all(&mut books, &mut live).await;
    assert_eq!((books.book("M-0"), books.book("M-1")), (None, None));
}
