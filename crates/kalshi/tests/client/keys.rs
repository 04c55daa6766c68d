//! Keys made for one test run, in the forms that keys come in.

use aws_lc_rs::{
    encoding::AsDer,
    rsa::KeySize,
    signature::{Ed25519KeyPair, RsaKeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};

/// The private key of RFC 8032, section 7.1, test 1: known to the whole world.
pub const RFC_8032_SECRET: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

/// The header that PKCS#8 v1 puts before an Ed25519 seed.
const ED25519_PKCS8: &str = "302e020100300506032b657004220420";

/// DER bytes as PEM text under any label.
pub fn pem(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let lines: Vec<&str> =
        base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("base64 is ASCII")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// The key of RFC 8032 as the venue would hand it out.
pub fn rfc_8032_pem() -> String {
    pem("PRIVATE KEY", &ed25519_v1(&unhex(RFC_8032_SECRET)))
}

/// An Ed25519 seed as PKCS#8 v1.
pub fn ed25519_v1(seed: &[u8]) -> Vec<u8> {
    [&unhex(ED25519_PKCS8), seed].concat()
}

/// A fresh Ed25519 key as PKCS#8 v2, which carries the public half too, and its public half.
pub fn ed25519() -> (Vec<u8>, Vec<u8>) {
    use aws_lc_rs::signature::KeyPair;

    let pair = Ed25519KeyPair::generate().unwrap();
    let pkcs8 = pair.to_pkcs8().unwrap();
    (pkcs8.as_ref().to_vec(), pair.public_key().as_ref().to_vec())
}

/// A fresh RSA key of 2048 bits.
pub fn rsa() -> RsaKeyPair {
    RsaKeyPair::generate(KeySize::Rsa2048).unwrap()
}

/// An RSA key as PKCS#8.
pub fn rsa_pkcs8(pair: &RsaKeyPair) -> Vec<u8> {
    pair.as_der().unwrap().as_ref().to_vec()
}

/// An RSA key as PKCS#1: what PKCS#8 wraps, behind a header of 26 bytes for a key of 2048 bits.
pub fn rsa_pkcs1(pair: &RsaKeyPair) -> Vec<u8> {
    let pkcs8 = rsa_pkcs8(pair);
    assert_eq!((pkcs8[22], pkcs8[23], pkcs8[26]), (0x04, 0x82, 0x30), "an octet string, and in it a sequence");
    pkcs8[26..].to_vec()
}

pub fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
