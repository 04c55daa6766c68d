//! The whole of a real capture, where there is one: its sequence numbers and its REST documents.

mod captures;

use std::{collections::HashMap, fs};

use daybook_kalshi::{CaptureLine, Continuity, Frame, MetadataDocument, SequenceTracker, WrapperFields};
use serde_json::Value;

#[test]
fn sequence_numbers_of_one_market_rise_and_rarely_restart() {
    let Some(lines) = captures::lines() else { return };
    let fields = WrapperFields::default();
    let mut trackers: HashMap<String, SequenceTracker> = HashMap::new();
    let mut counts: HashMap<&str, u64> = HashMap::new();
    for (file, line) in lines {
        let captured = CaptureLine::parse(&line, &fields).expect("captured lines are read");
        let frame = Frame::parse(&captured.frame).expect("captured frames are read");
        let continuity = trackers.entry(file.clone()).or_default().observe(frame.sid(), frame.seq(), frame.kind());
        let name = match continuity {
            Continuity::First => "first",
            Continuity::Contiguous => "contiguous",
            Continuity::Hole { .. } => "hole",
            Continuity::Restart => "restart",
            Continuity::Repeated | Continuity::Regressed | Continuity::Unnumbered => {
                panic!("{file}: {continuity:?} at {:?}", frame.seq())
            }
        };
        *counts.entry(name).or_default() += 1;
    }
    println!("continuity of captured frames: {counts:?}");
    assert!(counts["contiguous"] > counts["restart"]);
}

#[test]
fn captured_metadata_is_read_and_kept_whole() {
    let Some(root) = captures::root() else { return };
    let mut markets = 0;
    for path in captures::files(&root, ".json") {
        let text = fs::read(&path).expect("a captured document can be read");
        let document = MetadataDocument::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let whole: Value = serde_json::from_slice(&text).expect("a captured document is JSON");
        assert!(document.fetched_at.is_some() && document.events.len() == 1, "{}", path.display());
        for (market, value) in
            document.markets.iter().zip(whole["response"]["markets"].as_array().expect("markets are a list"))
        {
            assert_eq!(serde_json::from_str::<Value>(&market.raw).expect("canonical text is JSON"), *value);
            let settlement = market.settlement().expect("captured after settlement");
            assert_eq!(settlement.result, value["result"].as_str().expect("a result is a text"));
            assert!(settlement.settlement_value.is_some() && settlement.settlement_ts.is_some());
            assert_eq!(market.floor_strike, Some(value["floor_strike"].to_string()));
            markets += 1;
        }
    }
    assert!(markets > 0, "the captures hold no market");
    println!("{markets} captured markets read");
}
