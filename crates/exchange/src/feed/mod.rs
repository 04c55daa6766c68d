//! The WebSocket side: who is subscribed to what, and what each connection is sent.
//!
//! [`Hub`] is pure: connections, commands and publications go in, frames come out; no socket, no clock. The venue holds
//! it beside the engines, under one lock:
//!
//! ```text
//! Hub::new(Limits)                                          hub.add_market(MarketId, &book::Ticker, Uuid)
//! hub.connect(Option<AccountId>, at) -> (ConnectionId, Arc<Notify>)
//! hub.command(connection, text, &impl Books, at)            hub.publish(&Publication, at)
//! hub.drain(connection, &mut Output) -> Standing            hub.disconnect(connection)
//! hub.fail_subscription(connection, sid, at)                hub.refuse_next(connection, ErrorCode)
//! hub.close(connection, code)                               hub.connections(), hub.subscriptions(connection)
//! ```
//!
//! The driver, `serve(stream, feed, connection, wake, ServeOptions)`, reaches it through the trait `Feed`
//! (`command(connection, text)`, `drain(connection, &mut Output) -> Standing`, `disconnect(connection)`), which the venue
//! implements by locking itself and adding the time. `handshake::upgrade(&HeaderMap)` gives the headers of the 101 answer
//! and whether frames are compressed.

mod books;
mod output;
mod publication;

pub use books::Books;
pub use output::{About, Frame, Output};
pub use publication::{
    Audience, Average, CfBenchmarks, CfBenchmarks5Hz, Communication, CommunicationKind, Delta, EventFee,
    EventLifecycle, Fill, Grid, Group, Index, Lifecycle, LifecycleChange, Metadata, MetadataUpdate, Order, Position,
    Publication, Pyth, Snapshot, Strike, Ticker, Trade, Uuid,
};
