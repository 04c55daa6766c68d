//! What is logged while something runs, down to the HTTP stack's own events.

use std::{
    io,
    sync::{Arc, Mutex, Once},
};

use tracing::{Dispatch, Subscriber, instrument::WithSubscriber, subscriber::NoSubscriber};
use tracing_subscriber::util::SubscriberInitExt;

/// A log that grows.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Runs something, and writes down everything that it says.
    pub async fn of<T>(&self, future: impl Future<Output = T>) -> T {
        // As long as there is only one subscriber, whichever test comes first to an event decides whether it is ever
        // recorded: with a second one all subscribers are asked.
        let _second = Dispatch::new(NoSubscriber::default());
        future.with_subscriber(self.subscriber()).await
    }

    /// The same for all that a runtime of its own does on this thread, tasks included.
    pub fn of_all<T>(&self, future: impl Future<Output = T>) -> T {
        let _second = Dispatch::new(NoSubscriber::default());
        let _guard = tracing::subscriber::set_default(self.subscriber());
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    fn subscriber(&self) -> impl Subscriber + Send + Sync + 'static {
        // Some libraries write by way of `log`: whoever is subscribed hears them too.
        static BRIDGE: Once = Once::new();
        BRIDGE.call_once(|| NoSubscriber::default().try_init().expect("nothing else sets a logger"));
        let writer = self.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
