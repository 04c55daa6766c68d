//! What the log holds: events and unreadable frames, which take an ordinal each, and notices, which take none.

use std::borrow::Cow;

use daybook_book::{Book, Event, EventRecord, Quantity, ReceivedTime, Ticker};
use serde::{Deserialize, Serialize};

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// An event. Takes an ordinal.
    Event(EventRecord<'a>),
    /// A frame that was not understood, kept whole. Takes an ordinal.
    Unparsed(Unparsed<'a>),
    /// Something learned about the record itself. Takes no ordinal, and hearing it twice changes nothing.
    Notice(Notice),
}

/// A frame, or a line of a capture, that was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unparsed<'a> {
    /// Our clock when it arrived, where known.
    pub recv_ts: Option<ReceivedTime>,
    /// The connection it came over.
    pub connection: u32,
    /// What is wrong with it, or the frame type that is not known.
    pub reason: Cow<'a, str>,
    /// Where it came from, such as `capture.ndjson.gz:17`.
    pub origin: Cow<'a, str>,
    /// The text as it came; bytes that are no UTF-8 are replaced, and the reason says so.
    pub raw: Cow<'a, str>,
}

/// Something learned about the record itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "notice")]
pub enum Notice {
    /// From here on the books of these markets cannot be trusted, until each one's next snapshot.
    Lost {
        /// The connection concerned.
        connection: u32,
        /// One subscription of it, or all.
        sid: Option<u32>,
        /// One market of it, or all.
        ticker: Option<String>,
        /// What happened.
        cause: Cause,
    },
    /// From here on a subscription carries these markets and no other: those that it carried besides are lost.
    Carries {
        /// The connection concerned.
        connection: u32,
        /// The subscription.
        sid: Option<u32>,
        /// Its markets' tickers.
        tickers: Vec<String>,
    },
    /// From here on completeness can no longer be shown for these markets, though no loss is known.
    Unproven {
        /// The connection concerned.
        connection: u32,
        /// One subscription of it, or all.
        sid: Option<u32>,
    },
    /// Snapshots on this subscription start coverage of this kind; exact unless said otherwise.
    Provable {
        /// The connection concerned.
        connection: u32,
        /// The subscription.
        sid: Option<u32>,
        /// Whether its sequence numbers can prove completeness.
        provable: bool,
    },
    /// The connection lived and nothing was lost until here, though single markets may have been quiet.
    Heard {
        /// The connection concerned.
        connection: u32,
        /// One subscription of it, or all.
        sid: Option<u32>,
        /// Exchange time up to which a quiet market is known to have been quiet, in nanoseconds.
        effective_nanos: i64,
        /// Received time up to which the same holds, in nanoseconds.
        recv_nanos: i64,
    },
    /// A recording over this connection that had ended without a fault goes on, and sequence numbers prove that
    /// nothing is missing in between: its markets' coverage goes on too, whether they had an event since or not.
    Continued {
        /// The connection concerned.
        connection: u32,
        /// The subscription.
        sid: Option<u32>,
    },
    /// The recording over this connection ended without a fault.
    End {
        /// The connection concerned.
        connection: u32,
        /// Why it ended.
        cause: Cause,
    },
    /// How far a source has been taken in.
    Source(SourceState),
    /// A metadata document of the venue.
    Document(Document),
}

/// Why coverage began or ended, or a gap opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The venue sent the whole book.
    Snapshot,
    /// A stream that had ended went on without a break.
    Continued,
    /// The connection was lost and made anew.
    Reconnect,
    /// Sequence numbers are missing.
    SequenceGap,
    /// Sequence numbers fell without a reconnect.
    SequenceRegressed,
    /// The numbers of one market out of a shared subscription prove nothing.
    Unproven,
    /// A delta drove a level below zero: deltas were lost before it.
    Divergence,
    /// A fresh snapshot differs from the book folded up to it: deltas were lost before it.
    SnapshotMismatch,
    /// Deltas came before any snapshot.
    NoSnapshot,
    /// The capture ends here.
    EndOfCapture,
    /// Part of the stream was not understood.
    Unparsed,
    /// The venue ended the subscription (errors 10 and 25).
    SubscriptionEnded,
    /// Nothing was being recorded.
    NotRecorded,
    /// What follows was in the archive already, from another source.
    HeldElsewhere,
    /// What was recorded here was dropped on purpose, by `daybook prune`.
    Pruned,
    /// Frames of a book carried no sequence number, so that a loss would not show.
    Unnumbered,
    /// A market's clock fell, which it does only across maintenance of the venue.
    ClockRegressed,
    /// More came than could be written, and events were dropped.
    Overflow,
}

