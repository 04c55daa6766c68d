//! The thread that writes: batches go into the log, and are durable when it says so.
//!
//! Whatever has queued up while the disk was busy is written and synced together, so that a slow disk makes commits
//! larger, not later ones more numerous. When the queue is full, whoever sends waits.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Instant,
};

use daybook_archive::{Archive, Batch, Error, Writer};
use tokio::sync::mpsc;

/// Batches that may wait.
const QUEUE: usize = 32;

/// A batch on its way.
struct Work {
    batch: Batch,
    /// When its first fact was taken in.
    began: Instant,
}

/// What has been written, for whoever watches.
#[derive(Debug, Default)]
pub struct Written {
    batches: AtomicU64,
    syncs: AtomicU64,
    /// Of the batches synced last: how long the first fact had waited to be durable, in microseconds.
    last_micros: AtomicU64,
    worst_micros: AtomicU64,
}

/// How writing gets on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WrittenCounts {
    /// Batches in the log.
    pub batches: u64,
    /// Times that the log was synced.
    pub syncs: u64,
    /// How long the first fact of the last commit had waited to be durable, in microseconds.
    pub last_micros: u64,
    /// The longest of these.
    pub worst_micros: u64,
}

impl Written {
    fn note(&self, batches: u64, waited_micros: u64) {
        self.batches.fetch_add(batches, Ordering::Relaxed);
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.last_micros.store(waited_micros, Ordering::Relaxed);
        self.worst_micros.fetch_max(waited_micros, Ordering::Relaxed);
    }

    /// The figures now.
    pub fn counts(&self) -> WrittenCounts {
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        WrittenCounts {
            batches: read(&self.batches),
            syncs: read(&self.syncs),
            last_micros: read(&self.last_micros),
            worst_micros: read(&self.worst_micros),
        }
    }
}

/// The writing end of a recording.
pub(crate) struct Keeper {
    work: mpsc::Sender<Work>,
    /// Batches that were written, whose memory the next ones use.
    spent: mpsc::Receiver<Batch>,
    thread: JoinHandle<Result<Archive, Error>>,
    written: Arc<Written>,
}

impl Keeper {
    /// Starts the thread.
    pub(crate) fn start(writer: Writer) -> std::io::Result<Keeper> {
        let (work, queue) = mpsc::channel(QUEUE);
        let (give_back, spent) = mpsc::channel(QUEUE);
        let written = Arc::new(Written::default());
        let counts = Arc::clone(&written);
        let keep = move || keep(writer, queue, &give_back, &counts);
        let thread = std::thread::Builder::new().name("keep".to_owned()).spawn(keep)?;
        Ok(Keeper { work, spent, thread, written })
    }

    /// The memory of a batch that was written.
    pub(crate) fn spent(&mut self) -> Batch {
        self.spent.try_recv().unwrap_or_default()
    }

    /// Hands a batch over; waits while the queue is full. False if nothing can be written any more: [`end`](Keeper::end)
    /// says why.
    pub(crate) async fn write(&self, batch: Batch, began: Instant) -> bool {
        self.work.send(Work { batch, began }).await.is_ok()
    }

    /// What has been written.
    pub(crate) fn written(&self) -> Arc<Written> {
        Arc::clone(&self.written)
    }

    /// Writes what is queued, seals it, closes the log.
    pub(crate) async fn end(self) -> Result<Archive, Error> {
        drop(self.work);
        drop(self.spent);
        let joined = tokio::task::spawn_blocking(move || self.thread.join()).await;
        match joined {
            Ok(Ok(kept)) => kept,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

fn keep(
    mut writer: Writer,
    mut queue: mpsc::Receiver<Work>,
    give_back: &mpsc::Sender<Batch>,
    written: &Written,
) -> Result<Archive, Error> {
    while let Some(mut work) = queue.blocking_recv() {
        let began = work.began;
        let mut batches = 0;
        loop {
            writer.append_kept(&mut work.batch)?;
            batches += 1;
            // One that nobody waits for is let go of.
            let _ = give_back.try_send(work.batch);
            match queue.try_recv() {
                Ok(next) => work = next,
                Err(_) => break,
            }
        }
        writer.sync()?;
        written.note(batches, u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    writer.close()
}
