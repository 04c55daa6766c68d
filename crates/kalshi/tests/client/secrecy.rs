//! Neither keys nor signatures are ever written anywhere.

use std::time::Duration;

use daybook_kalshi::{Call, Channel, Credentials, Environment, Session, Subscription};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

use crate::{
    keys,
    log::Log,
    operations as op,
    venue::{Fault, KEY_ID, PublicKey, TOO_MANY, Venue},
};

#[tokio::test]
async fn nothing_secret_is_logged_shown_or_told() {
    let (pkcs8, public) = keys::ed25519();
    let pem = keys::pem("PRIVATE KEY", &pkcs8);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    std::fs::write(&file, &pem).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();

    let log = Log::default();
    let mut told = String::new();
    let running = async {
        let credentials = Credentials::from_file(KEY_ID, &file).unwrap();
        let venue = Venue::start(PublicKey::Ed25519(public)).await;
        let client = venue.client(credentials.clone()).build().unwrap();
        let hasty = venue.client(credentials.clone()).timeout(Duration::from_millis(100)).build().unwrap();
        told += &format!("{credentials:?} {client:?} {:?}", client.limiter());
        venue.faults([
            Fault::Answer(500, json!({"code": "internal"}).to_string()),
            Fault::ExecuteAndHangUp,
            Fault::Answer(429, TOO_MANY.into()),
        ]);
        client.call::<Value>(Call::new(&op::ORDERS)).await.unwrap();
        for (client, fault) in [
            (&client, Fault::Answer(401, json!({"code": "authentication_error"}).to_string())),
            (&client, Fault::Answer(200, "not JSON".into())),
            (&hasty, Fault::Slow(Duration::from_secs(2))),
        ] {
            venue.faults([fault]);
            let error = client.call::<Value>(Call::new(&op::ORDERS)).await.unwrap_err();
            let id = error.correlation_id().to_string();
            assert!(log.text().contains(&id), "an error is found in the log by its correlation id: {id}");
            told += &format!("{error} {error:?} {error:#?}");
        }
        let create = Call::new(&op::CREATE).body(&json!({"ticker": "T"}));
        told += &format!("{create:?}");
        client.call::<Value>(create).await.unwrap();
        venue
    };
    let venue = log.of(running).await;

    let logged = log.text();
    assert!(logged.contains("GetOrders") && logged.contains("an attempt failed and is made again"), "{logged}");
    assert!(logged.contains("others than its owner may read"), "{logged}");
    let private = pem.lines().filter(|line| !line.starts_with("-----")).collect::<String>();
    let received = venue.received();
    let signatures = received.iter().filter_map(|request| request.signature.clone());
    let key_ids = received.iter().filter_map(|request| request.key_id.clone());
    let secrets: Vec<String> =
        signatures.chain(key_ids).chain([private.clone(), private[20..60].to_owned(), keys::hex(&pkcs8)]).collect();
    assert!(secrets.len() > 10);
    for secret in secrets {
        assert!(!logged.contains(&secret), "logged: {secret}");
        assert!(!told.contains(&secret), "shown: {secret}");
    }
}

/// The library that opens WebSockets writes down the whole request at TRACE, by way of `log`: who records that has to
/// leave it out, as the crate's page says. Nobody else writes anything.
#[test]
fn a_handshake_is_logged_by_nobody_but_the_library_that_is_said_to() {
    let (pkcs8, _) = keys::ed25519();
    let credentials = Credentials::from_pem(KEY_ID, &keys::pem("PRIVATE KEY", &pkcs8)).unwrap();
    let log = Log::default();
    let secrets = log.of_all(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let environment: Environment = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let session = Session::builder(environment, credentials).open().unwrap();
        let handle = session.handle();
        tokio::spawn(async move { handle.subscribe(Subscription::new(Channel::Trade)).await });
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut lines = BufReader::new(&mut stream).lines();
        let mut secrets = Vec::new();
        while let Some(line) = lines.next_line().await.unwrap().filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(": ").unwrap_or_default();
            if ["kalshi-access-key", "kalshi-access-signature"].contains(&name.to_ascii_lowercase().as_str()) {
                secrets.push(value.to_owned());
            }
        }
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        drop(session);
        secrets
    });
    assert_eq!(secrets.len(), 2);
    let text = log.text();
    assert!(text.lines().any(|line| line.contains("tungstenite::")), "the bridge carries nothing:\n{text}");
    for line in text.lines().filter(|line| secrets.iter().any(|secret| line.contains(secret))) {
        assert!(line.contains("TRACE tungstenite::"), "{line}");
    }
}
