//! What the archive holds already of a market, so that a source that overlaps an earlier one adds only what is new.
//!
//! An event is the same if everything its receiver wrote down is the same: when it came, over which subscription, with
//! which number, and what it said. Each event of the archive answers for one of the source, in each pass: a source that
//! goes back in time may hold another one twice.

use std::{
    hash::{Hash, Hasher},
    ops::Range,
    sync::Arc,
};

use daybook_archive::{
    Archive, Error,
    catalog::{Catalog, FileEntry},
    schema::Table,
};
use daybook_book::{Event, EventRecord, Side};
use hashbrown::{HashMap, HashSet};
use xxhash_rust::xxh3::Xxh3;

/// Before the first pass.
const NO_PASS: u32 = u32::MAX;
/// The tables that may hold an event of a market.
const OF_MARKETS: [Table; 4] = [Table::Deltas, Table::Keyframes, Table::Trades, Table::Tickers];
/// The tables that may hold one of no market, or a line that was not understood.
const OF_NONE: [Table; 2] = [Table::Lifecycle, Table::Unparsed];

/// What the archive may hold already of a source.
pub struct Repeats {
    archive: Archive,
    /// Events received after this are new.
    horizon: Option<i64>,
    /// The latest received time read.
    latest: Option<i64>,
    /// How often the source went back in time: its own events may come once more.
    pass: u32,
    /// The archive's files as they were when they were first asked for, or when the source first went back.
    files: Option<Files>,
    markets: HashMap<Box<str>, Held>,
    elsewhere: Held,
}

/// The archive's files by the received times in them.
struct Files {
    catalog: Arc<Catalog>,
    /// Where one of them begins, or has ended, in order.
    bounds: Vec<i64>,
}

/// Events of a market that the archive holds, by fingerprint.
#[derive(Default)]
struct Held {
    /// What the archive's files hold.
    found: Vec<Record>,
    /// What the source has added since it first went back.
    added: HashMap<u64, Vec<Record>>,
    /// The files looked into, by table and place in it, and the received times for which they are all that there are.
    loaded: HashSet<(Table, usize)>,
    reach: Range<i64>,
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

impl Repeats {
    /// What an archive may hold of a source of which nothing was read yet.
    pub fn new(archive: Archive) -> Repeats {
        let horizon = archive.last_received();
        Repeats {
            archive,
            horizon,
            latest: None,
            pass: 0,
            files: None,
            markets: HashMap::new(),
            elsewhere: Held::default(),
        }
    }

    /// Whether nothing received at this time can be held.
    pub fn is_new(&self, recv: Option<i64>) -> bool {
        self.horizon.is_none_or(|horizon| recv.is_some_and(|recv| horizon < recv))
    }

    /// Whether what was taken in has to be sealed before the next question can be answered.
    pub fn wants_sealing(&self) -> bool {
        self.files.is_none()
    }

    /// Everything is sealed: the files are as they will be asked from now on.
    pub fn sealed(&mut self) {
        let catalog = self.archive.catalog();
        let tables = OF_MARKETS.iter().chain(&OF_NONE).map(|table| catalog.table(*table));
        let files: Vec<_> = tables.flat_map(|table| table.files.clone()).collect();
        let mut bounds: Vec<i64> = files.iter().map(reach_of).flat_map(|reach| [reach.start, reach.end]).collect();
        bounds.sort_unstable();
        bounds.dedup();
        self.files = Some(Files { catalog, bounds });
    }

    /// An event received at this time was read.
    pub fn read(&mut self, recv: i64) {
        self.latest = self.latest.max(Some(recv));
    }

    /// The source goes back in time.
    pub fn go_back(&mut self) {
        self.pass += 1;
        if self.pass == 1 {
            // What it added itself was not noted so far, but can be found in the archive.
            self.markets.clear();
            self.elsewhere = Held::default();
            self.files = None;
        }
        self.horizon = self.horizon.max(self.latest);
    }

    /// The connection over which the archive holds this event of a market, or of none, once more than it has answered
    /// for in this pass. Without a received time every file is looked into. What it holds over a connection that the
    /// event cannot have come over does not count.
    ///
    /// # Errors
    /// Damaged or missing files.
    pub fn take(
        &mut self,
        ticker: Option<&str>,
        recv: Option<i64>,
        fingerprint: u64,
        may_be: impl Fn(u32) -> bool,
    ) -> Result<Option<u32>, Error> {
        let held = match ticker {
            Some(ticker) => self.markets.entry_ref(ticker).or_default(),
            None => &mut self.elsewhere,
        };
        if let Some(files) = &self.files {
            held.look(&self.archive, files, ticker, recv)?;
        }
        Ok(held.take(fingerprint, self.pass, may_be))
    }

