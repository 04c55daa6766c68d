//! The mirrored tables, and the venue's rows as rows of them.

use daybook_book::Money;
use daybook_kalshi::rest::{
    markets::OutcomeSide,
    orders::Order,
    portfolio::{EventPosition, Fill, MarketPosition, Settlement},
    value::{Subaccount, UnixSeconds},
};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{error::RowError, time::micros};

/// A value of a column.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Cell {
    Integer(Option<i64>),
    Text(String),
}

/// What is done with a row that is there already and comes again with other values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// It stays; the difference is kept as a revision.
    First,
    /// The new one replaces it.
    Latest,
    /// It is closed, and the new one is the current one from now on.
    Every,
}

/// A table of rows that the venue gave. Its columns: `account_id`, the key, the values, `raw`, and when it was seen.
#[derive(Debug)]
pub(crate) struct Table {
    pub name: &'static str,
    pub key: &'static [&'static str],
    pub values: &'static [&'static str],
    /// The column with the time at which we first saw the row as it stands.
    pub seen: &'static str,
    pub keeping: Keeping,
}

pub(crate) static POSITIONS: Table = Table {
    name: "positions",
    key: &["subaccount", "exchange_index", "ticker"],
    values: &[
        "position_centicontracts",
        "market_exposure_microdollars",
        "realized_pnl_microdollars",
        "fees_paid_microdollars",
        "total_traded_microdollars",
        "last_updated_at_us",
    ],
    seen: "valid_from_us",
    keeping: Keeping::Every,
};

pub(crate) static EVENT_POSITIONS: Table = Table {
    name: "event_positions",
    key: &["subaccount", "event_ticker"],
    values: &[
        "event_exposure_microdollars",
        "realized_pnl_microdollars",
        "fees_paid_microdollars",
        "total_cost_microdollars",
        "total_shares_centicontracts",
    ],
    seen: "valid_from_us",
    keeping: Keeping::Every,
};

pub(crate) static FILLS: Table = Table {
    name: "fills",
    key: &["trade_id", "order_id"],
    values: &[
        "subaccount",
        "exchange_index",
        "ticker",
        "outcome_side",
        "count_centicontracts",
        "yes_price_e4",
        "is_taker",
        "fee_microdollars",
        "executed_at_us",
    ],
    seen: "first_seen_us",
    keeping: Keeping::First,
};

pub(crate) static SETTLEMENTS: Table = Table {
    name: "settlements",
    key: &["subaccount", "exchange_index", "ticker"],
    values: &[
        "event_ticker",
        "market_result",
        "yes_count_centicontracts",
        "yes_cost_microdollars",
        "no_count_centicontracts",
        "no_cost_microdollars",
        "revenue_cents",
        "value_cents",
        "fee_microdollars",
        "settled_at_us",
    ],
    seen: "first_seen_us",
    keeping: Keeping::First,
};

pub(crate) static ORDERS: Table = Table {
    name: "orders",
    key: &["order_id"],
    values: &[
        "subaccount",
        "exchange_index",
        "ticker",
        "status",
        "outcome_side",
        "yes_price_e4",
        "initial_count_centicontracts",
        "fill_count_centicontracts",
        "remaining_count_centicontracts",
        "fees_microdollars",
        "created_at_us",
        "updated_at_us",
    ],
    seen: "observed_at_us",
    keeping: Keeping::Latest,
};

/// The table with this name.
pub(crate) fn table(name: &str) -> Option<&'static Table> {
    [&POSITIONS, &EVENT_POSITIONS, &FILLS, &SETTLEMENTS, &ORDERS].into_iter().find(|table| table.name == name)
}

/// A row of a [`Table`], as the venue gave it.
#[derive(Clone, Debug)]
pub(crate) struct MirrorRow {
    pub key: Vec<Cell>,
    pub values: Vec<Cell>,
    pub raw: Map<String, Value>,
    /// The time by which the stream that it came from is ordered, in microseconds.
    pub at: Option<i64>,
}

/// A key in words: its parts with `/` between them.
pub(crate) fn key_text(key: &[Cell]) -> String {
    let parts = key.iter().map(|cell| match cell {
        Cell::Integer(Some(value)) => value.to_string(),
        Cell::Integer(None) => "-".to_owned(),
        Cell::Text(text) => text.clone(),
    });
    parts.collect::<Vec<_>>().join("/")
}

impl From<i64> for Cell {
    fn from(value: i64) -> Cell {
        Cell::Integer(Some(value))
    }
}

impl From<Option<i64>> for Cell {
    fn from(value: Option<i64>) -> Cell {
        Cell::Integer(value)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }
}

/// A subaccount as it is stored.
pub(crate) fn subaccount_number(subaccount: Subaccount) -> i64 {
    i64::from(subaccount.0)
}

/// A sum as it is stored, or which field of which row it is that does not fit.
pub(crate) fn money(row: &str, field: &'static str, value: Money) -> Result<i64, RowError> {
    i64::try_from(value.micros()).map_err(|_| RowError::Money { row: row.to_owned(), field, value })
}

/// A record of the venue with all its fields, known and unknown.
pub(crate) fn raw(row: &str, record: &impl Serialize) -> Result<Map<String, Value>, RowError> {
    let json = |reason: String| RowError::Json { row: row.to_owned(), reason };
    match serde_json::to_value(record).map_err(|error| json(error.to_string()))? {
        Value::Object(fields) => Ok(fields),
        other => Err(json(format!("an object was expected, not {other}"))),
    }
}

