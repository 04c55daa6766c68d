//! The bytes of a log batch: entries in order, with each text that repeats written once.
//!
//! A batch is also the unit that the threads of an import hand to each other, so writing and reading it are on
//! the hot path: a delta takes about 40 bytes, and reading one back allocates nothing.
//!
//! Layout: `u64` ordinal of the first entry that takes one, `u32` length of the text table, the texts (`u32` length + UTF-8 each), then the entries. Integers are
//! little-endian; an absent integer is marked in the entry's flag byte and not written.

use std::{borrow::Cow, hash::BuildHasher};

use daybook_book::{
    Delta, Event, EventRecord, ExchangeTime, Lifecycle, Price, Quantity, ReceivedTime, Side, Snapshot, TickerUpdate,
    Trade,
};
use hashbrown::{DefaultHashBuilder, HashTable};

use crate::entry::{Entry, Notice, Unparsed};

/// Collects entries into the bytes of one log batch.
pub struct BatchBuilder {
    texts: Vec<u8>,
    /// Where in `texts` each text lies, and what came behind it.
    places: Vec<Placed>,
    /// Places by the text there.
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
    body: Vec<u8>,
    ordinals: u32,
    entries: u32,
    /// The market of the event before, whose ticker the next one often has as well.
    recent: u32,
}

/// A text of a builder. Small, since the texts of thousands of markets are looked up in no order.
#[derive(Clone, Copy)]
struct Placed {
    from: u32,
    until: u32,
    /// The text that came right behind it last: a market's id behind its ticker.
    behind: u32,
}

impl Placed {
    #[inline]
    fn of(self, texts: &[u8]) -> &[u8] {
        &texts[self.from as usize..self.until as usize]
    }
}

/// No text.
const NONE: u32 = u32::MAX;

/// A finished batch: its bytes, and how many ordinals it takes.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    ordinals: u32,
}

/// Why the bytes of a batch could not be read. They passed their checksum, so this means a writer of another version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("log batch is not readable at byte {offset}: {reason}")]
pub struct BatchError {
    /// Offset in the batch.
    pub offset: usize,
    /// What was expected.
    pub reason: &'static str,
}

const DELTA: u8 = 1;
const SNAPSHOT: u8 = 2;
const TRADE: u8 = 3;
const TICKER: u8 = 4;
const LIFECYCLE: u8 = 5;
const UNPARSED: u8 = 6;
const NOTICE: u8 = 7;

const HAS_SEQ: u8 = 1;
const HAS_SENT: u8 = 2;
const HAS_EXTRA: u8 = 4;
const HAS_TS: u8 = 8;
const HAS_CLOCK: u8 = 16;
const HAS_SID: u8 = 32;
const SIDE_NO: u8 = 64;

impl Default for BatchBuilder {
    fn default() -> BatchBuilder {
        BatchBuilder {
            texts: Vec::new(),
            places: Vec::new(),
            index: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            body: Vec::new(),
            ordinals: 0,
            entries: 0,
            recent: NONE,
        }
    }
}

impl BatchBuilder {
    /// Whether nothing was pushed yet.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Entries so far.
    pub fn len(&self) -> usize {
        self.entries as usize
    }

    /// Bytes so far.
    pub fn byte_len(&self) -> usize {
        self.texts.len() + self.body.len() + 4
    }

    /// The finished batch; the builder is empty again and keeps its buffers.
    pub fn finish(&mut self) -> Batch {
        self.finish_into(Batch::default())
    }

