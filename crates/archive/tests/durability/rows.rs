//! Every row of an archive, sealed or not, read by the stock Parquet reader and told as text.

use std::collections::BTreeMap;

use arrow::{
    array::{Array, AsArray},
    datatypes::{DataType, TimestampMicrosecondType},
    util::display::array_value_to_string,
};
use bytes::Bytes;
use daybook_archive::{Archive, schema::Table};
use daybook_book::{Event, ExchangeTime, Price, Quantity, Side};
use parquet::arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReaderBuilder};

use crate::venue::Entry;

/// The cells of a row in the order of [`columns`].
pub type Row = Vec<Option<String>>;

/// The tables whose rows take an ordinal each.
pub const NUMBERED: [Table; 6] =
    [Table::Deltas, Table::Keyframes, Table::Trades, Table::Tickers, Table::Lifecycle, Table::Unparsed];

/// What the archive works out itself, rather than being told.
const DERIVED: [&str; 6] =
    ["effective_ts", "effective_nanos", "latest_recv_ts", "latest_recv_nanos", "deltas_since", "digest"];

fn columns(table: Table) -> Vec<&'static str> {
    table.columns().iter().map(|column| column.name).filter(|name| !DERIVED.contains(name)).collect()
}

/// Every row of every table that takes an ordinal, by ordinal.
pub fn of(archive: &Archive) -> Result<BTreeMap<u64, (Table, Row)>, String> {
    let mut found = BTreeMap::new();
    for (table, whole) in archive.tables(&NUMBERED).map_err(|error| error.to_string())? {
        let mut parts = Vec::new();
        for file in &whole.files {
            let bytes = archive.store().read(&file.path).map_err(|error| error.to_string())?;
            parts.push((file.path.clone(), bytes));
        }
        parts.extend(whole.unsealed.into_iter().map(|(_, bytes)| (format!("unsealed {}", table.name()), bytes)));
        for (name, bytes) in parts {
            let mut last = None;
            for row in read(table, bytes) {
                let at = columns(table).iter().position(|name| *name == "ordinal").unwrap();
                let ordinal: u64 = row[at].as_ref().unwrap().parse().unwrap();
                let order = (if table == Table::Unparsed { None } else { row[0].clone() }, ordinal);
                if last.as_ref().is_some_and(|last| *last > order) {
                    return Err(format!("{name}: ordinal {ordinal} is out of order"));
                }
                last = Some(order);
                // A folded keyframe stands on an event that has a row of its own.
                if table == Table::Keyframes && row[2].as_deref() == Some("folded") {
                    continue;
                }
                if let Some((other, _)) = found.insert(ordinal, (table, row)) {
                    return Err(format!("{name}: ordinal {ordinal} is there twice, also in {}", other.name()));
                }
            }
        }
    }
    Ok(found)
}

fn read(table: Table, bytes: Bytes) -> Vec<Row> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    let names = columns(table);
    let mask = ProjectionMask::columns(builder.parquet_schema(), names.iter().copied());
    let mut rows = Vec::new();
    for batch in builder.with_projection(mask).build().unwrap() {
        let batch = batch.unwrap();
        let arrays: Vec<_> = names.iter().map(|name| batch.column_by_name(name).unwrap()).collect();
        rows.extend((0..batch.num_rows()).map(|row| arrays.iter().map(|array| cell(array, row)).collect::<Row>()));
    }
    rows
}

fn cell(array: &dyn Array, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Timestamp(..) => array.as_primitive::<TimestampMicrosecondType>().value(row).to_string(),
        DataType::List(_) => {
            let values = array.as_list::<i32>().value(row);
            let cells: Vec<String> = (0..values.len()).map(|at| cell(&values, at).unwrap_or_default()).collect();
            cells.join(",")
        }
        _ => array_value_to_string(array, row).unwrap(),
    })
}

struct Cells(Row);

