//! Which account: the key that reads it, and the environment that the key belongs to.

use daybook_kalshi::Environment;
use jiff::Timestamp;
use sqlx::{AnyConnection, Row};

use crate::{
    error::StoreError,
    store::Store,
    time::{from_micros, micros},
};

/// Who an account is, as far as its owner's key tells: the venue and the id of the API key.
///
/// The account's subaccounts are told apart by a column of every table. A new key is a new identity.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountIdentity {
    /// `prod`, `demo` or the base URL: what [`Environment`] prints.
    pub environment: String,
    /// The id of the API key.
    pub key_id: String,
}

impl AccountIdentity {
    /// The account that a key reads at a venue.
    pub fn new(environment: &Environment, key_id: &str) -> AccountIdentity {
        AccountIdentity { environment: environment.to_string(), key_id: key_id.to_owned() }
    }
}

/// An account's number in one store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(pub i64);

/// An account of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// Who it is.
    pub identity: AccountIdentity,
    /// When it was first mirrored.
    pub created_at: Timestamp,
}

impl Store {
    /// All accounts of the store, in the order in which they came.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        let failed = self.failed("list its accounts");
        let sql = "SELECT account_id, environment, key_id, created_at_us FROM accounts ORDER BY account_id";
        let rows = sqlx::query(sql).fetch_all(self.pool()).await.map_err(&failed)?;
        rows.iter()
            .map(|row| {
                Ok(Account {
                    id: AccountId(row.try_get(0).map_err(&failed)?),
                    identity: AccountIdentity {
                        environment: row.try_get(1).map_err(&failed)?,
                        key_id: row.try_get(2).map_err(&failed)?,
                    },
                    created_at: from_micros(row.try_get(3).map_err(&failed)?),
                })
            })
            .collect()
    }

    /// The account with this identity; `None` if it was never mirrored.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn account(&self, identity: &AccountIdentity) -> Result<Option<AccountId>, StoreError> {
        let mut connection = self.connection().await?;
        self.find_account(&mut connection, identity).await
    }

    async fn find_account(
        &self,
        connection: &mut AnyConnection,
        identity: &AccountIdentity,
    ) -> Result<Option<AccountId>, StoreError> {
        let failed = self.failed("look up an account");
        let row = sqlx::query("SELECT account_id FROM accounts WHERE environment = $1 AND key_id = $2")
            .bind(&identity.environment)
            .bind(&identity.key_id)
            .fetch_optional(connection)
            .await
            .map_err(&failed)?;
        row.map(|row| row.try_get(0).map(AccountId).map_err(&failed)).transpose()
    }

    /// The account with this identity, which is new if it was not there.
    pub(crate) async fn ensure_account(
        &self,
        identity: &AccountIdentity,
        now: Timestamp,
    ) -> Result<AccountId, StoreError> {
        let mut connection = self.connection().await?;
        if let Some(account) = self.find_account(&mut connection, identity).await? {
            return Ok(account);
        }
        let insert = "INSERT INTO accounts (environment, key_id, created_at_us) VALUES ($1, $2, $3)
            ON CONFLICT (environment, key_id) DO NOTHING";
        sqlx::query(insert)
            .bind(&identity.environment)
            .bind(&identity.key_id)
            .bind(micros(now))
            .execute(&mut *connection)
            .await
            .map_err(self.failed("add an account"))?;
        let account = self.find_account(&mut connection, identity).await?;
        account.ok_or_else(|| self.damaged("accounts", "an account that was just added is not there"))
    }
}
