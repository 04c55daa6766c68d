//! The binary as a shell sees it: exit codes, what goes where, and the forms that other programs read.

#![allow(missing_docs, clippy::unwrap_used)]

mod candles;
mod damage;
mod export;
mod kill;
// Shared with the tests of captures, which use more of them.
#[allow(dead_code)]
#[path = "../captures/naive.rs"]
mod naive;
mod shell;
#[allow(dead_code)]
#[path = "../captures/wire.rs"]
mod wire;
mod words;

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::Value;

use naive::{Ladder, On, decimal, utc};
use shell::{Shell, gzip};
use wire::{Line, Venue, capture, record};

/// A recording of two markets, with a hole that ends one of the books before the end.
fn lines() -> Vec<Line> {
    let mut venue = Venue::new(51);
    let mut lines = venue.recording(1, &["KXA-1", "KXB-1"], 40);
    venue.number(1);
    lines.push(venue.snapshot(1, "KXB-1"));
    lines.extend((0..20).map(|_| venue.more(1, "KXB-1")));
    lines
}

/// A shell with an archive of that recording.
fn recorded() -> Shell {
    let shell = Shell::new();
    shell.file("capture.ndjson", &capture(&lines()));
    shell.run(&["import", "capture.ndjson"]).code(0);
    shell
}

/// An instant inside exact coverage of `KXA-1`, in nanoseconds.
fn covered() -> i64 {
    lines()[30].recv_ms * 1_000_000
}

fn text(nanos: i64) -> String {
    nanos.to_string()
}

#[test]
fn exit_codes_tell_how_it_ended() {
    let shell = recorded();
    let inside = text(covered());
    // 0: an answer, exact or not.
    shell.run(&["book", "KXA-1", "--at", &inside]).code(0).silent_on_stderr();
    shell.run(&["book", "KXB-1"]).code(0).silent_on_stderr();
    shell.run(&["--version"]).code(0).silent_on_stderr();
    let unnumbered: Vec<Line> = lines()[1..20].iter().map(Line::unnumbered).collect();
    let other = Shell::new();
    other.file("capture.ndjson", &capture(&unnumbered));
    other.run(&["import", "capture.ndjson"]).code(0);
    let answer = other
        .run(&["book", "KXA-1", "--at", &text(unnumbered[12].recv_ms * 1_000_000), "--format", "json"])
        .code(0)
        .json();
    assert_eq!((&answer["exact"], &answer["gap"]["cause"]), (&Value::from(false), &Value::from("unproven")));

    // 1: it failed.
    shell.file("afile", b"not an archive");
    shell.run(&["book", "KXA-1", "--archive", "afile"]).failed(1);
    shell.run(&["import", "capture.ndjson", "--archive", "afile"]).failed(1);
    fs::create_dir(shell.path().join("damaged")).unwrap();
    shell.file("damaged/daybook.json", b"{");
    shell.run(&["book", "KXA-1", "--archive", "damaged"]).failed(1);
    shell.run(&["import", "capture.ndjson", "--metadata", "capture.ndjson"]).failed(1);

    // 2: it was not understood.
    for wrong in [
        &["book"][..],
        &["book", "KXA-1", "--at", "yesterday"],
        &["book", "KXA-1", "--at", "20260811"],
        &["book", "KXA-1", "--depth", "-1"],
        &["book", "KXA-1", "--clock", "wall"],
        &["book", "KXA-1", "--format", "xml"],
        &["book", "KXA-1", "--what"],
        &["import"],
        &["fly"],
        &[],
    ] {
        let said = shell.run(wrong).failed(2);
        assert!(!said.contains("panicked"), "{wrong:?}: {said}");
    }

    // 3: it is not there.
    let said = shell.run(&["book", "KXNONE-1", "--at", &inside]).failed(3);
    assert!(said.contains("KXNONE-1"), "{said}");
    let said = shell.run(&["book", "KXA-1", "--archive", "nowhere"]).failed(3);
    assert!(said.contains("nowhere"), "{said}");
    assert!(!shell.path().join("nowhere").exists(), "asking makes no archive");
    shell.run(&["import", "missing.ndjson"]).failed(3);
    shell.run(&["import", "*.nothing"]).failed(3);

    // 4: incomplete. What is known is printed all the same.
    for (ticker, at) in [("KXA-1", covered() - 3_600_000_000_000), ("KXA-1", covered() + 3_600_000_000_000)] {
        let answer = shell.run(&["book", ticker, "--at", &text(at), "--format", "json"]).code(4).json();
        assert_eq!(answer["exact"], false);
        assert!(answer["gap"]["cause"].is_string());
    }
    let whole = gzip(&capture(&lines()));
    shell.file("broken.ndjson.gz", &whole[..whole.len() / 2]);
    let said = shell.run(&["import", "broken.ndjson.gz"]).code(4).stderr;
    assert!(said.contains("broken.ndjson.gz breaks off"), "{said}");
    // It is as broken when it is held already.
    shell.run(&["import", "broken.ndjson.gz"]).code(4);
}