fn seconds(time: UnixSeconds) -> Option<i64> {
    time.0.checked_mul(1_000_000)
}

/// A position. Its place in the stream is not a time: positions have no filter by time.
pub(crate) fn position(row: &MarketPosition, subaccount: Subaccount) -> Result<MirrorRow, RowError> {
    let name = format!("position in {}", row.ticker);
    let money = |field, value| money(&name, field, value).map(Cell::from);
    Ok(MirrorRow {
        key: vec![
            subaccount_number(subaccount).into(),
            i64::from(row.exchange_index.0).into(),
            row.ticker.as_str().into(),
        ],
        values: vec![
            row.position_fp.hundredths().into(),
            money("market_exposure_dollars", row.market_exposure_dollars)?,
            money("realized_pnl_dollars", row.realized_pnl_dollars)?,
            money("fees_paid_dollars", row.fees_paid_dollars)?,
            money("total_traded_dollars", row.total_traded_dollars)?,
            micros(row.last_updated_ts).into(),
        ],
        raw: raw(&name, row)?,
        at: None,
    })
}

/// A position in an event.
pub(crate) fn event_position(row: &EventPosition, subaccount: Subaccount) -> Result<MirrorRow, RowError> {
    let name = format!("position in event {}", row.event_ticker);
    let money = |field, value| money(&name, field, value).map(Cell::from);
    Ok(MirrorRow {
        key: vec![subaccount_number(subaccount).into(), row.event_ticker.as_str().into()],
        values: vec![
            money("event_exposure_dollars", row.event_exposure_dollars)?,
            money("realized_pnl_dollars", row.realized_pnl_dollars)?,
            money("fees_paid_dollars", row.fees_paid_dollars)?,
            money("total_cost_dollars", row.total_cost_dollars)?,
            row.total_cost_shares_fp.hundredths().into(),
        ],
        raw: raw(&name, row)?,
        at: None,
    })
}

/// A fill. The row's own subaccount counts; `asked` is whose fills were asked for.
pub(crate) fn fill(row: &Fill, asked: Subaccount) -> Result<MirrorRow, RowError> {
    let name = format!("fill {} of order {} in {}", row.trade_id, row.order_id, row.ticker);
    let executed = row.created_time.map(micros).or_else(|| row.ts.and_then(seconds));
    let executed = executed.ok_or_else(|| RowError::Time { row: name.clone() })?;
    if let OutcomeSide::Other(word) = &row.outcome_side {
        return Err(RowError::Side { row: name, value: word.to_string() });
    }
    Ok(MirrorRow {
        key: vec![row.trade_id.as_str().into(), row.order_id.as_str().into()],
        values: vec![
            subaccount_number(row.subaccount_number.unwrap_or(asked)).into(),
            i64::from(row.exchange_index.0).into(),
            row.ticker.as_str().into(),
            row.outcome_side.as_str().into(),
            row.count_fp.hundredths().into(),
            i64::from(row.yes_price_dollars.ten_thousandths()).into(),
            i64::from(row.is_taker).into(),
            money(&name, "fee_cost", row.fee_cost)?.into(),
            executed.into(),
        ],
        raw: raw(&name, row)?,
        at: Some(executed),
    })
}

/// A settlement. It does not say whose it is: it is that of the subaccount whose settlements were asked for.
pub(crate) fn settlement(row: &Settlement, asked: Subaccount) -> Result<MirrorRow, RowError> {
    let name = format!("settlement of {}", row.ticker);
    let money = |field, value| money(&name, field, value).map(Cell::from);
    let settled = micros(row.settled_time);
    Ok(MirrorRow {
        key: vec![subaccount_number(asked).into(), i64::from(row.exchange_index.0).into(), row.ticker.as_str().into()],
        values: vec![
            row.event_ticker.as_str().into(),
            row.market_result.as_str().into(),
            row.yes_count_fp.hundredths().into(),
            money("yes_total_cost_dollars", row.yes_total_cost_dollars)?,
            row.no_count_fp.hundredths().into(),
            money("no_total_cost_dollars", row.no_total_cost_dollars)?,
            row.revenue.0.into(),
            row.value.map(|value| value.0).into(),
            money("fee_cost", row.fee_cost)?,
            settled.into(),
        ],
        raw: raw(&name, row)?,
        at: Some(settled),
    })
}

/// An order.
pub(crate) fn order(row: &Order, asked: Subaccount) -> Result<MirrorRow, RowError> {
    let name = format!("order {} in {}", row.order_id, row.ticker);
    let created = row.created_time.map(micros);
    Ok(MirrorRow {
        key: vec![row.order_id.as_str().into()],
        values: vec![
            subaccount_number(row.subaccount_number.unwrap_or(asked)).into(),
            row.exchange_index.map(|index| i64::from(index.0)).into(),
            row.ticker.as_str().into(),
            row.status.as_str().into(),
            row.outcome_side.as_str().into(),
            i64::from(row.yes_price_dollars.ten_thousandths()).into(),
            row.initial_count_fp.hundredths().into(),
            row.fill_count_fp.hundredths().into(),
            row.remaining_count_fp.hundredths().into(),
            money(&name, "taker_fees_dollars + maker_fees_dollars", row.taker_fees_dollars + row.maker_fees_dollars)?
                .into(),
            created.into(),
            row.last_update_time.map(micros).into(),
        ],
        raw: raw(&name, row)?,
        at: created,
    })
}
