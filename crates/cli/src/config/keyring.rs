//! Private keys in the system's keyring: Keychain on macOS, Credential Manager on Windows, Secret Service elsewhere.
//!
//! With the feature `keyring`. An entry's service is `daybook`, its user the identifier of the API key.

/// Why the keyring cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// Built without it.
    #[error(
        "this daybook was built without the system's keyring: build it with `--features keyring`, or use kalshi.key_path"
    )]
    NotBuilt,
    /// The system's keyring fails, or there is none.
    #[cfg(feature = "keyring")]
    #[error("the system's keyring cannot be used: {0}. kalshi.key_path works without it")]
    Failed(keyring_core::Error),
}

#[cfg(feature = "keyring")]
mod stored {
    use keyring_core::{Entry, Error};

    use super::KeyringError;

    const SERVICE: &str = "daybook";

    fn entry(key_id: &str) -> Result<Entry, KeyringError> {
        // Nobody chose a store before, as tests do: the system's.
        if keyring_core::get_default_store().is_none() && keyring::Entry::store_status().is_err() {
            return Err(KeyringError::Failed(Error::NoDefaultStore));
        }
        Entry::new(SERVICE, key_id).map_err(KeyringError::Failed)
    }

    /// The private key, as PEM text, that belongs to an API key; `None` where there is none.
    pub fn private_key(key_id: &str) -> Result<Option<String>, KeyringError> {
        let entry = match entry(key_id) {
            Ok(entry) => entry,
            // A system without a keyring keeps no key in it.
            Err(KeyringError::Failed(Error::NoDefaultStore)) => return Ok(None),
            Err(error) => return Err(error),
        };
        match entry.get_password() {
            Ok(pem) => Ok(Some(pem)),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(KeyringError::Failed(error)),
        }
    }

    /// Keeps a private key, in place of the one that was there.
    pub fn store(key_id: &str, pem: &str) -> Result<(), KeyringError> {
        entry(key_id)?.set_password(pem).map_err(KeyringError::Failed)
    }

    /// Forgets a private key; tells whether there was one.
    pub fn forget(key_id: &str) -> Result<bool, KeyringError> {
        match entry(key_id)?.delete_credential() {
            Ok(()) => Ok(true),
            Err(Error::NoEntry) => Ok(false),
            Err(error) => Err(KeyringError::Failed(error)),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_key_is_kept_replaced_and_forgotten() {
            keyring_core::set_default_store(keyring_core::mock::Store::new().unwrap());
            assert_eq!(private_key("a").unwrap(), None);
            store("a", "first").unwrap();
            store("a", "second").unwrap();
            store("b", "other").unwrap();
            assert_eq!(private_key("a").unwrap().as_deref(), Some("second"));
            assert!(forget("a").unwrap());
            assert!(!forget("a").unwrap());
            assert_eq!(private_key("a").unwrap(), None);
            assert_eq!(private_key("b").unwrap().as_deref(), Some("other"));
        }
    }
}

#[cfg(not(feature = "keyring"))]
mod stored {
    use super::KeyringError;

    /// There is no keyring to look into.
    pub fn private_key(_: &str) -> Result<Option<String>, KeyringError> {
        Ok(None)
    }

    /// Fails.
    pub fn store(_: &str, _: &str) -> Result<(), KeyringError> {
        Err(KeyringError::NotBuilt)
    }

    /// Fails.
    pub fn forget(_: &str) -> Result<bool, KeyringError> {
        Err(KeyringError::NotBuilt)
    }
}

pub use stored::{forget, private_key, store};
