//! The forms that captures come in: wrappers, compressions, line ends, times and frames of other years.

use daybook::import::ImportOptions;
use daybook_archive::{coverage::Standing, schema::Table};
use daybook_kalshi::WrapperFields;

use crate::{
    lab::{Lab, book_event_counts, check, gzip, options, rows, unparsed_lines, values},
    naive::Record,
    wire::{Line, Venue, capture, record, stamp},
};

const TICKERS: [&str; 2] = ["KXA-1", "KXB-1"];

fn lines() -> Vec<Line> {
    let mut venue = Venue::new(31);
    let mut lines = venue.recording(1, &TICKERS, 30);
    lines.push(venue.trade(2, TICKERS[0]));
    lines
}

/// The frame as a JSON text that holds it.
fn quoted(line: &Line) -> String {
    serde_json::to_string(&line.frame).unwrap()
}

/// The frame with one more field of its own.
fn beside(line: &Line, field: &str) -> String {
    format!(r#"{{{field},{}"#, &line.frame[1..])
}

type Form = (&'static str, fn(&Line) -> String);

const FORMS: &[Form] = &[
    ("recv_ms, event", Line::wrapped),
    ("recv_ns, event", |line| format!(r#"{{"recv_ns":{}000000,"event":{}}}"#, line.recv_ms, line.frame)),
    ("recv_us, event", |line| format!(r#"{{"recv_us":{}000,"event":{}}}"#, line.recv_ms, line.frame)),
    ("ts in ms, event", |line| format!(r#"{{"ts":{},"event":{}}}"#, line.recv_ms, line.frame)),
    ("recv_ms, msg", |line| format!(r#"{{"recv_ms":{},"msg":{}}}"#, line.recv_ms, line.frame)),
    ("recv_ns, msg", |line| format!(r#"{{"recv_ns":{}000000,"msg":{}}}"#, line.recv_ms, line.frame)),
    ("ts in ns, msg", |line| format!(r#"{{"ts":{}000000,"msg":{}}}"#, line.recv_ms, line.frame)),
    ("the event first", |line| format!(r#"{{"event":{},"recv_ms":{}}}"#, line.frame, line.recv_ms)),
    ("spaces", |line| format!(r#" {{ "recv_ms" : {} , "event" : {} }} "#, line.recv_ms, line.frame)),
    ("more fields", |line| format!(r#"{{"host":"a","recv_ms":{},"n":[1,{{}}],"event":{}}}"#, line.recv_ms, line.frame)),
    ("RFC 3339, frame", |line| {
        format!(r#"{{"received_at":"{}","frame":{}}}"#, stamp(line.recv_ms * 1_000), line.frame)
    }),
    ("RFC 3339 with an offset, data", |line| {
        let local = stamp(line.recv_ms * 1_000 + 7_200_000_000).replace('Z', "+02:00");
        format!(r#"{{"timestamp":"{local}","data":{}}}"#, line.frame)
    }),
    ("seconds with a fraction, message", |line| {
        format!(r#"{{"time":{}.{:03},"message":{}}}"#, line.recv_ms / 1_000, line.recv_ms % 1_000, line.frame)
    }),
    ("a number as a text, payload", |line| format!(r#"{{"recv_ms":"{}","payload":{}}}"#, line.recv_ms, line.frame)),
    ("the frame as a text, raw", |line| format!(r#"{{"recv_ms":{},"raw":{}}}"#, line.recv_ms, quoted(line))),
    ("the frame as a text, data", |line| format!(r#"{{"ts":{},"data":{}}}"#, line.recv_ms, quoted(line))),
    ("written into the frame", |line| beside(line, &format!(r#""recv_ms":{}"#, line.recv_ms))),
];

fn assert_whole(lab: &Lab, truth: &Record, what: &str) {
    let archive = lab.open();
    assert_eq!(book_event_counts(&archive), (truth.snapshot_count(), truth.delta_count()), "{what}");
    assert_eq!((rows(&archive, Table::Trades), rows(&archive, Table::Unparsed)), (1, 0), "{what}");
    let tally = check(&archive, truth, truth, what);
    assert!(tally.exact > 100 && tally.unproven == 0, "{what}: {tally:?}");
}

#[test]
fn every_wrapper_says_the_same() {
    let lines = lines();
    let truth = record(&lines);
    // The same event in another form is the same event: what the first form brought, no other adds to.
    let lab = Lab::new();
    for (at, (what, form)) in FORMS.iter().enumerate() {
        let text: String = lines.iter().map(|line| form(line) + "\n").collect();
        let report = lab.import(&lab.file("capture.ndjson", text.as_bytes()));
        let events = lines.len() as u64 - 1;
        let expected = if at == 0 { (events, 0) } else { (0, events) };
        assert_eq!((report.events, report.duplicates), expected, "{what}: {report:?}");
        assert_eq!((report.unparsed, report.control, report.undated), (0, 1, 0), "{what}: {report:?}");
    }
    assert_whole(&lab, &truth, "every form after the other");
}

#[test]
fn fields_of_other_names_are_named() {
    let lines = lines();
    let fields = WrapperFields { time: vec!["t_us".to_owned()], frame: vec!["body".to_owned()] };
    let named = ImportOptions { fields, ..options() };
    let text = |line: &Line| format!("{{\"t_us\":{}000,\"body\":{}}}\n", line.recv_ms, line.frame);
    let text: String = lines.iter().map(text).collect();
    let lab = Lab::new();
    lab.import_with(&[lab.file("capture.jsonl", text.as_bytes())], &named);
    assert_whole(&lab, &record(&lines), "named fields");

    // Unnamed, they are no wrapper: everything is kept, and nothing guessed.
    let lab = Lab::new();
    let report = lab.import(&lab.file("capture.jsonl", text.as_bytes()));
    assert_eq!((report.events, report.unparsed), (0, lines.len() as u64));
    assert_eq!(unparsed_lines(&lab.open()), text.lines().collect::<Vec<_>>());
}

#[test]
fn every_compression_and_line_end_says_the_same() {
    let lines = lines();
    let text = capture(&lines);
    let windows: String = lines.iter().map(|line| line.wrapped() + "\r\n\r\n").collect();
    let half = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(14).unwrap().0 + 1;
    let members = [gzip(&text[..half]), gzip(&text[half..])].concat();
    let frames = [&text[..half], &text[half..]].map(|part| zstd::encode_all(part, 3).unwrap()).concat();
    let unended = &text[..text.len() - 1];
    for (what, name, bytes) in [
        ("plain", "a.ndjson", &text[..]),
        ("no last line end", "a.ndjson", unended),
        ("gzip of no last line end", "a.ndjson.gz", unended),
        ("CRLF and empty lines", "a.ndjson", windows.as_bytes()),
        ("gzip", "a.ndjson.gz", &text[..]),
        ("zstd", "a.ndjson.zst", &text[..]),
        ("gzip of two members under another name", "a.log", &members[..]),
        ("zstd of two frames under another name", "a.log", &frames[..]),
    ] {
        let lab = Lab::new();
        lab.import(&lab.file(name, bytes));
        assert_whole(&lab, &record(&lines), what);
    }
}

#[test]
fn bare_frames_are_dated_by_the_venue() {
    // A snapshot has no stamp: it is dated by the first frame that has one, and then by the frame before it.
    let lines = lines();
    let bare: String = lines.iter().map(|line| format!("{}\n", line.frame)).collect();
    let lab = Lab::new();
    let report = lab.import(&lab.file("bare.ndjson", bare.as_bytes()));
    assert_eq!((report.undated, report.unparsed), (lines.len() as u64, 0));
    let stamps = lines.iter().map(|line| {
        let frame: serde_json::Value = serde_json::from_str(&line.frame).unwrap();
        frame["msg"]["ts"].as_str().map(crate::naive::utc).or_else(|| Some(frame["msg"]["ts_ms"].as_i64()? * 1_000_000))
    });
    let stamps: Vec<Option<i64>> = stamps.collect();
    let mut last = stamps.iter().flatten().next().copied().unwrap();
    let mut truth = Record::default();
    for (line, stamp) in lines.iter().zip(&stamps) {
        last = stamp.unwrap_or(last).max(last);
        truth.add(last, &serde_json::from_str(&line.frame).unwrap());
    }
    assert_whole(&lab, &truth, "bare frames");

    // `sending_ts_ms` is nearer to when they came.
    let sent: String =
        lines.iter().map(|line| beside(line, &format!(r#""sending_ts_ms":{}"#, line.recv_ms)) + "\n").collect();
    let lab = Lab::new();
    lab.import(&lab.file("sent.ndjson", sent.as_bytes()));
    assert_whole(&lab, &record(&lines), "bare frames that say when they were sent");
    let sent_ts = values(&lab.open(), Table::Deltas, &["sent_ts", "recv_ts"]);
    assert!(sent_ts.iter().all(|row| row[0] == row[1] && row[0] != "null"), "{sent_ts:?}");
}

#[test]
fn frames_without_numbers_prove_nothing() {
    let lines = lines();
    let unnumbered: Vec<Line> = lines
        .iter()
        .map(|line| if line.frame.contains(r#""seq""#) { line.unnumbered() } else { line.clone() })
        .collect();
    let lab = Lab::new();
    lab.import(&lab.file("a.ndjson", &capture(&unnumbered)));
    let truth = record(&lines);
    assert_eq!(book_event_counts(&lab.open()), (truth.snapshot_count(), truth.delta_count()));
    let tally = check(&lab.open(), &truth, &truth, "without numbers");
    assert!(tally.exact == 0 && tally.unproven > 100, "{tally:?}");
}

#[test]
fn whole_cents_and_contracts_are_read() {
    let frames = [
        (
            1_000,
            r#"{"type":"orderbook_snapshot","sid":1,"seq":1,"msg":{"market_ticker":"KXA-1","market_id":"m","yes":[[8,300],[22,333]],"no":[[54,20]]}}"#,
        ),
        (
            1_200,
            r#"{"type":"orderbook_delta","sid":1,"seq":2,"msg":{"market_ticker":"KXA-1","market_id":"m","price":96,"delta":54,"side":"no"}}"#,
        ),
        (
            1_300,
            r#"{"type":"orderbook_delta","sid":1,"seq":3,"msg":{"market_ticker":"KXA-1","market_id":"m","price":22,"delta":-333,"side":"yes"}}"#,
        ),
        (
            1_400,
            r#"{"type":"orderbook_delta","sid":1,"seq":4,"msg":{"market_ticker":"KXA-1","market_id":"m","price":54,"delta":-5,"side":"no"}}"#,
        ),
    ];
    let lines = frames.map(|(recv_ms, frame)| Line { recv_ms: 1_700_000_000_000 + recv_ms, frame: frame.to_owned() });
    let lab = Lab::new();
    lab.import(&lab.file("old.ndjson", &capture(&lines)));
    let truth = record(&lines);
    let tally = check(&lab.open(), &truth, &truth, "cents");
    assert!(tally.exact > 10, "{tally:?}");
    let deltas = values(&lab.open(), Table::Deltas, &["side", "price", "quantity", "ts"]);
    let expected =
        [["no", "0.9600", "54.00", "null"], ["yes", "0.2200", "-333.00", "null"], ["no", "0.5400", "-5.00", "null"]];
    assert_eq!(deltas, expected);
}

#[test]
fn what_is_no_frame_is_kept_as_it_came() {
    let mut venue = Venue::new(33);
    let lines = venue.recording(1, &TICKERS, 30);
    let odd: [&[u8]; 8] = [
        b"garbage",
        b"{\"recv_ms\":1,\"event\":",
        b"[1,2,3]",
        b"{\"recv_ms\":1786410000000,\"event\":{\"type\":\"rewrite\",\"msg\":{}}}",
        b"{\"recv_ms\":1786410000000,\"event\":{\"no\":\"type\"}}",
        b"{\"recv_ms\":\"yesterday\",\"event\":{\"type\":\"ok\"}}",
        b"{\"recv_ms\":1786410000000,\"event\":{\"type\":\"trade\",\"sid\":2,\"seq\":1,\"msg\":{\"market_ticker\":\"\xff\xfe\"}}}",
        "{\"recv_ms\":1786410000000,\"event\":{\"type\":\"überraschung\"}}".as_bytes(),
    ];
    let mut text = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if let Some(odd) = odd.get(at / 3).filter(|_| at % 3 == 0) {
            text.extend_from_slice(odd);
            text.push(b'\n');
        }
        text.extend_from_slice(line.wrapped().as_bytes());
        text.push(b'\n');
    }
    let lab = Lab::new();
    let report = lab.import(&lab.file("odd.ndjson", &text));
    assert_eq!((report.unparsed, report.events, report.control), (8, 32, 1), "{report:?}");
    assert_eq!(report.reasons.values().sum::<u64>(), 8, "{:?}", report.reasons);
    let archive = lab.open();
    let kept: Vec<String> = odd.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    assert_eq!(unparsed_lines(&archive), kept);
    let mut told = values(&archive, Table::Unparsed, &["ordinal", "origin", "reason"]);
    told.sort_by_key(|row| row[0].parse::<u64>().unwrap());
    for (at, row) in told.iter().enumerate() {
        assert!(row[1].ends_with(&format!("odd.ndjson:{}", 4 * at + 1)), "{row:?}");
    }
    assert!(told[6][2].contains("not UTF-8"), "{:?}", told[6]);
    assert!(told[3][2].contains("unknown frame type rewrite"), "{:?}", told[3]);
    // None of them could be a book event that was lost: what the numbers prove stays proven.
    let truth = record(&lines);
    let tally = check(&archive, &truth, &truth, "odd");
    assert!(tally.exact > 100 && tally.unproven == 0, "{tally:?}");
    let last = archive.latest(TICKERS[0], daybook_archive::Clock::Exchange).unwrap();
    assert_eq!(archive.book(TICKERS[0], last, daybook_archive::Clock::Exchange).unwrap().standing, Standing::Exact);

    // The same again adds nothing, not even what was not understood.
    let again = lab.import(&lab.file("again.ndjson", &[&text[..], b"\n"].concat()));
    assert_eq!((again.unparsed, again.events, again.duplicates), (0, 0, 40), "{again:?}");
}
