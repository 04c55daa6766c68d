//! What may look complete and is not: each case once called a wrong book exact, or lost rows of a gap from listings.

use daybook_archive::{Clock, coverage::Standing};

use crate::{
    lab::{Lab, check, check_claims, gzip},
    wire::{Line, Venue, capture, record, stamp},
};

/// The standing of a market's book at a line's arrival.
fn standing(lab: &Lab, ticker: &str, line: &Line) -> Standing {
    lab.open().book(ticker, line.recv_ms * 1_000_000, Clock::Received).unwrap().standing
}

/// More on both markets of subscription 1, half a second between lines.
fn both(venue: &mut Venue, count: usize) -> Vec<Line> {
    let line = |at: usize, venue: &mut Venue| {
        venue.now += 500_000;
        venue.more(1, if at.is_multiple_of(2) { "KXA-1" } else { "KXB-1" })
    };
    (0..count).map(|at| line(at, venue)).collect()
}

#[test]
fn a_market_that_is_taken_off_is_not_covered_any_more() {
    for told in [true, false] {
        let mut venue = Venue::new(61);
        let mut sent = venue.recording(1, &["KXA-1", "KXB-1"], 10);
        sent.extend(both(&mut venue, 4));
        let before = sent.len() - 2;
        sent.push(if told { venue.carries(1, &["KXB-1"]) } else { venue.numbered("ok", 1, r#","id":9"#) });
        let mut arrived = sent.clone();
        let mut missed = Vec::new();
        for _ in 0..10 {
            venue.now += 500_000;
            // It changes, and nobody is told.
            missed.push(venue.more(77, "KXA-1"));
            arrived.push(venue.more(1, "KXB-1"));
        }
        let sent: Vec<Line> = arrived.iter().cloned().chain(missed).collect();
        let lab = Lab::new();
        lab.import(&lab.file("a.ndjson", &capture(&arrived)));
        check_claims(&lab.open(), &record(&arrived), &record(&sent), "taken off");
        let last = &arrived[arrived.len() - 2];
        assert_eq!(standing(&lab, "KXA-1", &arrived[before - 1]), Standing::Exact);
        assert_ne!(standing(&lab, "KXA-1", last), Standing::Exact);
        assert_eq!(standing(&lab, "KXB-1", last), if told { Standing::Exact } else { Standing::Unproven });
    }
}

#[test]
fn another_subscriptions_numbers_prove_nothing() {
    let mut venue = Venue::new(62);
    let mut arrived = venue.recording(3, &["KXA-1"], 10);
    let mut sent = arrived.clone();
    for at in 0..30 {
        venue.now += 500_000;
        let line = venue.more(1, "KXA-1");
        sent.push(line.clone());
        if !(10..14).contains(&at) {
            arrived.push(line);
        }
    }
    let lab = Lab::new();
    lab.import(&lab.file("a.ndjson", &capture(&arrived)));
    check_claims(&lab.open(), &record(&arrived), &record(&sent), "two subscriptions");
    assert_eq!(standing(&lab, "KXA-1", &arrived[arrived.len() - 2]), Standing::Gap);
}

#[test]
fn the_next_number_an_hour_later_is_another_connections() {
    let mut venue = Venue::new(63);
    let mut sent = venue.recording(1, &["KXA-1", "KXB-1"], 10);
    sent.extend(both(&mut venue, 10));
    let cut = sent.len();
    venue.now += 3_600_000_000;
    for _ in 0..20 {
        // What the first connection sent, and the file that is missing held.
        sent.push(venue.more(9, "KXA-1"));
    }
    let missing = sent.len();
    sent.extend(both(&mut venue, 20));
    let lab = Lab::new();
    lab.import(&lab.file("a.ndjson", &capture(&sent[..cut])));
    lab.import(&lab.file("b.ndjson", &capture(&sent[missing..])));
    let arrived = [&sent[..cut], &sent[missing..]].concat();
    check_claims(&lab.open(), &record(&arrived), &record(&sent), "an hour later");
    assert_ne!(standing(&lab, "KXA-1", &sent[sent.len() - 3]), Standing::Exact);
}

#[test]
fn labels_keep_connections_apart() {
    // The second connection's first book is byte for byte the first one's; what it sends then is late.
    let mut venue = Venue::new(64);
    let mut lines = venue.recording(1, &["KXA-1", "KXB-1"], 0);
    let book = lines[1..].to_vec();
    lines.extend(both(&mut venue, 12));
    let wrapped = |line: &Line, name: &str| {
        format!("{{\"recv_ms\":{},\"connection\":\"{name}\",\"event\":{}}}\n", line.recv_ms, line.frame)
    };
    let mut text: String = lines.iter().map(|line| wrapped(line, "one")).collect();
    text += &wrapped(&book[0], "two");
    text += &wrapped(&Line { recv_ms: book[1].recv_ms + 1, ..book[1].clone() }, "two");
    let lab = Lab::new();
    lab.import(&lab.file("a.ndjson", text.as_bytes()));
    let truth = record(&lines);
    let tally = check_claims(&lab.open(), &truth, &truth, "labels");
    assert!(tally.exact > 20, "{tally:?}");
}

#[test]
fn two_connections_that_begin_with_the_same_book_number_what_follows_each_for_itself() {
    let mut venue = Venue::new(71);
    let begun = venue.recording(1, &["KXA-1"], 0);
    let (mut one, mut two) = (begun.clone(), begun[..2].to_vec());
    let renumbered = |line: &Line, seq: usize| {
        let (before, after) = line.frame.split_once(r#","seq":"#).unwrap();
        let (_, after) = after.split_once(',').unwrap();
        Line { recv_ms: line.recv_ms + 1, frame: format!(r#"{before},"seq":{seq},{after}"#) }
    };
    let (mut text, mut sent) = (String::new(), begun.clone());
    let wrapped = |line: &Line, name: &str| {
        format!("{{\"recv_ms\":{},\"connection\":\"{name}\",\"event\":{}}}\n", line.recv_ms, line.frame)
    };
    text.extend(begun.iter().map(|line| wrapped(line, "one")));
    // What the second one sends first is written down late.
    let mut late: String = two.iter().map(|line| wrapped(line, "two")).collect();
    // The first one carries another market as well, so its numbers run ahead; then it ends, and the second goes on.
    for at in 0_u32..200 {
        venue.now += 50_000;
        if at < 100 && !at.is_multiple_of(4) {
            let line = venue.more(1, "KXB-1");
            text += &wrapped(&line, "one");
            one.push(line);
            continue;
        }
        let line = venue.more(1, "KXA-1");
        sent.push(line.clone());
        if at < 100 {
            text += &wrapped(&line, "one");
            one.push(line.clone());
        }
        let line = renumbered(&line, two.len());
        late += &wrapped(&line, "two");
        if at > 20 {
            text += &std::mem::take(&mut late);
        }
        two.push(line);
    }
    let lab = Lab::new();
    lab.import(&lab.file("a.ndjson", text.as_bytes()));
    let truth = record(&sent);
    let archive = lab.open();
    let mut exact = 0;
    for at in crate::lab::instants(&truth, "KXA-1", crate::naive::On::Exchange) {
        let answer = archive.book("KXA-1", at, Clock::Exchange).unwrap();
        let right = crate::lab::ladders(&answer) == truth.book("KXA-1", crate::naive::On::Exchange, at);
        assert!(!answer.exact || right, "at {at}");
        exact += u32::from(answer.exact);
    }
    assert!(exact > 100, "{exact}");
}

#[test]
fn one_connection_of_the_archive_is_gone_on_with_by_one_of_a_file() {
    let mut venue = Venue::new(73);
    let begun = venue.recording(1, &["KXA-1", "KXB-1"], 3);
    let wrapped = |line: &Line, name: &str| {
        format!("{{\"recv_ms\":{},\"connection\":\"{name}\",\"event\":{}}}\n", line.recv_ms, line.frame)
    };
    let lab = Lab::new();
    let first: String = begun.iter().map(|line| wrapped(line, "one")).collect();
    lab.import(&lab.file("a.ndjson", first.as_bytes()));
    // The first frame of another connection is one that is held, and the next that it has is just the number that follows.
    let lines = both(&mut venue, 20);
    let mut second = wrapped(&begun[5], "one") + &wrapped(&lines[0], "one") + &wrapped(&begun[1], "two");
    for line in &lines {
        second += &wrapped(&Line { recv_ms: line.recv_ms + 1, ..line.clone() }, "two");
        second += &wrapped(line, "one");
    }
    lab.import(&lab.file("b.ndjson", second.as_bytes()));
    let sent = [begun, lines].concat();
    let truth = record(&sent);
    let archive = lab.open();
    for at in crate::lab::instants(&truth, "KXA-1", crate::naive::On::Exchange) {
        let answer = archive.book("KXA-1", at, Clock::Exchange).unwrap();
        let right = crate::lab::ladders(&answer) == truth.book("KXA-1", crate::naive::On::Exchange, at);
        assert!(!answer.exact || right, "at {at}");
    }
}

#[test]
fn what_a_later_file_has_of_an_earlier_hole_does_not_stand_behind_a_book() {
    let mut venue = Venue::new(72);
    let mut sent = venue.recording(1, &["KXA-1", "KXB-1"], 10);
    let hole = sent.len();
    sent.extend(both(&mut venue, 10));
    let healed = sent.len();
    sent.extend(both(&mut venue, 4));
    sent.push(venue.snapshot(1, "KXA-1"));
    sent.push(venue.snapshot(1, "KXB-1"));
    sent.extend(both(&mut venue, 20));
    let known = sent.len();
    sent.extend(both(&mut venue, 20));
    let parts = [
        [&sent[..hole], &sent[healed..known]].concat(),
        sent[hole - 4..healed + 2].to_vec(),
        sent[known - 2..].to_vec(),
    ];
    let truth = record(&sent);
    for files in [vec![parts.concat()], vec![parts[..2].concat(), parts[2].clone()], parts.to_vec()] {
        let lab = Lab::new();
        for (at, lines) in files.iter().enumerate() {
            lab.import(&lab.file(&format!("{at}.ndjson"), &capture(lines)));
        }
        let tally = check_claims(&lab.open(), &truth, &truth, &format!("a hole of the past, in {} files", files.len()));
        assert!(tally.exact > 20, "{tally:?}");
    }
}

#[test]
fn what_fails_its_checksum_proves_nothing() {
    let mut venue = Venue::new(65);
    let mut lines = venue.recording(1, &["KXA-1", "KXB-1"], 10);
    lines.extend(both(&mut venue, 20));
    let sound = gzip(&capture(&lines));
    let mut damaged = sound.clone();
    let checksum = damaged.len() - 6;
    damaged[checksum] ^= 1;
    let lab = Lab::new();
    let report = lab.import(&lab.file("a.ndjson", &damaged));
    assert!(report.unprovable.is_some() && report.truncated.is_some(), "{report:?}");
    let truth = record(&lines);
    assert_eq!(check(&lab.open(), &truth, &truth, "damaged").exact, 0);
    let lab = Lab::new();
    let report = lab.import(&lab.file("a.ndjson", &sound));
    assert!(report.unprovable.is_none() && report.truncated.is_none(), "{report:?}");
    assert!(check(&lab.open(), &truth, &truth, "sound").exact > 20);
}

#[test]
fn a_stamp_of_the_future_proves_nothing_of_the_time_until_then() {
    let mut venue = Venue::new(66);
    let mut lines = venue.recording(1, &["KXA-1", "KXB-1"], 10);
    lines.extend(both(&mut venue, 10));
    let last = lines[lines.len() - 1].clone();
    let ahead = venue.more(1, "KXB-1");
    let now = stamp(venue.now);
    let (before, after) = ahead.frame.split_once(r#""ts":""#).unwrap();
    let frame = format!(r#"{before}"ts":"2026-08-30{}"#, &after[10..]);
    assert!(frame.contains(&now[10..13]) && frame != ahead.frame);
    lines.push(Line { recv_ms: ahead.recv_ms, frame });
    let lab = Lab::new();
    lab.import(&lab.file("a.ndjson", &capture(&lines)));
    let later = (last.recv_ms + 60_000) * 1_000_000;
    assert_eq!(lab.open().book("KXA-1", later, Clock::Exchange).unwrap().standing, Standing::Gap);
}

#[test]
fn a_gap_that_the_next_file_goes_on_with_holds_its_rows() {
    let mut venue = Venue::new(67);
    let sent = venue.recording(1, &["KXA-1"], 40);
    let lab = Lab::new();
    // From the middle of the connection on: deltas without a book that they change.
    lab.import(&lab.file("a.ndjson", &capture(&sent[10..20])));
    lab.import(&lab.file("b.ndjson", &capture(&sent[20..])));
    let archive = lab.open();
    let mut listed = 0;
    let visit = |_: daybook_archive::reconstruct::Event<'_>| {
        listed += 1;
        Ok(std::ops::ControlFlow::Continue(()))
    };
    archive.events("KXA-1", i64::MIN, i64::MAX, visit).unwrap();
    assert_eq!(listed, sent.len() - 10);
}

#[test]
fn a_bare_book_is_not_dated_before_what_was_lost() {
    let mut venue = Venue::new(68);
    let mut sent = venue.recording(1, &["KXA-1", "KXB-1"], 20);
    venue.now += 14_000_000;
    let missed: Vec<Line> = (0..10).map(|_| venue.more(9, "KXA-1")).collect();
    venue.reconnect();
    let mut arrived = sent.clone();
    let mut anew: Vec<Line> = ["KXA-1", "KXB-1"].map(|ticker| venue.snapshot(1, ticker)).to_vec();
    anew.extend(both(&mut venue, 20));
    arrived.extend(anew.iter().cloned());
    sent.extend(missed);
    sent.extend(anew);
    let bare: String = arrived.iter().map(|line| line.frame.clone() + "\n").collect();
    let lab = Lab::new();
    lab.import(&lab.file("a.ndjson", bare.as_bytes()));
    let archive = lab.open();
    let truth = record(&sent);
    for ticker in ["KXA-1", "KXB-1"] {
        for at in crate::lab::instants(&truth, ticker, crate::naive::On::Exchange) {
            let answer = archive.book(ticker, at, Clock::Exchange).unwrap();
            let book = crate::lab::ladders(&answer);
            let right = book == truth.book(ticker, crate::naive::On::Exchange, at);
            assert!(!answer.exact || right, "{ticker} at {at}: {book:?}");
        }
    }
}

#[test]
fn a_record_that_begins_with_deltas_keeps_its_own_time() {
    let mut venue = Venue::new(69);
    let first = venue.recording(1, &["KXA-1"], 10);
    // Over another connection, whose stamps lie before what the first one had, though it was heard later.
    let mut other = Venue::new(70);
    other.now = venue.now - 1_000_000_000;
    for _ in 0..100 {
        other.number(2);
    }
    let heard = first[first.len() - 1].recv_ms + 1_000;
    // Enough for keyframes of its own.
    let mut lines: Vec<Line> =
        (0..5_000).map(|at| Line { recv_ms: heard + at, frame: other.more(2, "KXA-1").frame }).collect();
    // One out of its order: what came before it is sealed, to be compared with it, and then the stream goes on.
    lines.swap(10, 11);
    let lab = Lab::new();
    lab.import_all(&[lab.file("a.ndjson", &capture(&first)), lab.file("b.ndjson", &capture(&lines))]);
    let said = lab.daybook(&["verify", "--deep"]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
    // Its gap begins where its own stamps do, not where the other connection's had come to.
    let timeline = lab.open().timeline("KXA-1").unwrap().unwrap();
    let gap = timeline.intervals().iter().find(|interval| interval.connection == 2).unwrap();
    let stamps = |line: &Line| crate::lab::instants(&record([line]), "KXA-1", crate::naive::On::Exchange);
    assert!(gap.from_effective < stamps(&first[1])[0], "{gap:?}");
}
