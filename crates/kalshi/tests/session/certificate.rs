//! A certificate that a server signed for itself, made anew for one test run: DER by hand, of an Ed25519 key.

use std::sync::Arc;

use aws_lc_rs::signature::Ed25519KeyPair;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{self, pki_types::PrivatePkcs8KeyDer},
};

use crate::keys;

const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];
const SUBJECT_ALT_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x11];

/// A certificate and its key, both as DER.
pub struct SelfSigned {
    certificate: Vec<u8>,
    pkcs8: Vec<u8>,
}

impl SelfSigned {
    /// For a host of this name, until the year 2049.
    pub fn new(host: &str) -> SelfSigned {
        let (pkcs8, public) = keys::ed25519();
        let algorithm = der(0x30, &[ED25519]);
        let name = der(0x30, &[&der(0x31, &[&der(0x30, &[COMMON_NAME, &der(0x0c, &[host.as_bytes()])])])]);
        let validity = der(0x30, &[&der(0x17, &[b"200101000000Z"]), &der(0x17, &[b"491231235959Z"])]);
        let key = der(0x30, &[&algorithm, &der(0x03, &[&[0], &public])]);
        let names = der(0x30, &[&der(0x82, &[host.as_bytes()])]);
        let extension = der(0x30, &[SUBJECT_ALT_NAME, &der(0x04, &[&names])]);
        let extensions = der(0xa3, &[&der(0x30, &[&extension])]);
        let version = der(0xa0, &[&der(0x02, &[&[2]])]);
        let serial = der(0x02, &[&[1]]);
        let body = der(0x30, &[&version, &serial, &algorithm, &name, &validity, &name, &key, &extensions]);
        let signature = Ed25519KeyPair::from_pkcs8(&pkcs8).unwrap().sign(&body);
        let certificate = der(0x30, &[&body, &algorithm, &der(0x03, &[&[0], signature.as_ref()])]);
        SelfSigned { certificate, pkcs8 }
    }

    pub fn pem(&self) -> String {
        keys::pem("CERTIFICATE", &self.certificate)
    }

    #[allow(dead_code, reason = "the exchange's tests read it")]
    pub fn key_pem(&self) -> String {
        keys::pem("PRIVATE KEY", &self.pkcs8)
    }

    /// What a server speaks TLS with that has it.
    pub fn acceptor(&self) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivatePkcs8KeyDer::from(self.pkcs8.clone());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone().into()], key.into())
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// One value of this type with these parts.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut value = vec![tag];
    // A length is written in as few bytes as it takes.
    match content.len() {
        short @ ..0x80 => value.push(short as u8),
        one @ ..0x100 => value.extend([0x81, one as u8]),
        two => value.extend([0x82, (two >> 8) as u8, two as u8]),
    }
    value.extend(content);
    value
}
