//! The handshake's part that is about WebSocket: what a request must say, and what answers it.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use axum::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::Deflate;

/// What accepts a request.
#[derive(Clone, Debug)]
pub struct Upgrade {
    /// The headers of the answer, whose status is 101.
    pub headers: HeaderMap,
    /// How frames are compressed, if they are; goes into [`ServeOptions`](super::ServeOptions).
    pub deflate: Option<Deflate>,
}

/// Why a request is none for a WebSocket. The answer is a 400, or a 426 with `Sec-WebSocket-Version: 13` where only the
/// version is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpgradeError {
    /// It does not ask for an upgrade to `websocket`.
    #[error("not a WebSocket handshake: the headers Connection: Upgrade and Upgrade: websocket are needed")]
    NotAnUpgrade,
    /// It speaks another version of the protocol.
    #[error("the header Sec-WebSocket-Version must be 13")]
    Version,
    /// Its key is not 16 bytes in base64.
    #[error("the header Sec-WebSocket-Key must be 16 bytes in base64")]
    Key,
}

/// Accepts the headers of a GET request for a WebSocket.
///
/// # Errors
/// They are not those of one.
pub fn upgrade(headers: &HeaderMap) -> Result<Upgrade, UpgradeError> {
    if !has_token(headers, CONNECTION, "upgrade") || !has_token(headers, UPGRADE, "websocket") {
        return Err(UpgradeError::NotAnUpgrade);
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(UpgradeError::Version);
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).and_then(|key| key.to_str().ok()).map(str::trim);
    let key = key.filter(|key| STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16)).ok_or(UpgradeError::Key)?;
    let mut answer = HeaderMap::with_capacity(4);
    answer.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    answer.insert(UPGRADE, HeaderValue::from_static("websocket"));
    let value = |text: &str| HeaderValue::from_str(text).expect("made of printable ASCII");
    answer.insert(SEC_WEBSOCKET_ACCEPT, value(&accept_key(key)));
    let offers = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).iter().filter_map(|offer| offer.to_str().ok());
    let deflate = Deflate::negotiate(offers);
    if let Some(deflate) = deflate {
        answer.insert(SEC_WEBSOCKET_EXTENSIONS, value(&deflate.header()));
    }
    Ok(Upgrade { headers: answer, deflate })
}

/// Shows that the server understood the key.
fn accept_key(key: &str) -> String {
    const OF_THE_PROTOCOL: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{OF_THE_PROTOCOL}").as_bytes()))
}

fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|each| each.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        pairs.iter().map(pair).collect()
    }

    const GOOD: [(&str, &str); 4] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    #[test]
    fn the_answer_is_that_of_rfc_6455() {
        let accepted = upgrade(&headers(&GOOD)).unwrap();
        assert_eq!(accepted.headers[SEC_WEBSOCKET_ACCEPT], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(accepted.deflate, None);
        assert!(!accepted.headers.contains_key(SEC_WEBSOCKET_EXTENSIONS), "compression only where it is offered");
        let mut offers = GOOD.to_vec();
        offers.push(("sec-websocket-extensions", "permessage-deflate; client_max_window_bits"));
        let accepted = upgrade(&headers(&offers)).unwrap();
        assert_eq!(accepted.headers[SEC_WEBSOCKET_EXTENSIONS], "permessage-deflate");
        assert!(accepted.deflate.is_some());
    }

    #[test]
    fn what_is_no_handshake_is_told_why() {
        for (index, value, error) in [
            (0, "keep-alive", UpgradeError::NotAnUpgrade),
            (1, "h2c", UpgradeError::NotAnUpgrade),
            (2, "8", UpgradeError::Version),
            (3, "c2hvcnQ=", UpgradeError::Key),
            (3, "not base64 at all!!!!!!!", UpgradeError::Key),
        ] {
            let mut pairs = GOOD;
            pairs[index].1 = value;
            assert_eq!(upgrade(&headers(&pairs)).unwrap_err(), error);
        }
    }
}
