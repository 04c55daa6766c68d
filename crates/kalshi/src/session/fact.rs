//! What a session tells its consumer: events, and what can be trusted about them.

use std::{borrow::Cow, sync::Arc, time::Duration};

use daybook_book::{EventRecord, ReceivedTime, Ticker};

use super::Channel;
use crate::FrameErrorReason;

/// One thing that a session knows, in the order in which it came to know it.
///
/// # What can be trusted
/// A market's book begins untrusted. A [`GapClosed`](Fact::GapClosed) that names the market makes it trusted, a
/// [`GapOpened`](Fact::GapOpened) that lists it, or a [`MarketsRemoved`](Fact::MarketsRemoved), ends that. A book
/// folded from the [`Event`](Fact::Event)s shows what the venue showed whenever its market is trusted. All of this is
/// said of one connection: a market that is taken off and added again may come from another one, whose facts and those
/// of the first may follow in any order, and are to be folded each for itself. What another
/// channel sends is complete from [`SubscriptionBegun`](Fact::SubscriptionBegun) on, except inside the gaps of its
/// subscription; channels without sequence numbers are complete as far as the connection's own order goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact<'a> {
    /// Market data, in order. Of an untrusted market too: it happened, though it proves nothing about the book.
    Event(EventRecord<'a>),
    /// Market data that must not be applied to a book, and why: it was applied already, or comes too late.
    Surplus(Surplus, EventRecord<'a>),
    /// A frame of a channel that is not market data, or of a type this crate does not know, whole.
    Message(Message<'a>),
    /// A frame that is not understood, whole.
    Unreadable(Unreadable<'a>),
    /// From here on something is missing.
    GapOpened(GapOpened),
    /// From here on nothing is missing.
    GapClosed(GapClosed),
    /// A connection was made.
    ConnectionUp {
        /// Its number, unique within the session.
        connection: u32,
        /// The place that it takes: the connection that replaces it after a loss has the same slot.
        slot: u32,
        /// Our clock.
        at: ReceivedTime,
    },
    /// A connection was lost or closed. The gaps that this opened come before it.
    ConnectionDown {
        /// Its number.
        connection: u32,
        /// Its slot.
        slot: u32,
        /// Why.
        cause: DownCause,
        /// Our clock.
        at: ReceivedTime,
    },
    /// A connection could not be made.
    ConnectFailed {
        /// Its slot.
        slot: u32,
        /// Why.
        error: Arc<str>,
        /// When the next attempt is made, from now; `None` if none is: the venue refused the credentials.
        retry_in: Option<Duration>,
        /// Our clock.
        at: ReceivedTime,
    },
    /// The venue confirmed a subscription.
    SubscriptionBegun {
        /// The connection.
        connection: u32,
        /// The venue's id for it, unique on the connection.
        sid: u32,
        /// What was subscribed to.
        channel: Channel,
        /// Our clock.
        at: ReceivedTime,
    },
    /// A subscription ended. If it was not asked for, it is opened anew.
    SubscriptionEnded {
        /// The connection.
        connection: u32,
        /// Its id.
        sid: u32,
        /// What was subscribed to.
        channel: Channel,
        /// Why.
        cause: EndCause,
        /// Our clock.
        at: ReceivedTime,
    },
    /// These markets were taken off a subscription, or the subscription is ended, as asked: nothing is claimed of them
    /// any more.
    MarketsRemoved {
        /// The connection.
        connection: u32,
        /// What was subscribed to.
        channel: Channel,
        /// The markets.
        markets: Arc<[Ticker]>,
        /// Our clock.
        at: ReceivedTime,
    },
    /// The venue refused a command, or ended a subscription without saying which.
    CommandRefused {
        /// The connection.
        connection: u32,
        /// What the command was about, if a channel.
        channel: Option<Channel>,
        /// The venue's number for the error.
        code: Option<i64>,
        /// The venue's words.
        message: Arc<str>,
        /// The markets that are not subscribed to because of it.
        markets: Arc<[Ticker]>,
        /// Our clock.
        at: ReceivedTime,
    },
}

/// Why market data must not be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Surplus {
    /// Its number was the last one: the same frame again.
    Repeated,
    /// Its number is below the last one: a frame out of its order.
    OutOfOrder,
    /// A snapshot that proves nothing: it is older than deltas before it, or answers a request from before something
    /// was lost, or of a market that the venue has not been told to carry, or nobody asked for it and its market is not
    /// trusted.
    Superseded,
    /// It belongs to no subscription of ours, or to a market that is not subscribed to (any more).
    Unsubscribed,
}

/// A frame that is no market data: own fills, orders and positions, quotes, order groups, indices, and types that
/// this crate does not know. The envelope is read; [`decode`](Message::decode) reads the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Our clock when it arrived.
    pub recv_ts: ReceivedTime,
    /// The connection.
    pub connection: u32,
    /// Its subscription.
    pub sid: Option<u32>,
    /// Its sequence number, on channels that have one.
    pub seq: Option<u64>,
    /// The channel of its subscription; `None` for a frame of no subscription of ours.
    pub channel: Option<Channel>,
    /// The frame's `type`: `fill`, `user_order`, `market_position`, `rfq_created`, ….
    pub frame_type: Cow<'a, str>,
    /// The whole frame, as sent.
    pub frame: Cow<'a, str>,
}

/// A frame that is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable<'a> {
    /// Our clock when it arrived.
    pub recv_ts: ReceivedTime,
    /// The connection.
    pub connection: u32,
    /// Its subscription, where that much could be read.
    pub sid: Option<u32>,
    /// Its sequence number, where that much could be read.
    pub seq: Option<u64>,
    /// At which byte it stops making sense.
    pub offset: usize,
    /// What is wrong there.
    pub reason: FrameErrorReason,
    /// The whole frame, as sent.
    pub frame: Cow<'a, [u8]>,
}

