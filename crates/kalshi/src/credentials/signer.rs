//! What signs: the trait, and private keys held in memory.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, RSA_PSS_SHA256, RsaKeyPair},
};

use super::pem;

/// Signs messages for one API key. Implement it to keep the private key in an HSM, an agent or another process.
pub trait Signer: Send + Sync {
    /// The raw signature of `message`, as the venue verifies it: see [`Algorithm`].
    ///
    /// Called once per request and per WebSocket handshake, on the task that sends it: it must not block for long.
    ///
    /// # Errors
    /// Whatever keeps the signer from signing. The error's text ends up in log events and must hold no secret.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;

    /// How it signs. The venue chooses the algorithm by the public key that it knows.
    fn algorithm(&self) -> Algorithm;
}

/// How messages are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSA-PSS with SHA-256, MGF1 over SHA-256 and a salt of 32 bytes.
    RsaPss,
    /// Ed25519 over the message itself; 64 bytes.
    Ed25519,
}

/// A signer could not sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("signing failed: {reason}")]
pub struct SignError {
    /// Why, without secrets.
    pub reason: String,
}

/// Why a PEM text is no private key to sign with. No part of the text is ever shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is no `-----BEGIN …-----` and `-----END …-----`.
    #[error("it is not in PEM form, which begins with `-----BEGIN` and ends with an `-----END` line")]
    NotPem,
    /// What is between the lines is not base64.
    #[error("the text between the BEGIN and END lines is not base64; it may have been cut or wrapped when copied")]
    NotBase64,
    /// The key needs a passphrase.
    #[error("the key is encrypted; decrypt it first with `openssl pkey -in FILE -out DECRYPTED`")]
    Encrypted,
    /// A public key or a certificate.
    #[error("it holds the public half; the private key is needed")]
    Public,
    /// A key in OpenSSH's own form.
    #[error(
        "the key is in OpenSSH's own form, which the venue does not issue; download the key from the venue again, or \
         convert an RSA key with `ssh-keygen -p -m PKCS8 -f FILE`, which rewrites the file"
    )]
    OpenSsh,
    /// Neither an RSA nor an Ed25519 private key.
    #[error("it is neither an RSA key of 2048 to 8192 bits nor an Ed25519 key (PKCS#1 or PKCS#8)")]
    UnknownKey,
}

/// The key that `pem` holds. Its kind is what the DER inside says; labels are not trusted, since PKCS#8 gives RSA and
/// Ed25519 the same one.
pub(super) fn from_pem(pem: &str) -> Result<Arc<dyn Signer>, KeyError> {
    let der = pem::private_key_der(pem)?;
    if let Ok(pair) = Ed25519KeyPair::from_pkcs8(&der) {
        return Ok(Arc::new(Ed25519(pair)));
    }
    match RsaKeyPair::from_pkcs8(&der).or_else(|_| RsaKeyPair::from_der(&der)) {
        Ok(pair) => Ok(Arc::new(RsaPss(pair))),
        Err(_) => Err(KeyError::UnknownKey),
    }
}

/// An Ed25519 key in memory that AWS-LC owns and overwrites when it is freed.
struct Ed25519(Ed25519KeyPair);

impl Signer for Ed25519 {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature = self.0.try_sign(message).map_err(|_| failed("Ed25519"))?;
        Ok(signature.as_ref().to_vec())
    }

    fn algorithm(&self) -> Algorithm {
        Algorithm::Ed25519
    }
}

/// An RSA key in memory that AWS-LC owns and overwrites when it is freed.
struct RsaPss(RsaKeyPair);

impl Signer for RsaPss {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        // This encoding salts with as many bytes as the digest has: 32.
        self.0.sign(&RSA_PSS_SHA256, &SystemRandom::new(), message, &mut signature).map_err(|_| failed("RSA-PSS"))?;
        Ok(signature)
    }

    fn algorithm(&self) -> Algorithm {
        Algorithm::RsaPss
    }
}

fn failed(algorithm: &str) -> SignError {
    SignError { reason: format!("the crypto provider could not make an {algorithm} signature") }
}

impl fmt::Debug for dyn Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("algorithm", &self.algorithm()).finish_non_exhaustive()
    }
}
