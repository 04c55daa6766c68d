//! The proof that a request carries, and why it does not hold.

use axum::http::HeaderMap;
use base64::{Engine, engine::general_purpose::STANDARD};
use daybook_book::ExchangeTime;

use super::PublicKey;

/// How far a request's time may lie behind the exchange's clock.
const OLDEST_MICROS: i64 = 10_000_000;
/// How far it may lie ahead.
const NEWEST_MICROS: i64 = 30_000_000;

/// What a request says about who sent it. Nothing of it is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed<'a> {
    /// The identifier of the key.
    pub key_id: &'a str,
    timestamp: &'a str,
    signature: &'a str,
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// It lacks one of the three headers.
    #[error(
        "the request is not signed: KALSHI-ACCESS-KEY, KALSHI-ACCESS-TIMESTAMP and KALSHI-ACCESS-SIGNATURE are needed"
    )]
    Unsigned,
    /// Its time is not a number of milliseconds.
    #[error("KALSHI-ACCESS-TIMESTAMP is not a number of milliseconds")]
    MalformedTimestamp,
    /// Its time is too far from the exchange's clock.
    #[error("KALSHI-ACCESS-TIMESTAMP is too far from the exchange's clock")]
    Expired,
    /// The exchange knows no such key.
    #[error("the exchange knows no such key")]
    UnknownKey,
    /// The signature is not one of this request by this key.
    #[error("the signature does not verify")]
    WrongSignature,
}

impl AuthError {
    /// The venue's code.
    pub fn code(self) -> &'static str {
        match self {
            AuthError::Expired => "header_timestamp_expired",
            AuthError::MalformedTimestamp => "header_timestamp_invalid",
            AuthError::Unsigned | AuthError::UnknownKey | AuthError::WrongSignature => "authentication_error",
        }
    }

    /// The venue's details.
    pub fn details(self) -> Option<&'static str> {
        match self {
            AuthError::WrongSignature => Some("INCORRECT_API_KEY_SIGNATURE"),
            AuthError::UnknownKey => Some("NOT_FOUND"),
            AuthError::Unsigned => Some("MISSING_PARAMETER"),
            AuthError::Expired | AuthError::MalformedTimestamp => None,
        }
    }
}

impl<'a> Signed<'a> {
    /// What the headers say; `None` if none of the three is there.
    ///
    /// # Errors
    /// [`AuthError::Unsigned`] if only some are.
    pub fn read(headers: &'a HeaderMap) -> Result<Option<Signed<'a>>, AuthError> {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty());
        let key_id = header("kalshi-access-key");
        let timestamp = header("kalshi-access-timestamp");
        match (key_id, timestamp, header("kalshi-access-signature")) {
            (None, None, None) => Ok(None),
            (Some(key_id), Some(timestamp), Some(signature)) => Ok(Some(Signed { key_id, timestamp, signature })),
            _ => Err(AuthError::Unsigned),
        }
    }

    /// Whether the time is near enough to the exchange's clock: from 10 s behind it to 30 s ahead.
    ///
    /// # Errors
    /// If it is not, or is no time.
    pub fn check_time(&self, now: ExchangeTime) -> Result<(), AuthError> {
        let millis: i64 = self.timestamp.parse().map_err(|_| AuthError::MalformedTimestamp)?;
        let micros = millis.checked_mul(1_000).ok_or(AuthError::MalformedTimestamp)?;
        let ahead = micros.checked_sub(now.micros()).ok_or(AuthError::Expired)?;
        if (-OLDEST_MICROS..=NEWEST_MICROS).contains(&ahead) { Ok(()) } else { Err(AuthError::Expired) }
    }

    /// Whether the key signed this time, method and path. The path is that of the request line without its query.
    ///
    /// # Errors
    /// If it did not.
    pub fn verify(&self, key: &PublicKey, method: &str, path: &str) -> Result<(), AuthError> {
        let signature = STANDARD.decode(self.signature).map_err(|_| AuthError::WrongSignature)?;
        let message = [self.timestamp, method, path].concat();
        if key.verifies(message.as_bytes(), &signature) { Ok(()) } else { Err(AuthError::WrongSignature) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_may_differ_by_as_much_as_the_venue_lets_it() {
        let now = ExchangeTime::from_micros(1_700_000_000_000_000);
        let at = |seconds: i64| (1_700_000_000_000 + seconds * 1_000).to_string();
        let check = |text: &str| Signed { key_id: "k", timestamp: text, signature: "s" }.check_time(now);
        for seconds in [-10, -5, 0, 10, 30] {
            assert_eq!(check(&at(seconds)), Ok(()), "{seconds}");
        }
        for seconds in [-3_600, -30, -11, 31, 60] {
            assert_eq!(check(&at(seconds)), Err(AuthError::Expired), "{seconds}");
        }
        for text in ["", "now", "1700000000000.5", "99999999999999999999"] {
            assert_eq!(check(text), Err(AuthError::MalformedTimestamp), "{text}");
        }
    }

    #[test]
    fn some_of_the_headers_are_not_enough() {
        let mut headers = HeaderMap::new();
        assert_eq!(Signed::read(&headers), Ok(None));
        headers.insert("kalshi-access-key", "k".parse().unwrap());
        assert_eq!(Signed::read(&headers), Err(AuthError::Unsigned));
        headers.insert("kalshi-access-timestamp", "1".parse().unwrap());
        headers.insert("kalshi-access-signature", "cw==".parse().unwrap());
        assert_eq!(Signed::read(&headers).unwrap().unwrap().key_id, "k");
    }
}