/// From `since` on something is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GapOpened {
    /// The connection on which it was noticed.
    pub connection: u32,
    /// The subscription.
    pub sid: Option<u32>,
    /// What was subscribed to.
    pub channel: Channel,
    /// The markets whose books were trusted until `since`. Empty on channels without books: there the gap is the whole
    /// subscription's.
    pub markets: Arc<[Ticker]>,
    /// Why.
    pub cause: GapCause,
    /// The last instant, by our clock, up to which nothing is missing.
    pub since: ReceivedTime,
    /// When it was noticed.
    pub at: ReceivedTime,
}

/// Nothing is missing from here on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GapClosed {
    /// The connection.
    pub connection: u32,
    /// The subscription.
    pub sid: u32,
    /// What was subscribed to.
    pub channel: Channel,
    /// The market whose snapshot, the event before this fact, makes its book trusted; `None` on channels without
    /// books, where the whole subscription goes on.
    pub market: Option<Ticker>,
    /// Since when it was open; `None` if nothing was known of the market before.
    pub since: Option<ReceivedTime>,
    /// Our clock when the closing frame arrived.
    pub at: ReceivedTime,
}

/// Why something is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GapCause {
    /// Sequence numbers were passed over.
    SequenceGap {
        /// How many.
        missing: u64,
    },
    /// A number came again that was neither the last one nor missing: the venue's count cannot be relied on.
    SequenceRegressed,
    /// Frames of a book carry no number, or name no subscription.
    Unnumbered,
    /// A frame was not understood; it may have changed a book.
    Unreadable,
    /// A market's clock went down, which it does only across maintenance.
    ClockRegressed,
    /// A delta did not fit the book that the consumer folded, or a snapshot was none.
    Divergence,
    /// The venue ended the subscription.
    SubscriptionEnded,
    /// The connection was lost.
    Disconnected,
    /// The consumer did not keep up, and events were dropped.
    Overflow,
}

