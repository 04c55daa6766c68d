//! Captures that overlap, contain or repeat each other: every event is held once, and what joins two of them is proven
//! or not claimed.

use std::collections::BTreeSet;

use daybook_archive::schema::Table;
use rand::Rng;

use crate::{
    lab::{Lab, Tally, book_event_counts, check, check_claims, clock, ladders, rows, unparsed_lines},
    losses::story,
    naive::On,
    wire::{Line, Venue, capture, record},
};

/// A recording of two markets with trades between the deltas.
fn recording(seed: u64, events: usize) -> Vec<Line> {
    let mut venue = Venue::new(seed);
    let mut lines = venue.recording(1, &["KXA-1", "KXB-1"], 10);
    for at in 0..events {
        let ticker = if venue.random.random_bool(0.7) { "KXA-1" } else { "KXB-1" };
        lines.push(if at % 7 == 0 { venue.trade(2, ticker) } else { venue.delta(1, ticker) });
    }
    lines
}

/// Every event of these lines is held once.
fn assert_held(lab: &Lab, lines: &[Line], what: &str) {
    let archive = lab.open();
    let distinct: BTreeSet<&str> = lines.iter().map(|line| line.frame.as_str()).collect();
    let count = |kind: &str| {
        let kind = format!(r#""type":"{kind}""#);
        distinct.iter().filter(|frame| frame.contains(&kind)).count() as u64
    };
    let books = (count("orderbook_snapshot"), count("orderbook_delta"));
    assert_eq!((book_event_counts(&archive), rows(&archive, Table::Trades)), (books, count("trade")), "{what}");
}

fn import_parts(lines: &[Line], parts: &[std::ops::Range<usize>]) -> Lab {
    let lab = Lab::new();
    let name = |at: usize| ["a.ndjson", "b.ndjson.gz", "c.ndjson.zst", "d.ndjson"][at];
    let files = parts.iter().enumerate().map(|(at, part)| lab.file(name(at), &capture(&lines[part.clone()])));
    let files: Vec<_> = files.collect();
    // Each in a process of its own, as far as the archive can tell.
    for file in &files {
        lab.import(file);
    }
    lab
}

#[test]
fn parts_that_overlap_make_the_whole() {
    let lines = recording(1, 160);
    let truth = record(&lines);
    let whole = check(&import_parts(&lines, std::slice::from_ref(&(0..lines.len()))).open(), &truth, &truth, "whole");
    println!("whole: {whole:?}");
    let end = lines.len();
    for parts in [
        vec![0..90, 60..end],
        vec![0..90, 90..end],
        vec![0..90, 89..end],
        vec![0..90, 30..70, 60..end],
        vec![0..end, 40..90],
        vec![0..70, 0..end],
        vec![0..50, 45..100, 95..150, 140..end],
    ] {
        let what = format!("{parts:?}");
        let lab = import_parts(&lines, &parts);
        assert_held(&lab, &lines, &what);
        let tally = check(&lab.open(), &truth, &truth, &what);
        println!("{what}: {tally:?}");
        assert_eq!(tally, whole, "{what}");
    }
}

#[test]
fn an_earlier_part_may_come_later() {
    let lines = recording(2, 160);
    let truth = record(&lines);
    let end = lines.len();
    for parts in [
        vec![90..end, 0..90],
        vec![60..end, 0..100],
        vec![120..end, 60..120, 0..60],
        vec![60..120, 0..end],
        vec![0..50, 90..130, 0..end],
    ] {
        let what = format!("{parts:?}");
        let lab = import_parts(&lines, &parts);
        assert_held(&lab, &lines, &what);
        let tally = check_claims(&lab.open(), &truth, &truth, &what);
        println!("{what}: {tally:?}");
        assert!(tally.exact > 50, "{what}: the part with the snapshots proves its own books: {tally:?}");
    }
}

/// Two files of one connection: what arrived of each, and what the venue sent.
fn continued(first: &[Line], second: &[Line], sent: &[Line], what: &str) -> Tally {
    let lab = Lab::new();
    lab.import(&lab.file("first.ndjson", &capture(first)));
    lab.import(&lab.file("second.ndjson", &capture(second)));
    let arrived: Vec<Line> = [first, second].concat();
    assert_held(&lab, &arrived, what);
    let tally = check_claims(&lab.open(), &record(&arrived), &record(sent), what);
    println!("{what}: {tally:?}");
    tally
}

/// The lines without those at these places.
fn without(lines: &[Line], lost: &[usize]) -> Vec<Line> {
    lines.iter().enumerate().filter(|(at, _)| !lost.contains(at)).map(|(_, line)| line.clone()).collect()
}

/// One market alone, so that its own numbers are the subscription's.
fn alone() -> Vec<Line> {
    let mut venue = Venue::new(11);
    venue.recording(1, &["KXA-1"], 40)
}

#[test]
fn a_file_that_begins_later_is_not_exact() {
    let lines = alone();
    let tally = continued(&lines[..20], &lines[24..], &lines, "the file after it begins later");
    assert!(tally.unproven + tally.gaps > 30, "{tally:?}");
}

#[test]
fn a_hole_in_the_file_after_it_ends_what_is_exact() {
    let lines = alone();
    continued(&lines[..20], &without(&lines, &[30])[20..], &lines, "the file after it has a hole");
}

/// A file with a hole that a fresh snapshot has healed, and what came after it.
fn healed() -> (Vec<Line>, Vec<Line>) {
    let mut venue = Venue::new(12);
    let mut sent = venue.recording(1, &["KXA-1"], 10);
    sent.push(venue.snapshot(1, "KXA-1"));
    sent.extend((0..20).map(|_| venue.more(1, "KXA-1")));
    (without(&sent[..18], &[6]), sent)
}

#[test]
fn a_healed_hole_does_not_hide_one_in_the_file_after_it() {
    let (first, sent) = healed();
    continued(&first, &without(&sent, &[24])[18..], &sent, "healed, then a hole in the file after it");
}

#[test]
fn a_healed_hole_does_not_hide_that_the_file_after_it_begins_later() {
    let (first, sent) = healed();
    continued(&first, &sent[20..], &sent, "healed, then the file after it begins later");
}

#[test]
fn a_file_that_begins_with_another_subscription_proves_no_books() {
    let mut venue = Venue::new(13);
    let mut sent = venue.recording(1, &["KXA-1", "KXB-1"], 20);
    sent.push(venue.trade(2, "KXA-1"));
    let cut = sent.len();
    sent.push(venue.trade(2, "KXA-1"));
    sent.extend((0..20).map(|at| venue.more(1, if at % 3 == 0 { "KXB-1" } else { "KXA-1" })));
    for hole in [1, 2, 6] {
        let what = format!("a trade, then a hole {hole} lines on");
        continued(&sent[..cut], &without(&sent, &[cut + hole])[cut..], &sent, &what);
    }
    let tally = continued(&sent[..cut], &sent[cut..], &sent, "a trade, then no hole");
    assert!(tally.exact > 150, "nothing is missing: {tally:?}");
}

#[test]
fn each_subscription_proves_its_own_books() {
    let mut venue = Venue::new(14);
    let mut sent = venue.recording(1, &["KXA-1"], 10);
    sent.extend(venue.recording(3, &["KXB-1"], 10));
    let cut = sent.len();
    sent.extend((0..20).map(|at| if at % 2 == 0 { venue.more(1, "KXA-1") } else { venue.more(3, "KXB-1") }));
    for hole in [1, 3, 7] {
        let what = format!("the second subscription has a hole {hole} lines on");
        continued(&sent[..cut], &without(&sent, &[cut + hole])[cut..], &sent, &what);
    }
}

#[test]
fn islands_between_files_do_not_hide_holes() {
    let lines = recording(4, 160);
    let truth = record(&lines);
    for parts in [[0..50, 90..130, 0..173], [0..50, 90..130, 45..173], [0..50, 90..130, 60..173]] {
        let what = format!("{parts:?}");
        let lab = import_parts(&lines, &parts);
        if parts[2].start <= 50 {
            assert_held(&lab, &lines, &what);
        }
        let arrived: Vec<Line> = lines
            .iter()
            .enumerate()
            .filter(|(at, _)| parts.iter().any(|part| part.contains(at)))
            .map(|(_, line)| line.clone())
            .collect();
        println!("{what}: {:?}", check_claims(&lab.open(), &record(&arrived), &truth, &what));
    }
}

#[test]
fn stories_in_parts_claim_nothing_wrong() {
    for seed in 100..112 {
        let story = story(seed, 120);
        let lines: Vec<&[u8]> = story.text.split_inclusive(|byte| *byte == b'\n').collect();
        let mut venue = Venue::new(seed);
        let cut = venue.random.random_range(10..lines.len() - 10);
        let from = cut - venue.random.random_range(0..10);
        let lab = Lab::new();
        let (first, second) =
            (lab.file("1.ndjson", &lines[..cut].concat()), lab.file("2.ndjson", &lines[from..].concat()));
        let what = format!("seed {seed}, {from}..{cut} in both of {}", lines.len());
        let (read, sent) = (record(&story.read), record(&story.sent));
        let late = seed % 4 == 3;
        for path in if late { [second, first] } else { [first, second] } {
            lab.import(&path);
        }
        let archive = lab.open();
        assert_eq!(book_event_counts(&archive), (read.snapshot_count(), read.delta_count()), "{what}");
        let mut unparsed = unparsed_lines(&archive);
        let mut expected = story.unparsed.clone();
        unparsed.sort();
        expected.sort();
        assert_eq!(unparsed, expected, "{what}");
        println!("{what}: {:?}", check_claims(&archive, &read, &sent, &what));
    }
}

/// The archive of `cat a a`, and the same of `a`.
fn twice(lines: &[Line], what: &str) -> [Lab; 2] {
    let [once, twice] = [Lab::new(), Lab::new()];
    once.import(&once.file("once.ndjson", &capture(lines)));
    assert_held(&once, lines, what);
    twice.import(&twice.file("twice.ndjson", &capture(lines.iter().chain(lines))));
    assert_held(&twice, lines, what);
    [once, twice]
}

#[test]
fn a_file_that_holds_another_twice_is_that_file() {
    let lines = recording(3, 120);
    let truth = record(&lines);
    let tallies = twice(&lines, "from the snapshots on").map(|lab| check(&lab.open(), &truth, &truth, "twice"));
    assert_eq!(tallies[0], tallies[1]);
}

#[test]
fn a_file_that_holds_another_twice_may_begin_anywhere() {
    let lines = recording(3, 120);
    twice(&lines[60..], "from the midst on");
    twice(&lines[100..110], "from the midst on, short");
}

#[test]
fn a_file_that_holds_another_twice_may_hold_its_end() {
    let mut lines = recording(3, 120);
    let recv_ms = lines[lines.len() - 1].recv_ms;
    lines.push(Line { recv_ms, frame: r#"{"type":"unsubscribed","id":3,"sid":1,"seq":900}"#.to_owned() });
    twice(&lines, "with an end");
}

#[test]
fn a_file_that_holds_another_twice_may_have_no_numbers() {
    let numbered = recording(3, 120);
    let unnumbered = |line: &Line| if line.frame.contains(r#""seq""#) { line.unnumbered() } else { line.clone() };
    twice(&numbered.iter().map(unnumbered).collect::<Vec<_>>(), "without numbers");
}

#[test]
fn two_recorders_fill_each_others_gaps() {
    // One feed over two connections with numbers of their own: each loses something else, and gets fresh books later.
    let mut venue = Venue::new(21);
    let (mut first, mut second, mut sent) = (Vec::new(), Vec::new(), Vec::new());
    let tickers = ["KXA-1", "KXB-1"];
    let other = |line: &Line, seq: u64, delay: i64| {
        let (before, after) = line.frame.split_once(r#","seq":"#).unwrap();
        let (_, after) = after.split_once(',').unwrap();
        Line { recv_ms: line.recv_ms + delay, frame: format!(r#"{before},"seq":{seq},{after}"#) }
    };
    let mut seq = 0;
    for step in 0..120 {
        let snapshots = step == 0 || step == 50 || step == 100;
        let lines = match snapshots {
            true => tickers.map(|ticker| venue.snapshot(1, ticker)).to_vec(),
            false => vec![venue.more(1, tickers[step % 2])],
        };
        for line in lines {
            seq += 1;
            if !(30..33).contains(&step) {
                first.push(line.clone());
            }
            if !(70..73).contains(&step) {
                second.push(other(&line, seq + 7, 3));
            }
            sent.push(line);
        }
        // Far enough apart for the second recorder's delay not to matter.
        venue.now += 200_000;
    }
    for labelled in [false, true] {
        let lab = Lab::new();
        if labelled {
            let text = |line: &Line, name: &str| {
                format!("{{\"recv_ms\":{},\"connection\":\"{name}\",\"event\":{}}}\n", line.recv_ms, line.frame)
            };
            let mut lines: Vec<(i64, String)> = first.iter().map(|line| (line.recv_ms, text(line, "one"))).collect();
            lines.extend(second.iter().map(|line| (line.recv_ms, text(line, "two"))));
            lines.sort();
            lab.import(
                &lab.file("both.ndjson", lines.into_iter().map(|(_, text)| text).collect::<String>().as_bytes()),
            );
        } else {
            lab.import(&lab.file("first.ndjson", &capture(&first)));
            lab.import(&lab.file("second.ndjson", &capture(&second)));
        }
        let archive = lab.open();
        let truth = record(&sent);
        assert_eq!(book_event_counts(&archive).1, record(&first).delta_count() + record(&second).delta_count());
        for ticker in tickers {
            let arrivals = &truth.markets[ticker];
            let times = crate::naive::times(arrivals, On::Exchange);
            // Between the first books and the end every instant is proven by one of the two, whatever the other lost.
            for pair in times.windows(2) {
                let at = pair[0] + (pair[1] - pair[0]) / 2;
                let answer = archive.book(ticker, at, clock(On::Exchange)).unwrap();
                assert!(answer.exact, "labelled {labelled}: {ticker} at {at}: {:?}", answer.gap);
                assert_eq!(
                    ladders(&answer),
                    truth.book(ticker, On::Exchange, at),
                    "labelled {labelled}: {ticker} at {at}"
                );
            }
        }
    }
}
