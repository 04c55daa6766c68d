//! What is logged while something runs, down to the HTTP stack's own events.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tracing::{Dispatch, instrument::WithSubscriber, subscriber::NoSubscriber};

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
        let writer = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        future.with_subscriber(subscriber).await
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
