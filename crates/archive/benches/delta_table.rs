//! Encode rate of a table like `deltas`: twelve columns, sorted by ticker and ordinal, one core.
//!
//! Prints rows per second and bytes per row of the whole table, then of each column alone, per zstd level.
#![allow(missing_docs, clippy::float_arithmetic)]

use std::time::Instant;

use daybook_archive::parquet_file::{
    ColumnData, ColumnEncoding, ColumnKind, ColumnSpec, DeltaLayout, FileWriter, Value, WriterOptions,
};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

const ROWS: usize = 1 << 20;
const ROUNDS: usize = 5;

const TIGHT: ColumnEncoding = ColumnEncoding::Delta(DeltaLayout::TIGHT);
const ALIGNED: ColumnEncoding = ColumnEncoding::Delta(DeltaLayout::BYTE_ALIGNED);
const DICTIONARY: ColumnEncoding = ColumnEncoding::Dictionary;

const SCHEMA: [ColumnSpec; 12] = [
    ColumnSpec::required("ticker", ColumnKind::Utf8, DICTIONARY),
    ColumnSpec::required("ordinal", ColumnKind::Int64, ALIGNED),
    ColumnSpec::required("side", ColumnKind::Utf8, DICTIONARY),
    ColumnSpec::required("price", ColumnKind::Decimal { precision: 5, scale: 4 }, DICTIONARY),
    ColumnSpec::required("quantity", ColumnKind::Decimal { precision: 18, scale: 2 }, DICTIONARY),
    ColumnSpec::nullable("ts", ColumnKind::TimestampMicros, TIGHT).with_zstd_level(1),
    ColumnSpec::required("recv_ts", ColumnKind::TimestampMicros, ALIGNED),
    ColumnSpec::nullable("clock", ColumnKind::Int64, TIGHT).with_zstd_level(1),
    ColumnSpec::required("sid", ColumnKind::Int32, DICTIONARY),
    ColumnSpec::required("seq", ColumnKind::Int64, ALIGNED),
    ColumnSpec::required("connection", ColumnKind::Int32, DICTIONARY),
    ColumnSpec::nullable("extra", ColumnKind::Utf8, DICTIONARY),
];

/// Deltas as they look after sorting: per market, small steps of everything that counts or ticks.
struct Deltas {
    tickers: Vec<String>,
    ticker: Vec<u32>,
    ordinal: Vec<i64>,
    side: Vec<u32>,
    price: Vec<i32>,
    quantity: Vec<i64>,
    ts: Vec<i64>,
    recv_ts: Vec<i64>,
    sid: Vec<i32>,
    seq: Vec<i64>,
}

fn deltas() -> Deltas {
    let mut random = SmallRng::seed_from_u64(7);
    let mut deltas = Deltas {
        tickers: (0..600).map(|market| format!("KXMARKET-26MAY14-T{market:04}")).collect(),
        ticker: Vec::new(),
        ordinal: Vec::new(),
        side: Vec::new(),
        price: Vec::new(),
        quantity: Vec::new(),
        ts: Vec::new(),
        recv_ts: Vec::new(),
        sid: Vec::new(),
        seq: Vec::new(),
    };
    for market in 0_u32.. {
        let (mut ordinal, mut time) = (random.random_range(0..1000), 1_770_000_000_000_000_i64);
        let middle = random.random_range(1000..9000);
        for _ in 0..random.random_range(200..5000) {
            if deltas.ticker.len() == ROWS {
                return deltas;
            }
            ordinal += if random.random_range(0..3) == 0 { random.random_range(1..900) } else { 1 };
            time += if random.random_range(0..2) == 0 { random.random_range(0..300_000) } else { 40 };
            let contracts = [1, 10, 100, random.random_range(1..3000)][random.random_range(0..4)];
            let sign = if random.random_range(0..2) == 0 { 1 } else { -1 };
            let delay = random.random_range(20_000..60_000);
            deltas.ticker.push(market % 600);
            deltas.ordinal.push(ordinal);
            deltas.side.push(random.random_range(0..2));
            deltas.price.push((middle + random.random_range(-20..20) * 100).clamp(0, 10_000));
            deltas.quantity.push(contracts * 100 * sign);
            deltas.ts.push(time);
            deltas.recv_ts.push((time + delay) / 1000 * 1000);
            deltas.sid.push((market % 4) as i32);
            deltas.seq.push(ordinal * 2 + 5);
        }
    }
    deltas
}

/// Best rows per second, and bytes per row.
fn measure(schema: &[ColumnSpec], columns: &[ColumnData<'_>], zstd_level: i32) -> (f64, f64) {
    let (mut seconds, mut bytes) = (f64::MAX, 0);
    for _ in 0..ROUNDS {
        let options = WriterOptions { zstd_level, ..WriterOptions::default() };
        let start = Instant::now();
        let mut file = FileWriter::new(Vec::new(), schema, options).expect("the schema is valid");
        file.write_row_group(columns).expect("the data fits the schema");
        bytes = file.close().expect("memory does not fail").1.bytes;
        seconds = seconds.min(start.elapsed().as_secs_f64());
    }
    (ROWS as f64 / seconds, bytes as f64 / ROWS as f64)
}

fn main() {
    let deltas = deltas();
    let tickers: Vec<&str> = deltas.tickers.iter().map(String::as_str).collect();
    let columns = [
        ColumnData::Categories { indices: &deltas.ticker, values: &tickers, validity: None },
        ColumnData::I64(&deltas.ordinal, None),
        ColumnData::Categories { indices: &deltas.side, values: &["yes", "no"], validity: None },
        ColumnData::I32(&deltas.price, None),
        ColumnData::I64(&deltas.quantity, None),
        ColumnData::I64(&deltas.ts, None),
        ColumnData::I64(&deltas.recv_ts, None),
        ColumnData::I64(&deltas.ts, None),
        ColumnData::I32(&deltas.sid, None),
        ColumnData::I64(&deltas.seq, None),
        ColumnData::Constant { value: Value::I32(1), rows: ROWS },
        ColumnData::AllNull { rows: ROWS },
    ];
    for level in [1, 3] {
        let (rate, size) = measure(&SCHEMA, &columns, level);
        println!("zstd {level}: {:.2} M rows/s, {size:.3} bytes/row, {ROWS} synthetic rows", rate / 1e6);
        for number in 0..SCHEMA.len() {
            let (rate, size) = measure(&SCHEMA[number..=number], &columns[number..=number], level);
            println!("  {:<12}{:>8.1} ns/row {size:>8.3} bytes/row", SCHEMA[number].name, 1e9 / rate);
        }
    }
}
