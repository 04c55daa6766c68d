//! What the archive holds already of a market, so that a source that overlaps an earlier one adds only what is new.
//!
//! An event is the same if everything its receiver wrote down is the same: when it came, over which subscription, with
//! which number, and what it said. Each event of the archive answers for one of the source, in each pass: a source that
//! goes back in time may hold another one twice.

use std::hash::{Hash, Hasher};

use daybook_archive::{Archive, Error, schema::Table};
use daybook_book::{Event, EventRecord, Side};
use hashbrown::HashMap;
use xxhash_rust::xxh3::Xxh3;

/// Before the first pass.
const NO_PASS: u32 = u32::MAX;

/// Events of a market that the archive holds, by fingerprint.
#[derive(Default)]
pub struct Held {
    /// What the archive held when it was asked, by fingerprint.
    found: Vec<Record>,
    /// What the source has added since.
    added: HashMap<u64, Vec<Record>>,
}

/// One event that the archive holds.
#[derive(Clone, Copy)]
struct Record {
    fingerprint: u64,
    /// The connection that it was recorded over.
    connection: u32,
    /// The pass over the source in which it answered last for one of the source's events.
    pass: u32,
}

/// What an event's receiver wrote down of it.
struct Fingerprint(Xxh3);

impl Fingerprint {
    fn new(table: Table, recv: i64, sid: Option<u32>, seq: Option<u64>) -> Fingerprint {
        let mut hasher = Xxh3::new();
        (table.name(), recv, sid, seq).hash(&mut hasher);
        Fingerprint(hasher)
    }

    fn with(mut self, content: impl Hash) -> u64 {
        content.hash(&mut self.0);
        self.0.finish()
    }
}

/// The fingerprint of an event to be taken in.
pub fn fingerprint(record: &EventRecord<'_>) -> u64 {
    let start = |table| Fingerprint::new(table, record.recv_ts.nanos(), record.sid, record.seq);
    match &record.event {
        Event::Delta(delta) => start(Table::Deltas).with((
            delta.ts.map(|ts| ts.micros()),
            delta.side == Side::Yes,
            delta.price,
            delta.quantity,
        )),
        Event::Snapshot(snapshot) => {
            let book = daybook_book::Book::from_levels(snapshot.yes.iter().copied(), snapshot.no.iter().copied());
            start(Table::Keyframes).with(book.map(|book| book.digest().to_string()).unwrap_or_default())
        }
        Event::Trade(trade) => start(Table::Trades).with(&*trade.trade_id),
        Event::Ticker(update) => start(Table::Tickers).with((
            update.ts.map(|ts| ts.micros()),
            update.volume.map(|volume| volume.hundredths()),
            update.yes_bid_size.map(|size| size.hundredths()),
            update.yes_ask_size.map(|size| size.hundredths()),
        )),
        Event::Lifecycle(change) => start(Table::Lifecycle).with((&*change.event_type, &*change.payload)),
    }
}

/// The fingerprint of a frame that was not understood.
pub fn unparsed_fingerprint(raw: &str) -> u64 {
    Fingerprint::new(Table::Unparsed, 0, None, None).with(raw)
}

impl Held {
    /// The connection over which the archive holds this event, once more than it has answered for in this pass.
    pub fn take(&mut self, fingerprint: u64, pass: u32) -> Option<u32> {
        let first = self.found.partition_point(|record| record.fingerprint < fingerprint);
        let found = self.found[first..].iter_mut().take_while(|record| record.fingerprint == fingerprint);
        let added = self.added.get_mut(&fingerprint).into_iter().flatten();
        let record = found.chain(added).find(|record| record.pass != pass)?;
        record.pass = pass;
        Some(record.connection)
    }

    /// The source has added an event.
    pub fn add(&mut self, fingerprint: u64, connection: u32, pass: u32) {
        self.added.entry(fingerprint).or_default().push(Record { fingerprint, connection, pass });
    }

    /// Reads what the archive's sealed tables hold of a market; of no market: lifecycle events and unread frames.
    pub fn load(archive: &Archive, ticker: Option<&str>) -> Result<Held, Error> {
        use arrow::array::Array;
        let mut held = Held::default();
        let tables: &[Table] = match ticker {
            Some(_) => &[Table::Deltas, Table::Keyframes, Table::Trades, Table::Tickers],
            None => &[Table::Lifecycle, Table::Unparsed],
        };
        for table in tables {
            let content: &[&str] = match table {
                Table::Deltas => &["ts", "side", "price", "quantity"],
                Table::Keyframes => &["kind", "digest"],
                Table::Trades => &["trade_id"],
                Table::Tickers => &["ts", "volume", "yes_bid_size", "yes_ask_size"],
                Table::Lifecycle => &["event_type", "payload"],
                _ => &["raw"],
            };
            let mut columns = content.to_vec();
            columns.extend(["recv_ts", "recv_nanos", "connection"]);
            if *table != Table::Unparsed {
                columns.extend(["sid", "seq"]);
            }
            archive.scan_table(*table, ticker, &columns, |batch| {
                let connections = batch.i32s("connection")?;
                let mut hold = |row: usize, fingerprint| {
                    let connection = connections.value(row).cast_unsigned();
                    held.found.push(Record { fingerprint, connection, pass: NO_PASS });
                };
                if *table == Table::Unparsed {
                    let raws = batch.texts("raw")?;
                    for row in 0..batch.rows() {
                        hold(row, unparsed_fingerprint(raws.get(row).unwrap_or("")));
                    }
                    return Ok(());
                }
                let (sids, seqs) = (batch.i32s("sid")?, batch.i64s("seq")?);
                for row in 0..batch.rows() {
                    let recv = batch.nanos("recv_ts", "recv_nanos", row)?;
                    let sid = sids.is_valid(row).then(|| sids.value(row).cast_unsigned());
                    let seq = seqs.is_valid(row).then(|| seqs.value(row).cast_unsigned());
                    let start = Fingerprint::new(*table, recv, sid, seq);
                    let time = |name: &str| -> Result<Option<i64>, Error> {
                        let times = batch.times(name)?;
                        Ok(times.is_valid(row).then(|| times.value(row)))
                    };
                    let size = |name: &str| -> Result<Option<i64>, Error> {
                        let sizes = batch.quantities(name)?;
                        Ok(sizes.is_valid(row).then(|| sizes.value(row)))
                    };
                    let text = |name: &str| -> Result<String, Error> {
                        Ok(batch.texts(name)?.get(row).unwrap_or("").to_owned())
                    };
                    let fingerprint = match table {
                        Table::Deltas => {
                            let price = u16::try_from(batch.prices("price")?.value(row)).unwrap_or(u16::MAX);
                            let price = daybook_book::Price::from_ten_thousandths(price).unwrap_or_default();
                            let quantity =
                                daybook_book::Quantity::from_hundredths(batch.quantities("quantity")?.value(row));
                            start.with((time("ts")?, text("side")? == "yes", price, quantity))
                        }
                        Table::Keyframes if text("kind")? == "snapshot" => start.with(text("digest")?),
                        Table::Keyframes => continue,
                        Table::Trades => start.with(text("trade_id")?.as_str()),
                        Table::Tickers => {
                            start.with((time("ts")?, size("volume")?, size("yes_bid_size")?, size("yes_ask_size")?))
                        }
                        _ => start.with((text("event_type")?.as_str(), text("payload")?.as_str())),
                    };
                    hold(row, fingerprint);
                }
                Ok(())
            })?;
        }
        held.found.sort_unstable_by_key(|record| record.fingerprint);
        Ok(held)
    }
}