    /// The source has added an event of a market, or of none. `fingerprint` is not called unless it is needed.
    pub fn add(&mut self, ticker: Option<&str>, connection: u32, fingerprint: impl FnOnce() -> u64) {
        if self.pass == 0 {
            return;
        }
        let held = match ticker {
            Some(ticker) => self.markets.entry_ref(ticker).or_default(),
            None => &mut self.elsewhere,
        };
        let record = Record { fingerprint: fingerprint(), connection, pass: self.pass };
        held.added.entry(record.fingerprint).or_default().push(record);
    }
}

/// The received times in a file; all where nothing tells.
fn reach_of(file: &FileEntry) -> Range<i64> {
    file.recv.map_or(i64::MIN..i64::MAX, |(first, last)| first..last.saturating_add(1))
}

impl Files {
    /// The span of received times around one in which no file begins or ends.
    fn around(&self, recv: i64) -> Range<i64> {
        let after = self.bounds.partition_point(|bound| *bound <= recv);
        let from = after.checked_sub(1).map_or(i64::MIN, |before| self.bounds[before]);
        from..self.bounds.get(after).copied().unwrap_or(i64::MAX)
    }
}

impl Held {
    fn take(&mut self, fingerprint: u64, pass: u32, may_be: impl Fn(u32) -> bool) -> Option<u32> {
        let first = self.found.partition_point(|record| record.fingerprint < fingerprint);
        let found = self.found[first..].iter_mut().take_while(|record| record.fingerprint == fingerprint);
        let added = self.added.get_mut(&fingerprint).into_iter().flatten();
        let record = found.chain(added).find(|record| record.pass != pass && may_be(record.connection))?;
        record.pass = pass;
        Some(record.connection)
    }

    /// Reads what the files hold that may hold an event received at this time.
    fn look(&mut self, archive: &Archive, files: &Files, ticker: Option<&str>, recv: Option<i64>) -> Result<(), Error> {
        if recv.is_some_and(|recv| self.reach.contains(&recv)) {
            return Ok(());
        }
        let tables = if ticker.is_some() { &OF_MARKETS[..] } else { &OF_NONE };
        let before = self.found.len();
        for table in tables {
            for (place, file) in files.catalog.table(*table).files.iter().enumerate() {
                let may_hold = recv.is_none_or(|recv| reach_of(file).contains(&recv));
                if may_hold && self.loaded.insert((*table, place)) {
                    read(archive, *table, file, ticker, &mut self.found)?;
                }
            }
        }
        if self.found.len() > before {
            self.found.sort_unstable_by_key(|record| record.fingerprint);
        }
        self.reach = recv.map_or(i64::MIN..i64::MAX, |recv| files.around(recv));
        Ok(())
    }
}

/// Reads what a file holds of a market; of no market: lifecycle events and unread frames.
fn read(
    archive: &Archive,
    table: Table,
    file: &FileEntry,
    ticker: Option<&str>,
    found: &mut Vec<Record>,
) -> Result<(), Error> {
    use arrow::array::Array;
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
    if table != Table::Unparsed {
        columns.extend(["sid", "seq"]);
    }
    archive.scan_file(table, file, ticker, &columns, &mut |batch| {
        let connections = batch.i32s("connection")?;
        let mut hold = |row: usize, fingerprint| {
            let connection = connections.value(row).cast_unsigned();
            found.push(Record { fingerprint, connection, pass: NO_PASS });
        };
        if table == Table::Unparsed {
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
            let start = Fingerprint::new(table, recv, sid, seq);
            let time = |name: &str| -> Result<Option<i64>, Error> {
                let times = batch.times(name)?;
                Ok(times.is_valid(row).then(|| times.value(row)))
            };
            let size = |name: &str| -> Result<Option<i64>, Error> {
                let sizes = batch.quantities(name)?;
                Ok(sizes.is_valid(row).then(|| sizes.value(row)))
            };
            let text =
                |name: &str| -> Result<String, Error> { Ok(batch.texts(name)?.get(row).unwrap_or("").to_owned()) };
            let fingerprint = match table {
                Table::Deltas => {
                    let price = u16::try_from(batch.prices("price")?.value(row)).unwrap_or(u16::MAX);
                    let price = daybook_book::Price::from_ten_thousandths(price).unwrap_or_default();
                    let quantity = daybook_book::Quantity::from_hundredths(batch.quantities("quantity")?.value(row));
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
    })
}
