//! Signatures: against known answers, against another implementation, and from keys in every form.

use std::{
    io::Write,
    process::{Command, Stdio},
    sync::Arc,
};

use aws_lc_rs::signature::{self, KeyPair, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use daybook_kalshi::{Algorithm, Call, Credentials, CredentialsError, KeyError, SignError, Signer};
use serde_json::{Value, json};

use crate::{
    keys::{self, hex, pem},
    operations as op,
    venue::{KEY_ID, PublicKey, Venue},
};

/// What the headers below sign.
const MESSAGE: &[u8] = b"1715793600123GET/trade-api/v2/portfolio/orders";

fn headers(credentials: &Credentials) -> [(&'static str, String); 3] {
    credentials.headers("GET", "/trade-api/v2/portfolio/orders", 1_715_793_600_123).unwrap()
}

fn signature_of(credentials: &Credentials) -> Vec<u8> {
    STANDARD.decode(&headers(credentials)[2].1).unwrap()
}

#[test]
fn ed25519_gives_the_known_answer() {
    let credentials = Credentials::from_pem(KEY_ID, &keys::rfc_8032_pem()).unwrap();
    assert_eq!(credentials.algorithm(), Algorithm::Ed25519);
    // Made once by Python's `cryptography` with the key of RFC 8032; Ed25519 signatures are deterministic.
    let expected = "gU92mN535ygwJZJXtcE3sXx9H7T3H1rYlGerPQE0tiD/bRdK631qwzMxlDY7eoCJAB7+fELLlcBv7XscIG0EBw==";
    assert_eq!(
        headers(&credentials),
        [
            ("KALSHI-ACCESS-KEY", KEY_ID.to_owned()),
            ("KALSHI-ACCESS-TIMESTAMP", "1715793600123".to_owned()),
            ("KALSHI-ACCESS-SIGNATURE", expected.to_owned()),
        ]
    );
}

#[test]
fn the_key_decides_the_algorithm_whatever_the_label_says() {
    let (ed25519, ed25519_public) = keys::ed25519();
    let rsa = keys::rsa();
    let rsa_public = rsa.public_key().as_ref();
    for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "WHATEVER"] {
        let credentials = Credentials::from_pem(KEY_ID, &pem(label, &ed25519)).unwrap();
        assert_eq!(credentials.algorithm(), Algorithm::Ed25519, "{label}");
        UnparsedPublicKey::new(&signature::ED25519, &ed25519_public)
            .verify(MESSAGE, &signature_of(&credentials))
            .expect(label);
        for der in [keys::rsa_pkcs1(&rsa), keys::rsa_pkcs8(&rsa)] {
            let credentials = Credentials::from_pem(KEY_ID, &pem(label, &der)).unwrap();
            assert_eq!(credentials.algorithm(), Algorithm::RsaPss, "{label}");
            let public = UnparsedPublicKey::new(&signature::RSA_PSS_2048_8192_SHA256, rsa_public);
            public.verify(MESSAGE, &signature_of(&credentials)).expect(label);
            public.verify(b"another message", &signature_of(&credentials)).expect_err(label);
        }
    }
}

#[test]
fn a_key_is_read_however_it_was_copied() {
    let text = keys::rfc_8032_pem();
    let expected = signature_of(&Credentials::from_pem(KEY_ID, &text).unwrap());
    for copied in [
        text.replace('\n', "\\n"),
        text.replace('\n', "\r\n"),
        text.replace('\n', " "),
        format!("a remark before\n{text}and one behind\n"),
        format!("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{text}"),
    ] {
        assert_eq!(signature_of(&Credentials::from_pem(KEY_ID, &copied).unwrap()), expected, "{copied}");
    }
}

#[test]
fn what_is_no_private_key_says_what_it_is_and_shows_nothing_of_it() {
    let (_, public) = keys::ed25519();
    let whole = keys::rfc_8032_pem();
    for (text, expected) in [
        ("", KeyError::NotPem),
        (&whole[..whole.len() - 30], KeyError::NotPem),
        (&whole.replace("MC4CAQ", "MC4?AQ"), KeyError::NotBase64),
        (&pem("PUBLIC KEY", &public), KeyError::Public),
        (&pem("CERTIFICATE", &public), KeyError::Public),
        (&pem("ENCRYPTED PRIVATE KEY", &public), KeyError::Encrypted),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----",
            KeyError::Encrypted,
        ),
        (&pem("PRIVATE KEY", &public), KeyError::UnknownKey),
        (&pem("OPENSSH PRIVATE KEY", b"openssh-key-v1\0\0\0\0\x04none"), KeyError::OpenSsh),
    ] {
        let Err(CredentialsError::Key { reason, .. }) = Credentials::from_pem(KEY_ID, text) else {
            panic!("{text} is no private key");
        };
        assert_eq!(reason, expected, "{text}");
    }
    let error = Credentials::from_pem(KEY_ID, &whole.replace("MC4CAQ", "MC4AAQ")).unwrap_err();
    let body: String = whole.lines().nth(1).unwrap().chars().skip(8).collect();
    assert!(!format!("{error} {error:?}").contains(&body));
}

