//! `daybook book`: a market's book at an instant.

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use daybook_archive::{BookAnswer, Clock, coverage::Standing, entry::Cause};
use daybook_book::{Book, Side};
use serde_json::{Value, json};

use super::{Common, Failure, Outcome, range::tell_gap, screen, time_argument};
use crate::terminal::{
    ladder::{self, LadderView},
    output::Format,
    utc::print_utc,
};

/// The clocks of the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ClockArg {
    /// The venue's stamps
    #[default]
    Exchange,
    /// The receiver's clock
    Received,
}

impl From<ClockArg> for Clock {
    fn from(clock: ClockArg) -> Clock {
        match clock {
            ClockArg::Exchange => Clock::Exchange,
            ClockArg::Received => Clock::Received,
        }
    }
}

/// Exit code 0: the book, exact or unproven as it says. 3: no such market. 4: the instant lies in a gap; what is
/// printed is the last book known before it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook book KXBTC15M-26AUG121045-45 --at 2026-08-12T14:40:00Z
  daybook book KXBTC15M-26AUG121045-45 --at '2026-08-12 14:40:00.5' --depth 5
  daybook book KXBTC15M-26AUG121045-45 --at 1786545600123 --clock received --format json")]
pub struct BookArgs {
    /// Market ticker
    ticker: String,
    /// The instant: RFC 3339, `2026-08-11 01:20:00.5`, Unix s/ms/µs/ns, now-15m; the last recorded one by default
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Levels per side; a table shows the best 12, every other format all
    #[arg(long, value_name = "N")]
    depth: Option<usize>,
    /// The clock that the instant is on
    #[arg(long, value_enum, default_value_t)]
    clock: ClockArg,
}

/// Levels of each side that a table shows unless told otherwise: what fits on a screen.
const TABLE_DEPTH: usize = 12;

pub(super) fn run(args: &BookArgs, common: &Common) -> Result<Outcome, Failure> {
    let at = args.at.as_deref().map(|at| time_argument("at", at)).transpose()?;
    let archive = common.open(Some(&args.ticker))?;
    let clock = Clock::from(args.clock);
    let at = match at {
        Some(at) => at,
        None => archive.latest(&args.ticker, clock)?,
    };
    let answer = archive.book(&args.ticker, at, clock)?;
    let text = match common.format {
        Format::Table => {
            let title = archive.market_title(&args.ticker)?;
            table(&answer, title.as_deref(), Some(args.depth.unwrap_or(TABLE_DEPTH)))
        }
        Format::Json | Format::Ndjson => format!("{}\n", json(&answer, args.depth)),
        format => {
            super::rows::write(format, super::rows::levels(&answer, args.depth))?;
            // Rows of levels have no room for it.
            if let Some(gap) = &answer.gap {
                tell_gap(&args.ticker, gap);
            }
            String::new()
        }
    };
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            return Err(Failure::Failed(format!("cannot write the book: {error}")));
        }
        _ => {}
    }
    Ok(if answer.standing == Standing::Gap { Outcome::Incomplete } else { Outcome::Complete })
}

fn table(answer: &BookAnswer, title: Option<&str>, depth: Option<usize>) -> String {
    let standing = match (&answer.gap, answer.standing) {
        (_, Standing::Exact) | (None, _) => ladder::Standing::Exact,
        (_, Standing::Unproven) => ladder::Standing::Unproven,
        (Some(gap), Standing::Gap) => {
            ladder::Standing::Gap { cause: explanation(gap.cause), from: gap.from, to: gap.to }
        }
    };
    let view = LadderView {
        ticker: &answer.ticker,
        title,
        at: answer.at,
        clock: clock_word(answer.clock),
        book: &answer.book,
        standing,
        last_ts: answer.last_ts.map(|ts| ts.micros()),
        last_recv_ts: answer.last_recv_ts.map(|ts| ts.nanos()),
        last_ordinal: answer.last_ordinal,
        deltas_applied: answer.deltas_applied,
        depth,
    };
    ladder::render(&view, screen())
}

/// A cause in a person's words.
fn explanation(cause: Cause) -> &'static str {
    match cause {
        Cause::Snapshot => "a fresh book ended what was recorded before",
        Cause::Continued => "another source went on from here",
        Cause::Reconnect => "the connection was lost and made anew",
        Cause::SequenceGap => "sequence numbers are missing",
        Cause::SequenceRegressed => "sequence numbers fell",
        Cause::Unproven => "nothing shows that the record is complete",
        Cause::Divergence => "a delta drove a level below zero, so deltas before it are missing",
        Cause::SnapshotMismatch => "a fresh book differed from the one recorded, so deltas before it are missing",
        Cause::NoSnapshot => "the record begins with deltas, without a book that they change",
        Cause::EndOfCapture => "the capture ends before",
        Cause::Unparsed => "a frame was not understood",
        Cause::SubscriptionEnded => "the venue ended the subscription",
        Cause::NotRecorded => "nothing was recorded",
        Cause::Pruned => "what was recorded was dropped by `daybook prune`",
        Cause::Unnumbered => "frames came without sequence numbers",
        Cause::ClockRegressed => "the market's clock fell",
        Cause::Overflow => "more came than could be written",
        Cause::HeldElsewhere => "the record goes on in another source, whose own does not reach here",
    }
}

fn clock_word(clock: Clock) -> &'static str {
    match clock {
        Clock::Exchange => "exchange",
        Clock::Received => "received",
    }
}

/// The answer as the object that programs read; levels best first.
pub fn json(answer: &BookAnswer, depth: Option<usize>) -> Value {
    let time = |nanos: Option<i64>| nanos.map(print_utc);
    json!({
        "ticker": answer.ticker,
        "at": print_utc(answer.at),
        "clock": clock_word(answer.clock),
        "yes": levels(&answer.book, Side::Yes, depth),
        "no": levels(&answer.book, Side::No, depth),
        "exact": answer.exact,
        "gap": answer.gap.as_ref().map(|gap| json!({
            "cause": gap.cause.as_str(),
            "from": time(gap.from),
            "to": time(gap.to),
        })),
        "last_ts": time(answer.last_ts.map(|ts| ts.micros().saturating_mul(1_000))),
        "last_recv_ts": time(answer.last_recv_ts.map(|ts| ts.nanos())),
        "last_ordinal": answer.last_ordinal,
        "keyframe_ts": time(answer.keyframe_ts),
        "deltas_applied": answer.deltas_applied,
    })
}

fn levels(book: &Book, side: Side, depth: Option<usize>) -> Vec<Value> {
    let levels = book.levels(side).take(depth.unwrap_or(usize::MAX));
    levels.map(|(price, size)| json!([price.to_string(), size.to_string()])).collect()
}