/// Why a subscription ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndCause {
    /// It was asked for.
    Requested,
    /// The session ends it and opens it anew, because snapshots that were asked for do not come.
    Renewed,
    /// The venue's error 10 or 25.
    Terminal {
        /// Which.
        code: i64,
    },
    /// The venue no longer knows it.
    Forgotten,
    /// The connection was lost.
    Disconnected,
}

/// Why a connection went down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DownCause {
    /// It was asked for.
    Shutdown,
    /// The venue closed it.
    Closed {
        /// The close code, where given.
        code: Option<u16>,
        /// The venue's words.
        reason: Arc<str>,
    },
    /// Nothing was heard for too long.
    Silent,
    /// Commands were not answered.
    Unresponsive,
    /// The transport failed.
    Failed(Arc<str>),
}

impl GapCause {
    /// A word for it, as used in logs and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            GapCause::SequenceGap { .. } => "sequence_gap",
            GapCause::SequenceRegressed => "sequence_regressed",
            GapCause::Unnumbered => "unnumbered",
            GapCause::Unreadable => "unreadable",
            GapCause::ClockRegressed => "clock_regressed",
            GapCause::Divergence => "divergence",
            GapCause::SubscriptionEnded => "subscription_ended",
            GapCause::Disconnected => "disconnected",
            GapCause::Overflow => "overflow",
        }
    }
}

impl EndCause {
    /// A word for it, as used in logs and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            EndCause::Requested => "requested",
            EndCause::Renewed => "renewed",
            EndCause::Terminal { .. } => "terminal",
            EndCause::Forgotten => "forgotten",
            EndCause::Disconnected => "disconnected",
        }
    }
}

impl Fact<'_> {
    /// The same fact, owning its text.
    pub fn into_owned(self) -> Fact<'static> {
        match self {
            Fact::Event(record) => Fact::Event(record.into_owned()),
            Fact::Surplus(why, record) => Fact::Surplus(why, record.into_owned()),
            Fact::Message(message) => Fact::Message(Message {
                frame_type: Cow::Owned(message.frame_type.into_owned()),
                frame: Cow::Owned(message.frame.into_owned()),
                recv_ts: message.recv_ts,
                connection: message.connection,
                sid: message.sid,
                seq: message.seq,
                channel: message.channel,
            }),
            Fact::Unreadable(unreadable) => Fact::Unreadable(Unreadable {
                frame: Cow::Owned(unreadable.frame.into_owned()),
                recv_ts: unreadable.recv_ts,
                connection: unreadable.connection,
                sid: unreadable.sid,
                seq: unreadable.seq,
                offset: unreadable.offset,
                reason: unreadable.reason,
            }),
            Fact::GapOpened(gap) => Fact::GapOpened(gap),
            Fact::GapClosed(closed) => Fact::GapClosed(closed),
            Fact::ConnectionUp { connection, slot, at } => Fact::ConnectionUp { connection, slot, at },
            Fact::ConnectionDown { connection, slot, cause, at } => {
                Fact::ConnectionDown { connection, slot, cause, at }
            }
            Fact::ConnectFailed { slot, error, retry_in, at } => Fact::ConnectFailed { slot, error, retry_in, at },
            Fact::SubscriptionBegun { connection, sid, channel, at } => {
                Fact::SubscriptionBegun { connection, sid, channel, at }
            }
            Fact::SubscriptionEnded { connection, sid, channel, cause, at } => {
                Fact::SubscriptionEnded { connection, sid, channel, cause, at }
            }
            Fact::MarketsRemoved { connection, channel, markets, at } => {
                Fact::MarketsRemoved { connection, channel, markets, at }
            }
            Fact::CommandRefused { connection, channel, code, message, markets, at } => {
                Fact::CommandRefused { connection, channel, code, message, markets, at }
            }
        }
    }
}