#[test]
fn key_ids_that_cannot_be_sent_are_refused() {
    for id in ["", "  ", "a b", "a\nb", "é"] {
        let refused = Credentials::from_pem(id, &keys::rfc_8032_pem());
        assert!(matches!(refused, Err(CredentialsError::KeyId)), "{id:?}");
    }
}

#[test]
fn the_environment_names_a_file_or_the_key_itself() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    let text = keys::rfc_8032_pem();
    std::fs::write(&file, &text).unwrap();
    let file = file.to_str().unwrap().to_owned();
    let of = |variables: &[(&str, &str)]| {
        Credentials::from_env(|name| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| value.to_string()))
    };
    let (id, path, key) = ("KALSHI_API_KEY_ID", "KALSHI_PRIVATE_KEY_PATH", "KALSHI_PRIVATE_KEY");

    let expected = signature_of(&Credentials::from_pem(KEY_ID, &text).unwrap());
    for variables in [
        &[(id, KEY_ID), (path, &file)],
        &[(id, KEY_ID), (key, &text)],
        &[(id, KEY_ID), (key, &text.replace('\n', "\\n"))],
    ] {
        let credentials = of(variables).unwrap().unwrap();
        assert_eq!((credentials.key_id(), signature_of(&credentials)), (KEY_ID, expected.clone()));
    }
    assert!(of(&[]).unwrap().is_none());
    assert!(of(&[(id, ""), (path, " ")]).unwrap().is_none(), "empty is not set");
    assert!(matches!(of(&[(id, KEY_ID)]), Err(CredentialsError::IdWithoutKey)));
    assert!(matches!(of(&[(key, &text)]), Err(CredentialsError::KeyWithoutId)));
    assert!(matches!(of(&[(id, KEY_ID), (key, &text), (path, &file)]), Err(CredentialsError::TwoKeys)));
    assert!(matches!(of(&[(id, KEY_ID), (path, "/nowhere/key.pem")]), Err(CredentialsError::File { .. })));
}

#[test]
fn a_key_where_its_path_belongs_is_shown_nowhere() {
    let text = keys::rfc_8032_pem();
    let body = text.lines().nth(1).unwrap();
    let rsa = pem("RSA PRIVATE KEY", &keys::rsa_pkcs1(&keys::rsa()));
    let without_frame: Vec<_> = rsa.lines().filter(|line| !line.starts_with('-')).collect();
    for (key, secret) in [
        (text.clone(), body),
        (text.replace('\n', "\\n"), body),
        (text.replace('\n', " "), body),
        (text.replace("-----", ""), body),
        (rsa.replace("-----", "").replace('\n', " "), without_frame[1]),
        (body.to_owned(), body),
        (format!("\"{body}\\n\""), body),
        (without_frame.join("\n"), without_frame[1]),
        (without_frame.concat(), without_frame[1]),
        (without_frame[0].to_owned(), without_frame[0]),
    ] {
        let by_variable = Credentials::from_env(|name| match name {
            "KALSHI_API_KEY_ID" => Some(KEY_ID.to_owned()),
            "KALSHI_PRIVATE_KEY_PATH" => Some(key.clone()),
            _ => None,
        });
        for error in [by_variable.unwrap_err(), Credentials::from_file(KEY_ID, &key).unwrap_err()] {
            let shown = format!("{error} {error:?} {:?}", std::error::Error::source(&error));
            assert!(!shown.contains(secret), "{shown}");
            assert!(matches!(error, CredentialsError::KeyAsPath), "{shown}");
        }
    }
    for path in ["/nowhere/MIIEowIBAAKCAQEA", "key.pem", "MIIEpAIB", "keys/my PRIVATE keys/a-----b.pem"] {
        let error = Credentials::from_file(KEY_ID, path).unwrap_err();
        assert!(matches!(error, CredentialsError::File { .. }), "a path may look as it likes: {error}");
    }
}

#[cfg(unix)]
#[test]
fn a_key_file_that_others_may_read_is_told() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    std::fs::write(&file, keys::rfc_8032_pem()).unwrap();
    for (mode, exposed) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let credentials = Credentials::from_file(KEY_ID, &file).unwrap();
        assert_eq!(credentials.exposed_key_file().map(|file| file.mode), exposed.then_some(mode));
    }
}

