//! REST answers of the real venue, where there are captures of them.

#[path = "../captures/mod.rs"]
#[allow(dead_code, reason = "another test reads the frames")]
mod captures;

use std::{collections::BTreeSet, fs};

use daybook_kalshi::rest::events::EventAnswer;
use serde_json::{Value, json};

use crate::coverage::same;

/// Fields that the venue has given up since, and that come as unknown ones.
const GIVEN_UP: [&str; 2] = ["available_on_brokers", "liquidity_dollars"];

#[test]
fn events_of_august_2026_are_read() {
    let Some(root) = captures::root() else { return };
    let mut answers = 0;
    for path in captures::files(&root, ".json") {
        let document: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let mut answer = document["response"].clone();
        for market in answer["markets"].as_array_mut().unwrap() {
            // Came on 2026-10-01.
            market["settlement_bounds_type"] = json!("default");
        }
        let read: EventAnswer =
            serde_json::from_str(&answer.to_string()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut unknown: BTreeSet<_> = read.extra.keys().chain(read.event.extra.keys()).cloned().collect();
        unknown.extend(read.markets.iter().flat_map(|market| market.extra.keys().cloned()));
        assert!(unknown.iter().all(|field| GIVEN_UP.contains(&&**field)), "{}: {unknown:?}", path.display());

        let written = serde_json::to_value(&read).unwrap();
        assert!(same(&answer, &written), "{}: read {answer}\nwrote {written}", path.display());
        answers += 1;
    }
    assert!(answers > 0, "no answer in {}", root.display());
}
