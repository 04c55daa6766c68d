//! API keys: who may do what in the account's name.

use crate::{
    client::{Call, Client, Error},
    rest::value::{
        ApiKeyId, Query, SecretText, Subaccount, SubtraderId, UnixSeconds, body, open_enum, operations, query, record,
    },
};

operations! {
    GET_API_KEYS = Get "/api_keys" "GetApiKeys" signed Read;
    CREATE_API_KEY = Post "/api_keys" "CreateApiKey" signed Read;
    GENERATE_API_KEY = Post "/api_keys/generate" "GenerateApiKey" signed Read;
    DELETE_API_KEY = Delete "/api_keys/{api_key}" "DeleteApiKey" signed Read;
}

record! {
    /// The account's keys. Not paged. Schema `GetApiKeysResponse`.
    pub struct ApiKeys {
        /// The keys.
        pub api_keys: Vec<ApiKey>,
        /// When the account's statement of where it is runs out; absent without one.
        pub api_key_region_expiration_ts: Option<UnixSeconds>,
    }
}

record! {
    /// A key. Schema `ApiKey`.
    pub struct ApiKey {
        /// Its identifier.
        pub api_key_id: ApiKeyId,
        /// Its name.
        pub name: String,
        /// What it may do.
        pub scopes: Vec<Scope>,
        /// The only subaccount that it may touch; any without.
        pub subaccount: Option<Subaccount>,
        /// The only subtrader that it may trade for.
        pub fcm_subtrader_id: Option<SubtraderId>,
    }
}

open_enum! {
    /// What a key may do. Each of the broad ones grants all that begins with it.
    pub enum Scope {
        /// Read everything.
        Read = "read",
        /// Do everything; needs [`Scope::Read`].
        Write = "write",
        /// Read block trades to accept.
        ReadBlockTradeAccept = "read::block_trade_accept",
        /// Read the balance.
        ReadPortfolioBalance = "read::portfolio_balance",
        /// Trade.
        WriteTrade = "write::trade",
        /// Move money.
        WriteTransfer = "write::transfer",
        /// Set limits for subtraders.
        WriteFcmRisk = "write::fcm_risk",
        /// Accept block trades.
        WriteBlockTradeAccept = "write::block_trade_accept",
    }
}

open_enum! {
    /// Kinds of keys.
    pub enum KeyKind {
        /// RSA with 2048 bits.
        Rsa = "rsa",
        /// Ed25519.
        Ed25519 = "ed25519",
    }
}

body! {
    /// A key to register, made by the caller. Schema `CreateApiKeyRequest`.
    pub struct CreateApiKey {
        /// Its name.
        pub name: String,
        /// The public half, PEM.
        pub public_key: String,
    }
    optional {
        /// What it may do; everything without.
        pub scopes: Option<Vec<Scope>>,
        /// The only subaccount that it may touch, 0 to 63.
        pub subaccount: Option<Subaccount>,
        /// The only subtrader that it may trade for.
        pub fcm_subtrader_id: Option<SubtraderId>,
    }
}

record! {
    /// A key was registered. Schema `CreateApiKeyResponse`.
    pub struct ApiKeyCreated {
        /// Its identifier.
        pub api_key_id: ApiKeyId,
        /// What its owner still has to do, if anything.
        pub warning: Option<String>,
    }
}

body! {
    /// A key for the venue to make. Schema `GenerateApiKeyRequest`.
    pub struct GenerateApiKey {
        /// Its name.
        pub name: String,
    }
    optional {
        /// Its kind; RSA without.
        pub key_type: Option<KeyKind>,
        /// What it may do; everything without.
        pub scopes: Option<Vec<Scope>>,
        /// The only subaccount that it may touch, 0 to 63.
        pub subaccount: Option<Subaccount>,
        /// The only subtrader that it may trade for.
        pub fcm_subtrader_id: Option<SubtraderId>,
    }
}

record! {
    /// A key was made. Schema `GenerateApiKeyResponse`.
    pub struct ApiKeyGenerated {
        /// Its identifier.
        pub api_key_id: ApiKeyId,
        /// Its kind.
        pub key_type: Option<KeyKind>,
        /// The private half, PEM. It is told this once.
        pub private_key: SecretText,
        /// What its owner still has to do, if anything.
        pub warning: Option<String>,
    }
}

query! {
    /// Which keys. Query of operation `GetApiKeys`.
    pub struct ApiKeysQuery {}
    optional {
        /// Only those of this subtrader.
        pub fcm_subtrader_id: Option<SubtraderId>,
    }
}

impl Client {
    /// The account's keys. Operation `GetApiKeys`.
    pub async fn api_keys(&self, query: &ApiKeysQuery) -> Result<ApiKeys, Error> {
        self.call(query.add_to(Call::new(&GET_API_KEYS))).await
    }

    /// Registers a key by its public half. Operation `CreateApiKey`.
    pub async fn create_api_key(&self, body: &CreateApiKey) -> Result<ApiKeyCreated, Error> {
        self.call(Call::new(&CREATE_API_KEY).body(body)).await
    }

    /// Has the venue make a key. The private half exists in the answer only. Operation `GenerateApiKey`.
    pub async fn generate_api_key(&self, body: &GenerateApiKey) -> Result<ApiKeyGenerated, Error> {
        self.call(Call::new(&GENERATE_API_KEY).body(body)).await
    }

    /// Deletes a key. It stops working at once. Operation `DeleteApiKey`.
    pub async fn delete_api_key(&self, api_key: &ApiKeyId) -> Result<(), Error> {
        self.done(Call::new(&DELETE_API_KEY).path("api_key", api_key)).await
    }
}
