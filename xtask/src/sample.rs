//! `cargo xtask sample`: the capture in `examples/`, one whole connection, and the metadata of its markets.

use std::fs;
use std::path::{Path, PathBuf};

use crate::calendar::{MILLISECOND, SECOND};
use crate::error::{Error, Result};
use crate::frame_text::Wrapper;
use crate::generate::capture;
use crate::metadata;
use crate::output::{Files, Lines};
use crate::plan::{Faults, Plan};
use crate::recording::Summary;
use crate::world::World;

/// Name of the capture in the folder.
const CAPTURE: &str = "sample.ndjson.gz";
/// Name of the folder of metadata.
const METADATA: &str = "metadata";
/// How long after the recording the metadata was fetched.
const FETCHED_AFTER: i64 = 287 * SECOND + 451 * MILLISECOND;

/// The plan of the sample: about a quarter of an hour over the close of two windows and the opening of the next two.
fn plan() -> Plan {
    Plan {
        seed: 14,
        markets: 12,
        deltas: 58_000,
        // 2026-08-12T14:30:10Z
        start: 1_786_545_010 * SECOND,
        duration: 905 * SECOND,
        wrapper: Wrapper::RecvMs,
        connections: 1,
        faults: Faults::None,
        trades: true,
        clock: false,
        truth_points: 0,
    }
}

/// The repository's `examples` folder.
pub(crate) fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

/// Writes the sample and its metadata into `directory`, in place of what is there.
pub(crate) fn write(directory: &Path) -> Result<Summary> {
    fs::create_dir_all(directory).map_err(Error::at(directory))?;
    let mut files = Files::one(&directory.join(CAPTURE))?;
    let (summary, documents) = make(&mut files)?;
    files.finish()?;
    let metadata = directory.join(METADATA);
    if metadata.exists() {
        fs::remove_dir_all(&metadata).map_err(Error::at(&metadata))?;
    }
    fs::create_dir_all(&metadata).map_err(Error::at(&metadata))?;
    for (name, text) in documents {
        let path = metadata.join(name);
        fs::write(&path, text).map_err(Error::at(&path))?;
    }
    Ok(summary)
}

/// The sample's lines, and its metadata as file names with their texts.
fn make(lines: &mut dyn Lines) -> Result<(Summary, Vec<(String, String)>)> {
    let plan = plan();
    let mut world = World::new(plan.seed, plan.markets, plan.connections, plan.start, plan.end());
    let summary = capture(&plan, &mut world, lines, &mut ())?;
    let fetched_at = plan.end() + FETCHED_AFTER;
    let documents = world.events.iter().enumerate().map(|(place, event)| {
        let document = metadata::document(&world, place, fetched_at);
        (format!("{}.json", event.ticker), format!("{document:#}\n"))
    });
    Ok((summary, documents.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use std::collections::{BTreeMap, BTreeSet};
    use std::io::Read;

    const REGENERATE: &str = "examples/ differs from the generator: run `cargo xtask sample` and commit the result";

    /// Compared after decompression: what gzip makes of the same text may change with its library and the processor.
    #[test]
    fn the_committed_sample_is_what_the_generator_makes() {
        let mut lines = vec![Vec::new()];
        let (summary, documents) = make(&mut lines).unwrap();
        assert!((55_000..65_000).contains(&summary.frames), "{summary}");
        let file = fs::read(directory().join(CAPTURE)).unwrap();
        assert!(file.len() < 1_500_000, "{} bytes", file.len());
        let mut committed = Vec::new();
        GzDecoder::new(&file[..]).read_to_end(&mut committed).unwrap();
        assert!(committed == lines[0], "{REGENERATE}");
        let entries = fs::read_dir(directory().join(METADATA)).unwrap().map(|entry| entry.unwrap());
        let committed: BTreeMap<_, _> = entries
            .map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap()))
            .collect();
        assert!(committed == documents.into_iter().collect(), "{REGENERATE}");
    }

    #[test]
    fn the_metadata_describes_every_market_and_some_are_settled() {
        let (_, documents) = make(&mut ()).unwrap();
        let (mut tickers, mut results) = (BTreeSet::new(), BTreeSet::new());
        for (name, text) in documents {
            let document: serde_json::Value = serde_json::from_str(&text).unwrap();
            let event = &document["response"]["event"];
            assert_eq!(name, format!("{}.json", event["event_ticker"].as_str().unwrap()));
            for market in document["response"]["markets"].as_array().unwrap() {
                assert_eq!(market["event_ticker"], event["event_ticker"]);
                let keys: Vec<&String> = market.as_object().unwrap().keys().collect();
                assert!(keys.is_sorted());
                let settled = market["status"] == "finalized";
                assert_eq!(settled, market["result"] != "" && market["settlement_ts"] != serde_json::Value::Null);
                tickers.insert(market["ticker"].to_string());
                results.insert(market["result"].to_string());
            }
        }
        assert_eq!(tickers.len(), plan().markets);
        assert_eq!(results, ["\"\"", "\"no\"", "\"yes\""].map(String::from).into(), "unsettled, lost and won");
    }
}