impl Cause {
    /// The word stored in tables and shown to users.
    pub const fn as_str(self) -> &'static str {
        match self {
            Cause::Snapshot => "snapshot",
            Cause::Continued => "continued",
            Cause::Reconnect => "reconnect",
            Cause::SequenceGap => "sequence_gap",
            Cause::SequenceRegressed => "sequence_regressed",
            Cause::Unproven => "unproven",
            Cause::Divergence => "divergence",
            Cause::SnapshotMismatch => "snapshot_mismatch",
            Cause::NoSnapshot => "no_snapshot",
            Cause::EndOfCapture => "end_of_capture",
            Cause::Unparsed => "unparsed",
            Cause::SubscriptionEnded => "subscription_ended",
            Cause::NotRecorded => "not_recorded",
            Cause::HeldElsewhere => "held_elsewhere",
            Cause::Pruned => "pruned",
            Cause::Unnumbered => "unnumbered",
            Cause::ClockRegressed => "clock_regressed",
            Cause::Overflow => "overflow",
        }
    }

    /// Every cause, in the order of the codes that the log uses.
    pub const ALL: [Cause; 18] = [
        Cause::Snapshot,
        Cause::Continued,
        Cause::Reconnect,
        Cause::SequenceGap,
        Cause::SequenceRegressed,
        Cause::Unproven,
        Cause::Divergence,
        Cause::SnapshotMismatch,
        Cause::NoSnapshot,
        Cause::EndOfCapture,
        Cause::Unparsed,
        Cause::SubscriptionEnded,
        Cause::NotRecorded,
        Cause::HeldElsewhere,
        Cause::Pruned,
        Cause::Unnumbered,
        Cause::ClockRegressed,
        Cause::Overflow,
    ];

    /// The cause of this word.
    pub fn from_word(word: &str) -> Option<Cause> {
        Cause::ALL.into_iter().find(|cause| cause.as_str() == word)
    }
}

/// How far a source, a capture file as a rule, has been taken in. Rows of the `sources` table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceState {
    /// What the archive calls it: sources are numbered from 1.
    pub number: u32,
    /// Its name when it was imported.
    pub name: String,
    /// Bytes as stored.
    pub bytes: u64,
    /// The first so many of them are those of the digest: at least as far as `lines` goes, and all when it is complete.
    pub digested: u64,
    /// Digest of its bytes as stored, as far as `digested` goes: what makes a second import of it change nothing. Empty where
    /// it is not known, as of a compressed stream that came through a pipe.
    pub digest: String,
    /// The first connection number that was free for its own connections.
    pub connection: u32,
    /// The first connection number that was free after them.
    pub next_connection: u32,
    /// Lines taken in.
    pub lines: u64,
    /// Events taken in.
    pub events: u64,
    /// Lines and frames kept in `unparsed`.
    pub unparsed: u64,
    /// Frames left out because the archive held them already.
    pub duplicates: u64,
    /// Control frames: acknowledgements and the like, which carry no market data.
    pub control: u64,
    /// Whether its end was reached.
    pub complete: bool,
    /// Whether it ended in the middle of a compressed block.
    pub truncated: bool,
    /// Where its subscriptions stand, for a later source that goes on from here.
    pub streams: Vec<StreamEnd>,
    /// Our clock when this was written, in nanoseconds.
    pub imported_nanos: i64,
}

/// Where one subscription of a source ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamEnd {
    /// Connection number in the archive.
    pub connection: u32,
    /// The source's own name of the connection, where it has several.
    pub label: Option<String>,
    /// Subscription id, where the venue numbers them.
    pub sid: Option<u32>,
    /// Highest sequence number taken in.
    pub seq: Option<u64>,
    /// The only market on it, where there was only one.
    pub ticker: Option<String>,
    /// Received time of its last frame, in nanoseconds.
    pub recv_nanos: i64,
}

/// The kinds of metadata document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// A market.
    Market,
    /// An event.
    Event,
    /// A series.
    Series,
    /// How a market was settled.
    Settlement,
}

/// One version of a metadata document of the venue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Which table it belongs to.
    pub kind: DocumentKind,
    /// Its ticker: of the market, event or series.
    pub key: String,
    /// Digest of what makes a version: the content without volatile figures.
    pub digest: String,
    /// When it was fetched, in nanoseconds.
    pub fetched_nanos: i64,
    /// The typed columns, by name, as text.
    pub fields: Vec<(String, Option<String>)>,
    /// The document as the venue sent it.
    pub raw: String,
}

/// Whether the archive can keep an event exactly: its tables hold 18 digits of a quantity, texts of bounded length,
/// and times between the years 1678 and 2261.
///
/// # Errors
/// What it cannot keep, for the reason of an `unparsed` row.
pub fn storable(record: &EventRecord<'_>) -> Result<(), String> {
    const LARGEST: u64 = 999_999_999_999_999_999;
    const LATEST_MICROS: i64 = i64::MAX / 1_000;
    let quantity = |quantity: Quantity| {
        if quantity.hundredths().unsigned_abs() <= LARGEST {
            Ok(())
        } else {
            Err(format!("quantity {quantity} has more than 18 digits"))
        }
    };
    let optional = |size: Option<Quantity>| size.map_or(Ok(()), quantity);
    for ts in [record.event.ts(), record.sent_ts].into_iter().flatten() {
        if ts.micros().unsigned_abs() > LATEST_MICROS.unsigned_abs() {
            return Err(format!("stamp {} µs is out of range", ts.micros()));
        }
    }
    if let Some(ticker) = record.event.ticker() {
        Ticker::check(ticker).map_err(|error| error.to_string())?;
    }
    match &record.event {
        Event::Delta(delta) => quantity(delta.quantity),
        Event::Snapshot(snapshot) => {
            for (_, size) in snapshot.yes.iter().chain(&snapshot.no) {
                quantity(*size)?;
            }
            let book = Book::from_levels(snapshot.yes.iter().copied(), snapshot.no.iter().copied());
            book.map(|_| ()).map_err(|error| error.to_string())
        }
        Event::Trade(trade) => quantity(trade.count),
        Event::Ticker(update) => {
            optional(update.yes_bid_size)?;
            optional(update.yes_ask_size)?;
            optional(update.last_trade_size)?;
            optional(update.volume)?;
            optional(update.open_interest)
        }
        Event::Lifecycle(_) => Ok(()),
    }
}
