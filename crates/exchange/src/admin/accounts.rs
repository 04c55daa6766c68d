//! Accounts that are opened from outside, and their keys.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use daybook_book::Money;
use daybook_kalshi::{Algorithm, Tier, rest::api_keys::KeyKind};
use serde::{Deserialize, Serialize};

use super::{Refusal, body};
use crate::{
    auth::{self, ApiKey, KeyError, NewKey, PrivateKey, PublicKey},
    engine::{AccountId, Owner, Reject},
    rest::Exchange,
    venue::NewAccount,
};

/// What an account is opened with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Its cash on every shard.
    pub balance: Money,
    /// Its usage tier.
    pub tier: Tier,
    /// Of its key.
    pub algorithm: Algorithm,
}

impl Default for Opening {
    /// Ten thousand dollars on every shard, the basic tier, an RSA key as the venue makes them without being asked.
    fn default() -> Opening {
        Opening { balance: Money::from_micros(10_000_000_000), tier: Tier::Basic, algorithm: Algorithm::RsaPss }
    }
}

/// What the owner of a new account is handed. The private key is kept nowhere else.
pub struct Handed {
    /// The account.
    pub account: AccountId,
    /// Its user's identifier.
    pub user_id: String,
    /// What its key is called.
    pub key_id: Arc<str>,
    /// Its private key, in PEM form.
    pub private_key: String,
}

/// Why an account could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no key for it.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// It cannot be given that much.
    #[error("the account cannot be given this balance: {0}")]
    Balance(#[from] Reject),
}

/// Opens an account on an exchange, gives it money and a key.
///
/// # Errors
/// If no key could be made, or the balance is more than an account can hold.
pub fn open(exchange: &Exchange, opening: Opening) -> Result<Handed, OpenError> {
    // Before the venue is locked: an RSA key takes some tenths of a second.
    let PrivateKey { pem, public } = PrivateKey::generate(opening.algorithm)?;
    let now = exchange.now();
    let mut venue = exchange.venue();
    let account = venue.open_account(NewAccount { tier: opening.tier, ..NewAccount::default() }, now);
    if opening.balance != Money::ZERO {
        for shard in 0..venue.shards() {
            venue.deposit(Owner { account, subaccount: 0 }, shard as u8, opening.balance, now)?;
        }
    }
    let key_id = venue.add_key(account, key("exchange", public));
    let user_id = venue.user(account).map(|user| user.to_string()).unwrap_or_default();
    Ok(Handed { account, user_id, key_id, private_key: pem })
}

fn key(name: &str, public: PublicKey) -> NewKey {
    NewKey { name: name.to_owned(), scopes: ApiKey::full_access(), subaccount: None, public }
}

/// What a key of the kind that a body names signs with.
fn algorithm(kind: Option<String>) -> Result<Algorithm, Refusal> {
    auth::algorithm(kind.as_deref().map(KeyKind::from)).map_err(Refusal::bad)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateBody {
    balance_dollars: Option<String>,
    tier: Option<String>,
    key_type: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Created {
    user_id: String,
    key_id: String,
    private_key: String,
}

pub(super) async fn create(
    State(exchange): State<Arc<Exchange>>,
    bytes: Bytes,
) -> Result<(StatusCode, Json<Created>), Refusal> {
    let asked: CreateBody = body(&bytes)?;
    let mut opening = Opening::default();
    if let Some(balance) = asked.balance_dollars {
        opening.balance = balance.parse().map_err(Refusal::bad)?;
    }
    if let Some(tier) = asked.tier {
        opening.tier = tier.parse().map_err(Refusal::bad)?;
    }
    opening.algorithm = algorithm(asked.key_type)?;
    let handed = tokio::task::spawn_blocking(move || open(&exchange, opening)).await;
    let handed = handed.map_err(|error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, "internal", error.to_string()))?;
    let Handed { user_id, key_id, private_key, .. } = handed.map_err(Refusal::bad)?;
    Ok((StatusCode::CREATED, Json(Created { user_id, key_id: key_id.to_string(), private_key })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyBody {
    name: Option<String>,
    key_type: Option<String>,
    public_key: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Key {
    key_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key: Option<String>,
}

pub(super) async fn add_key(
    State(exchange): State<Arc<Exchange>>,
    Path(user_id): Path<String>,
    bytes: Bytes,
) -> Result<(StatusCode, Json<Key>), Refusal> {
    let asked: KeyBody = body(&bytes)?;
    let (public, private_key) = match (asked.public_key, asked.key_type) {
        (Some(_), Some(_)) => return Err(Refusal::bad("either public_key or key_type: a key in hand says what it is")),
        (Some(pem), None) => (PublicKey::from_pem(&pem).map_err(Refusal::bad)?, None),
        (None, kind) => {
            let algorithm = algorithm(kind)?;
            let made = tokio::task::spawn_blocking(move || PrivateKey::generate(algorithm)).await;
            let made =
                made.map_err(|error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, "internal", error.to_string()))?;
            let PrivateKey { pem, public } = made.map_err(Refusal::bad)?;
            (public, Some(pem))
        }
    };
    let mut venue = exchange.venue();
    let account = venue.account_of(&user_id);
    let account = account.ok_or_else(|| Refusal::not_found(format!("there is no account of user {user_id}")))?;
    let key_id = venue.add_key(account, key(asked.name.as_deref().unwrap_or("exchange"), public));
    Ok((StatusCode::CREATED, Json(Key { key_id: key_id.to_string(), private_key })))
}