    /// The same, in the memory of a batch that is not needed any more.
    pub fn finish_into(&mut self, spent: Batch) -> Batch {
        let mut bytes = spent.bytes;
        bytes.clear();
        bytes.reserve(self.byte_len() + 8);
        // Which ordinal comes first is known when the batch is appended.
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(&(self.places.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&self.texts);
        bytes.extend_from_slice(&self.body);
        let ordinals = self.ordinals;
        self.texts.clear();
        self.places.clear();
        self.index.clear();
        self.body.clear();
        self.ordinals = 0;
        self.entries = 0;
        self.recent = NONE;
        Batch { bytes, ordinals }
    }

    /// Whether this is the place of that text.
    #[inline]
    fn is_at(&self, place: u32, text: &str) -> bool {
        self.places.get(place as usize).is_some_and(|place| *place.of(&self.texts) == *text.as_bytes())
    }

    fn text(&mut self, text: &str) -> u32 {
        let BatchBuilder { texts, places, index: known, hasher, .. } = self;
        let hash = hasher.hash_one(text.as_bytes());
        if let Some(index) = known.find(hash, |index| *places[*index as usize].of(texts) == *text.as_bytes()) {
            return *index;
        }
        let index = places.len() as u32;
        texts.extend_from_slice(&(text.len() as u32).to_le_bytes());
        let from = texts.len() as u32;
        texts.extend_from_slice(text.as_bytes());
        places.push(Placed { from, until: texts.len() as u32, behind: NONE });
        let rehash = |index: &u32| hasher.hash_one(places[*index as usize].of(texts));
        known.insert_unique(hash, index, rehash);
        index
    }

    /// A market's ticker and id: one goes with the other, so that the second is hardly ever looked up.
    fn market(&mut self, ticker: &str, id: &str) {
        let ticker = if self.is_at(self.recent, ticker) { self.recent } else { self.text(ticker) };
        self.recent = ticker;
        let mut market_id = self.places[ticker as usize].behind;
        if !self.is_at(market_id, id) {
            market_id = self.text(id);
            self.places[ticker as usize].behind = market_id;
        }
        self.u32(ticker);
        self.u32(market_id);
    }

    fn long_text(&mut self, text: &str) {
        self.body.extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.body.extend_from_slice(text.as_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.body.extend_from_slice(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.body.extend_from_slice(&value.to_le_bytes());
    }

    fn i64(&mut self, value: i64) {
        self.body.extend_from_slice(&value.to_le_bytes());
    }

    fn optional_text(&mut self, text: Option<&str>) {
        match text {
            Some(text) => {
                let index = self.text(text);
                self.u32(index);
            }
            None => self.u32(u32::MAX),
        }
    }

    fn optional_i64(&mut self, value: Option<i64>) {
        self.body.push(u8::from(value.is_some()));
        if let Some(value) = value {
            self.i64(value);
        }
    }

    /// Adds an entry.
    pub fn push(&mut self, entry: &Entry<'_>) {
        match entry {
            Entry::Event(record) => self.push_event(record),
            Entry::Unparsed(unparsed) => self.push_unparsed(unparsed),
            Entry::Notice(notice) => self.push_notice(notice),
        }
    }

    /// Adds a notice.
    pub fn push_notice(&mut self, notice: &Notice) {
        self.entries += 1;
        self.body.push(NOTICE);
        let json =
            serde_json::to_string(notice).expect("a notice holds only strings and integers, which JSON can hold");
        self.long_text(&json);
    }

    /// Adds an unreadable frame.
    pub fn push_unparsed(&mut self, unparsed: &Unparsed<'_>) {
        self.entries += 1;
        self.ordinals += 1;
        self.body.push(UNPARSED);
        self.optional_i64(unparsed.recv_ts.map(ReceivedTime::nanos));
        self.u32(unparsed.connection);
        self.long_text(&unparsed.reason);
        self.long_text(&unparsed.origin);
        self.long_text(&unparsed.raw);
    }

    /// Adds an event.
    pub fn push_event(&mut self, record: &EventRecord<'_>) {
        self.entries += 1;
        self.ordinals += 1;
        let mut flags = 0;
        for (present, flag) in [
            (record.sid.is_some(), HAS_SID),
            (record.seq.is_some(), HAS_SEQ),
            (record.sent_ts.is_some(), HAS_SENT),
            (record.extra.is_some(), HAS_EXTRA),
            (record.event.ts().is_some(), HAS_TS),
        ] {
            if present {
                flags |= flag;
            }
        }
        let (tag, clock, side) = match &record.event {
            Event::Delta(delta) => (DELTA, delta.clock, Some(delta.side)),
            Event::Snapshot(snapshot) => (SNAPSHOT, snapshot.clock, None),
            Event::Trade(_) => (TRADE, None, None),
            Event::Ticker(_) => (TICKER, None, None),
            Event::Lifecycle(_) => (LIFECYCLE, None, None),
        };
        if clock.is_some() {
            flags |= HAS_CLOCK;
        }
        if side == Some(Side::No) {
            flags |= SIDE_NO;
        }
        self.body.push(tag);
        self.body.push(flags);
        self.i64(record.recv_ts.nanos());
        self.u32(record.connection);
        if let Some(sid) = record.sid {
            self.u32(sid);
        }
        if let Some(seq) = record.seq {
            self.u64(seq);
        }
        if let Some(sent) = record.sent_ts {
            self.i64(sent.micros());
        }
        if let Some(ts) = record.event.ts() {
            self.i64(ts.micros());
        }
        if let Some(clock) = clock {
            self.u64(clock);
        }
        match &record.event {
            Event::Delta(delta) => {
                self.market(&delta.ticker, &delta.market_id);
                self.body.extend_from_slice(&delta.price.ten_thousandths().to_le_bytes());
                self.i64(delta.quantity.hundredths());
            }
            Event::Snapshot(snapshot) => {
                self.market(&snapshot.ticker, &snapshot.market_id);
                for levels in [&snapshot.yes, &snapshot.no] {
                    self.u32(levels.len() as u32);
                    for (price, size) in levels {
                        self.body.extend_from_slice(&price.ten_thousandths().to_le_bytes());
                        self.i64(size.hundredths());
                    }
                }
            }
            Event::Trade(trade) => {
                let ticker = self.text(&trade.ticker);
                self.u32(ticker);
                self.long_text(&trade.trade_id);
                self.body.extend_from_slice(&trade.yes_price.ten_thousandths().to_le_bytes());
                self.body.extend_from_slice(&trade.no_price.ten_thousandths().to_le_bytes());
                self.i64(trade.count.hundredths());
                let side = |side: Option<Side>| match side {
                    None => 0,
                    Some(Side::Yes) => 1,
                    Some(Side::No) => 2,
                };
                self.body.push(side(trade.taker_side));
                self.body.push(side(trade.taker_outcome_side));
                self.body.push(match trade.is_block_trade {
                    None => 0,
                    Some(false) => 1,
                    Some(true) => 2,
                });
                self.optional_text(trade.taker_book_side.as_deref());
            }
            Event::Ticker(update) => {
                self.market(&update.ticker, &update.market_id);
                for price in [update.price, update.yes_bid, update.yes_ask] {
                    self.optional_i64(price.map(|price| i64::from(price.ten_thousandths())));
                }
                for size in [
                    update.yes_bid_size,
                    update.yes_ask_size,
                    update.last_trade_size,
                    update.volume,
                    update.open_interest,
                ] {
                    self.optional_i64(size.map(Quantity::hundredths));
                }
                self.optional_i64(update.dollar_volume);
                self.optional_i64(update.dollar_open_interest);
            }
            Event::Lifecycle(change) => {
                let (channel, kind) = (self.text(&change.channel), self.text(&change.event_type));
                self.u32(channel);
                self.u32(kind);
                self.optional_text(change.ticker.as_deref());
                self.optional_text(change.event_ticker.as_deref());
                self.long_text(&change.payload);
            }
        }
        if let Some(extra) = &record.extra {
            self.long_text(extra);
        }
    }
}

impl Batch {
    /// The bytes for the log.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many ordinals the batch takes.
    pub fn ordinals(&self) -> u32 {
        self.ordinals
    }

    /// Says which ordinal comes first.
    pub(crate) fn begin_at(&mut self, first_ordinal: u64) {
        self.bytes[..8].copy_from_slice(&first_ordinal.to_le_bytes());
    }
}

/// A delta of a batch: nearly all entries are one, so it is read without looking its texts up.
#[derive(Clone, Copy, Debug)]
pub struct DeltaEntry<'a> {
    /// Our clock.
    pub recv_ts: ReceivedTime,
    /// The connection it came over.
    pub connection: u32,
    /// Subscription.
    pub sid: Option<u32>,
    /// Sequence number.
    pub seq: Option<u64>,
    /// The venue's sending stamp.
    pub sent_ts: Option<ExchangeTime>,
    /// Exchange time.
    pub ts: Option<ExchangeTime>,
    /// The venue's per-market logical clock.
    pub clock: Option<u64>,
    /// Place of the ticker in the text table; there is one.
    pub ticker: usize,
    /// Place of the market's id in the text table; there is one.
    pub market_id: usize,
    /// Ladder.
    pub side: Side,
    /// Level.
    pub price: Price,
    /// Signed change.
    pub quantity: Quantity,
    /// Fields without a place of their own, as JSON.
    pub extra: Option<&'a str>,
}

/// What every event begins with.
struct Head {
    flags: u8,
    recv_ts: ReceivedTime,
    connection: u32,
    sid: Option<u32>,
    seq: Option<u64>,
    sent_ts: Option<ExchangeTime>,
    ts: Option<ExchangeTime>,
    clock: Option<u64>,
}

/// Reads the entries of a batch one after another, borrowing their text.
pub struct BatchReader<'a> {
    bytes: &'a [u8],
    texts: Vec<&'a str>,
    /// The first two texts of the entry read last, by their place in the table.
    used: [u32; 2],
    at: usize,
    first_ordinal: u64,
}

impl<'a> BatchReader<'a> {
    /// Reads the text table.
    pub fn new(bytes: &'a [u8]) -> Result<BatchReader<'a>, BatchError> {
        let mut reader = BatchReader { bytes, texts: Vec::new(), used: [u32::MAX; 2], at: 0, first_ordinal: 0 };
        reader.first_ordinal = reader.u64()?;
        let count = reader.u32()?;
        if count as usize > bytes.len() / 4 {
            return Err(reader.bad("text table longer than the batch"));
        }
        for _ in 0..count {
            let text = reader.long_text()?;
            reader.texts.push(text);
        }
        Ok(reader)
    }

    /// The ordinal of the first entry that takes one.
    pub fn first_ordinal(&self) -> u64 {
        self.first_ordinal
    }

    /// How many texts the table has.
    pub fn text_count(&self) -> usize {
        self.texts.len()
    }

    /// Of the snapshot read last: the places of its ticker and its market id in the text table. Equal places are equal
    /// texts.
    pub fn text_places(&self) -> [usize; 2] {
        self.used.map(|place| place as usize)
    }

    /// The text at a place of the table.
    ///
    /// # Errors
    /// There is none.
    pub fn text_of(&self, place: usize) -> Result<&'a str, BatchError> {
        self.texts.get(place).copied().ok_or_else(|| self.bad("text index outside the table"))
    }

