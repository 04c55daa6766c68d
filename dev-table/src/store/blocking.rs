//! Runs the asynchronous object stores from blocking code.
//!
//! The calling thread drives its own future; a small runtime shared by the process only keeps connections and
//! timers alive. So a call may come from any thread, a worker of another runtime included, and calls nested in
//! calls cannot use up a pool of threads and wait for each other.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use tokio::runtime::{Builder, EnterGuard, Handle, Runtime};

/// How a store's futures are driven.
#[derive(Debug, Clone)]
pub(crate) struct Blocking {
    /// Present for stores that need a network; the local and memory stores never wait.
    handle: Option<Handle>,
}

impl Blocking {
    /// For stores whose futures need neither network nor timers.
    pub(crate) fn without_runtime() -> Self {
        Self { handle: None }
    }

    /// For stores on a network: starts the process-wide runtime if it is not running yet.
    pub(crate) fn with_runtime() -> io::Result<Self> {
        static RUNTIME: OnceLock<Runtime> = OnceLock::new();
        let runtime = match RUNTIME.get() {
            Some(runtime) => runtime,
            None => {
                let started =
                    Builder::new_multi_thread().worker_threads(2).thread_name("store-io").enable_all().build()?;
                // Another thread may have been quicker; its runtime is as good, and ours is idle.
                if let Err(surplus) = RUNTIME.set(started) {
                    surplus.shutdown_background();
                }
                RUNTIME.get().ok_or_else(|| io::Error::other("the store's runtime did not start"))?
            }
        };
        Ok(Self { handle: Some(runtime.handle().clone()) })
    }

    /// Makes the runtime the current one until the guard is dropped.
    pub(crate) fn enter(&self) -> Option<EnterGuard<'_>> {
        self.handle.as_ref().map(Handle::enter)
    }

    /// Drives `future` on the calling thread until it is done.
    pub(crate) fn wait<F: Future>(&self, future: F) -> F::Output {
        let _current = self.enter();
        let mut future = pin!(future);
        let unpark = Arc::new(Unpark { thread: std::thread::current(), woken: AtomicBool::new(false) });
        let waker = Waker::from(Arc::clone(&unpark));
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            // The flag, not the thread's token, is what counts: a call nested in this one takes the token too.
            while !unpark.woken.swap(false, Ordering::AcqRel) {
                std::thread::park();
            }
        }
    }
}

struct Unpark {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}