#[test]
fn debug_shows_neither_key_nor_signature() {
    let credentials = Credentials::from_pem(KEY_ID, &keys::rfc_8032_pem()).unwrap();
    let shown = format!("{credentials:?}");
    assert_eq!(shown, "Credentials { key_id: a952…, algorithm: Ed25519, .. }");
}

#[test]
fn a_key_may_live_elsewhere() {
    struct Agent;
    impl Signer for Agent {
        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
            if message.ends_with(b"/locked") {
                return Err(SignError { reason: "the agent is locked".into() });
            }
            Ok(message.to_vec())
        }
        fn algorithm(&self) -> Algorithm {
            Algorithm::Ed25519
        }
    }
    let credentials = Credentials::new(KEY_ID, Arc::new(Agent)).unwrap();
    assert_eq!(signature_of(&credentials), MESSAGE);
    assert_eq!(credentials.headers("GET", "/locked", 0).unwrap_err().reason, "the agent is locked");
}

/// Verifies the way the venue's documentation says, in another language and by another library.
const VERIFY: &str = r#"
import base64, sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding
for line in sys.stdin:
    private, message, signature = (bytes.fromhex(part) for part in line.split())
    public = serialization.load_pem_private_key(private, password=None).public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        public.verify(signature, message)
    else:
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
        public.verify(signature, message, pss, hashes.SHA256())
    print("verified")
"#;

/// Has Python verify signatures, each with the private key that should have made it. Without Python, `None`.
fn python_verifies(signed: &[(String, Vec<u8>, Vec<u8>)]) -> Option<bool> {
    let available = Command::new("python3").args(["-c", "import cryptography"]).stderr(Stdio::null()).status();
    if !available.is_ok_and(|status| status.success()) {
        println!("SKIPPED: signatures are not verified by Python, since there is none with `cryptography`");
        return None;
    }
    let mut python = Command::new("python3")
        .args(["-c", VERIFY])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines: String = signed
        .iter()
        .map(|(pem, message, signature)| format!("{} {} {}\n", hex(pem.as_bytes()), hex(message), hex(signature)))
        .collect();
    python.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    let verified = String::from_utf8_lossy(&output.stdout).lines().count();
    Some(output.status.success() && verified == signed.len())
}

/// A fresh Ed25519 key as we read it, and as Python does: it reads no PKCS#8 v2.
fn ed25519_for_both() -> (String, String, Vec<u8>) {
    let (v2, public) = keys::ed25519();
    let seed = v2.windows(2).position(|pair| pair == [0x04, 0x20]).unwrap() + 2;
    let v1 = keys::ed25519_v1(&v2[seed..seed + 32]);
    (pem("PRIVATE KEY", &v2), pem("PRIVATE KEY", &v1), public)
}

#[test]
fn python_verifies_our_signatures() {
    let rsa = keys::rsa();
    let (ours, theirs, _) = ed25519_for_both();
    let (pkcs1, pkcs8) = (keys::rsa_pkcs1(&rsa), keys::rsa_pkcs8(&rsa));
    let rsa_pems = [pem("RSA PRIVATE KEY", &pkcs1), pem("PRIVATE KEY", &pkcs8)].map(|pem| (pem.clone(), pem));
    let mut signed: Vec<_> = rsa_pems
        .into_iter()
        .chain([(ours, theirs)])
        .map(|(ours, theirs)| (theirs, MESSAGE.to_vec(), signature_of(&Credentials::from_pem(KEY_ID, &ours).unwrap())))
        .collect();
    let Some(verified) = python_verifies(&signed) else { return };
    assert!(verified);
    for at in 0..signed.len() {
        signed[at].1[0] ^= 1;
        assert_eq!(python_verifies(&signed[at..=at]), Some(false), "another message");
    }
}

#[tokio::test]
async fn python_verifies_what_a_venue_received() {
    let (ours, theirs, public) = ed25519_for_both();
    let venue = Venue::start(PublicKey::Ed25519(public)).await;
    let client = venue.client(Credentials::from_pem(KEY_ID, &ours).unwrap()).build().unwrap();
    client.call::<Value>(Call::new(&op::ORDERS).query("limit", 5)).await.unwrap();
    client.call::<Value>(Call::new(&op::ORDER).path("order_id", "a b/c")).await.unwrap();
    client.call::<Value>(Call::new(&op::CREATE).body(&json!({"ticker": "T"}))).await.unwrap();
    let signed: Vec<_> = venue
        .received()
        .into_iter()
        .map(|request| {
            let message = format!("{}{}{}", request.stamp.unwrap(), request.method, request.path);
            (theirs.clone(), message.into_bytes(), STANDARD.decode(request.signature.unwrap()).unwrap())
        })
        .collect();
    assert_eq!(signed.len(), 3);
    assert_ne!(python_verifies(&signed), Some(false));
}
