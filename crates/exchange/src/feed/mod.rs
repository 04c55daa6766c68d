//! The WebSocket side: who is subscribed to what, and what each connection is sent.
//!
//! [`Hub`] is pure: connections, commands and publications go in, frames come out; no socket, no clock. The venue holds
//! it beside the engines, under one lock, and gives each command the present [`Books`].

mod books;
mod command;
mod encode;
mod error_code;
mod hub;
mod limits;
mod listeners;
mod message;
mod names;
mod output;
mod publication;
mod socket;
mod subscription;

pub use books::Books;
pub use error_code::ErrorCode;
pub use hub::{ConnectionId, Hub, Standing};
pub use limits::Limits;
pub use output::{About, Frame, Output};
pub use publication::{
    Audience, Average, CfBenchmarks, CfBenchmarks5Hz, Communication, CommunicationKind, Delta, EventFee,
    EventLifecycle, Fill, Grid, Group, Index, Lifecycle, LifecycleChange, Metadata, MetadataUpdate, Order, Position,
    Publication, Pyth, Snapshot, Strike, Ticker, Trade, Uuid,
};
pub use socket::{Deflate, Ended, Feed, ServeOptions, Upgrade, UpgradeError, serve, upgrade};
