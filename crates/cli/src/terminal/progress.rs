//! How an import is getting on: a bar on stderr while it runs, one line when it is done.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::terminal::{
    screen::{counted, harmless, thousands},
    tell::tell,
};

/// Bytes known: a bar.
const BAR: &str =
    "{msg}\n{wide_bar}  {decimal_bytes}/{decimal_total_bytes}  {frames} frames  {frame_rate}/s  {eta} left";
/// Bytes unknown, as from stdin: a spinner.
const SPINNER: &str = "{msg}\n{spinner} {decimal_bytes}  {frames} frames  {frame_rate}/s  {elapsed}";
const SETTLED: Duration = Duration::from_millis(200);

/// The progress of an import on stderr.
pub struct ImportProgress {
    bar: ProgressBar,
    frames: Arc<AtomicU64>,
}

impl ImportProgress {
    /// A bar towards `total_bytes`, or a spinner where the total is unknown. Shown only if `shown`, and never where
    /// stderr is no terminal.
    pub fn new(total_bytes: Option<u64>, shown: bool) -> ImportProgress {
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let frames = Arc::new(AtomicU64::new(0));
        let (counted, rated) = (Arc::clone(&frames), Arc::clone(&frames));
        let template = if total_bytes.is_some() { BAR } else { SPINNER };
        let style = ProgressStyle::with_template(template)
            .expect("the templates of this module are well-formed")
            .with_key("frames", move |_: &ProgressState, out: &mut dyn fmt::Write| {
                // A frame count on a line that is redrawn anyway is not worth an error.
                let _ = out.write_str(&thousands(counted.load(Ordering::Relaxed)));
            })
            .with_key("frame_rate", move |state: &ProgressState, out: &mut dyn fmt::Write| {
                let elapsed = state.elapsed();
                // The first instants say nothing about the rate.
                let rate = if elapsed < SETTLED { 0 } else { per_second(rated.load(Ordering::Relaxed), elapsed) };
                let _ = out.write_str(&thousands(rate));
            })
            .progress_chars("━╸─");
        let bar = ProgressBar::with_draw_target(total_bytes, target).with_style(style);
        ImportProgress { bar, frames }
    }

    /// The file now read.
    pub fn start_file(&self, name: &str) {
        self.bar.set_message(harmless(name).into_owned());
    }

    /// So much more was read.
    pub fn advance(&self, bytes: u64, frames: u64) {
        self.frames.fetch_add(frames, Ordering::Relaxed);
        self.bar.inc(bytes);
    }

    /// Prints a line to stderr without tearing the bar: warnings about a file.
    pub fn warn(&self, line: &str) {
        self.bar.suspend(|| tell(harmless(line)));
    }

    /// Takes the bar away. The caller prints the [`ImportSummary`], shown or not.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

/// What an import came to, as the one line that is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportSummary {
    /// Files read to their end.
    pub files: u64,
    /// Bytes read, compressed where the files are; `None` where nobody knows how many there were.
    pub bytes: Option<u64>,
    /// Frames taken over.
    pub frames: u64,
    /// How long it took.
    pub elapsed: Duration,
}

impl fmt::Display for ImportSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, tenths) = (self.elapsed.as_secs(), self.elapsed.subsec_millis() / 100);
        write!(f, "{} from {}", counted(self.frames, "frame"), counted(self.files, "file"))?;
        if let Some(bytes) = self.bytes {
            write!(f, " ({})", indicatif::DecimalBytes(bytes))?;
        }
        write!(f, " in {}.{tenths} s", thousands(seconds))?;
        write!(f, ", {} frames/s", thousands(per_second(self.frames, self.elapsed)))
    }
}

fn per_second(count: u64, elapsed: Duration) -> u64 {
    let rate = u128::from(count) * 1_000_000 / elapsed.as_micros().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_one_line() {
        let summary = ImportSummary {
            files: 23,
            bytes: Some(41_234_567),
            frames: 1_203_441,
            elapsed: Duration::from_millis(3_250),
        };
        assert_eq!(summary.to_string(), "1,203,441 frames from 23 files (41.23 MB) in 3.2 s, 370,289 frames/s");
        let nothing = ImportSummary { files: 1, bytes: None, frames: 0, elapsed: Duration::ZERO };
        assert_eq!(nothing.to_string(), "0 frames from 1 file in 0.0 s, 0 frames/s");
        let one = ImportSummary { frames: 1, ..nothing };
        assert!(one.to_string().starts_with("1 frame from 1 file in "), "{one}");
        assert_eq!(per_second(u64::MAX, Duration::ZERO), u64::MAX);
    }

    #[test]
    fn both_forms_count_without_being_shown() {
        for total in [Some(1_000), None] {
            let progress = ImportProgress::new(total, false);
            progress.start_file("2026-08-10.ndjson.gz");
            progress.advance(400, 7);
            progress.advance(600, 5);
            assert_eq!((progress.bar.position(), progress.frames.load(Ordering::Relaxed)), (1_000, 12));
            assert!(progress.bar.is_hidden());
            progress.finish();
        }
    }
}
