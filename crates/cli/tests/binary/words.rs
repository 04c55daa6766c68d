//! What the commands say, to whom, and what they refuse to say.

use std::io;

use serde_json::Value;

use crate::{
    covered, lines, recorded,
    shell::{Said, Shell},
    text,
    wire::{Line, Venue, capture},
};

#[test]
fn nothing_panics_where_nobody_reads() {
    let shell = recorded();
    for (args, code) in [
        (&["candles", "KXA-1"][..], 0),
        (&["candles", "KXA-1", "--start", "2026-08-10", "--end", "2026-08-12"], 4),
        (&["trades", "KXA-1", "--start", "2026-08-10"], 4),
        (&["book", "KXNONE-1"], 3),
        (&["import", "capture.ndjson"], 0),
        (&["import", "capture.ndjson", "--format", "json"], 0),
        (&["verify"], 0),
        (&["compact"], 0),
        (&["export", "KXA-1", "a.csv"], 0),
        (&["prune", "--before", "2026-08-01", "--dry-run"], 0),
        (&["prune", "--before", "2026-08-12"], 0),
        (&["fly"], 2),
    ] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let command = &mut shell.command(args);
        let status = command.stdout(writer.try_clone().unwrap()).stderr(writer).status().unwrap();
        assert_eq!(status.code(), Some(code), "{args:?}");
    }
}

#[test]
fn a_report_comes_as_text_or_json() {
    let shell = Shell::new();
    shell.file("capture.ndjson", &capture(&lines()));
    for command in [&["verify"][..], &["import", "capture.ndjson"], &["compact"], &["prune", "--keep", "1d"]] {
        for format in ["csv", "parquet", "arrow"] {
            let said = shell.run(&[command, &["--format", format]].concat()).failed(2);
            assert!(said.contains("table, json or ndjson") && said.contains(format), "{command:?}: {said}");
        }
    }
    assert!(!shell.path().join("data").exists(), "nothing was done");
    shell.run(&["import", "capture.ndjson"]).code(0);
    let report = shell.run(&["compact", "--format", "json"]).code(0).silent_on_stderr().json();
    assert_eq!((&report["files_before"], &report["vacuumed"]), (&Value::from(0), &Value::Null));
    let report = shell.run(&["compact", "--vacuum", "now", "--format", "json"]).code(0).silent_on_stderr().json();
    assert!(report["vacuumed"]["files"].is_u64(), "{report}");
    let said = shell.run(&["compact", "--min-files", "0"]).failed(2);
    assert!(said.contains("--min-files"), "{said}");
}

#[test]
fn somebodys_own_key_is_not_written_over() {
    let shell = Shell::new();
    shell.file("own.pem", b"a key that cannot be had again");
    let exchange = ["exchange", "--markets", "0", "--listen", "127.0.0.1:0", "--credentials", "own.json"];
    let said = shell.run(&exchange).failed(2);
    assert!(said.contains("own.pem, which was not written here"), "{said}");
    assert_eq!(std::fs::read(shell.path().join("own.pem")).unwrap(), b"a key that cannot be had again");
    assert!(!shell.path().join("own.json").exists());
}

#[test]
fn rows_of_a_book_that_is_not_exact_say_so() {
    let shell = recorded();
    let book = |at: i64, format: &str| shell.run(&["book", "KXA-1", "--at", &text(at), "--format", format]);
    for format in ["csv", "parquet", "arrow"] {
        book(covered(), format).code(0).silent_on_stderr();
        let said = book(covered() + 3_600_000_000_000, format).code(4).stderr;
        assert!(said.starts_with("gap: KXA-1 is not covered from ") && said.ends_with(": sequence_gap\n"), "{said}");
    }
    let unnumbered: Vec<Line> = lines()[1..20].iter().map(Line::unnumbered).collect();
    let shell = Shell::new();
    shell.file("capture.ndjson", &capture(&unnumbered));
    shell.run(&["import", "capture.ndjson"]).code(0);
    let said = shell.run(&["book", "KXA-1", "--format", "csv"]).code(0).stderr;
    assert!(said.starts_with("note: KXA-1 is unproven from "), "{said}");
}

#[test]
fn intervals_that_claim_nothing_are_not_listed() {
    let mut venue = Venue::new(55);
    let mut lines = venue.recording(1, &["KXA-1", "KXB-1"], 0);
    // What follows the snapshots was lost.
    venue.number(1);
    venue.now += 1_000_000;
    lines.extend(["KXA-1", "KXB-1"].map(|ticker| venue.snapshot(1, ticker)));
    lines.extend((0..20).map(|_| venue.more(1, "KXA-1")));
    let shell = Shell::new();
    shell.file("capture.ndjson", &capture(&lines));
    shell.run(&["import", "capture.ndjson"]).code(0);
    let rows = shell.run(&["coverage", "--format", "json"]).code(0).json();
    let rows = rows.as_array().unwrap();
    assert!(rows.len() > 2, "{rows:?}");
    for row in rows {
        let claims = row["from_ts"] != row["to_ts"] || row["from_recv_ts"] != row["to_recv_ts"];
        assert!(row["standing"] != "exact" || claims || row["ended"].is_null(), "{row}");
    }
    assert!(rows.iter().any(|row| row["standing"] == "exact"), "{rows:?}");
}

#[test]
fn messages_name_what_is_there() {
    let shell = recorded();
    let said = shell.run(&["book", "KXA-1", "--archive", "nowhere"]).failed(3);
    assert!(said.contains("`daybook import` makes one"), "{said}");
    for list in ["trades", "deltas", "candles"] {
        let said = shell.run(&[list, "KXNONE-1"]).failed(3);
        assert!(said.contains("nothing of market KXNONE-1 is recorded"), "{said}");
    }
    // No header before the error.
    let said = shell.run(&["replay", "KXA-1", "KXNONE-1"]).failed(3);
    assert!(said.contains("KXNONE-1"), "{said}");
    let help = |command: &str| -> String {
        let Said { stdout, .. } = shell.run(&[command, "--help"]).code(0);
        String::from_utf8(stdout).unwrap()
    };
    let usage = help("replay");
    assert!(usage.contains("Usage: daybook replay [OPTIONS] <TICKER|--all>"), "{usage}");
    shell.run(&["replay"]).failed(2);
    shell.run(&["replay", "KXA-1", "--all"]).failed(2);
    shell.run(&["replay", "KXA-1", "KXB-1"]).code(4);
    // Filters that could only leave nothing.
    for (command, offered) in [
        ("markets", &["--event", "--series", "--status", "--history"][..]),
        ("events", &["--event", "--series", "--history"]),
        ("settlements", &["--event", "--series", "--history"]),
        ("series", &["--series", "--history"]),
    ] {
        let help = help(command);
        for option in ["--event", "--series", "--status", "--history"] {
            assert_eq!(
                help.contains(&format!("{option} ")) || help.contains(&format!("{option}\n")),
                offered.contains(&option),
                "{help}"
            );
        }
    }
    let said = shell.run(&["import", "--metadata", "missing"]).failed(3);
    assert!(said.contains("missing"), "{said}");
}
