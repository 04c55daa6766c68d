//! What is mirrored, read back as the venue gave it.

use std::fmt::Write as _;

use daybook_book::{Money, Ticker};
use daybook_kalshi::rest::{
    orders::Order,
    portfolio::{Balance, EventPosition, Fill, MarketPosition, Settlement},
    value::{EventTicker, Subaccount},
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::{
    Any, AssertSqlSafe, Row,
    any::{AnyArguments, AnyRow},
    query::Query,
};

use crate::{
    account::AccountId,
    error::StoreError,
    store::Store,
    sync::Revision,
    table::{self, Cell},
    time::{Period, from_micros},
};

/// A row of the venue as it was first seen (fills, settlements) or last seen (orders).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded<T> {
    /// Whose it is.
    pub subaccount: Subaccount,
    /// When it was seen so for the first time.
    pub seen_at: Timestamp,
    /// The row.
    pub row: T,
}

/// A version of a row of the venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version<T> {
    /// Whose it is.
    pub subaccount: Subaccount,
    /// When it was seen so for the first time.
    pub valid_from: Timestamp,
    /// When it was first seen otherwise, or was no longer listed; `None` for the current version.
    pub valid_to: Option<Timestamp>,
    /// The row.
    pub row: T,
}

/// Which rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only of this subaccount.
    pub subaccount: Option<Subaccount>,
    /// Only in this market.
    pub ticker: Option<Ticker>,
    /// Only of this event. Fills, orders and positions do not say which event their market belongs to: for them it is
    /// the one whose name, with a `-` after it, the market's begins with, as the venue names its markets.
    pub event_ticker: Option<EventTicker>,
    /// Only from this time: fills by execution, settlements by settling, orders by placing, versions of positions if
    /// they were valid at any time in it. Current positions are what they are, whatever the period.
    pub period: Period,
    /// At most so many; all without.
    pub limit: Option<u32>,
}

/// Which of the two names a table's rows have.
#[derive(Clone, Copy)]
enum Names {
    Market,
    Event,
    MarketAndEvent,
}

/// A statement that grows with what is asked for.
struct Question {
    sql: String,
    parameters: Vec<Cell>,
}

impl Question {
    fn new(columns: &str, table: &str, account: AccountId) -> Question {
        Question {
            sql: format!("SELECT {columns} FROM {table} WHERE account_id = $1"),
            parameters: vec![account.0.into()],
        }
    }

    /// `{condition} $n`.
    fn and(&mut self, condition: &str, value: Cell) {
        self.parameters.push(value);
        let _ = write!(self.sql, " AND {condition} ${}", self.parameters.len());
    }

    fn within(mut self, period: Period, time: &str) -> Question {
        let (start, end) = period.bounds();
        if period.start.is_some() {
            self.and(&format!("{time} >="), start.into());
        }
        if period.end.is_some() {
            self.and(&format!("{time} <"), end.into());
        }
        self
    }

    fn of(mut self, selection: &Selection, names: Names) -> Question {
        if let Some(subaccount) = selection.subaccount {
            self.and("subaccount =", table::subaccount_number(subaccount).into());
        }
        if let Some(ticker) = &selection.ticker {
            let condition = match names {
                Names::Market | Names::MarketAndEvent => "ticker =",
                Names::Event => "event_ticker || '-' = substr(CAST($T AS TEXT), 1, length(event_ticker) + 1) AND '' <>",
            };
            let number = format!("${}", self.parameters.len() + 1);
            self.and(&condition.replace("$T", &number), ticker.as_str().into());
        }
        if let Some(event) = &selection.event_ticker {
            match names {
                Names::Event | Names::MarketAndEvent => self.and("event_ticker =", event.as_str().into()),
                Names::Market => {
                    let prefix = format!("{event}-");
                    let condition = format!("substr(ticker, 1, {}) =", prefix.chars().count());
                    self.and(&condition, Cell::Text(prefix));
                }
            }
        }
        self
    }

