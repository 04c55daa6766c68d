//! What queries may take: rows, memory, disk, time, threads.

use std::{num::NonZero, time::Duration};

/// Bounds on the queries of an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rows that a query may return. A query of more gives this many and then an error, so that a cut result is never
    /// taken for a whole one.
    pub max_rows: Option<u64>,
    /// Memory that the intermediate results of all queries of the engine may hold together. Sorts, aggregations and
    /// joins that need more go on in files of the system's temporary directory where they can, and fail where not.
    pub memory_bytes: usize,
    /// What these temporary files may take together.
    pub spill_bytes: u64,
    /// Time that a query may take, from the question to the last row read, pauses of the reader included.
    pub timeout: Option<Duration>,
    /// Threads that run the engine's queries.
    pub max_parallelism: usize,
}

impl Default for Limits {
    /// 512 MiB of memory, 16 GiB of temporary files, every core; no bound on rows and time.
    fn default() -> Limits {
        Limits {
            max_rows: None,
            memory_bytes: 512 << 20,
            spill_bytes: 16 << 30,
            timeout: None,
            max_parallelism: std::thread::available_parallelism().map_or(1, NonZero::get),
        }
    }
}
