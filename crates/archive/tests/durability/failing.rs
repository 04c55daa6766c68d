//! A store whose operations fail on demand.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
};

use daybook_archive::store::{Faults, Operation};

/// Fails the operation of a number, and all later ones if the process is to have ended there.
#[derive(Debug, Default)]
pub struct FailingStore {
    reads: bool,
    at: u64,
    from_then_on: bool,
    full: bool,
    /// The change that fails first has been made all the same.
    done: bool,
    count: AtomicU64,
    happened: AtomicBool,
    paused: AtomicBool,
}

/// While it lives, nothing fails.
pub struct Pause<'a>(&'a FailingStore);

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.0.paused.store(false, SeqCst);
    }
}

impl FailingStore {
    /// Nothing fails for a while, and nothing is counted.
    pub fn pause(&self) -> Pause<'_> {
        self.paused.store(true, SeqCst);
        Pause(self)
    }

    /// Nothing fails.
    pub fn never() -> Arc<FailingStore> {
        FailingStore::writes(u64::MAX, false, false)
    }

    /// The `at`th change fails (counted from 1), and all after it too if `from_then_on`.
    pub fn writes(at: u64, from_then_on: bool, full: bool) -> Arc<FailingStore> {
        Arc::new(FailingStore { at, from_then_on, full, ..FailingStore::default() })
    }

    /// The `at`th change is made, but said to have failed, and all after it fail.
    pub fn done_writes(at: u64) -> Arc<FailingStore> {
        Arc::new(FailingStore { at, done: true, from_then_on: true, ..FailingStore::default() })
    }

    /// The `at`th read fails.
    pub fn reads(at: u64) -> Arc<FailingStore> {
        Arc::new(FailingStore { at, reads: true, ..FailingStore::default() })
    }

    /// Whether anything failed.
    pub fn happened(&self) -> bool {
        self.happened.load(SeqCst)
    }
}

impl Faults for FailingStore {
    fn before(&self, operation: Operation, _: &str) -> io::Result<()> {
        let change = matches!(operation, Operation::Write | Operation::Sync | Operation::Delete);
        if change == self.reads || self.paused.load(SeqCst) {
            return Ok(());
        }
        let count = self.count.fetch_add(1, SeqCst) + 1;
        let is_done = self.done && operation == Operation::Write;
        if (count == self.at && !is_done) || (self.from_then_on && count > self.at) {
            self.happened.store(true, SeqCst);
            return Err(if self.full {
                io::ErrorKind::StorageFull.into()
            } else {
                io::Error::other("injected I/O error")
            });
        }
        Ok(())
    }

    fn after_put(&self, _: &str) -> io::Result<()> {
        if !self.done || self.paused.load(SeqCst) || self.count.load(SeqCst) != self.at {
            return Ok(());
        }
        self.happened.store(true, SeqCst);
        Err(io::Error::other("injected I/O error behind a change"))
    }
}
