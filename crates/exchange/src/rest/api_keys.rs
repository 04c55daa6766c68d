//! API keys.

use std::sync::Arc;

use axum::http::StatusCode;
use daybook_kalshi::rest::{
    api_keys::{
        ApiKey as ApiKeyRecord, ApiKeyCreated, ApiKeyGenerated, ApiKeys, ApiKeysQuery, CreateApiKey, GenerateApiKey,
        Scope,
    },
    value::{Subaccount, SubtraderId},
};
use serde_json::Map;

use super::{
    answer::{Answer, Refusal},
    request::{self, Request},
};
use crate::{
    auth::{self, ApiKey, NewKey, PrivateKey, PublicKey},
    venue::Venue,
};

pub(super) fn list(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: ApiKeysQuery = request.query()?;
    let account = request.unrestricted()?;
    // No key of this exchange is bound to a subtrader.
    let keys = venue.keys().of(account).filter(|_| query.fcm_subtrader_id.is_none()).map(|key| ApiKeyRecord {
        api_key_id: (&*key.id).into(),
        name: key.name.clone(),
        scopes: key.scopes.clone(),
        subaccount: key.subaccount.map(|number| Subaccount(number.into())),
        fcm_subtrader_id: None,
        extra: Map::new(),
    });
    Ok(Answer::ok(ApiKeys { api_keys: keys.collect(), api_key_region_expiration_ts: None, extra: Map::new() }))
}

pub(super) fn create(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let body: CreateApiKey = request.body()?;
    let account = request.unrestricted()?;
    let (scopes, subaccount) = granted(venue, request, body.scopes, body.subaccount, body.fcm_subtrader_id)?;
    let public = PublicKey::from_pem(&body.public_key);
    let public = public.map_err(|error| Refusal::bad("invalid_parameters", error.to_string()))?;
    let id = venue.add_key(account, NewKey { name: body.name, scopes, subaccount, public });
    Ok(Answer::created(ApiKeyCreated { api_key_id: (&*id).into(), warning: None, extra: Map::new() }))
}

/// Makes the pair that is asked for, where nobody waits for it: an RSA key takes its time.
pub(super) async fn pair(request: &Request<'_>) -> Result<Arc<PrivateKey>, Refusal> {
    let body: GenerateApiKey = request.body()?;
    let algorithm = auth::algorithm(body.key_type);
    let algorithm = algorithm.map_err(|error| Refusal::bad("invalid_parameters", error.to_string()))?;
    let made = tokio::task::spawn_blocking(move || PrivateKey::generate(algorithm)).await;
    let made = made.map_err(|error| Refusal::internal(error.to_string()))?;
    made.map(Arc::new).map_err(|error| Refusal::internal(error.to_string()))
}

pub(super) fn generate(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let body: GenerateApiKey = request.body()?;
    let account = request.unrestricted()?;
    let (scopes, subaccount) = granted(venue, request, body.scopes, body.subaccount, body.fcm_subtrader_id)?;
    let pair = request.pair.as_ref().ok_or_else(|| Refusal::internal("no key pair was made"))?;
    let public = pair.public.clone();
    let kind = auth::kind(public.algorithm());
    let id = venue.add_key(account, NewKey { name: body.name, scopes, subaccount, public });
    Ok(Answer::created(ApiKeyGenerated {
        api_key_id: (&*id).into(),
        key_type: Some(kind),
        private_key: pair.pem.clone().into(),
        warning: None,
        extra: Map::new(),
    }))
}

pub(super) fn delete(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let account = request.unrestricted()?;
    if venue.keys_mut().remove(account, request.param("api_key")) {
        Ok(Answer::empty(StatusCode::NO_CONTENT))
    } else {
        Err(Refusal::not_found("API key"))
    }
}

/// What a new key may do: no more than the key that asks for it.
fn granted(
    venue: &Venue,
    request: &Request<'_>,
    scopes: Option<Vec<Scope>>,
    subaccount: Option<Subaccount>,
    subtrader: Option<SubtraderId>,
) -> Result<(Vec<Scope>, Option<u8>), Refusal> {
    let bad = |message: &str| Refusal::bad("invalid_parameters", message);
    if subtrader.is_some() {
        return Err(Refusal::forbidden("fcm_subtrader_id requires an FCM member"));
    }
    let scopes = scopes.unwrap_or_else(ApiKey::full_access);
    if let Some(Scope::Other(word)) = scopes.iter().find(|scope| matches!(scope, Scope::Other(_))) {
        return Err(bad(&format!("scope {word:?} is not known")));
    }
    if scopes.is_empty() || scopes.contains(&Scope::Write) && !scopes.contains(&Scope::Read) {
        return Err(bad("write needs read, and some scope is needed"));
    }
    let subaccount = subaccount.map(request::number).transpose()?;
    let opened = super::account::of(venue, request)?.netting.len();
    if subaccount.is_some_and(|number| usize::from(number) >= opened) {
        return Err(bad("there is no such subaccount"));
    }
    Ok((scopes, subaccount))
}
