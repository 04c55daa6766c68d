//! Encrypted connections to a venue that signed its certificate itself.

use daybook_kalshi::{Channel, ConnectError, Fact, Session, Subscription};

use crate::{
    builder,
    certificate::SelfSigned,
    folded::Folded,
    read_until, read_until_true,
    server::{self, Server},
};

#[tokio::test]
async fn books_come_over_an_encrypted_connection() {
    let certificate = SelfSigned::new("localhost");
    let server = Server::start_encrypted(3, &certificate).await;
    let other = SelfSigned::new("localhost");
    let mut session = builder(&server)
        .further_root_certificates(other.pem())
        .further_root_certificates(certificate.pem())
        .open()
        .unwrap();
    session.handle().subscribe(Subscription::new(Channel::OrderbookDelta).markets(server.tickers())).await.unwrap();
    server.act(50);
    let mut folded = Folded::default();
    read_until_true(&mut session, &mut folded, &server).await;
    server.cut_all();
    read_until(&mut session, &mut folded, |folded| !folded.gaps.is_empty()).await;
    read_until_true(&mut session, &mut folded, &server).await;
    assert_eq!(server.state().handshakes, 2);
}

/// The first failure to connect of a session that trusts this certificate.
async fn failure(server: &Server, trusted: Option<&SelfSigned>) -> String {
    let mut builder = builder(server);
    if let Some(trusted) = trusted {
        builder = builder.further_root_certificates(trusted.pem());
    }
    let mut session = builder.open().unwrap();
    let mut folded = Folded { keeps: true, ..Folded::default() };
    read_until(&mut session, &mut folded, |folded| !folded.facts.is_empty()).await;
    match &folded.facts[0] {
        Fact::ConnectFailed { error, retry_in: Some(_), .. } => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let server = Server::start_encrypted(1, &SelfSigned::new("localhost")).await;
    // One that has the same name and another key.
    for trusted in [None, Some(SelfSigned::new("localhost"))] {
        let error = failure(&server, trusted.as_ref()).await;
        assert!(error.starts_with("no connection to localhost: invalid peer certificate"), "{error}");
    }
    // Neither got as far as a handshake, where the key's id would have been told.
    assert_eq!(server.state().handshakes, 0);
    // Trusted, but for another host.
    let elsewhere = SelfSigned::new("venue.example");
    let server = Server::start_encrypted(1, &elsewhere).await;
    let error = failure(&server, Some(&elsewhere)).await;
    assert!(error.contains("invalid peer certificate") && error.contains("not valid for name"), "{error}");
    assert_eq!(server.state().handshakes, 0);
}

#[tokio::test]
async fn what_is_no_certificate_is_told_at_once() {
    let open = |pem: &str| {
        let environment = "https://localhost:1".parse().unwrap();
        Session::builder(environment, server::credentials()).further_root_certificates(pem).open()
    };
    for pem in [
        "no PEM",
        "-----BEGIN CERTIFICATE-----\nAAAA\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let Err(error) = open(pem) else { panic!("{pem}") };
        assert!(matches!(error, ConnectError::RootCertificate(_)), "{error}");
    }
}