    fn bad(&self, reason: &'static str) -> BatchError {
        BatchError { offset: self.at, reason }
    }

    #[inline]
    fn take(&mut self, count: usize) -> Result<&'a [u8], BatchError> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.bad("the batch ends inside an entry"))?;
        let bytes = &self.bytes[self.at..end];
        self.at = end;
        Ok(bytes)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], BatchError> {
        let bytes = self.take(N)?;
        Ok(bytes.try_into().expect("take returns exactly the bytes asked for"))
    }

    #[inline]
    fn u8(&mut self) -> Result<u8, BatchError> {
        Ok(self.array::<1>()?[0])
    }

    #[inline]
    fn u16(&mut self) -> Result<u16, BatchError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    #[inline]
    fn u32(&mut self) -> Result<u32, BatchError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    #[inline]
    fn u64(&mut self) -> Result<u64, BatchError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    #[inline]
    fn i64(&mut self) -> Result<i64, BatchError> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    fn optional_i64(&mut self) -> Result<Option<i64>, BatchError> {
        match self.u8()? {
            0 => Ok(None),
            1 => Ok(Some(self.i64()?)),
            _ => Err(self.bad("presence byte is neither 0 nor 1")),
        }
    }

    #[inline]
    fn price(&mut self) -> Result<Price, BatchError> {
        let value = self.u16()?;
        Price::from_ten_thousandths(value).ok_or_else(|| self.bad("price above one dollar"))
    }

