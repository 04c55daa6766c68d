//! Encrypted calls to a venue that signed its certificate itself.

use daybook_kalshi::{BuildError, Call, Client, ClientBuilder, Credentials, ErrorKind};
use serde_json::Value;

use crate::{calls::key, certificate::SelfSigned, operations as op, venue::Venue};

/// A venue that has this certificate, and who is let in.
async fn encrypted(certificate: &SelfSigned) -> (Venue, Credentials) {
    let (public, credentials) = key();
    (Venue::start_encrypted(public, certificate).await, credentials)
}

/// A client that tries once.
fn client(venue: &Venue, credentials: &Credentials) -> ClientBuilder {
    venue.client(credentials.clone()).retry_pauses([])
}

#[tokio::test]
async fn calls_are_made_over_an_encrypted_connection() {
    let certificate = SelfSigned::new("localhost");
    let (venue, credentials) = encrypted(&certificate).await;
    let other = SelfSigned::new("localhost");
    let client = client(&venue, &credentials)
        .further_root_certificates(other.pem())
        .further_root_certificates(certificate.pem())
        .build()
        .unwrap();
    let answer: Value = client.call(Call::new(&op::ORDERS)).await.unwrap();
    assert_eq!(answer["path"], "/portfolio/orders");
    assert_eq!(venue.received().len(), 1);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let (venue, credentials) = encrypted(&SelfSigned::new("localhost")).await;
    let stranger = SelfSigned::new("localhost");
    // The other one has the same name and another key.
    for builder in
        [client(&venue, &credentials), client(&venue, &credentials).further_root_certificates(stranger.pem())]
    {
        let error = builder.build().unwrap().call::<Value>(Call::new(&op::ORDERS)).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Connect(_)) && !error.may_have_executed(), "{error}");
        let text = error.to_string();
        assert!(text.contains("no connection to the venue") && text.contains("invalid peer certificate"), "{text}");
    }
    // Trusted, but for another host.
    let elsewhere = SelfSigned::new("venue.example");
    let (other, credentials) = encrypted(&elsewhere).await;
    let client = client(&other, &credentials).further_root_certificates(elsewhere.pem()).build().unwrap();
    let error = client.call::<Value>(Call::new(&op::ORDERS)).await.unwrap_err().to_string();
    assert!(error.contains("invalid peer certificate") && error.contains("not valid for name"), "{error}");
    // None got as far as a request, which would have told the key's id.
    assert_eq!((venue.received().len(), other.received().len()), (0, 0));
}

#[test]
fn what_is_no_certificate_is_told_at_once() {
    for pem in [
        "no PEM",
        "-----BEGIN CERTIFICATE-----\nAAAA\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let Err(error) = Client::builder().further_root_certificates(pem).build() else { panic!("{pem}") };
        assert!(matches!(error, BuildError::RootCertificate(_)), "{error}");
    }
}