impl Cells {
    fn text(mut self, text: impl ToString) -> Cells {
        self.0.push(Some(text.to_string()));
        self
    }

    fn optional(mut self, value: Option<impl ToString>) -> Cells {
        self.0.push(value.map(|value| value.to_string()));
        self
    }

    fn nanos(self, nanos: i64) -> Cells {
        self.text(nanos.div_euclid(1_000)).text(nanos.rem_euclid(1_000))
    }
}

fn micros(ts: Option<ExchangeTime>) -> Option<i64> {
    ts.map(ExchangeTime::micros)
}

/// The row that an entry must have become.
pub fn expected(entry: &Entry, ordinal: u64) -> (Table, Row) {
    let cells = Cells(Vec::new());
    let record = match entry {
        Entry::Event(record) => record,
        Entry::Unparsed(row) => {
            let recv = row.recv_ts.map(|recv| recv.nanos());
            let cells = cells
                .text(ordinal)
                .optional(recv.map(|recv| recv.div_euclid(1_000)))
                .optional(recv.map(|recv| recv.rem_euclid(1_000)))
                .text(row.connection)
                .text(&row.reason)
                .text(&row.origin)
                .text(&row.raw);
            return (Table::Unparsed, cells.0);
        }
        Entry::Notice(notice) => panic!("a notice has no row: {notice:?}"),
    };
    let ticker = cells.optional(record.event.ticker()).text(ordinal);
    let times = |cells: Cells| {
        cells.nanos(record.recv_ts.nanos()).optional(micros(record.event.ts())).optional(micros(record.sent_ts))
    };
    let numbers = |cells: Cells| cells.optional(record.sid).optional(record.seq).text(record.connection);
    let (table, cells) = match &record.event {
        Event::Delta(delta) => {
            let cells = numbers(times(ticker).optional(delta.clock)).text(&delta.market_id);
            (Table::Deltas, cells.text(delta.side.as_str()).text(delta.price).text(delta.quantity))
        }
        Event::Snapshot(snapshot) => {
            let cells = numbers(times(ticker.text("snapshot")).optional(snapshot.clock)).text(&snapshot.market_id);
            let ladder = |cells: Cells, levels: &[(Price, Quantity)]| {
                let mut levels = levels.to_vec();
                levels.sort_by_key(|level| std::cmp::Reverse(level.0));
                let prices: Vec<String> = levels.iter().map(|(price, _)| price.to_string()).collect();
                let sizes: Vec<String> = levels.iter().map(|(_, size)| size.to_string()).collect();
                cells.text(prices.join(",")).text(sizes.join(","))
            };
            (Table::Keyframes, ladder(ladder(cells, &snapshot.yes), &snapshot.no))
        }
        Event::Trade(trade) => {
            let cells = numbers(times(ticker)).text(&trade.trade_id).text(trade.yes_price).text(trade.no_price);
            let cells = cells
                .text(trade.count)
                .optional(trade.taker_side.map(Side::as_str))
                .optional(trade.taker_outcome_side.map(Side::as_str))
                .optional(trade.taker_book_side.as_deref())
                .optional(trade.is_block_trade);
            (Table::Trades, cells)
        }
        Event::Ticker(update) => {
            let cells = numbers(times(ticker)).text(&update.market_id);
            let cells = cells.optional(update.price).optional(update.yes_bid).optional(update.yes_ask);
            let cells =
                cells.optional(update.yes_bid_size).optional(update.yes_ask_size).optional(update.last_trade_size);
            let cells = cells.optional(update.volume).optional(update.open_interest);
            (Table::Tickers, cells.optional(update.dollar_volume).optional(update.dollar_open_interest))
        }
        Event::Lifecycle(change) => {
            let cells = numbers(times(ticker)).text(&change.channel).text(&change.event_type);
            (Table::Lifecycle, cells.optional(change.event_ticker.as_deref()).text(&change.payload))
        }
    };
    (table, cells.optional(record.extra.as_deref()).0)
}
