//! The bounded queue between the connections and the consumer.
//!
//! Its bound counts facts. A connection that finds it full drops events, under an open gap for each market concerned,
//! until half of it is free again; so it never blocks a socket and never loses anything unsaid. Facts about trust go
//! in regardless: there is at most one open gap per market, so they are bounded too.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tokio::sync::{Notify, mpsc};

use super::Batch;

/// What both ends share.
#[derive(Debug)]
struct Level {
    facts: AtomicUsize,
    capacity: usize,
    /// Somebody waits for room.
    starved: AtomicBool,
    room: Notify,
}

/// A connection's end.
#[derive(Clone, Debug)]
pub(super) struct Producer {
    batches: mpsc::UnboundedSender<Batch>,
    level: Arc<Level>,
}

/// A connection's end for connections yet to be opened: it does not keep the queue open.
#[derive(Clone, Debug)]
pub(super) struct WeakProducer {
    batches: mpsc::WeakUnboundedSender<Batch>,
    level: Arc<Level>,
}

/// The consumer's end.
#[derive(Debug)]
pub(super) struct Consumer {
    batches: mpsc::UnboundedReceiver<Batch>,
    level: Arc<Level>,
}

/// A queue for `capacity` facts.
pub(super) fn bounded(capacity: usize) -> (Producer, Consumer) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let starved = AtomicBool::new(false);
    let level = Arc::new(Level { facts: AtomicUsize::new(0), capacity, starved, room: Notify::new() });
    (Producer { batches: sender, level: Arc::clone(&level) }, Consumer { batches: receiver, level })
}

impl Producer {
    /// Whether events may go in, given that they may (`accepting`) or may not at present.
    pub(super) fn accepts(&self, accepting: bool) -> bool {
        let facts = self.level.facts.load(Ordering::Acquire);
        if accepting { facts < self.level.capacity } else { facts <= self.level.capacity / 2 }
    }

    /// Puts a batch in; false if nobody will read it.
    pub(super) fn push(&self, batch: Batch) -> bool {
        self.level.facts.fetch_add(batch.len(), Ordering::AcqRel);
        self.batches.send(batch).is_ok()
    }

    /// Waits until half of the queue is free.
    pub(super) async fn room(&self) {
        loop {
            let room = self.level.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            self.level.starved.store(true, Ordering::SeqCst);
            if self.accepts(false) {
                return;
            }
            room.await;
        }
    }

    /// Waits until nobody will read any more.
    pub(super) async fn closed(&self) {
        self.batches.closed().await;
    }

    pub(super) fn downgrade(&self) -> WeakProducer {
        WeakProducer { batches: self.batches.downgrade(), level: Arc::clone(&self.level) }
    }
}

impl WeakProducer {
    /// The producer, while the queue is open.
    pub(super) fn upgrade(&self) -> Option<Producer> {
        Some(Producer { batches: self.batches.upgrade()?, level: Arc::clone(&self.level) })
    }

    /// How many facts wait.
    pub(super) fn depth(&self) -> usize {
        self.level.facts.load(Ordering::Acquire)
    }
}

impl Consumer {
    /// The next batch; `None` when every connection has ended.
    pub(super) async fn next(&mut self) -> Option<Batch> {
        let batch = self.batches.recv().await?;
        self.taken(&batch);
        Some(batch)
    }

    fn taken(&self, batch: &Batch) {
        let left = self.level.facts.fetch_sub(batch.len(), Ordering::AcqRel) - batch.len();
        if left <= self.level.capacity / 2 && self.level.starved.swap(false, Ordering::SeqCst) {
            self.level.room.notify_waiters();
        }
    }
}