#[test]
fn the_book_as_json_is_what_programs_rely_on() {
    let (shell, lines) = (recorded(), lines());
    let truth = record(&lines);
    let keys = [
        "ticker",
        "at",
        "clock",
        "yes",
        "no",
        "exact",
        "gap",
        "last_ts",
        "last_recv_ts",
        "last_ordinal",
        "keyframe_ts",
        "deltas_applied",
    ];
    let mut standings = BTreeSet::new();
    for (clock, on) in [("exchange", On::Exchange), ("received", On::Received)] {
        let times = naive::times(&truth.markets["KXB-1"], on);
        let around = [times[0] - 1, times[0], times[6], times[7] + 1, times[20], times[times.len() - 1], i64::MAX];
        for at in around {
            let said = shell.run(&["book", "KXB-1", "--at", &text(at), "--clock", clock, "--format", "json"]);
            let code = said.code;
            let answer = said.json();
            let object = answer.as_object().unwrap();
            assert_eq!(object.keys().collect::<Vec<_>>(), keys);
            assert_eq!((&answer["ticker"], &answer["clock"]), (&Value::from("KXB-1"), &Value::from(clock)));
            assert_eq!(time(&answer["at"]), Some(at));
            let expected = truth.book("KXB-1", on, at);
            assert_eq!(ladder(&answer["yes"]), expected.yes, "{clock} at {at}");
            assert_eq!(ladder(&answer["no"]), expected.no, "{clock} at {at}");
            let exact = answer["exact"].as_bool().unwrap();
            standings.insert(exact);
            if exact {
                assert_eq!((&answer["gap"], code), (&Value::Null, 0));
            } else {
                let gap = answer["gap"].as_object().unwrap();
                assert_eq!(gap.keys().collect::<Vec<_>>(), ["cause", "from", "to"]);
                assert!(
                    gap["cause"]
                        .as_str()
                        .is_some_and(|cause| cause.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
                );
                time(&gap["from"]);
                time(&gap["to"]);
                assert_eq!(code, if gap["cause"] == "unproven" { 0 } else { 4 });
            }
            let seen = times.partition_point(|time| *time <= at);
            let last = seen.checked_sub(1).map(|last| &truth.markets["KXB-1"][last]);
            assert_eq!(time(&answer["last_ts"]), last.and_then(|last| last.ts));
            assert_eq!(time(&answer["last_recv_ts"]), last.map(|last| last.recv));
            assert_eq!(answer["last_ordinal"].is_u64(), last.is_some());
            assert!(time(&answer["keyframe_ts"]).is_none_or(|keyframe| keyframe <= at));
            assert!(answer["deltas_applied"].as_u64().unwrap() <= seen as u64);
        }
    }
    assert_eq!(standings.len(), 2, "both kinds of answer were looked at");
}

/// A time in RFC 3339, UTC.
fn time(value: &Value) -> Option<i64> {
    let text = value.as_str()?;
    assert!(text.ends_with('Z') && text.as_bytes()[10] == b'T', "{text}");
    Some(utc(text))
}

/// A side's levels: texts of full scale, best first.
fn ladder(value: &Value) -> Ladder {
    let mut ladder = Ladder::new();
    let mut before = i64::MAX;
    for level in value.as_array().unwrap() {
        let [price, size] = &level.as_array().unwrap()[..] else { panic!("{level}") };
        let (price, size) = (price.as_str().unwrap(), size.as_str().unwrap());
        assert!(price.len() == 6 && price.as_bytes()[1] == b'.', "{price}");
        assert!(size.split_once('.').is_some_and(|(_, places)| places.len() == 2), "{size}");
        let (price, size) = (decimal(price, 4), decimal(size, 2));
        assert!(price < before, "best first");
        before = price;
        ladder.insert(price, size);
    }
    ladder
}

#[test]
fn depth_and_formats_show_the_same_book() {
    let shell = recorded();
    let at = text(covered());
    let book =
        |args: &[&str]| shell.run(&[&["book", "KXA-1", "--at", &at], args].concat()).code(0).silent_on_stderr().stdout;
    let whole: Value = serde_json::from_slice(&book(&["--format", "json"])).unwrap();
    let two: Value = serde_json::from_slice(&book(&["--format", "json", "--depth", "2"])).unwrap();
    assert!(whole["yes"].as_array().unwrap().len() > 2);
    for side in ["yes", "no"] {
        assert_eq!(two[side].as_array().unwrap()[..], whole[side].as_array().unwrap()[..2]);
    }
    let ndjson = book(&["--format", "ndjson"]);
    assert_eq!(ndjson.iter().filter(|byte| **byte == b'\n').count(), 1);
    assert_eq!(serde_json::from_slice::<Value>(&ndjson).unwrap(), whole);
    let mut rows = vec!["side,price,quantity".to_owned()];
    for side in ["yes", "no"] {
        for level in whole[side].as_array().unwrap() {
            rows.push(format!("{side},{},{}", level[0].as_str().unwrap(), level[1].as_str().unwrap()));
        }
    }
    let csv = String::from_utf8(book(&["--format", "csv"])).unwrap();
    assert_eq!(csv.lines().collect::<Vec<_>>(), rows);
    let table = String::from_utf8(book(&[])).unwrap();
    assert!(table.contains("KXA-1") && !table.contains('\u{1b}'), "no colours where nobody looks: {table}");
    for level in whole["yes"].as_array().unwrap() {
        assert!(table.contains(level[1].as_str().unwrap()), "{table}");
    }
    assert_eq!(&book(&["--format", "parquet"])[..4], b"PAR1");
    assert!(!book(&["--format", "arrow"]).is_empty());
}

#[test]
fn a_time_in_any_form_is_that_time() {
    let shell = recorded();
    // On a whole second, so that every form can say it.
    let at = covered() / 1_000_000_000 * 1_000_000_000 + 1_000_000_000;
    let (seconds, utc_text) = (at / 1_000_000_000, wire::stamp(at / 1_000));
    let (date, clock) = (&utc_text[..10], &utc_text[11..19]);
    let two_hours_on = wire::stamp(at / 1_000 + 7_200_000_000);
    let forms = [
        format!("{date}T{clock}Z"),
        format!("{date}t{clock}z"),
        format!("{date}T{clock}.000000000Z"),
        format!("{}+02:00", &two_hours_on[..19]),
        format!("{date} {clock}"),
        format!("{date} {clock}.0"),
        format!("{date} {}", &clock[..5]),
        seconds.to_string(),
        format!("{seconds}.0"),
        format!("{seconds}000"),
        format!("{seconds}000000"),
        format!("{seconds}000000000"),
    ];
    let mut answers = BTreeSet::new();
    for form in &forms {
        // A minute without seconds says this instant only on the minute.
        if form.len() == 16 && form.contains(' ') && !clock.ends_with(":00") {
            continue;
        }
        let said = shell.run(&["book", "KXA-1", "--at", form, "--format", "json"]);
        assert!([0, 4].contains(&said.code), "{form}: {}", said.stderr);
        answers.insert(String::from_utf8(said.stdout).unwrap());
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(time(&serde_json::from_str::<Value>(answers.first().unwrap()).unwrap()["at"]), Some(at));
    for relative in ["now", "now-15m", "now-1h30m", "now+2d"] {
        let answer = shell.run(&["book", "KXA-1", "--at", relative, "--format", "json"]).json();
        assert!(time(&answer["at"]).unwrap() > at, "{relative}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let shell = recorded();
    let at = text(covered());
    for args in [
        &["book", "KXA-1", "--at", &at][..],
        &["book", "KXA-1", "--at", &at, "--format", "json"],
        &["book", "KXA-1", "--at", &at, "--format", "csv"],
        &["book", "KXA-1", "--at", &at, "--format", "parquet"],
        &["import", "capture.ndjson", "--format", "json"],
        &["book", "--help"],
    ] {
        let mut child = shell.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let status = child.wait().unwrap();
        assert!(!said.contains("panicked"), "{args:?}: {said}");
        assert!(status.success() && said.is_empty() || args[0] == "import", "{args:?}: {status}: {said}");
        assert_ne!(status.code(), None, "{args:?} was killed");
    }
}

#[test]
fn standard_input_is_a_capture_too() {
    let lines = lines();
    let (text, truth) = (capture(&lines), record(&lines));
    let shell = Shell::new();
    let events = truth.delta_count() + truth.snapshot_count();
    let inputs = [text.clone(), gzip(&text), zstd::encode_all(&text[..], 3).unwrap()];
    for (at, input) in inputs.iter().enumerate() {
        let report = shell.run_with(&["import", "-", "--format", "json"], input).code(0).json();
        let source = &report["sources"][0];
        let counts = (source["events"].as_u64().unwrap(), source["duplicates"].as_u64().unwrap());
        // The second time it is the same recording, and adds nothing.
        assert_eq!(counts, if at == 0 { (events, 0) } else { (0, events) }, "{report}");
    }
    shell.file("capture.ndjson", &text);
    let report = shell.run(&["import", "capture.ndjson", "--format", "json"]).code(0).json();
    assert_eq!(report["sources"][0]["events"], 0, "{report}");
    let at = covered();
    let answer = shell.run(&["book", "KXA-1", "--at", &at.to_string(), "--format", "json"]).code(0).json();
    assert_eq!(
        (&answer["exact"], ladder(&answer["yes"])),
        (&Value::from(true), truth.book("KXA-1", On::Exchange, at).yes)
    );
}

#[test]
fn the_report_of_an_import_goes_where_it_belongs() {
    let shell = Shell::new();
    fs::create_dir(shell.path().join("in")).unwrap();
    shell.file("in/b.ndjson", &[capture(&lines()), b"garbage\n".to_vec()].concat());
    shell.file("in/a.jsonl.gz", &gzip(&capture(&lines()[..10])));
    shell.file("in/readme.txt", b"no capture");
    let said = shell.run(&["import", "in"]).code(0);
    assert!(said.stdout.is_empty(), "for people: on stderr");
    assert!(said.stderr.contains("garbage") || said.stderr.contains("1 line kept in `unparsed`"), "{}", said.stderr);
    assert!(said.stderr.contains("from 2 files"), "{}", said.stderr);
    let said = shell.run(&["import", "in/*.ndjson", "in/a.jsonl.gz"]).code(0);
    assert!(said.stderr.contains("2 files held already, unchanged"), "{}", said.stderr);
    let said = shell.run(&["import", "in", "--format", "json"]).code(0).silent_on_stderr();
    let report = said.json();
    let names: Vec<&str> =
        report["sources"].as_array().unwrap().iter().map(|source| source["source"].as_str().unwrap()).collect();
    assert_eq!(names, ["in/a.jsonl.gz", "in/b.ndjson"], "in order of their paths");
    assert!(report["sources"][0]["unchanged"].as_bool().unwrap());
}

#[test]
fn flags_name_the_fields_of_a_wrapper() {
    let lines = lines();
    let text: String =
        lines.iter().map(|line| format!("{{\"t_us\":{}000,\"body\":{}}}\n", line.recv_ms, line.frame)).collect();
    let shell = Shell::new();
    shell.file("log.jsonl", text.as_bytes());
    shell.run(&["import", "log.jsonl", "--time-field", "t_us", "--frame-field", "body"]).code(0);
    let answer = shell.run(&["book", "KXA-1", "--at", &text_of(covered()), "--format", "json"]).code(0).json();
    assert_eq!(ladder(&answer["no"]), record(&lines).book("KXA-1", On::Exchange, covered()).no);
}

fn text_of(nanos: i64) -> String {
    text(nanos)
}

#[test]
fn an_import_that_is_killed_goes_on_where_it_stopped() {
    let mut venue = Venue::new(52);
    let mut lines = venue.recording(1, &["KXA-1", "KXB-1"], 0);
    for at in 0..60_000 {
        let ticker = if at % 3 == 0 { "KXA-1" } else { "KXB-1" };
        lines.push(if at % 50 == 0 { venue.trade(2, ticker) } else { venue.delta(1, ticker) });
    }
    let (text, truth) = (capture(&lines), record(&lines));
    let mut cut_short = 0;
    for delay in [0, 100, 300, 600, 1_200] {
        let shell = Shell::new();
        shell.file("capture.ndjson", &text);
        let mut child = shell.command(&["import", "capture.ndjson"]).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        // It may have come to its end already.
        cut_short += u32::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        child.wait().unwrap();
        shell.run(&["import", "capture.ndjson"]).code(0);
        let report = shell.run(&["import", "capture.ndjson", "--format", "json"]).code(0).json();
        assert!(report["sources"][0]["unchanged"].as_bool().unwrap(), "killed after {delay} ms: {report}");
        let archive =
            daybook_archive::Archive::open(&shell.archive(), daybook_archive::OpenOptions::default()).unwrap();
        let deltas = archive
            .catalog()
            .table(daybook_archive::schema::Table::Deltas)
            .files
            .iter()
            .map(|file| file.rows)
            .sum::<u64>();
        assert_eq!(deltas, truth.delta_count(), "killed after {delay} ms");
        for ticker in ["KXA-1", "KXB-1"] {
            let arrivals = &truth.markets[ticker];
            let times = naive::times(arrivals, On::Received);
            let instants: Vec<i64> = times.iter().step_by(997).copied().collect();
            for (at, expected) in instants.iter().zip(naive::books(arrivals, On::Received, &instants)) {
                let answer = archive.book(ticker, *at, daybook_archive::Clock::Received).unwrap();
                let yes: Ladder = answer
                    .book
                    .levels(daybook_book::Side::Yes)
                    .map(|(price, size)| (i64::from(price.ten_thousandths()), size.hundredths()))
                    .collect();
                assert_eq!(yes, expected.yes, "killed after {delay} ms: {ticker} at {at}: {:?}", answer.gap);
                assert!(answer.exact, "killed after {delay} ms: {ticker} at {at}: {:?}", answer.gap);
            }
        }
    }
    assert!(cut_short > 0, "no import was cut short: the capture is too small");
}

#[test]
fn help_reads_as_it_should() {
    let shell = Shell::new();
    for command in ["book", "import"] {
        let help = shell.run(&[command, "--help"]).code(0).silent_on_stderr().stdout;
        insta::assert_snapshot!(format!("help_{command}"), String::from_utf8(help).unwrap());
    }
}

#[test]
fn what_comes_through_a_pipe_can_be_read_while_it_is_open() {
    let shell = Shell::new();
    let command = &mut shell.command(&["import", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let lines = lines();
    let text = capture(&lines);
    // The second part ends in the midst of a line, which is none yet.
    let (first, rest) = text.split_at(text.len() / 3);
    let (second, rest) = rest.split_at(text.len() / 3);
    let mut written = 0;
    for part in [first, second] {
        pipe.write_all(part).unwrap();
        written += part.len();
        let whole = text[..written].iter().filter(|byte| **byte == b'\n').count();
        let last = lines[..whole].iter().rfind(|line| line.frame.contains("KXA-1")).unwrap();
        let began = Instant::now();
        loop {
            let told = shell.run(&["deltas", "KXA-1", "--format", "ndjson"]);
            let seqs: Vec<u64> = String::from_utf8_lossy(&told.stdout)
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap()["seq"].as_u64().unwrap())
                .collect();
            if seqs.last().is_some_and(|seq| last.frame.contains(&format!(r#""seq":{seq},"#))) {
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "of {whole} lines, seen: {seqs:?}, {}", told.stderr);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    pipe.write_all(rest).unwrap();
    drop(pipe);
    assert!(child.wait().unwrap().success());
    let deltas = shell.run(&["deltas", "KXA-1", "--format", "ndjson"]).code(0);
    let sent = lines.iter().filter(|line| line.frame.contains("orderbook_delta") && line.frame.contains("KXA-1"));
    assert_eq!(deltas.stdout.iter().filter(|byte| **byte == b'\n').count(), sent.count());
    // The same bytes in a file are the same source.
    shell.file("piped.ndjson", &text);
    let again = shell.run(&["import", "piped.ndjson"]).code(0);
    assert!(again.stderr.contains("held already, unchanged"), "{}", again.stderr);
}

#[test]
fn a_pruned_archive_answers_from_its_horizon_on() {
    let mut venue = Venue::new(52);
    let mut lines = venue.recording(1, &["KXA-1", "KXB-1"], 40);
    // On the next day, one of the markets is quiet.
    venue.now += 86_400_000_000;
    lines.extend((0..20).map(|_| venue.more(1, "KXA-1")));
    let (first, last) = (lines[30].recv_ms * 1_000_000, lines.last().unwrap().recv_ms * 1_000_000);
    let shell = Shell::new();
    shell.file("capture.ndjson", &capture(&lines));
    shell.run(&["import", "capture.ndjson"]).code(0);
    let answer = |ticker: &str, at: i64| {
        let said = shell.run(&["book", ticker, "--at", &text(at), "--clock", "received", "--format", "json"]);
        (said.code, said.json())
    };
    let asked = [("KXA-1", last - 1_500_000_000), ("KXB-1", last - 1_500_000_000), ("KXA-1", last)];
    let before = asked.map(|(ticker, at)| answer(ticker, at));
    assert_eq!(answer("KXA-1", first).0, 0);

    for (wrong, word) in [
        (&["prune"][..], "--before"),
        (&["prune", "--keep", "soon"], "90d"),
        (&["prune", "--keep", "9y"], "90d"),
        (&["prune", "--keep", "99999999999999d"], "too long"),
        (&["prune", "--keep", "90d", "--before", "2026-08-12"], "--keep"),
        (&["prune", "--before", "2099-01-01"], "has not begun"),
        (&["prune", "--before", "2099-01-01", "--dry-run"], "has not begun"),
        (&["prune", "--keep", "1d", "--format", "csv"], "json"),
    ] {
        let said = shell.run(wrong).failed(2);
        assert!(said.contains(word), "{wrong:?}: {said}");
    }
    shell.run(&["prune", "--keep", "1d", "--archive", "nowhere"]).failed(3);

    let horizon = ["--before", "2026-08-12T15:00:00Z"];
    let dry = shell.run(&["prune", horizon[0], horizon[1], "--dry-run", "--format", "json"]).code(0).json();
    assert_eq!((&dry["horizon"], &dry["dry_run"]), (&Value::from("2026-08-12"), &Value::from(true)));
    assert_eq!((&dry["days"], &dry["books_carried"]), (&serde_json::json!(["2026-08-11"]), &Value::from(2)));
    assert!(dry["rows"].as_u64().unwrap() > 30 && dry["bytes"].as_u64().unwrap() > 0);
    assert_eq!(answer("KXA-1", first).0, 0, "a dry run changes nothing");
    let said = shell.run(&["prune", horizon[0], horizon[1]]).code(0);
    assert!(said.stdout.is_empty());
    assert!(said.stderr.starts_with("1 day dropped, 2026-08-11: "), "{}", said.stderr);
    assert!(said.stderr.contains("2 books go on at 2026-08-12") && said.stderr.contains("--vacuum"), "{}", said.stderr);
    let said = shell.run(&["prune", horizon[0], horizon[1]]).code(0).stderr;
    assert_eq!(said, "nothing is held of the days before 2026-08-12\n");

    let stripped = |(code, mut answer): (i32, Value)| {
        // How the book was found, and since when that is exact, is not part of what it is.
        for key in ["keyframe_ts", "deltas_applied"] {
            answer.as_object_mut().unwrap().remove(key);
        }
        (code, answer)
    };
    let check = || {
        for ((ticker, at), before) in asked.iter().zip(&before) {
            assert_eq!(stripped(answer(ticker, *at)), stripped(before.clone()), "{ticker} at {at}");
        }
        let (code, gone) = answer("KXA-1", first);
        assert_eq!((code, &gone["gap"]["cause"]), (4, &Value::from("pruned")));
        assert_eq!((&gone["exact"], &gone["yes"]), (&Value::from(false), &serde_json::json!([])));
        shell.run(&["verify", "--deep"]).code(0);
    };
    check();
    shell.run(&["compact", "--vacuum", "now+1h"]).code(0);
    check();
    // What was imported is still known.
    shell.run(&["import", "capture.ndjson"]).code(0);
    check();
}
