//! The keys that the exchange knows, and what each may do.

use std::sync::Arc;

use daybook_kalshi::rest::api_keys::Scope;
use hashbrown::HashMap;

use super::PublicKey;
use crate::engine::AccountId;

/// A key that the exchange knows.
#[derive(Debug)]
pub struct ApiKey {
    /// What is sent as `KALSHI-ACCESS-KEY`.
    pub id: Arc<str>,
    /// Whose.
    pub account: AccountId,
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The only subaccount that it may touch.
    pub subaccount: Option<u8>,
    /// What verifies its signatures.
    pub public: PublicKey,
}

/// A key to register.
#[derive(Debug)]
pub struct NewKey {
    /// What its owner calls it.
    pub name: String,
    /// What it may do; see [`ApiKey::full_access`].
    pub scopes: Vec<Scope>,
    /// The only subaccount that it may touch.
    pub subaccount: Option<u8>,
    /// What verifies its signatures.
    pub public: PublicKey,
}

/// What an operation asks of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Nothing: it is public.
    None,
    /// To read.
    Read,
    /// To read the balance.
    ReadBalance,
    /// To read what block trades are proposed.
    ReadBlockTrade,
    /// To write whatever is not one of the following.
    Write,
    /// To trade.
    Trade,
    /// To move money.
    Transfer,
    /// To accept block trades.
    AcceptBlockTrade,
    /// To set limits for subtraders.
    FcmRisk,
}

impl ApiKey {
    /// What a key may do unless its owner says otherwise.
    pub fn full_access() -> Vec<Scope> {
        vec![Scope::Read, Scope::Write]
    }

    /// Whether it may do what an operation asks.
    pub fn may(&self, permission: Permission) -> bool {
        let has = |scope: Scope| self.scopes.contains(&scope);
        match permission {
            Permission::None => true,
            Permission::Read => has(Scope::Read),
            Permission::ReadBalance => has(Scope::Read) || has(Scope::ReadPortfolioBalance),
            Permission::ReadBlockTrade => has(Scope::Read) || has(Scope::ReadBlockTradeAccept),
            Permission::Write => has(Scope::Write),
            Permission::Trade => has(Scope::Write) || has(Scope::WriteTrade),
            Permission::Transfer => has(Scope::Write) || has(Scope::WriteTransfer),
            Permission::AcceptBlockTrade => has(Scope::Write) || has(Scope::WriteBlockTradeAccept),
            Permission::FcmRisk => has(Scope::Write) || has(Scope::WriteFcmRisk),
        }
    }
}

/// All keys, by their identifiers.
#[derive(Debug, Default)]
pub struct Keys {
    by_id: HashMap<Arc<str>, Arc<ApiKey>>,
    /// In the order in which they were registered.
    order: Vec<Arc<str>>,
}

impl Keys {
    /// Adds a key.
    pub fn insert(&mut self, key: ApiKey) {
        let id = Arc::clone(&key.id);
        if self.by_id.insert(Arc::clone(&id), Arc::new(key)).is_none() {
            self.order.push(id);
        }
    }

    /// The key of this identifier.
    pub fn get(&self, id: &str) -> Option<&Arc<ApiKey>> {
        self.by_id.get(id)
    }

    /// Forgets an account's key; whether there was one.
    pub fn remove(&mut self, account: AccountId, id: &str) -> bool {
        if self.by_id.get(id).is_none_or(|key| key.account != account) {
            return false;
        }
        self.by_id.remove(id);
        self.order.retain(|other| &**other != id);
        true
    }

    /// An account's keys, oldest first.
    pub fn of(&self, account: AccountId) -> impl Iterator<Item = &ApiKey> {
        self.order
            .iter()
            .filter_map(|id| self.by_id.get(id))
            .map(|key| &**key)
            .filter(move |key| key.account == account)
    }
}
