//! The demands on the readers of Kalshi's wire: they never panic, and what they read holds together.

use std::borrow::Cow;

use daybook_kalshi::{CaptureLine, Frame, MetadataDocument, WrapperFields};
use serde_json::{Map, Value};

/// A frame: the scanner and the general reader agree, and the JSON they hand on is JSON.
pub fn frame(data: &[u8]) {
    let frame = Frame::parse(data);
    assert_eq!(frame, Frame::parse_generally(data), "the readers disagree");
    match frame {
        Ok(Frame::Event { event, extra, .. }) => {
            assert_eq!(event, event.clone().into_owned());
            if let Some(extra) = extra {
                assert_fields(&extra);
            }
        }
        Ok(_) => {}
        Err(error) => assert!(error.offset <= data.len(), "{error}"),
    }
}

/// `extra` is an object with at least one field, and names none twice.
fn assert_fields(extra: &str) {
    // A frame may hold numbers and escapes that are valid JSON but more than `Value` takes.
    if let Ok(fields) = serde_json::from_str::<Map<String, Value>>(extra) {
        assert!(!fields.is_empty(), "an empty `extra` should be none");
        let wrapped = format!("{{\"type\":\"unknown\",\"msg\":{extra}}}");
        assert!(Frame::parse(wrapped.as_bytes()).is_ok(), "{extra}");
    }
}

/// A line of a capture: the frame inside reads the same when the line is taken apart by the general way, which a
/// space before it forces.
pub fn capture_line(data: &[u8]) {
    let fields = WrapperFields::default();
    let line = CaptureLine::parse(data, &fields);
    let spaced = [b" ", data].concat();
    match (line, CaptureLine::parse(&spaced, &fields)) {
        (Ok(line), Ok(general)) => {
            assert_eq!((line.recv_ts, &line.connection), (general.recv_ts, &general.connection));
            assert_eq!(line.frame.trim_ascii(), general.frame.trim_ascii());
        }
        // The quick way does not look into the frame, but then nobody can read that frame.
        (Ok(line), Err(_)) => {
            let whole: Result<Map<String, Value>, _> = serde_json::from_slice(&line.frame);
            assert!(matches!(line.frame, Cow::Borrowed(_)) && (whole.is_err() || Frame::parse(&line.frame).is_err()));
        }
        (Err(_), Ok(_)) => panic!("refused by the quick way only"),
        (Err(_), Err(_)) => {}
    }
}

/// A REST document: canonical text is a fixed point, and describes the same object.
pub fn metadata(data: &[u8]) {
    let Ok(document) = MetadataDocument::parse(data) else { return };
    for market in &document.markets {
        let again = MetadataDocument::parse(format!("{{\"market\":{}}}", market.raw).as_bytes());
        assert_eq!(again.expect("canonical text is read").markets, std::slice::from_ref(market));
        let _ = market.settlement();
    }
    for event in &document.events {
        let again = MetadataDocument::parse(format!("{{\"event\":{}}}", event.raw).as_bytes());
        assert_eq!(again.expect("canonical text is read").events, std::slice::from_ref(event));
    }
    for series in &document.series {
        let again = MetadataDocument::parse(format!("{{\"series\":{}}}", series.raw).as_bytes());
        assert_eq!(again.expect("canonical text is read").series, std::slice::from_ref(series));
    }
}
