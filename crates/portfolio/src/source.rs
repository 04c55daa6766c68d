//! Where the rows come from: the venue, or a test in its place.

use std::{error::Error, fmt, future::Future};

use daybook_kalshi::{
    Client,
    rest::{
        historical::{HistoricalCutoff, HistoricalFillsQuery, HistoricalOrdersQuery, HistoricalPositionsQuery},
        orders::{OrdersPage, OrdersQuery},
        portfolio::{
            Balance, BalanceQuery, FillsPage, FillsQuery, PositionsPage, PositionsQuery, SettlementsPage,
            SettlementsQuery, SubaccountBalance,
        },
    },
};

use crate::account::AccountIdentity;

/// What a sync asks of the venue. Implemented for [`Client`]; each method is the client's method of that name.
///
/// A page that is asked for twice may differ, since the account goes on; a sync counts on nothing but this: a row that
/// is there throughout a walk over all pages is on one of them.
pub trait AccountSource: Send + Sync {
    /// Whose rows these are.
    fn identity(&self) -> Result<AccountIdentity, SourceError>;

    /// The subaccounts that there are, with their balances.
    fn subaccount_balances(&self) -> impl Future<Output = Result<Vec<SubaccountBalance>, SourceError>> + Send;

    /// A subaccount's balance.
    fn balance(&self, query: &BalanceQuery) -> impl Future<Output = Result<Balance, SourceError>> + Send;

    /// Where the history begins.
    fn historical_cutoff(&self) -> impl Future<Output = Result<HistoricalCutoff, SourceError>> + Send;

    /// A page of positions.
    fn positions(&self, query: &PositionsQuery) -> impl Future<Output = Result<PositionsPage, SourceError>> + Send;

    /// A page of archived positions.
    fn historical_positions(
        &self,
        query: &HistoricalPositionsQuery,
    ) -> impl Future<Output = Result<PositionsPage, SourceError>> + Send;

    /// A page of fills.
    fn fills(&self, query: &FillsQuery) -> impl Future<Output = Result<FillsPage, SourceError>> + Send;

    /// A page of archived fills.
    fn historical_fills(
        &self,
        query: &HistoricalFillsQuery,
    ) -> impl Future<Output = Result<FillsPage, SourceError>> + Send;

    /// A page of settlements.
    fn settlements(
        &self,
        query: &SettlementsQuery,
    ) -> impl Future<Output = Result<SettlementsPage, SourceError>> + Send;

    /// A page of orders.
    fn orders(&self, query: &OrdersQuery) -> impl Future<Output = Result<OrdersPage, SourceError>> + Send;

    /// A page of archived orders.
    fn historical_orders(
        &self,
        query: &HistoricalOrdersQuery,
    ) -> impl Future<Output = Result<OrdersPage, SourceError>> + Send;
}

impl SourceError {
    /// The client's error, where that is what it came from.
    pub fn client_error(&self) -> Option<&daybook_kalshi::Error> {
        match self {
            SourceError::Refused(error) | SourceError::Unreadable { error, .. } | SourceError::Failed(error) => {
                error.downcast_ref()
            }
            SourceError::NoCredentials => None,
        }
    }
}

/// Why the venue did not answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum SourceError {
    /// It refused the request as it was put (HTTP 400): with a cursor, that is what an outdated cursor gets.
    Refused(Box<dyn Error + Send + Sync>),
    /// It answered with success, and with a body that is not this operation's as a whole: one of its rows may be what
    /// cannot be read.
    Unreadable {
        /// The body as received.
        body: Vec<u8>,
        /// What is wrong with it.
        error: Box<dyn Error + Send + Sync>,
    },
    /// Anything else.
    Failed(Box<dyn Error + Send + Sync>),
    /// There are no credentials, so there is no account.
    NoCredentials,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceError::Refused(error) | SourceError::Unreadable { error, .. } | SourceError::Failed(error) => {
                fmt::Display::fmt(error, f)
            }
            SourceError::NoCredentials => {
                f.write_str("an account can only be read with an API key, and the client has none")
            }
        }
    }
}

impl Error for SourceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            SourceError::Refused(error) | SourceError::Unreadable { error, .. } | SourceError::Failed(error) => {
                error.source()
            }
            SourceError::NoCredentials => None,
        }
    }
}

impl From<daybook_kalshi::Error> for SourceError {
    fn from(error: daybook_kalshi::Error) -> SourceError {
        if error.venue().is_some_and(|answer| answer.status == 400) {
            SourceError::Refused(error.into())
        } else if matches!(error.kind(), daybook_kalshi::ErrorKind::Decode { .. }) {
            SourceError::Unreadable { body: error.body().to_vec(), error: error.into() }
        } else {
            SourceError::Failed(error.into())
        }
    }
}

impl AccountSource for Client {
    fn identity(&self) -> Result<AccountIdentity, SourceError> {
        let credentials = self.credentials().ok_or(SourceError::NoCredentials)?;
        Ok(AccountIdentity::new(self.environment(), credentials.key_id()))
    }

    async fn subaccount_balances(&self) -> Result<Vec<SubaccountBalance>, SourceError> {
        Ok(Client::subaccount_balances(self).await?)
    }

    async fn balance(&self, query: &BalanceQuery) -> Result<Balance, SourceError> {
        Ok(Client::balance(self, query).await?)
    }

    async fn historical_cutoff(&self) -> Result<HistoricalCutoff, SourceError> {
        Ok(Client::historical_cutoff(self).await?)
    }

    async fn positions(&self, query: &PositionsQuery) -> Result<PositionsPage, SourceError> {
        Ok(Client::positions(self, query).await?)
    }

    async fn historical_positions(&self, query: &HistoricalPositionsQuery) -> Result<PositionsPage, SourceError> {
        Ok(Client::historical_positions(self, query).await?)
    }

    async fn fills(&self, query: &FillsQuery) -> Result<FillsPage, SourceError> {
        Ok(Client::fills(self, query).await?)
    }

    async fn historical_fills(&self, query: &HistoricalFillsQuery) -> Result<FillsPage, SourceError> {
        Ok(Client::historical_fills(self, query).await?)
    }

    async fn settlements(&self, query: &SettlementsQuery) -> Result<SettlementsPage, SourceError> {
        Ok(Client::settlements(self, query).await?)
    }

    async fn orders(&self, query: &OrdersQuery) -> Result<OrdersPage, SourceError> {
        Ok(Client::orders(self, query).await?)
    }

    async fn historical_orders(&self, query: &HistoricalOrdersQuery) -> Result<OrdersPage, SourceError> {
        Ok(Client::historical_orders(self, query).await?)
    }
}