    fn optional_price(&mut self) -> Result<Option<Price>, BatchError> {
        let Some(value) = self.optional_i64()? else { return Ok(None) };
        let price = u16::try_from(value).ok().and_then(Price::from_ten_thousandths);
        price.map(Some).ok_or_else(|| self.bad("price outside 0 to one dollar"))
    }

    fn long_text(&mut self) -> Result<&'a str, BatchError> {
        let length = self.u32()? as usize;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|_| self.bad("text is not UTF-8"))
    }

    /// A place in the text table, where a text is.
    #[inline]
    fn place(&mut self) -> Result<usize, BatchError> {
        let place = self.u32()? as usize;
        if place < self.texts.len() { Ok(place) } else { Err(self.bad("text index outside the table")) }
    }

    fn noted_text(&mut self, at: usize) -> Result<&'a str, BatchError> {
        let index = self.u32()?;
        self.used[at] = index;
        self.text_at(index)
    }

    fn text(&mut self) -> Result<&'a str, BatchError> {
        let index = self.u32()?;
        self.text_at(index)
    }

    fn text_at(&self, index: u32) -> Result<&'a str, BatchError> {
        self.text_of(index as usize)
    }

    fn optional_text(&mut self) -> Result<Option<&'a str>, BatchError> {
        let index = self.u32()?;
        if index == u32::MAX {
            return Ok(None);
        }
        self.text_at(index).map(Some)
    }

    fn levels(&mut self) -> Result<Vec<(Price, Quantity)>, BatchError> {
        let count = self.u32()? as usize;
        if count > 10_001 {
            return Err(self.bad("more levels than prices"));
        }
        let mut levels = Vec::with_capacity(count);
        for _ in 0..count {
            levels.push((self.price()?, Quantity::from_hundredths(self.i64()?)));
        }
        Ok(levels)
    }

    fn side(&mut self) -> Result<Option<Side>, BatchError> {
        match self.u8()? {
            0 => Ok(None),
            1 => Ok(Some(Side::Yes)),
            2 => Ok(Some(Side::No)),
            _ => Err(self.bad("side byte is none of 0, 1, 2")),
        }
    }

    /// The next entry if it is a delta; where it is not, or there is none, nothing is read.
    #[inline]
    pub fn next_delta(&mut self) -> Result<Option<DeltaEntry<'a>>, BatchError> {
        if self.bytes.get(self.at) != Some(&DELTA) {
            return Ok(None);
        }
        self.at += 1;
        self.delta().map(Some)
    }

    /// A delta that was read as an entry, with its texts.
    fn entry_of(&self, delta: DeltaEntry<'a>) -> Result<Entry<'a>, BatchError> {
        let event = Event::Delta(Delta {
            ticker: Cow::Borrowed(self.text_of(delta.ticker)?),
            market_id: Cow::Borrowed(self.text_of(delta.market_id)?),
            ts: delta.ts,
            clock: delta.clock,
            side: delta.side,
            price: delta.price,
            quantity: delta.quantity,
        });
        let DeltaEntry { recv_ts, connection, sid, seq, sent_ts, extra, .. } = delta;
        Ok(Entry::Event(EventRecord { recv_ts, connection, sid, seq, sent_ts, event, extra: extra.map(Cow::Borrowed) }))
    }

    /// The next entry, or `None` at the end.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'a>>, BatchError> {
        if self.at == self.bytes.len() {
            return Ok(None);
        }
        let tag = self.u8()?;
        match tag {
            NOTICE => {
                let json = self.long_text()?;
                let notice = serde_json::from_str(json).map_err(|_| self.bad("notice is not of a known form"))?;
                Ok(Some(Entry::Notice(notice)))
            }
            UNPARSED => Ok(Some(Entry::Unparsed(Unparsed {
                recv_ts: self.optional_i64()?.map(ReceivedTime::from_nanos),
                connection: self.u32()?,
                reason: Cow::Borrowed(self.long_text()?),
                origin: Cow::Borrowed(self.long_text()?),
                raw: Cow::Borrowed(self.long_text()?),
            }))),
            DELTA => {
                let delta = self.delta()?;
                self.entry_of(delta).map(Some)
            }
            SNAPSHOT..=LIFECYCLE => Ok(Some(Entry::Event(self.event(tag)?))),
            _ => Err(self.bad("unknown kind of entry")),
        }
    }

    #[inline]
    fn head(&mut self) -> Result<Head, BatchError> {
        let flags = self.u8()?;
        Ok(Head {
            flags,
            recv_ts: ReceivedTime::from_nanos(self.i64()?),
            connection: self.u32()?,
            sid: if flags & HAS_SID != 0 { Some(self.u32()?) } else { None },
            seq: if flags & HAS_SEQ != 0 { Some(self.u64()?) } else { None },
            sent_ts: if flags & HAS_SENT != 0 { Some(ExchangeTime::from_micros(self.i64()?)) } else { None },
            ts: if flags & HAS_TS != 0 { Some(ExchangeTime::from_micros(self.i64()?)) } else { None },
            clock: if flags & HAS_CLOCK != 0 { Some(self.u64()?) } else { None },
        })
    }

    fn extra(&mut self, flags: u8) -> Result<Option<&'a str>, BatchError> {
        if flags & HAS_EXTRA == 0 { Ok(None) } else { self.long_text().map(Some) }
    }

    #[inline]
    fn delta(&mut self) -> Result<DeltaEntry<'a>, BatchError> {
        let Head { flags, recv_ts, connection, sid, seq, sent_ts, ts, clock } = self.head()?;
        Ok(DeltaEntry {
            recv_ts,
            connection,
            sid,
            seq,
            sent_ts,
            ts,
            clock,
            ticker: self.place()?,
            market_id: self.place()?,
            side: if flags & SIDE_NO != 0 { Side::No } else { Side::Yes },
            price: self.price()?,
            quantity: Quantity::from_hundredths(self.i64()?),
            extra: self.extra(flags)?,
        })
    }

    /// Any event but a delta.
    fn event(&mut self, tag: u8) -> Result<EventRecord<'a>, BatchError> {
        let Head { flags, recv_ts, connection, sid, seq, sent_ts, ts, clock } = self.head()?;
        let event = match tag {
            SNAPSHOT => Event::Snapshot(Snapshot {
                ticker: Cow::Borrowed(self.noted_text(0)?),
                market_id: Cow::Borrowed(self.noted_text(1)?),
                ts,
                clock,
                yes: self.levels()?,
                no: self.levels()?,
            }),
            TRADE => Event::Trade(Trade {
                ticker: Cow::Borrowed(self.text()?),
                trade_id: Cow::Borrowed(self.long_text()?),
                ts,
                yes_price: self.price()?,
                no_price: self.price()?,
                count: Quantity::from_hundredths(self.i64()?),
                taker_side: self.side()?,
                taker_outcome_side: self.side()?,
                is_block_trade: match self.u8()? {
                    0 => None,
                    1 => Some(false),
                    2 => Some(true),
                    _ => return Err(self.bad("block trade byte is none of 0, 1, 2")),
                },
                taker_book_side: self.optional_text()?.map(Cow::Borrowed),
            }),
            TICKER => Event::Ticker(TickerUpdate {
                ticker: Cow::Borrowed(self.text()?),
                market_id: Cow::Borrowed(self.text()?),
                ts,
                price: self.optional_price()?,
                yes_bid: self.optional_price()?,
                yes_ask: self.optional_price()?,
                yes_bid_size: self.optional_i64()?.map(Quantity::from_hundredths),
                yes_ask_size: self.optional_i64()?.map(Quantity::from_hundredths),
                last_trade_size: self.optional_i64()?.map(Quantity::from_hundredths),
                volume: self.optional_i64()?.map(Quantity::from_hundredths),
                open_interest: self.optional_i64()?.map(Quantity::from_hundredths),
                dollar_volume: self.optional_i64()?,
                dollar_open_interest: self.optional_i64()?,
            }),
            _ => Event::Lifecycle(Lifecycle {
                channel: Cow::Borrowed(self.text()?),
                event_type: Cow::Borrowed(self.text()?),
                ticker: self.optional_text()?.map(Cow::Borrowed),
                event_ticker: self.optional_text()?.map(Cow::Borrowed),
                ts,
                payload: Cow::Borrowed(self.long_text()?),
            }),
        };
        let extra = self.extra(flags)?.map(Cow::Borrowed);
        Ok(EventRecord { recv_ts, connection, sid, seq, sent_ts, event, extra })
    }
}

#[cfg(test)]
mod tests;
