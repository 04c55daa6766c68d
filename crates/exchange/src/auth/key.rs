//! Keys: making pairs, and verifying with public halves.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::{self, KeySize},
    signature::{ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey, RSA_PSS_2048_8192_SHA256, VerificationAlgorithm},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use daybook_kalshi::{Algorithm, rest::api_keys::KeyKind};

/// The public half of an API key. Cheap to clone.
#[derive(Clone)]
pub struct PublicKey {
    algorithm: Algorithm,
    key: Arc<ParsedPublicKey>,
}

/// The private half of an API key, as it is handed to its owner. It is not kept.
pub struct PrivateKey {
    /// RSA as PKCS#1, Ed25519 as PKCS#8, as the venue hands them out.
    pub pem: String,
    /// The other half.
    pub public: PublicKey,
}

/// Why a text is no key that can verify, or no pair could be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is not in PEM form.
    #[error("public_key is not in PEM form, which begins with `-----BEGIN PUBLIC KEY-----`")]
    NotPem,
    /// It is neither an RSA key of at least 2048 bits nor an Ed25519 key.
    #[error("public_key is neither an RSA key of 2048 to 8192 bits nor an Ed25519 key")]
    UnknownKey,
    /// The source of randomness or the crypto library failed.
    #[error("the crypto library could not make a key pair")]
    Generation,
}

/// Whoever asks for a key asked for a kind that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("key_type {0:?} is neither rsa nor ed25519")]
pub(crate) struct UnknownKind(Arc<str>);

/// What keys of a kind sign with; they are RSA keys unless a kind is asked for, as the venue has it.
pub(crate) fn algorithm(kind: Option<KeyKind>) -> Result<Algorithm, UnknownKind> {
    match kind {
        None | Some(KeyKind::Rsa) => Ok(Algorithm::RsaPss),
        Some(KeyKind::Ed25519) => Ok(Algorithm::Ed25519),
        Some(KeyKind::Other(word)) => Err(UnknownKind(word)),
    }
}

/// The kind of the keys that sign with this.
pub(crate) fn kind(algorithm: Algorithm) -> KeyKind {
    match algorithm {
        Algorithm::RsaPss => KeyKind::Rsa,
        Algorithm::Ed25519 => KeyKind::Ed25519,
    }
}

/// The beginning of an Ed25519 key's SubjectPublicKeyInfo (RFC 8410); the 32 bytes of the key follow.
const ED25519_SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// Characters of base64 in a line of PEM.
const PEM_LINE: usize = 64;

impl PublicKey {
    /// Reads a PEM text: SubjectPublicKeyInfo of either kind, or PKCS#1 of RSA. What is inside decides, not the label.
    ///
    /// # Errors
    /// If it is not PEM, or another kind of key.
    pub fn from_pem(pem: &str) -> Result<PublicKey, KeyError> {
        let body = pem.split_once("-----BEGIN ").and_then(|(_, rest)| rest.split_once("-----"));
        let body = body.and_then(|(_, rest)| rest.split_once("-----END "));
        let (body, _) = body.ok_or(KeyError::NotPem)?;
        let base64: String = body.chars().filter(|character| !character.is_whitespace()).collect();
        let der = STANDARD.decode(base64).map_err(|_| KeyError::NotPem)?;
        match der.strip_prefix(&ED25519_SPKI) {
            Some(raw) => PublicKey::parse(Algorithm::Ed25519, raw),
            None => PublicKey::parse(Algorithm::RsaPss, &der),
        }
    }

    fn parse(algorithm: Algorithm, bytes: &[u8]) -> Result<PublicKey, KeyError> {
        let verification: &'static dyn VerificationAlgorithm = match algorithm {
            // With a salt as long as the digest, which is all that this algorithm accepts.
            Algorithm::RsaPss => &RSA_PSS_2048_8192_SHA256,
            Algorithm::Ed25519 => &ED25519,
        };
        let key = ParsedPublicKey::new(verification, bytes).map_err(|_| KeyError::UnknownKey)?;
        Ok(PublicKey { algorithm, key: Arc::new(key) })
    }

    /// How it verifies.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether `signature` is one of `message` by this key's private half.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify_sig(message, signature).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl PrivateKey {
    /// Makes a pair: RSA with 2048 bits, or Ed25519. An RSA pair takes some tenths of a second.
    ///
    /// # Errors
    /// If the crypto library cannot.
    pub fn generate(algorithm: Algorithm) -> Result<PrivateKey, KeyError> {
        match algorithm {
            Algorithm::RsaPss => {
                let pair = rsa::KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Generation)?;
                let pkcs8 = pair.as_der().map_err(|_| KeyError::Generation)?;
                let pkcs1 = pkcs1_within(pkcs8.as_ref()).ok_or(KeyError::Generation)?;
                let public = PublicKey::parse(algorithm, pair.public_key().as_ref())?;
                Ok(PrivateKey { pem: pem("RSA PRIVATE KEY", pkcs1), public })
            }
            Algorithm::Ed25519 => {
                let pkcs8 = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).map_err(|_| KeyError::Generation)?;
                let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).map_err(|_| KeyError::Generation)?;
                let public = PublicKey::parse(algorithm, pair.public_key().as_ref())?;
                Ok(PrivateKey { pem: pem("PRIVATE KEY", pkcs8.as_ref()), public })
            }
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("public", &self.public).finish_non_exhaustive()
    }
}

