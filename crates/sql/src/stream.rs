//! The rows of a query as they come, within its limits.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use datafusion::arrow::{datatypes::SchemaRef, record_batch::RecordBatch};
use futures::{Stream, StreamExt, executor::block_on, future::BoxFuture};
use tokio::sync::mpsc;

use crate::{Error, Limits, engine::Shared, watch::Running};

/// What a running query sends.
pub(crate) enum Message {
    /// Some rows, or what stopped it.
    Rows(Result<RecordBatch, Error>),
    /// The end: a query that stops without it has failed.
    End,
}

/// The rows of a query, for code that waits on them without a runtime. See [`AsyncQueryStream`] for the other kind.
///
/// Dropping it stops the query.
pub struct QueryStream(AsyncQueryStream);

impl QueryStream {
    pub(crate) fn new(stream: AsyncQueryStream) -> QueryStream {
        QueryStream(stream)
    }

    /// The columns of every batch.
    pub fn schema(&self) -> SchemaRef {
        self.0.schema()
    }
}

impl Iterator for QueryStream {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        block_on(self.0.next())
    }
}

/// The rows of a query, for asynchronous code on whichever runtime.
///
/// After an error there is nothing more. Dropping it stops the query.
pub struct AsyncQueryStream {
    schema: SchemaRef,
    messages: mpsc::Receiver<Message>,
    expired: BoxFuture<'static, ()>,
    /// Gone when the query is over.
    running: Option<Running>,
    rows_left: Option<u64>,
    /// The error that follows the last rows within the limit.
    pending: Option<Error>,
    shared: Arc<Shared>,
}

impl AsyncQueryStream {
    pub(crate) fn new(
        schema: SchemaRef,
        messages: mpsc::Receiver<Message>,
        expired: BoxFuture<'static, ()>,
        running: Running,
        shared: Arc<Shared>,
    ) -> AsyncQueryStream {
        let rows_left = shared.limits.max_rows;
        AsyncQueryStream { schema, messages, expired, running: Some(running), rows_left, pending: None, shared }
    }

    /// The columns of every batch.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    fn stop(&mut self) {
        self.messages.close();
        self.running = None;
    }

    /// As many of the rows as may be returned; the rest is an error that comes next, or at once if there are none.
    fn within_limit(&mut self, rows: RecordBatch) -> Result<RecordBatch, Error> {
        let Some(left) = &mut self.rows_left else { return Ok(rows) };
        let count = rows.num_rows() as u64;
        if count <= *left {
            *left -= count;
            return Ok(rows);
        }
        let fit = usize::try_from(*left).unwrap_or(usize::MAX);
        self.stop();
        let error = Error::RowLimit { max_rows: self.limits().max_rows.unwrap_or_default() };
        if fit == 0 {
            return Err(error);
        }
        self.pending = Some(error);
        Ok(rows.slice(0, fit))
    }
}

impl Stream for AsyncQueryStream {
    type Item = Result<RecordBatch, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(error) = self.pending.take() {
            return Poll::Ready(Some(Err(error)));
        }
        if self.running.is_none() {
            return Poll::Ready(None);
        }
        // Before the rows: a query that never stops giving some would otherwise never end.
        if self.expired.as_mut().poll(context).is_ready() {
            self.stop();
            let timeout = self.limits().timeout.unwrap_or_default();
            return Poll::Ready(Some(Err(Error::Timeout { timeout })));
        }
        loop {
            let next = match ready!(self.messages.poll_recv(context)) {
                Some(Message::Rows(Ok(rows))) if rows.num_rows() == 0 => continue,
                Some(Message::Rows(Ok(rows))) => Some(self.within_limit(rows)),
                Some(Message::Rows(Err(error))) => {
                    self.stop();
                    Some(Err(error))
                }
                Some(Message::End) => {
                    self.stop();
                    None
                }
                None => {
                    self.stop();
                    Some(Err(Error::Defect("it ended without a word".to_owned())))
                }
            };
            return Poll::Ready(next);
        }
    }
}
