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
    reconstruct::read_keyframe,
    schema::Table,
    segment::{Batch, Segment},
    store::Store,
};

/// Segments kept open at most.
const OPEN_SEGMENTS: usize = 512;
/// Remembered places of a market in a segment, at most.
const REMEMBERED_PLACES: usize = 1 << 18;

/// Keyframes kept, at most: about a kilobyte each.
const REMEMBERED_KEYFRAMES: usize = 1 << 16;
/// Rows of decoded pages kept, at most: about 64 bytes each.
const KEPT_ROWS: usize = 4 << 20;

/// Decoded pages by segment and first row, and in the order they came.
#[derive(Default)]
struct Pages {
    pages: HashMap<(String, usize, usize), Arc<Batch>>,
    order: VecDeque<(String, usize, usize)>,
    rows: usize,
}

/// A segment's path and a market's ticker.
type MarketInSegment = (String, String);
/// A market's intervals, and the version of `coverage` that says so.
type VersionedIntervals = (u64, Arc<Vec<Interval>>);

/// Opens segments and remembers where in them a market's rows are.
pub struct Reader {
    store: Store,
    segments: Mutex<HashMap<String, Arc<Segment>>>,
    rows: Mutex<HashMap<MarketInSegment, Range<usize>>>,
    keyframes: Mutex<HashMap<MarketInSegment, Arc<Vec<KeyframePlace>>>>,
    pages: Mutex<Pages>,
    states: Mutex<HashMap<(String, usize), Arc<Keyframe>>>,
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
            segments: Mutex::default(),
            rows: Mutex::default(),
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
        let segment = Arc::new(Segment::open(&self.store, table, &file.path, file.size)?);
        let mut segments = held(&self.segments);
        if segments.len() >= OPEN_SEGMENTS {
            segments.clear();
        }
        segments.insert(file.path.clone(), segment.clone());
        Ok(segment)
    }

    /// The market's rows in a segment.
    pub fn rows_of(&self, segment: &Segment, ticker: &str) -> Result<Range<usize>, Error> {
        let key = (segment.path().to_owned(), ticker.to_owned());
        if let Some(rows) = held(&self.rows).get(&key) {
            return Ok(rows.clone());
        }
        let rows = segment.rows_of(ticker)?;
        let mut places = held(&self.rows);
        if places.len() >= REMEMBERED_PLACES {
            places.clear();
        }
        places.insert(key, rows.clone());
        Ok(rows)
    }

    /// The rows from `at` to the end of its page, or to `limit` if that comes first; kept for the next question.
    pub fn page(&self, segment: &Segment, columns: &[&str], at: usize, limit: usize) -> Result<Arc<Batch>, Error> {
        let end = segment.page_end_of(at, limit);
        let key = (segment.path().to_owned(), at, end);
        if let Some(batch) = held(&self.pages).pages.get(&key) {
            return Ok(batch.clone());
        }
        let batch = Arc::new(segment.read(columns, at..end)?);
        let mut kept = held(&self.pages);
        // Another thread may have read it meanwhile.
        if kept.pages.insert(key.clone(), batch.clone()).is_none() {
            kept.rows += batch.rows();
            kept.order.push_back(key);
        }
        while kept.rows > KEPT_ROWS {
            let Some(oldest) = kept.order.pop_front() else { break };
            let rows = kept.pages.remove(&oldest).map_or(0, |batch| batch.rows());
            kept.rows -= rows;
        }
        Ok(batch)
    }

    /// The keyframe of a row; kept for the next question.
    pub fn keyframe(&self, segment: &Segment, row: usize) -> Result<Arc<Keyframe>, Error> {
        let key = (segment.path().to_owned(), row);
        if let Some(keyframe) = held(&self.states).get(&key) {
            return Ok(keyframe.clone());
        }
        let keyframe = Arc::new(read_keyframe(segment, row)?);
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
        let key = (segment.path().to_owned(), ticker.to_owned());
        if let Some(keyframes) = held(&self.keyframes).get(&key) {
            return Ok(keyframes.clone());
        }
        let rows = self.rows_of(segment, ticker)?;
        let mut places = Vec::with_capacity(rows.len());
        if !rows.is_empty() {
            let columns = [
                "ordinal",
                "connection",
                "effective_ts",
                "effective_nanos",
                "latest_recv_ts",
                "latest_recv_nanos",
                "kind",
            ];
            let batch = segment.read(&columns, rows.clone())?;
            let kinds = batch.texts("kind")?;
            let (ordinals, connections) = (batch.i64s("ordinal")?, batch.i32s("connection")?);
            for at in 0..batch.rows() {
                places.push(KeyframePlace {
                    ordinal: ordinals.value(at).cast_unsigned(),
                    connection: connections.value(at).cast_unsigned(),
                    effective: batch.nanos("effective_ts", "effective_nanos", at)?,
                    recv_max: batch.nanos("latest_recv_ts", "latest_recv_nanos", at)?,
                    snapshot: kinds.get(at) == Some("snapshot"),
                    row: rows.start + at,
                });
            }
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