/// DER in PEM form.
fn pem(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in base64.as_bytes().chunks(PEM_LINE) {
        text.extend(line.iter().map(|&byte| char::from(byte)));
        text.push('\n');
    }
    text.push_str("-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}

/// The PKCS#1 key in a PKCS#8 document: a sequence of version, algorithm, and an octet string that is the key.
fn pkcs1_within(pkcs8: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const INTEGER: u8 = 0x02;
    const OCTET_STRING: u8 = 0x04;
    let (fields, _) = element(pkcs8, SEQUENCE)?;
    let (_, rest) = element(fields, INTEGER)?;
    let (_, rest) = element(rest, SEQUENCE)?;
    let (key, _) = element(rest, OCTET_STRING)?;
    Some(key)
}

/// The content of the DER element at the beginning, which must bear `tag`, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.split_first()?;
    let (&short, rest) = rest.split_first()?;
    let (length, rest) = if short < 0x80 {
        (usize::from(short), rest)
    } else {
        let (long, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
        (long.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)), rest)
    };
    (first == tag).then(|| rest.split_at_checked(length)).flatten()
}

#[cfg(test)]
mod tests {
    use daybook_kalshi::Credentials;

    use super::*;

    #[test]
    fn what_the_clients_sign_verifies_and_nothing_else_does() {
        for algorithm in [Algorithm::Ed25519, Algorithm::RsaPss] {
            let pair = PrivateKey::generate(algorithm).unwrap();
            let other = PrivateKey::generate(Algorithm::Ed25519).unwrap();
            let label = if algorithm == Algorithm::RsaPss { "RSA PRIVATE KEY" } else { "PRIVATE KEY" };
            assert!(pair.pem.starts_with(&format!("-----BEGIN {label}-----\n")), "{}", pair.pem);

            let credentials = Credentials::from_pem("a-key", &pair.pem).unwrap();
            let [_, _, (_, signature)] = credentials.headers("GET", "/path", 1).unwrap();
            let signature = STANDARD.decode(signature).unwrap();
            assert!(pair.public.verifies(b"1GET/path", &signature));
            assert!(!pair.public.verifies(b"2GET/path", &signature));
            assert!(!other.public.verifies(b"1GET/path", &signature));
            assert!(!pair.public.verifies(b"1GET/path", &signature[1..]));
        }
    }

    #[test]
    fn kinds_are_the_venues_words() {
        assert_eq!(algorithm(None), Ok(Algorithm::RsaPss));
        for word in ["rsa", "ed25519"] {
            let made = algorithm(Some(KeyKind::from(word))).unwrap();
            assert_eq!(kind(made).as_str(), word);
        }
        let error = algorithm(Some(KeyKind::from("dsa"))).unwrap_err();
        assert_eq!(error.to_string(), "key_type \"dsa\" is neither rsa nor ed25519");
    }

    #[test]
    fn a_salt_of_another_length_is_refused() {
        use aws_lc_rs::signature::{RSA_PSS_SHA256, RsaPssSaltLength};

        let pair = rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
        let public = PublicKey::parse(Algorithm::RsaPss, pair.public_key().as_ref()).unwrap();
        let sign = |salt| {
            let encoding = Box::leak(Box::new(RSA_PSS_SHA256.with_pss_salt_length(salt)));
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(encoding, &SystemRandom::new(), b"message", &mut signature).unwrap();
            signature
        };
        assert!(public.verifies(b"message", &sign(RsaPssSaltLength::Digest)));
        assert!(!public.verifies(b"message", &sign(RsaPssSaltLength::Max)));
        assert!(!public.verifies(b"message", &sign(RsaPssSaltLength::Custom(20))));
    }

    #[test]
    fn public_keys_are_read_in_both_forms() {
        let pair = rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
        let pkcs1 = pem("RSA PUBLIC KEY", pair.public_key().as_ref());
        let spki = pem("PUBLIC KEY", AsDer::as_der(pair.public_key()).unwrap().as_ref());
        for text in [pkcs1, spki] {
            assert_eq!(PublicKey::from_pem(&text).unwrap().algorithm(), Algorithm::RsaPss);
        }
        let ed25519 = Ed25519KeyPair::generate().unwrap();
        let spki = [&ED25519_SPKI[..], ed25519.public_key().as_ref()].concat();
        assert_eq!(PublicKey::from_pem(&pem("PUBLIC KEY", &spki)).unwrap().algorithm(), Algorithm::Ed25519);

        assert_eq!(PublicKey::from_pem("no key").unwrap_err(), KeyError::NotPem);
        assert_eq!(PublicKey::from_pem(&pem("PUBLIC KEY", b"nonsense")).unwrap_err(), KeyError::UnknownKey);
    }
}
