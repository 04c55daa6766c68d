//! Captures with everything that goes wrong on the way: what was lost shows, and nothing wrong is called exact.

use rand::Rng;

use crate::{
    lab::{Lab, book_event_counts, check, unparsed_lines},
    wire::{Line, Venue, record},
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