    fn ordered(mut self, order: &str, limit: Option<u32>) -> Question {
        let _ = write!(self.sql, " ORDER BY {order}");
        if let Some(limit) = limit {
            let _ = write!(self.sql, " LIMIT {limit}");
        }
        self
    }

    fn statement(self) -> Query<'static, Any, AnyArguments> {
        self.parameters.into_iter().fold(sqlx::query(AssertSqlSafe(self.sql)), |statement, cell| match cell {
            Cell::Integer(value) => statement.bind(value),
            Cell::Text(text) => statement.bind(text),
        })
    }
}

impl Store {
    /// Fills, oldest first.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn fills(&self, account: AccountId, selection: &Selection) -> Result<Vec<Recorded<Fill>>, StoreError> {
        let question = Question::new("subaccount, first_seen_us, raw", "fills", account)
            .of(selection, Names::Market)
            .within(selection.period, "executed_at_us")
            .ordered("executed_at_us, trade_id, order_id", selection.limit);
        self.recorded("fills", question).await
    }

    /// Settlements, oldest first.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn settlements(
        &self,
        account: AccountId,
        selection: &Selection,
    ) -> Result<Vec<Recorded<Settlement>>, StoreError> {
        let question = Question::new("subaccount, first_seen_us, raw", "settlements", account)
            .of(selection, Names::MarketAndEvent)
            .within(selection.period, "settled_at_us")
            .ordered("settled_at_us, subaccount, exchange_index, ticker", selection.limit);
        self.recorded("settlements", question).await
    }

    /// Orders in their latest known state, in the order in which they were placed.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn orders(&self, account: AccountId, selection: &Selection) -> Result<Vec<Recorded<Order>>, StoreError> {
        let question = Question::new("subaccount, observed_at_us, raw", "orders", account)
            .of(selection, Names::Market)
            .within(selection.period, "created_at_us")
            .ordered("created_at_us, order_id", selection.limit);
        self.recorded("orders", question).await
    }

    /// Balances as they were observed, oldest first. Of a subaccount there is one whenever it was not what it was.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn balances(
        &self,
        account: AccountId,
        subaccount: Option<Subaccount>,
        period: Period,
    ) -> Result<Vec<Recorded<Balance>>, StoreError> {
        let question = Question::new("subaccount, observed_at_us, raw", "balances", account)
            .of(&Selection { subaccount, ..Selection::default() }, Names::Market)
            .within(period, "observed_at_us")
            .ordered("observed_at_us, subaccount", None);
        self.recorded("balances", question).await
    }

    /// Positions in markets as they are.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn positions(
        &self,
        account: AccountId,
        selection: &Selection,
    ) -> Result<Vec<Version<MarketPosition>>, StoreError> {
        self.versions("positions", account, (selection, Names::Market), true, "subaccount, exchange_index, ticker")
            .await
    }

    /// Positions in events as they are.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn event_positions(
        &self,
        account: AccountId,
        selection: &Selection,
    ) -> Result<Vec<Version<EventPosition>>, StoreError> {
        self.versions("event_positions", account, (selection, Names::Event), true, "subaccount, event_ticker").await
    }

    /// All versions of positions in markets that were valid in the period, by market, oldest first.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn position_history(
        &self,
        account: AccountId,
        selection: &Selection,
    ) -> Result<Vec<Version<MarketPosition>>, StoreError> {
        self.versions(
            "positions",
            account,
            (selection, Names::Market),
            false,
            "subaccount, exchange_index, ticker, valid_from_us",
        )
        .await
    }

    /// All versions of positions in events that were valid in the period, by event, oldest first.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn event_position_history(
        &self,
        account: AccountId,
        selection: &Selection,
    ) -> Result<Vec<Version<EventPosition>>, StoreError> {
        self.versions(
            "event_positions",
            account,
            (selection, Names::Event),
            false,
            "subaccount, event_ticker, valid_from_us",
        )
        .await
    }

    /// What the venue said later about rows of append-only tables, oldest first.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn revisions(&self, account: AccountId) -> Result<Vec<Revision>, StoreError> {
        let failed = self.failed("read revisions");
        let question = Question::new("table_name, row_key, differences, first_seen_us", "revisions", account)
            .ordered("first_seen_us, table_name, row_key, number", None);
        let rows = question.statement().fetch_all(self.pool()).await.map_err(&failed)?;
        let read = |row: &AnyRow| {
            let name: String = row.try_get(0).map_err(&failed)?;
            let table = table::table(&name);
            let table = table.ok_or_else(|| self.damaged("revisions", format!("`{name}` is no mirrored table")))?;
            let changes: String = row.try_get(2).map_err(&failed)?;
            Ok(Revision {
                table: table.name,
                key: row.try_get(1).map_err(&failed)?,
                changes: serde_json::from_str(&changes).map_err(|error| self.damaged("revisions", error))?,
                seen_at: from_micros(row.try_get(3).map_err(&failed)?),
            })
        };
        rows.iter().map(read).collect()
    }

    async fn recorded<T: DeserializeOwned>(
        &self,
        table: &'static str,
        question: Question,
    ) -> Result<Vec<Recorded<T>>, StoreError> {
        let failed = self.failed("read the mirrored rows");
        let rows = question.statement().fetch_all(self.pool()).await.map_err(&failed)?;
        let read = |row: &AnyRow| {
            Ok(Recorded {
                subaccount: self.subaccount(table, row.try_get(0).map_err(&failed)?)?,
                seen_at: from_micros(row.try_get(1).map_err(&failed)?),
                row: self.parse(table, row.try_get(2).map_err(&failed)?)?,
            })
        };
        rows.iter().map(read).collect()
    }

    async fn versions<T: DeserializeOwned>(
        &self,
        table: &'static str,
        account: AccountId,
        (selection, names): (&Selection, Names),
        current: bool,
        order: &str,
    ) -> Result<Vec<Version<T>>, StoreError> {
        let failed = self.failed("read the mirrored positions");
        let mut question =
            Question::new("subaccount, valid_from_us, valid_to_us, raw", table, account).of(selection, names);
        let (start, end) = selection.period.bounds();
        if current {
            question.sql.push_str(" AND valid_to_us IS NULL");
        } else {
            question.and("valid_from_us <", end.into());
            question.and("COALESCE(valid_to_us, 9223372036854775807) >", start.into());
        }
        let rows = question.ordered(order, selection.limit).statement().fetch_all(self.pool()).await;
        let read = |row: &AnyRow| {
            Ok(Version {
                subaccount: self.subaccount(table, row.try_get(0).map_err(&failed)?)?,
                valid_from: from_micros(row.try_get(1).map_err(&failed)?),
                valid_to: row.try_get::<Option<i64>, _>(2).map_err(&failed)?.map(from_micros),
                row: self.parse(table, row.try_get(3).map_err(&failed)?)?,
            })
        };
        rows.map_err(&failed)?.iter().map(read).collect()
    }

    fn parse<T: DeserializeOwned>(&self, table: &'static str, raw: String) -> Result<T, StoreError> {
        serde_json::from_str(&raw).map_err(|error| self.damaged(table, format!("`raw`: {error}")))
    }

    pub(crate) fn subaccount(&self, table: &'static str, number: i64) -> Result<Subaccount, StoreError> {
        u32::try_from(number).map(Subaccount).map_err(|_| self.damaged(table, format!("{number} is no subaccount")))
    }

    pub(crate) fn ticker(&self, table: &'static str, text: &str) -> Result<Ticker, StoreError> {
        Ticker::new(text).map_err(|error| self.damaged(table, error))
    }
}

/// A sum as it is stored.
pub(crate) fn microdollars(value: i64) -> Money {
    Money::from_micros(i128::from(value))
}
