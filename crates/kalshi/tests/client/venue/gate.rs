//! Who may come in: signatures and stamps, checked as the venue does.

use std::collections::HashMap;

use aws_lc_rs::signature::{ED25519, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::request::Parts;
use serde_json::json;

/// The key that the venue knows.
pub const KEY_ID: &str = "a952bcbe-ec3b-4b5b-b8f9-11dae589608c";

#[derive(Clone, Debug)]
pub enum PublicKey {
    Ed25519(Vec<u8>),
    Rsa(Vec<u8>),
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    pub path: String,
    pub body: String,
    pub key_id: Option<String>,
    pub stamp: Option<String>,
    pub signature: Option<String>,
}

impl Received {
    pub fn of(parts: &Parts, body: &[u8]) -> Received {
        let header = |name| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        Received {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            body: String::from_utf8_lossy(body).into_owned(),
            key_id: header("KALSHI-ACCESS-KEY"),
            stamp: header("KALSHI-ACCESS-TIMESTAMP"),
            signature: header("KALSHI-ACCESS-SIGNATURE"),
        }
    }

    /// Refuses who cannot be who they say; what is public needs no name.
    pub fn verify(&self, keys: &HashMap<String, PublicKey>, now_millis: i64) -> Result<(), (u16, String)> {
        let public = ["/trade-api/v2/markets", "/trade-api/v2/exchange", "/trade-api/v2/account/endpoint_costs"];
        let (Some(key_id), Some(stamp), Some(signature)) = (&self.key_id, &self.stamp, &self.signature) else {
            return match public.iter().any(|path| self.path.starts_with(path)) {
                true => Ok(()),
                false => Err(refusal("NO_HEADERS")),
            };
        };
        let key = keys.get(key_id).ok_or_else(|| refusal("NOT_FOUND"))?;
        let ahead = stamp.parse::<i64>().map_err(|_| refusal("BAD_STAMP"))? - now_millis;
        if !(-10_000..=30_000).contains(&ahead) {
            let body = json!({"error": {"code": "header_timestamp_expired", "message": "the stamp has expired"}});
            return Err((401, body.to_string()));
        }
        let message = format!("{stamp}{}{}", self.method, self.path);
        let signature = STANDARD.decode(signature).map_err(|_| refusal("NOT_BASE64"))?;
        let verified = match key {
            PublicKey::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message.as_bytes(), &signature),
            PublicKey::Rsa(key) => {
                UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key).verify(message.as_bytes(), &signature)
            }
        };
        verified.map_err(|_| refusal("INCORRECT_API_KEY_SIGNATURE"))
    }
}

fn refusal(details: &str) -> (u16, String) {
    let error = json!({"code": "authentication_error", "message": "authentication_error", "details": details});
    (401, json!({"error": error}).to_string())
}
