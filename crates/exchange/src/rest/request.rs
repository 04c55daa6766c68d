//! What an operation is asked, and by whom.

use std::sync::Arc;

use axum::http::StatusCode;
use daybook_book::ExchangeTime;
use daybook_kalshi::rest::value::{FromQuery, Subaccount};
use serde::de::DeserializeOwned;

use super::answer::Refusal;
use crate::{
    auth::{ApiKey, PrivateKey},
    engine::{AccountId, Owner},
};

/// The most subaccounts, the primary one among them.
pub(crate) const SUBACCOUNTS: u32 = 64;

/// What the venue says where a key reaches beyond its subaccount.
const RESTRICTED: &str = "this API key is restricted to a single sub-account and cannot access this endpoint";

/// A request whose signature, scope and price are dealt with.
pub(crate) struct Request<'a> {
    /// When it is answered.
    pub now: ExchangeTime,
    /// Who asks; none where an operation is public and the request is not signed.
    pub key: Option<Arc<ApiKey>>,
    /// What the path's placeholders stand for.
    pub path: &'a [(String, String)],
    /// The query, decoded.
    pub query: &'a [(String, String)],
    /// The body as it came.
    pub body: &'a [u8],
    /// A key pair that was made before the venue was locked, for the operation that needs one.
    pub pair: Option<Arc<PrivateKey>>,
}

impl Request<'_> {
    /// What a placeholder of the path stands for.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.path.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn query<Q: FromQuery>(&self) -> Result<Q, Refusal> {
        Q::from_query(self.query).map_err(|error| Refusal::Query(error.to_string()))
    }

    /// The body; an empty one is `{}`.
    pub(crate) fn body<B: DeserializeOwned>(&self) -> Result<B, Refusal> {
        let body = if self.body.is_empty() { b"{}" } else { self.body };
        serde_json::from_slice(body).map_err(|error| {
            if error.is_data() {
                Refusal::body("invalid_parameters", error.to_string())
            } else {
                Refusal::body("invalid_json", error.to_string())
            }
        })
    }

    /// Who asks. Signed operations are not reached by anybody else.
    pub(crate) fn caller(&self) -> Result<&ApiKey, Refusal> {
        self.key.as_deref().ok_or_else(|| crate::auth::AuthError::Unsigned.into())
    }

    pub(crate) fn account(&self) -> Result<AccountId, Refusal> {
        Ok(self.caller()?.account)
    }

    /// The subaccount that is meant where one is: the primary one, or the only one that the key may touch, unless said
    /// otherwise.
    pub(crate) fn owner(&self, asked: Option<Subaccount>) -> Result<Owner, Refusal> {
        let key = self.caller()?;
        let subaccount = match (key.subaccount, asked) {
            (None, None) => 0,
            (Some(only), None) => only,
            (only, Some(asked)) => {
                let asked = number(asked)?;
                if only.is_some_and(|only| only != asked) {
                    return Err(Refusal::forbidden(RESTRICTED));
                }
                asked
            }
        };
        Ok(Owner { account: key.account, subaccount })
    }

    /// The subaccount that is meant where all are unless one is named; a key that is bound to one sees that one.
    pub(crate) fn subaccount_filter(&self, asked: Option<Subaccount>) -> Result<Option<u8>, Refusal> {
        if self.caller()?.subaccount.is_none() && asked.is_none() {
            return Ok(None);
        }
        self.owner(asked).map(|owner| Some(owner.subaccount))
    }

    /// Refuses keys that are bound to a subaccount.
    pub(crate) fn unrestricted(&self) -> Result<AccountId, Refusal> {
        let key = self.caller()?;
        if key.subaccount.is_some() { Err(Refusal::forbidden(RESTRICTED)) } else { Ok(key.account) }
    }
}

/// A subaccount's number, if there can be one of it.
pub(crate) fn number(subaccount: Subaccount) -> Result<u8, Refusal> {
    u8::try_from(subaccount.0)
        .ok()
        .filter(|&number| u32::from(number) < SUBACCOUNTS)
        .ok_or_else(|| Refusal::nested(StatusCode::BAD_REQUEST, "invalid_parameters", "subaccount must be 0 to 63"))
}
