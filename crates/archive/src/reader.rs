//! Reading segments: open files and what was found in them are kept for the next question.

use std::{
    collections::VecDeque,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hashbrown::HashMap;

use crate::{
    Error,
    catalog::FileEntry,
    coverage::Interval,
    market::Keyframe,
    reconstruct::{FOLD_COLUMNS, KEYFRAME_COLUMNS, keyframe_of},
    schema::Table,
    segment::{Batch, Segment},
    segment_columns::Dictionaries,
    store::Store,
};

/// Segments kept open at most.
const OPEN_SEGMENTS: usize = 512;
/// Remembered markets, and keyframe lists of a market in a segment, at most.
const REMEMBERED_PLACES: usize = 1 << 18;
/// Pages of which the markets are remembered, at most: a hundred bytes per market.
const REMEMBERED_PAGES: usize = 1 << 16;
/// Keyframes kept, at most: about a kilobyte each.
const REMEMBERED_KEYFRAMES: usize = 1 << 16;
/// Bytes of decoded pages kept, at most.
const KEPT_BYTES: usize = 256 << 20;

/// A segment's number and a page or row of it.
type PlaceInSegment = (u64, usize);
/// A segment's number and a market's ticker.
type MarketInSegment = (u64, String);
/// A market's intervals, and the version of `coverage` that says so.
type VersionedIntervals = (u64, Arc<Vec<Interval>>);
/// Markets in the order in which they follow each other in a page, each with its first row.
type Runs = Vec<(Box<str>, usize)>;

/// Decoded pages, whole, for all markets in them; and in the order in which they came.
#[derive(Default)]
struct Pages {
    pages: HashMap<PlaceInSegment, (Arc<Batch>, usize)>,
    order: VecDeque<PlaceInSegment>,
    bytes: usize,
}

/// Opens segments and remembers what was found in them. A segment never changes, so nothing here ever becomes wrong:
/// after a compaction other segments are asked, and what is kept of the old ones makes room.
pub struct Reader {
    store: Store,
    dictionaries: Arc<Dictionaries>,
    segments: Mutex<HashMap<String, Arc<Segment>>>,
    runs: Mutex<HashMap<PlaceInSegment, Arc<Runs>>>,
    keyframes: Mutex<HashMap<MarketInSegment, Arc<Vec<KeyframePlace>>>>,
    pages: Mutex<Pages>,
    states: Mutex<HashMap<PlaceInSegment, Arc<Keyframe>>>,
    intervals: Mutex<HashMap<String, VersionedIntervals>>,
}

/// Where a keyframe is and what instants it serves.
#[derive(Clone, Copy, Debug)]
pub struct KeyframePlace {
    /// Its last event.
    pub ordinal: u64,
    /// The stream.
    pub connection: u32,
    /// Effective time, in nanoseconds.
    pub effective: i64,
    /// Running maximum of received time, in nanoseconds.
    pub recv_max: i64,
    /// Whether the venue sent it.
    pub snapshot: bool,
    /// Row in its segment.
    pub row: usize,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A cache that a panicking thread left behind is still a cache: nothing in it is half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reader {
    /// A reader of this store's segments.
    pub fn new(store: Store) -> Reader {
        Reader {
            store,
            dictionaries: Arc::default(),
            segments: Mutex::default(),
            runs: Mutex::default(),
            keyframes: Mutex::default(),
            pages: Mutex::default(),
            states: Mutex::default(),
            intervals: Mutex::default(),
        }
    }

    /// The segment, opened if it is not open yet.
    pub fn segment(&self, table: Table, file: &FileEntry) -> Result<Arc<Segment>, Error> {
        if let Some(segment) = held(&self.segments).get(&file.path) {
            return Ok(segment.clone());
        }
        let segment = Segment::open_with(&self.store, table, &file.path, file.size, self.dictionaries.clone())?;
        let segment = Arc::new(segment);
        let mut segments = held(&self.segments);
        if segments.len() >= OPEN_SEGMENTS {
            segments.clear();
        }
        segments.insert(file.path.clone(), segment.clone());
        Ok(segment)
    }

    /// The market's rows in a segment. At most two pages of tickers are read, and kept.
    pub fn rows_of(&self, segment: &Segment, ticker: &str) -> Result<Range<usize>, Error> {
        let pages = segment.pages_of(ticker)?;
        if pages.is_empty() {
            return Ok(0..0);
        }
        let runs = self.runs(segment, pages.start)?;
        let at = runs.partition_point(|(held, _)| **held < *ticker);
        let Some((_, start)) = runs.get(at).filter(|(held, _)| **held == *ticker) else { return Ok(0..0) };
        let last = pages.end - 1;
        let runs = if last == pages.start { runs.clone() } else { self.runs(segment, last)? };
        let end = match runs.get(runs.partition_point(|(held, _)| **held <= *ticker)) {
            Some((_, next)) => *next,
            None => segment.page_rows(last)?.end,
        };
        Ok(*start..end)
    }

    fn runs(&self, segment: &Segment, page: usize) -> Result<Arc<Runs>, Error> {
        let key = (segment.number(), page);
        if let Some(runs) = held(&self.runs).get(&key) {
            return Ok(runs.clone());
        }
        let first = segment.page_rows(page)?.start;
        let batch = segment.page(&["ticker"], page)?;
        let runs = batch.texts("ticker")?.runs().into_iter();
        let runs: Runs = runs.map(|run| (run.0.unwrap_or("").into(), first + run.1.start)).collect();
        let runs = Arc::new(runs);
        let mut remembered = held(&self.runs);
        if remembered.len() >= REMEMBERED_PAGES {
            remembered.clear();
        }
        remembered.insert(key, runs.clone());
        Ok(runs)
    }

    /// A page of `deltas` or `keyframes`: the columns that make up books. Kept for the next question.
    pub fn page(&self, segment: &Segment, page: usize) -> Result<Arc<Batch>, Error> {
        let key = (segment.number(), page);
        if let Some((batch, _)) = held(&self.pages).pages.get(&key) {
            return Ok(batch.clone());
        }
        let columns = if segment.table() == Table::Keyframes { KEYFRAME_COLUMNS } else { FOLD_COLUMNS };
        let batch = Arc::new(segment.page(columns, page)?);
        let bytes = batch.record().get_array_memory_size();
        let mut kept = held(&self.pages);
        // Another thread may have read it meanwhile.
        if kept.pages.insert(key, (batch.clone(), bytes)).is_none() {
            kept.bytes += bytes;
            kept.order.push_back(key);
        }
        while kept.bytes > KEPT_BYTES {
            let Some(oldest) = kept.order.pop_front() else { break };
            let bytes = kept.pages.remove(&oldest).map_or(0, |(_, bytes)| bytes);
            kept.bytes -= bytes;
        }
        Ok(batch)
    }

    /// The keyframe of a row; kept for the next question.
    pub fn keyframe(&self, segment: &Segment, row: usize) -> Result<Arc<Keyframe>, Error> {
        let key = (segment.number(), row);
        if let Some(keyframe) = held(&self.states).get(&key) {
            return Ok(keyframe.clone());
        }
        let page = segment.page_of(row)?;
        let first = segment.page_rows(page)?.start;
        let keyframe = keyframe_of(&*self.page(segment, page)?, row - first)?;
        let keyframe = Arc::new(keyframe.ok_or_else(|| segment.damaged_row(row))?);
        let mut states = held(&self.states);
        if states.len() >= REMEMBERED_KEYFRAMES {
            states.clear();
        }
        states.insert(key, keyframe.clone());
        Ok(keyframe)
    }

    /// What `read` says of a market's intervals in this version of `coverage`; asked once per version.
    pub fn intervals(
        &self,
        ticker: &str,
        version: u64,
        read: impl FnOnce() -> Result<Vec<Interval>, Error>,
    ) -> Result<Arc<Vec<Interval>>, Error> {
        if let Some((_, intervals)) = held(&self.intervals).get(ticker).filter(|(held, _)| *held == version) {
            return Ok(intervals.clone());
        }
        let fresh = Arc::new(read()?);
        let mut intervals = held(&self.intervals);
        if intervals.len() >= REMEMBERED_PLACES {
            intervals.clear();
        }
        intervals.insert(ticker.to_owned(), (version, fresh.clone()));
        Ok(fresh)
    }

    /// The market's keyframes in a segment, in order.
    pub fn keyframes_of(&self, segment: &Segment, ticker: &str) -> Result<Arc<Vec<KeyframePlace>>, Error> {
        let key = (segment.number(), ticker.to_owned());
        if let Some(keyframes) = held(&self.keyframes).get(&key) {
            return Ok(keyframes.clone());
        }
        let rows = self.rows_of(segment, ticker)?;
        let mut places = Vec::with_capacity(rows.len());
        let mut next = rows.start;
        while next < rows.end {
            let page = segment.page_of(next)?;
            let inside = segment.page_rows(page)?;
            let batch = self.page(segment, page)?;
            let kinds = batch.texts("kind")?;
            let (ordinals, connections) = (batch.i64s("ordinal")?, batch.i32s("connection")?);
            for row in next..inside.end.min(rows.end) {
                let at = row - inside.start;
                places.push(KeyframePlace {
                    ordinal: ordinals.value(at).cast_unsigned(),
                    connection: connections.value(at).cast_unsigned(),
                    effective: batch.nanos("effective_ts", "effective_nanos", at)?,
                    recv_max: batch.nanos("latest_recv_ts", "latest_recv_nanos", at)?,
                    snapshot: kinds.get(at) == Some("snapshot"),
                    row,
                });
            }
            next = inside.end;
        }
        let places = Arc::new(places);
        let mut keyframes = held(&self.keyframes);
        if keyframes.len() >= REMEMBERED_PLACES {
            keyframes.clear();
        }
        keyframes.insert(key, places.clone());
        Ok(places)
    }
}
