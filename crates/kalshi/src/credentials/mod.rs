//! Who calls: an API key's id and what signs for it.

mod pem;
mod signer;

use std::{fmt, path::Path, path::PathBuf, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

pub use signer::{Algorithm, KeyError, SignError, Signer};

/// The environment variable with the id of the API key.
const KEY_ID: &str = "KALSHI_API_KEY_ID";
/// The environment variable with the path of the key file.
const KEY_PATH: &str = "KALSHI_PRIVATE_KEY_PATH";
/// The environment variable with the key itself.
const KEY_PEM: &str = "KALSHI_PRIVATE_KEY";

/// An API key: its id, and a [`Signer`] that holds the private half.
///
/// Clones share the key. The private key and signatures never appear in `Debug`, in errors or in this crate's log
/// events. The WebSocket library, though, writes each handshake's key id and signature to `log` at TRACE, which a
/// directive such as `tungstenite=off` keeps out of a log that goes into such detail.
#[derive(Clone)]
pub struct Credentials {
    key_id: Arc<str>,
    signer: Arc<dyn Signer>,
    exposed: Option<Arc<ExposedKeyFile>>,
}

impl Credentials {
    /// An API key whose private half lives wherever `signer` keeps it: in memory, in an agent, in an HSM.
    ///
    /// # Errors
    /// A key id that is empty or has characters that a header cannot carry.
    pub fn new(key_id: impl AsRef<str>, signer: Arc<dyn Signer>) -> Result<Credentials, CredentialsError> {
        let key_id = key_id.as_ref().trim();
        if key_id.is_empty() || !key_id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(CredentialsError::KeyId);
        }
        Ok(Credentials { key_id: key_id.into(), signer, exposed: None })
    }

    /// An API key with its private key as PEM text: RSA (PKCS#1 or PKCS#8) or Ed25519 (PKCS#8).
    ///
    /// What kind of key it is, is read from the key and not from the PEM label. Newlines may be written as `\n`, as
    /// environment variables often have them. The text remains the caller's to erase.
    ///
    /// # Errors
    /// A bad key id, and text that holds no private key that the venue could have issued.
    pub fn from_pem(key_id: impl AsRef<str>, pem: &str) -> Result<Credentials, CredentialsError> {
        let signer =
            signer::from_pem(pem).map_err(|reason| CredentialsError::Key { from: "the text".into(), reason })?;
        Credentials::new(key_id, signer)
    }

    /// An API key with its private key in a PEM file.
    ///
    /// A file that others than its owner may read is used, warned about in the log, and told by
    /// [`exposed_key_file`](Self::exposed_key_file).
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem), a file that cannot be read, and a path that is the key itself.
    pub fn from_file(key_id: impl AsRef<str>, path: impl AsRef<Path>) -> Result<Credentials, CredentialsError> {
        let path = path.as_ref();
        // Every error about a file names it.
        if path.to_str().is_some_and(pem::looks_like_a_key) {
            return Err(CredentialsError::KeyAsPath);
        }
        let unreadable = |reason| CredentialsError::File { path: path.to_owned(), reason };
        let pem = Zeroizing::new(std::fs::read_to_string(path).map_err(unreadable)?);
        let signer = signer::from_pem(&pem)
            .map_err(|reason| CredentialsError::Key { from: format!("`{}`", path.display()), reason })?;
        let mut credentials = Credentials::new(key_id, signer)?;
        if let Some(exposed) = ExposedKeyFile::of(path).map_err(unreadable)? {
            tracing::warn!(path = %exposed.path.display(), mode = %format_args!("{:03o}", exposed.mode), "{exposed}");
            credentials.exposed = Some(Arc::new(exposed));
        }
        Ok(credentials)
    }

    /// The credentials that environment variables name, or `None` when they name no key id: `KALSHI_API_KEY_ID` with
    /// `KALSHI_PRIVATE_KEY_PATH` (a file) or `KALSHI_PRIVATE_KEY` (the PEM text). `variable` looks one up.
    ///
    /// # Errors
    /// A key id without a key, both a path and a key, and whatever is wrong with the key.
    pub fn from_env(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Credentials>, CredentialsError> {
        let variable = |name| variable(name).filter(|value| !value.trim().is_empty());
        let path = variable(KEY_PATH);
        let pem = variable(KEY_PEM).map(Zeroizing::new);
        let Some(key_id) = variable(KEY_ID) else {
            let orphan = path.is_some() || pem.is_some();
            return if orphan { Err(CredentialsError::KeyWithoutId) } else { Ok(None) };
        };
        match (path, pem) {
            (Some(path), None) => Credentials::from_file(key_id, path).map(Some),
            (None, Some(pem)) => match signer::from_pem(&pem) {
                Ok(signer) => Credentials::new(key_id, signer).map(Some),
                Err(reason) => Err(CredentialsError::Key { from: format!("`{KEY_PEM}`"), reason }),
            },
            (Some(_), Some(_)) => Err(CredentialsError::TwoKeys),
            (None, None) => Err(CredentialsError::IdWithoutKey),
        }
    }

    /// The credentials that the variables of this process name: [`from_env`](Self::from_env) over `std::env`.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn from_process_env() -> Result<Option<Credentials>, CredentialsError> {
        Credentials::from_env(|name| std::env::var(name).ok())
    }

    /// The id of the API key. It is no secret, though it is left out of log events.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// How the key signs.
    pub fn algorithm(&self) -> Algorithm {
        self.signer.algorithm()
    }

    /// The key file and its mode, when others than its owner may read it.
    pub fn exposed_key_file(&self) -> Option<&ExposedKeyFile> {
        self.exposed.as_deref()
    }

    /// The three headers that sign one request: `KALSHI-ACCESS-KEY`, `KALSHI-ACCESS-TIMESTAMP` and
    /// `KALSHI-ACCESS-SIGNATURE`.
    ///
    /// `method` is in upper case; `path` is the whole path as sent, `/trade-api/…` included, without the query; the
    /// stamp is in milliseconds since the Unix epoch. A request's body is not signed.
    ///
    /// # Errors
    /// What the signer says. Costs one signature: tens of microseconds for Ed25519, most of a millisecond for RSA.
    pub fn headers(
        &self,
        method: &str,
        path: &str,
        unix_millis: i64,
    ) -> Result<[(&'static str, String); 3], SignError> {
        let signature = self.signer.sign(format!("{unix_millis}{method}{path}").as_bytes())?;
        Ok([
            ("KALSHI-ACCESS-KEY", self.key_id.as_ref().to_owned()),
            ("KALSHI-ACCESS-TIMESTAMP", unix_millis.to_string()),
            ("KALSHI-ACCESS-SIGNATURE", STANDARD.encode(signature)),
        ])
    }
}

