//! Captures with everything that goes wrong on the way: what was lost shows, and nothing wrong is called exact.

use daybook::import::{ImportOptions, Source, Watch, import};
use daybook_archive::{Archive, Clock, Writer, WriterOptions, coverage::Standing, entry::Cause};
use rand::Rng;

use crate::{
    lab::{Lab, book_event_counts, check, clock, ladders, options, unparsed_lines},
    naive::{On, times},
    wire::{Line, Venue, capture, record},
};

/// A capture as it was written, and what of it can be read; and what the venue sent.
#[derive(Default)]
pub struct Story {
    pub text: Vec<u8>,
    pub read: Vec<Line>,
    pub sent: Vec<Line>,
    pub unparsed: Vec<String>,
    lines: u64,
    duplicates: u64,
    control: u64,
    blank: u64,
    reconnects: u64,
}

impl Story {
    fn write(&mut self, text: &str) {
        let end = if self.lines.is_multiple_of(3) { "\r\n" } else { "\n" };
        self.text.extend_from_slice(text.as_bytes());
        self.text.extend_from_slice(end.as_bytes());
        self.lines += 1;
    }

    fn read(&mut self, line: &Line) {
        self.write(&line.wrapped());
        if line.frame.contains(r#""type":"subscribed"#)
            || line.frame.contains(r#""type":"ok"#)
            || line.frame.contains(r#""type":"error"#)
        {
            self.control += 1;
        }
        self.read.push(line.clone());
    }

    fn arrive(&mut self, line: Line) {
        self.read(&line);
        self.sent.push(line);
    }

    fn lose(&mut self, line: Line) {
        self.sent.push(line);
    }

    fn unparsed(&mut self, text: String) {
        self.write(&text);
        self.unparsed.push(text);
    }

    fn events(&self) -> u64 {
        self.read.len() as u64 - self.control
    }
}

const TICKERS: [&str; 3] = ["KXA-1", "KXB-1", "KXQUIET-1"];

/// A recording of three markets, one of them quiet, with faults of every kind.
pub fn story(seed: u64, steps: usize) -> Story {
    let mut venue = Venue::new(seed);
    let mut story = Story::default();
    let mut sid = 1;
    for line in venue.recording(sid, &TICKERS, 4) {
        story.arrive(line);
    }
    for _ in 0..steps {
        let ticker = match venue.random.random_range(0..20) {
            0 => TICKERS[2],
            at => TICKERS[at % 2],
        };
        match venue.random.random_range(0..100) {
            0..78 => story.arrive(venue.delta(sid, ticker)),
            78..84 => story.arrive(venue.trade(50, ticker)),
            84..86 => story.arrive(venue.ok(sid)),
            86..88 => story.arrive(venue.snapshot(sid, ticker)),
            88 => {
                for ticker in TICKERS {
                    story.arrive(venue.snapshot(sid, ticker));
                }
            }
            89 => {
                for _ in 0..venue.random.random_range(1..5) {
                    story.lose(venue.delta(sid, ticker));
                }
            }
            90 => {
                let line = venue.delta(sid, ticker);
                story.arrive(line.clone());
                story.write(&line.wrapped());
                story.duplicates += 1;
            }
            91 => {
                let (first, second) = (venue.delta(sid, ticker), venue.delta(sid, ticker));
                story.read(&second);
                story.read(&first);
                story.sent.extend([first, second]);
            }
            92 => {
                story.unparsed(format!("garbage {}", venue.now));
                story.write("");
                story.write("  ");
                story.blank += 2;
            }
            93 => {
                let line = venue.delta(sid, ticker);
                let text = line.wrapped();
                story.unparsed(text[..text.len() - venue.random.random_range(3..100)].to_owned());
                story.lose(line);
            }
            94 => {
                let line = venue.delta(sid, ticker);
                story.unparsed(line.wrapped().replace(r#""price_dollars":"0."#, r#""price_dollars":"7."#));
                story.lose(line);
            }
            95 => {
                let line = venue.numbered("orderbook_rewrite", sid, r#","msg":{"market_ticker":"KXA-1"}"#);
                story.unparsed(line.wrapped());
            }
            96 => {
                let line = venue.delta(sid, ticker);
                story.read(&line.unnumbered());
                story.lose(line);
            }
            97 => {
                for _ in 0..venue.random.random_range(0..5) {
                    story.lose(venue.delta(sid, ticker));
                }
                venue.reconnect();
                story.reconnects += 1;
                sid = 1;
                for ticker in TICKERS {
                    story.arrive(venue.snapshot(sid, ticker));
                }
            }
            98 => {
                story.arrive(venue.overflow(sid));
                for _ in 0..venue.random.random_range(0..5) {
                    // Nobody is subscribed: what changes has no number.
                    story.lose(venue.delta(0, ticker));
                }
                sid += 1;
                story.arrive(venue.subscribed(sid));
                for ticker in TICKERS {
                    story.arrive(venue.snapshot(sid, ticker));
                }
            }
            _ => {
                // A level that the receiver cannot know is taken away: below zero for it.
                let at = 100 * venue.random.random_range(60..90);
                let gone = venue.change(sid, ticker, true, at, 500);
                story.lose(gone);
                story.arrive(venue.change(sid, ticker, true, at, -500));
            }
        }
    }
    story
}

#[test]
fn no_fault_makes_a_wrong_book_exact() {
    let (mut exact, mut not) = (0, 0);
    for seed in 0..16 {
        let story = story(seed, 150);
        let lab = Lab::new();
        let report = lab.import(&lab.file("story.ndjson.gz", &story.text));
        let counts = (report.lines, report.events, report.unparsed, report.duplicates, report.control);
        let unparsed = story.unparsed.len() as u64;
        assert_eq!(counts, (story.lines, story.events(), unparsed, story.duplicates, story.control), "seed {seed}");
        assert_eq!(
            report.lines,
            report.events + report.unparsed + report.duplicates + report.control + story.blank,
            "every line is accounted for"
        );
        assert_eq!(report.reasons.values().sum::<u64>(), unparsed, "seed {seed}: {:?}", report.reasons);
        let archive = lab.open();
        let (read, sent) = (record(&story.read), record(&story.sent));
        assert_eq!(book_event_counts(&archive), (read.snapshot_count(), read.delta_count()), "seed {seed}");
        assert_eq!(unparsed_lines(&archive), story.unparsed, "seed {seed}");
        let tally = check(&archive, &read, &sent, &format!("seed {seed}"));
        exact += tally.exact;
        not += tally.unproven + tally.gaps;
    }
    println!("{exact} exact answers, {not} others");
    assert!(exact > 1_000 && not > 1_000, "the stories hold both");
}

/// The standing of a market's books at every line's arrival, and the cause where it is not exact.
fn standings(archive: &Archive, ticker: &str, lines: &[Line]) -> Vec<(Standing, Option<Cause>)> {
    let received = |line: &Line| archive.book(ticker, line.recv_ms * 1_000_000, Clock::Received).unwrap();
    lines.iter().map(received).map(|answer| (answer.standing, answer.gap.map(|gap| gap.cause))).collect()
}

/// One market in sight and one beside it; a second between lines, so that each instant is one line's.
fn slow_recording(seed: u64, steps: impl Fn(&mut Venue, usize) -> Line, count: usize) -> Vec<Line> {
    let mut venue = Venue::new(seed);
    let mut lines = vec![venue.snapshot(1, "KXA-1"), venue.snapshot(1, "KXB-1")];
    for step in 0..count {
        venue.now += 1_000_000;
        lines.push(steps(&mut venue, step));
    }
    venue.now += 1_000_000;
    lines.push(venue.more(1, "KXA-1"));
    lines
}

const EXACT: (Standing, Option<Cause>) = (Standing::Exact, None);

#[test]
fn a_hole_in_the_numbers_ends_every_book_of_the_subscription_until_its_next_snapshot() {
    let steps = |venue: &mut Venue, step: usize| match step {
        9 => venue.snapshot(1, "KXA-1"),
        14 => venue.snapshot(1, "KXB-1"),
        _ => venue.more(1, if step.is_multiple_of(2) { "KXA-1" } else { "KXB-1" }),
    };
    let sent = slow_recording(41, steps, 20);
    // The line of step 5, which concerns one market only; nobody can know which.
    let mut arrived = sent.clone();
    arrived.remove(2 + 5);
    let lab = Lab::new();
    let report = lab.import(&lab.file("a.ndjson", &capture(&arrived)));
    assert_eq!(report.holes, 1);
    let archive = lab.open();
    let gap = (Standing::Gap, Some(Cause::SequenceGap));
    for (ticker, healed) in [("KXA-1", 2 + 9), ("KXB-1", 2 + 14)] {
        let found = standings(&archive, ticker, &sent);
        // A market's books are exact until its own last event.
        let end = sent.iter().rposition(|line| line.frame.contains(ticker)).unwrap();
        for (at, standing) in found[..sent.len() - 1].iter().enumerate() {
            // From the last event that came before the hole: what was lost could carry the same stamp.
            let last = (0..7).rev().find(|at| sent[*at].frame.contains(ticker)).unwrap();
            if at > last && at < healed {
                assert_eq!(*standing, gap, "{ticker} at line {at}");
            } else if at > 0 && at != last && at < end {
                assert_eq!(*standing, EXACT, "{ticker} at line {at}");
            }
        }
    }

    // Told that the capture is a selection, a hole is no loss, but proves nothing any more.
    let lab = Lab::new();
    let filtered = ImportOptions { filtered: true, ..options() };
    lab.import_with(&[lab.file("a.ndjson", &capture(&arrived))], &filtered);
    let found = standings(&lab.open(), "KXB-1", &sent);
    assert_eq!(found[2 + 10], (Standing::Unproven, Some(Cause::Unproven)));
    assert!(found.iter().all(|standing| *standing != gap), "{found:?}");
}

#[test]
fn the_end_of_a_subscription_ends_its_books() {
    let steps = |venue: &mut Venue, step: usize| match step {
        5 => venue.overflow(1),
        6..9 => venue.trade(2, "KXA-1"),
        9 => venue.snapshot(3, "KXA-1"),
        12 => venue.snapshot(3, "KXB-1"),
        15 => venue.more(3, "KXB-1"),
        _ => venue.more(if step < 5 { 1 } else { 3 }, "KXA-1"),
    };
    let lines = slow_recording(42, steps, 16);
    let lines = &lines[..lines.len() - 1];
    let lab = Lab::new();
    lab.import(&lab.file("a.ndjson", &capture(lines)));
    let archive = lab.open();
    let gap = (Standing::Gap, Some(Cause::SubscriptionEnded));
    let found = standings(&archive, "KXA-1", lines);
    assert_eq!(found[2 + 3], EXACT);
    assert_eq!(found[2 + 5..2 + 9], [gap; 4]);
    assert_eq!(found[2 + 9..2 + 14], [EXACT; 5]);
    let found = standings(&archive, "KXB-1", lines);
    assert_eq!(found[2 + 11], gap);
    assert_eq!(found[2 + 13], EXACT);
    let truth = record(lines);
    check(&archive, &truth, &truth, "error 25");
}

#[test]
fn a_level_below_zero_withdraws_what_was_called_exact() {
    let steps = |venue: &mut Venue, step: usize| match step {
        // The venue numbers what it sends as if nothing had been lost; the change of step 2 is cut out below.
        2 => venue.change(7, "KXA-1", true, 7_700, 500),
        6 => venue.change(1, "KXA-1", true, 7_700, -500),
        9 => venue.snapshot(1, "KXA-1"),
        _ => venue.more(1, "KXA-1"),
    };
    let sent = slow_recording(43, steps, 14);
    let mut arrived = sent.clone();
    arrived.remove(2 + 2);
    let lab = Lab::new();
    let report = lab.import(&lab.file("a.ndjson", &capture(&arrived)));
    assert_eq!((report.diverged, report.holes), (1, 0));
    let archive = lab.open();
    check(&archive, &record(&arrived), &record(&sent), "below zero");
    let found = standings(&archive, "KXA-1", &sent);
    // It was not complete, and from where nobody knows.
    assert_eq!(found[2 + 4], (Standing::Unproven, Some(Cause::Unproven)));
    assert_eq!(found[2 + 7], (Standing::Gap, Some(Cause::Divergence)));
    assert_eq!(found[2 + 10], EXACT);
}

#[test]
fn a_snapshot_that_differs_withdraws_what_was_called_exact() {
    let steps = |venue: &mut Venue, step: usize| match step {
        2 => venue.change(7, "KXA-1", false, 7_700, 500),
        9 => venue.snapshot(1, "KXA-1"),
        _ => venue.more(1, "KXA-1"),
    };
    let sent = slow_recording(44, steps, 14);
    let mut arrived = sent.clone();
    arrived.remove(2 + 2);
    let lab = Lab::new();
    lab.import(&lab.file("a.ndjson", &capture(&arrived)));
    let archive = lab.open();
    check(&archive, &record(&arrived), &record(&sent), "another book");
    let found = standings(&archive, "KXA-1", &sent);
    assert_eq!(found[2 + 4].0, Standing::Unproven);
    assert_eq!(found[2 + 10], EXACT);
    let causes: Vec<Option<Cause>> =
        archive.timeline("KXA-1").unwrap().unwrap().intervals().iter().map(|interval| interval.ended).collect();
    assert!(causes.contains(&Some(Cause::SnapshotMismatch)), "{causes:?}");
}

#[test]
fn what_a_frame_said_that_is_not_understood_is_not_guessed() {
    let steps = |venue: &mut Venue, step: usize| match step {
        3 => venue.numbered("orderbook_rewrite", 1, r#","msg":{"market_ticker":"KXA-1"}"#),
        6 => venue.snapshot(1, "KXA-1"),
        9 => {
            let line = venue.more(1, "KXA-1");
            Line { frame: line.frame.replace(r#""side":"#, r#""sides":"#), ..line }
        }
        12 => venue.snapshot(1, "KXA-1"),
        _ => venue.more(1, "KXA-1"),
    };
    let lines = slow_recording(45, steps, 16);
    let lab = Lab::new();
    let report = lab.import(&lab.file("a.ndjson", &capture(&lines)));
    assert_eq!(report.unparsed, 2, "{report:?}");
    let found = standings(&lab.open(), "KXA-1", &lines);
    assert_eq!(found[2 + 1], EXACT);
    assert_eq!(found[2 + 5].0, Standing::Unproven);
    assert_eq!(found[2 + 7], EXACT);
    assert_eq!(found[2 + 10], (Standing::Gap, Some(Cause::Unparsed)));
    assert_eq!(found[2 + 13], EXACT);
}

#[test]
fn a_reconnect_after_a_subscription_was_made_anew_is_seen() {
    let mut venue = Venue::new(46);
    let mut lines = venue.recording(1, &["KXA-1"], 10);
    lines.extend((0..9).map(|_| venue.trade(2, "KXA-1")));
    lines.push(venue.overflow(1));
    lines.push(venue.subscribed(3));
    lines.push(venue.snapshot(3, "KXA-1"));
    lines.extend((0..6).map(|_| venue.more(3, "KXA-1")));
    venue.reconnect();
    // The same numbers as at first: the books on 1, the trades on 2.
    let anew = lines.len();
    lines.push(venue.subscribed(1));
    lines.push(venue.snapshot(1, "KXA-1"));
    lines.push(venue.more(1, "KXA-1"));
    lines.push(venue.trade(2, "KXA-1"));
    lines.extend((0..6).map(|_| venue.more(1, "KXA-1")));
    let lab = Lab::new();
    let report = lab.import(&lab.file("a.ndjson", &capture(&lines)));
    let truth = record(&lines);
    check(&lab.open(), &truth, &truth, "reconnect");
    assert_eq!(report.reconnects, 1);
    let found = standings(&lab.open(), "KXA-1", &lines);
    assert!(found[anew + 2..lines.len() - 1].iter().all(|standing| *standing == EXACT), "{:?}", &found[anew..]);
}

/// Ends an import as a crash does, after so many batches.
struct Crash(std::sync::atomic::AtomicI32);

impl Watch for Crash {
    fn begin(&self, _: &Source) {}

    fn advance(&self, _: u64, _: u64) {
        let left = self.0.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
        assert!(left > 0, "the crash that this test asks for");
    }
}

#[test]
fn a_loss_after_a_crash_ends_the_books_of_markets_that_are_quiet_since() {
    let mut venue = Venue::new(47);
    let mut sent = venue.recording(1, &["KXA-1", "KXQUIET-1"], 10);
    sent.extend((0..70_000).map(|_| venue.more(1, "KXA-1")));
    let lost = sent.len();
    sent.push(venue.more(1, "KXQUIET-1"));
    sent.extend((0..10).map(|_| venue.more(1, "KXA-1")));
    sent.extend((0..10).map(|_| venue.more(1, "KXQUIET-1")));
    let mut arrived = sent.clone();
    arrived.remove(lost);
    let lab = Lab::new();
    let path = lab.file("a.ndjson", &capture(&arrived));
    let crashed = std::panic::catch_unwind(|| {
        // Sealed early, so that only the tables remember the quiet market.
        let sealing = WriterOptions { seal_deltas: 1_000, ..WriterOptions::new(7) };
        let mut writer = Writer::open(&lab.root(), sealing).unwrap();
        let small = ImportOptions { batch_bytes: 1 << 20, ..options() };
        import(&mut writer, &Source::File(path.clone()), &small, &Crash(2.into())).unwrap();
    });
    assert!(crashed.is_err(), "it came to its end before the crash");
    assert!(!lab.import(&path).unchanged);
    let archive = lab.open();
    let (read, sent) = (record(&arrived), record(&sent));
    assert_eq!(book_event_counts(&archive), (read.snapshot_count(), read.delta_count()));
    for on in [On::Exchange, On::Received] {
        let times = times(&read.markets["KXQUIET-1"], on);
        for at in &times[times.len() - 9..] {
            let answer = archive.book("KXQUIET-1", *at, clock(on)).unwrap();
            assert_ne!(ladders(&answer), sent.book("KXQUIET-1", on, *at), "one of its deltas is missing");
            assert!(!answer.exact, "called exact though one of its deltas is missing");
        }
    }
}

/// Every batch is written when it is appended, so that it is there after the crash.
fn at_once() -> WriterOptions {
    let mut options = WriterOptions::new(7);
    options.commit.interval = std::time::Duration::ZERO;
    options
}

#[test]
fn an_import_that_is_cut_off_after_any_line_goes_on_as_if_it_had_not_been() {
    let mut venue = Venue::new(48);
    let mut lines = venue.recording(1, &["KXA-1", "KXB-1"], 6);
    lines.push(venue.ok(1));
    lines.extend((0..4).map(|_| venue.more(1, "KXA-1")));
    venue.reconnect();
    lines.extend(["KXA-1", "KXB-1"].map(|ticker| venue.snapshot(1, ticker)));
    lines.extend((0..6).map(|_| venue.more(1, "KXB-1")));
    let mut text = capture(&lines);
    // Lines that are no frames, one of them too long to be held, stand between two that are.
    let end = capture(&lines[..12]).len();
    let strange = [b"garbage\n".to_vec(), vec![b'x'; 17 << 20], b"\n\n".to_vec()].concat();
    text.splice(end..end, strange);
    let truth = record(&lines);
    let small = ImportOptions { batch_bytes: 1, ..options() };
    let whole = Lab::new();
    whole.import(&whole.file("a.ndjson", &text));
    let expected = (check(&whole.open(), &truth, &truth, "whole"), unparsed_lines(&whole.open()).len());
    assert!(expected.0.exact > 50 && expected.1 == 2, "{expected:?}");
    for batches in 0..lines.len() as i32 + 2 {
        let lab = Lab::new();
        let path = lab.file("a.ndjson", &text);
        let crashed = std::panic::catch_unwind(|| {
            let mut writer = Writer::open(&lab.root(), at_once()).unwrap();
            import(&mut writer, &Source::File(path.clone()), &small, &Crash(batches.into())).unwrap();
        });
        assert!(crashed.is_err(), "{batches} batches: it came to its end before the crash");
        lab.import(&path);
        let found = (check(&lab.open(), &truth, &truth, "resumed"), unparsed_lines(&lab.open()).len());
        assert_eq!(found, expected, "cut off after {batches} batches");
    }
}

#[test]
fn an_import_that_was_cut_off_goes_on_only_in_the_same_file() {
    let mut venue = Venue::new(49);
    let lines = venue.recording(1, &["KXA-1", "KXB-1"], 6_000);
    let text = capture(&lines);
    let truth = record(&lines);
    let small = ImportOptions { batch_bytes: 1, ..options() };
    for changed in [false, true] {
        let lab = Lab::new();
        let path = lab.file("a.ndjson", &text);
        let crashed = std::panic::catch_unwind(|| {
            let mut writer = Writer::open(&lab.root(), at_once()).unwrap();
            import(&mut writer, &Source::File(path.clone()), &small, &Crash(40.into())).unwrap();
        });
        assert!(crashed.is_err());
        let mut text = text.clone();
        if changed {
            // A line of the part that was taken in, of the same length: the file is another one.
            let at = capture(&lines[..9]).len();
            text[at..at + 2].copy_from_slice(b"?!");
        }
        let report = lab.import(&lab.file("a.ndjson", &text));
        assert_eq!(report.unparsed, u64::from(changed), "{report:?}");
        let sources = lab.open().sources_imported().unwrap();
        assert_eq!(sources.len(), 1 + usize::from(changed));
        assert_eq!(book_event_counts(&lab.open()), (truth.snapshot_count(), truth.delta_count()));
        assert!(lab.import(&path).unchanged);
    }
}
