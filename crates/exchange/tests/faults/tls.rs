//! The exchange over TLS: both protocols work, a connection is reset there too, and a slow handshake holds up nobody.

use std::time::Duration;

use daybook_exchange::rest::{Tls, TlsError};
use daybook_kalshi::{Channel, Client, DownCause, Environment, Fact, Session, Subscription};
use tokio::{net::TcpStream, time::timeout};

use crate::{
    certificate::SelfSigned,
    stand::{MARKETS, PATIENCE, Stand},
};

/// An exchange over TLS, and where it is by the name in its certificate.
async fn secure() -> (Stand, Environment, SelfSigned) {
    let certificate = SelfSigned::new("localhost");
    let tls = Tls::from_pem(certificate.pem().as_bytes(), certificate.key_pem().as_bytes()).unwrap();
    let stand = Stand::start_with(Some(tls)).await;
    let port = stand.address.rsplit_once(':').unwrap().1;
    let environment = format!("https://localhost:{port}/trade-api/v2").parse().unwrap();
    (stand, environment, certificate)
}

#[tokio::test]
async fn both_protocols_work_and_a_connection_is_reset() {
    let (stand, environment, certificate) = secure().await;
    // Who connects and says nothing holds up nobody.
    let _silent = TcpStream::connect(&stand.address).await.unwrap();
    let client = Client::builder().environment(environment.clone()).credentials(stand.credentials());
    let client = client.further_root_certificates(certificate.pem()).build().unwrap();
    assert!(client.exchange_status().await.unwrap().exchange_active);

    let session = Session::builder(environment, stand.credentials()).seed(1);
    let session = session.further_root_certificates(certificate.pem());
    let mut session = session.backoff(Duration::from_millis(20), Duration::from_millis(100)).open().unwrap();
    let books = Subscription::new(Channel::OrderbookDelta).markets([MARKETS[0].parse().unwrap()]);
    session.handle().subscribe(books).await.unwrap();
    stand.plan("reset=1:limit=1");
    let (mut resets, mut ups) = (0, 0);
    while resets == 0 || ups < 2 {
        stand.change(MARKETS[0], 1);
        let mut batch = timeout(PATIENCE, session.next()).await.unwrap().unwrap();
        while let Some(fact) = batch.next() {
            match fact {
                Fact::ConnectionUp { .. } => ups += 1,
                Fact::ConnectionDown { cause, .. } => {
                    assert!(matches!(cause, DownCause::Failed(_)), "{cause:?}");
                    resets += 1;
                }
                _ => {}
            }
        }
    }
    assert_eq!(stand.log().iter().map(|entry| entry.kind.as_str()).collect::<Vec<_>>(), ["reset"]);
}

#[test]
fn what_is_no_certificate_is_said_so() {
    let certificate = SelfSigned::new("localhost");
    let (certificate, key) = (certificate.pem(), certificate.key_pem());
    let error = |certificate: &str, key: &str| Tls::from_pem(certificate.as_bytes(), key.as_bytes()).err().unwrap();
    assert!(matches!(error("", &key), TlsError::NoCertificate));
    assert!(matches!(error(&certificate, "no key"), TlsError::Key(_)));
    assert!(matches!(error(&certificate, &SelfSigned::new("other").key_pem()), TlsError::Unusable(_)));
}