/// Shows the algorithm and the first characters of the key id, never the key.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start: String = self.key_id.chars().take(4).collect();
        f.debug_struct("Credentials")
            .field("key_id", &format_args!("{start}…"))
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}

/// A key file that more than its owner may read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("others than its owner may read the key file `{}` (mode {mode:03o}); run `chmod 600` on it", path.display())]
pub struct ExposedKeyFile {
    /// The file.
    pub path: PathBuf,
    /// Its permission bits.
    pub mode: u32,
}

impl ExposedKeyFile {
    #[cfg(unix)]
    fn of(path: &Path) -> std::io::Result<Option<ExposedKeyFile>> {
        use std::os::unix::fs::PermissionsExt;

        let mode = std::fs::metadata(path)?.permissions().mode() & 0o777;
        Ok((mode & 0o077 != 0).then(|| ExposedKeyFile { path: path.to_owned(), mode }))
    }

    /// Permissions of other systems are not looked at.
    #[cfg(not(unix))]
    fn of(_: &Path) -> std::io::Result<Option<ExposedKeyFile>> {
        Ok(None)
    }
}

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The key id is empty or cannot be sent.
    #[error("the API key id must be printable ASCII without spaces, as the venue shows it beside the key")]
    KeyId,
    /// The key file cannot be read.
    #[error("the key file `{}` cannot be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        reason: std::io::Error,
    },
    /// Where the path of a key file belongs is the key itself, which is not shown.
    #[error(
        "what should be the path of a key file is the private key itself; put the key into a file that only you may \
         read and name that, or give its text as `{KEY_PEM}` instead of `{KEY_PATH}`"
    )]
    KeyAsPath,
    /// What should be a key is none.
    #[error("{from} holds no usable private key: {reason}")]
    Key {
        /// Where the key was looked for.
        from: String,
        /// What is wrong.
        #[source]
        reason: KeyError,
    },
    /// A key is named, but not whose it is.
    #[error("`{KEY_PATH}` or `{KEY_PEM}` is set without `{KEY_ID}`; set the id that the venue shows beside the key")]
    KeyWithoutId,
    /// A key id is named, but no key.
    #[error("`{KEY_ID}` is set without a key; set `{KEY_PATH}` to the key file or `{KEY_PEM}` to the PEM text")]
    IdWithoutKey,
    /// Two keys are named.
    #[error("both `{KEY_PATH}` and `{KEY_PEM}` are set; unset one of them")]
    TwoKeys,
}
