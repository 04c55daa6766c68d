//! The truth in a file: every change of every book, a line of JSON each, in the order in which they happened.
//!
//! Every book begins empty, so that a book at any instant is what its changes up to then add up to.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;

use crate::venue::{TrueChange, Venue};

/// A line.
#[derive(Debug, Serialize)]
struct Line<'a> {
    at_us: i64,
    ticker: &'a str,
    clock: u64,
    side: &'a str,
    price: String,
    change: String,
}

struct State {
    out: BufWriter<File>,
    /// Why nothing more is written.
    failed: Option<io::Error>,
}

/// A file that a venue's changes are written to. Clones write to the same one.
#[derive(Clone)]
pub struct TruthLog {
    state: Arc<Mutex<State>>,
}

impl TruthLog {
    /// A file of this name, which must not be there yet.
    ///
    /// # Errors
    /// It is there, or cannot be made.
    pub fn create(path: &Path) -> io::Result<TruthLog> {
        let state = State { out: BufWriter::with_capacity(1 << 20, File::create_new(path)?), failed: None };
        Ok(TruthLog { state: Arc::new(Mutex::new(state)) })
    }

    /// Has the changes of this venue written from now on. Whoever wants all of them begins with a venue that has no markets.
    pub fn follow(&self, venue: &mut Venue) {
        let log = self.clone();
        venue.witness(move |change| log.write(change));
    }

    /// Writes out what is held back.
    ///
    /// # Errors
    /// What went wrong, now or at any time before: the file is not whole then.
    pub fn flush(&self) -> io::Result<()> {
        let mut state = self.state();
        match state.failed.take() {
            Some(error) => Err(error),
            None => state.out.flush(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, change: &TrueChange<'_>) {
        let mut state = self.state();
        if state.failed.is_some() {
            return;
        }
        let TrueChange { ticker, at, clock, side, price, change } = *change;
        let (price, change) = (price.to_string(), change.to_string());
        let line = Line { at_us: at.micros(), ticker, clock, side: side.as_str(), price, change };
        let written = serde_json::to_writer(&mut state.out, &line).map_err(io::Error::from);
        if let Err(error) = written.and_then(|()| state.out.write_all(b"\n")) {
            state.failed = Some(error);
        }
    }
}
