//! A small recording to ask about, and the asking.

use daybook_archive::{
    Batch, BatchBuilder, Writer, WriterOptions,
    entry::{Cause, Document, DocumentKind, Notice},
};
use daybook_book::{Delta, Event, EventRecord, ExchangeTime, Price, Quantity, ReceivedTime, Side, Snapshot, Trade};
use daybook_sql::{
    Error, Limits, SqlEngine,
    arrow::{
        array::{Array, AsArray},
        datatypes::Int64Type,
        record_batch::RecordBatch,
        util::{display::FormatOptions, pretty::pretty_format_batches_with_options},
    },
};
use tempfile::TempDir;

/// 2026-08-11T12:00:00Z in microseconds.
pub const NOON: i64 = 1_786_449_600_000_000;
const HOUR: i64 = 3_600_000_000;

/// An archive being written.
pub struct Recording {
    pub folder: TempDir,
    pub writer: Writer,
    /// What was appended, to compare answers with.
    pub deltas: Vec<(String, i64)>,
    pub trades: Vec<(String, i64)>,
    /// Microseconds between rounds.
    pub step: i64,
    clock: i64,
    seq: u64,
}

impl Recording {
    pub fn new() -> Recording {
        let folder = tempfile::tempdir().unwrap();
        let mut options = WriterOptions::new(7);
        options.now = || std::time::Duration::from_micros(NOON as u64);
        let writer = Writer::open(folder.path().to_str().unwrap(), options).unwrap();
        Recording { folder, writer, deltas: Vec::new(), trades: Vec::new(), step: HOUR / 6, clock: NOON, seq: 0 }
    }

    /// Snapshots of these markets, then rounds of a delta of each and one trade, six an hour: a day and more for
    /// `record(…, 150)`.
    pub fn record(&mut self, tickers: &[&str], rounds: usize) {
        let mut batch = BatchBuilder::default();
        for ticker in tickers {
            let yes = vec![(price(4800), quantity(10_000))];
            let no = vec![(price(5100), quantity(20_050))];
            let market_id = format!("id-{ticker}").into();
            self.push(
                &mut batch,
                Event::Snapshot(Snapshot { ticker: (*ticker).into(), market_id, ts: None, clock: None, yes, no }),
            );
        }
        for round in 0..rounds {
            self.clock += self.step;
            for ticker in tickers {
                let size = 25 + (round as i64 % 7);
                self.deltas.push(((*ticker).to_owned(), size));
                self.push(
                    &mut batch,
                    Event::Delta(Delta {
                        ticker: (*ticker).into(),
                        market_id: format!("id-{ticker}").into(),
                        ts: Some(ExchangeTime::from_micros(self.clock - 1_500)),
                        clock: None,
                        side: if round % 2 == 0 { Side::Yes } else { Side::No },
                        price: price(4000 + (round as u16 % 50) * 10),
                        quantity: quantity(size),
                    }),
                );
            }
            let ticker = tickers[round % tickers.len()];
            let count = 101 + round as i64;
            self.trades.push((ticker.to_owned(), count));
            let number = self.trades.len();
            self.push(
                &mut batch,
                Event::Trade(Trade {
                    ticker: ticker.into(),
                    trade_id: format!("00000000-0000-0000-0000-{number:012}").into(),
                    ts: Some(ExchangeTime::from_micros(self.clock - 1_000)),
                    yes_price: price(4_900),
                    no_price: price(5_100),
                    count: quantity(count),
                    taker_side: Some(Side::Yes),
                    taker_outcome_side: None,
                    taker_book_side: None,
                    is_block_trade: None,
                }),
            );
        }
        self.append(batch.finish());
    }

    /// The connection is lost: from here on the books are not covered.
    pub fn lose(&mut self) {
        let mut batch = BatchBuilder::default();
        batch.push_notice(&Notice::Lost { connection: 1, sid: None, ticker: None, cause: Cause::Reconnect });
        self.append(batch.finish());
    }

    /// A version of a market's metadata.
    pub fn describe(&mut self, ticker: &str, status: &str) {
        self.clock += HOUR;
        let document = Document {
            kind: DocumentKind::Market,
            key: ticker.to_owned(),
            digest: format!("{ticker}-{status}"),
            fetched_nanos: self.clock * 1_000,
            fields: vec![("status".to_owned(), Some(status.to_owned()))],
            raw: format!("{{\"ticker\":\"{ticker}\",\"status\":\"{status}\"}}"),
        };
        let mut batch = BatchBuilder::default();
        batch.push_notice(&Notice::Document(document));
        self.append(batch.finish());
    }

    pub fn seal(&mut self) {
        self.writer.seal().unwrap();
    }

    pub fn engine(&self) -> SqlEngine {
        self.engine_within(Limits { max_parallelism: 2, ..Limits::default() })
    }

    pub fn engine_within(&self, limits: Limits) -> SqlEngine {
        SqlEngine::new(self.writer.archive().clone(), limits).unwrap()
    }

    fn append(&mut self, batch: Batch) {
        let (_, diverged) = self.writer.append(batch).unwrap();
        assert_eq!(diverged, 0, "the recording contradicts itself");
    }

    fn push(&mut self, batch: &mut BatchBuilder, event: Event<'_>) {
        let numbered = matches!(event, Event::Snapshot(_) | Event::Delta(_));
        self.seq += u64::from(numbered);
        batch.push_event(&EventRecord {
            recv_ts: ReceivedTime::from_nanos(self.clock * 1_000 + 789),
            connection: 1,
            sid: Some(if numbered { 1 } else { 2 }),
            seq: numbered.then_some(self.seq),
            sent_ts: None,
            event,
            extra: None,
        });
    }
}

fn price(ten_thousandths: u16) -> Price {
    Price::from_ten_thousandths(ten_thousandths).unwrap()
}

fn quantity(hundredths: i64) -> Quantity {
    Quantity::from_hundredths(hundredths)
}

/// All batches of a query.
pub fn batches(engine: &SqlEngine, sql: &str) -> Vec<RecordBatch> {
    engine.query(sql).and_then(Iterator::collect).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// The rows of a query as a table of text.
pub fn table(engine: &SqlEngine, sql: &str) -> String {
    let options = FormatOptions::default().with_display_error(true);
    pretty_format_batches_with_options(&batches(engine, sql), &options).unwrap().to_string()
}

/// The one integer that a query gives.
pub fn number(engine: &SqlEngine, sql: &str) -> i64 {
    let batches = batches(engine, sql);
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 1, "{sql}");
    batches[0].column(0).as_primitive::<Int64Type>().value(0)
}

/// The texts of a query's last column, one per line.
pub fn text(engine: &SqlEngine, sql: &str) -> String {
    let mut lines = Vec::new();
    for batch in batches(engine, sql) {
        let column = batch.column(batch.num_columns() - 1).as_string::<i32>().clone();
        lines.extend((0..column.len()).map(|row| column.value(row).to_owned()));
    }
    lines.join("\n")
}

/// The error of a query, wherever it comes up.
pub fn error(engine: &SqlEngine, sql: &str) -> Error {
    match engine.query(sql) {
        Err(error) => error,
        Ok(rows) => rows.filter_map(Result::err).next().unwrap_or_else(|| panic!("{sql}: no error")),
    }
}
