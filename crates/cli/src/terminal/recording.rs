//! How a recording stands: some calm lines on stderr, drawn again once a second.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use daybook_collector::Status;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::terminal::screen::{counted, harmless, thousands};

/// The state of a recording on stderr.
pub struct RecordingProgress {
    bar: ProgressBar,
    head: String,
    /// Events at the time that was shown last.
    before: Mutex<(Instant, u64)>,
}

impl RecordingProgress {
    /// Shown only if `shown`.
    pub fn new(venue: &str, archive: &str, shown: bool) -> RecordingProgress {
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template("{msg}").expect("the template is well-formed");
        let bar = ProgressBar::with_draw_target(None, target).with_style(style);
        let head = format!("recording {} into {}", harmless(venue), harmless(archive));
        RecordingProgress { bar, head, before: Mutex::new((Instant::now(), 0)) }
    }

    /// Shows how it stands.
    pub fn show(&self, status: &Status) {
        let now = Instant::now();
        let mut before = self.before.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let lines = lines(&self.head, status, now - before.0, status.counts.events.saturating_sub(before.1));
        *before = (now, status.counts.events);
        self.bar.set_message(lines);
    }

    /// Takes the lines away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// A duration in microseconds, in a unit that suits it.
fn micros(micros: i64) -> String {
    match micros.unsigned_abs() {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{} ms", micros / 1_000),
        _ => format!("{} s", micros / 1_000_000),
    }
}

fn lines(head: &str, status: &Status, elapsed: Duration, events: u64) -> String {
    let counts = &status.counts;
    let millis = elapsed.as_millis().max(1);
    let rate = u64::try_from(u128::from(events) * 1_000 / millis).unwrap_or(u64::MAX);
    let up = status.session.connections.iter().filter(|connection| connection.connection.is_some()).count();
    let age = status.session.connections.iter().filter_map(|connection| connection.age_micros).max();
    let stale = counts.books.saturating_sub(counts.trusted);
    let mut text = format!(
        "{head}\n  books    {} exact, {} not    {}\n  events   {}/s    {} in all\n  durable  after {}, at worst {}",
        thousands(counts.trusted),
        thousands(stale),
        counted(up as u64, "connection"),
        thousands(rate),
        thousands(counts.events),
        micros(i64::try_from(status.written.last_micros).unwrap_or(i64::MAX)),
        micros(i64::try_from(status.written.worst_micros).unwrap_or(i64::MAX)),
    );
    if let Some(age) = age {
        text.push_str(&format!("    age on arrival {}", micros(age)));
    }
    text.push_str(&format!(
        "\n  gaps     {}    audits {} equal, {} not",
        thousands(counts.gaps),
        thousands(counts.audits_equal),
        thousands(counts.audits_unequal),
    ));
    text
}
