//! Captures that overlap, contain or repeat each other: every event is held once, and what joins two of them is proven
//! or not claimed.

use std::collections::BTreeSet;

use daybook_archive::{
    coverage::Standing,
    entry::Cause,
    schema::Table,
};
use rand::Rng;

use crate::{
    lab::{Lab, Tally, book_event_counts, check, check_claims, clock, ladders, rows, unparsed_lines},
    losses::story,
    naive::{On, Record},
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
    let whole = check(&import_parts(&lines, &[0..lines.len()]).open(), &truth, &truth, "whole");
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
    for parts in [vec![90..end, 0..90], vec![60..end, 0..100], vec![120..end, 60..120, 0..60], vec![60..120, 0..end]] {
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

#[test]
fn a_second_file_proves_only_what_its_own_numbers_prove() {
    // One market alone, so that its own numbers are the subscription's.
    let mut venue = Venue::new(11);
    let mut alone = venue.recording(1, &["KXA-1"], 20);
    alone.extend((0..20).map(|_| venue.delta(1, "KXA-1")));
    continued(&alone[..20], &alone[24..], &alone, "the file after it begins later");
    continued(&alone[..20], &without(&alone, &[30])[20..], &alone, "the file after it has a hole");

    // A file with a hole that a fresh snapshot has healed.
    let mut venue = Venue::new(12);
    let mut healed = venue.recording(1, &["KXA-1"], 10);
    healed.push(venue.snapshot(1, "KXA-1"));
    healed.extend((0..20).map(|_| venue.delta(1, "KXA-1")));
    let first = without(&healed[..18], &[6]);
    continued(&first, &without(&healed, &[24])[18..], &healed, "healed, then a hole in the file after it");
    continued(&first, &healed[20..], &healed, "healed, then the file after it begins later");

    // Two markets and trades: the file after it begins with a frame of another subscription.
    let mut venue = Venue::new(13);
    let mut shared = venue.recording(1, &["KXA-1", "KXB-1"], 20);
    shared.push(venue.trade(2, "KXA-1"));
    let cut = shared.len();
    shared.push(venue.trade(2, "KXA-1"));
    shared.extend((0..20).map(|at| venue.delta(1, if at % 3 == 0 { "KXB-1" } else { "KXA-1" })));
    continued(&shared[..cut], &without(&shared, &[cut + 1])[cut..], &shared, "a trade, then a hole at once");
    continued(&shared[..cut], &without(&shared, &[cut + 6])[cut..], &shared, "a trade, then a hole");

    // Two subscriptions of books.
    let mut venue = Venue::new(14);
    let mut two = venue.recording(1, &["KXA-1"], 10);
    two.extend(venue.recording(3, &["KXB-1"], 10));
    let cut = two.len();
    two.extend((0..20).map(|at| if at % 2 == 0 { venue.delta(1, "KXA-1") } else { venue.delta(3, "KXB-1") }));
    continued(&two[..cut], &without(&two, &[cut + 1])[cut..], &two, "the second subscription has a hole at once");
    continued(&two[..cut], &without(&two, &[cut + 7])[cut..], &two, "the second subscription has a hole");
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
        let (first, second) = (lab.file("1.ndjson", &lines[..cut].concat()), lab.file("2.ndjson", &lines[from..].concat()));
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
