use proptest::prelude::*;

use super::*;

const FRAME: &str = r#"{"type":"orderbook_delta","sid":1,"seq":2,"msg":{"market_ticker":"A-B"}}"#;

fn read(line: &str) -> (Option<i64>, String, Option<String>) {
    let line = CaptureLine::parse(line.as_bytes(), &WrapperFields::default()).unwrap();
    let frame = String::from_utf8(line.frame.into_owned()).unwrap();
    (line.recv_ts.map(ReceivedTime::nanos), frame, line.connection.map(Cow::into_owned))
}

fn refuse(line: &str) -> CaptureError {
    CaptureLine::parse(line.as_bytes(), &WrapperFields::default()).unwrap_err()
}

#[test]
fn the_usual_form_is_sliced_and_borrowed() {
    let line = format!("{{\"recv_ms\":1772600767455,\"event\":{FRAME}}}");
    let parsed = usual_form(line.as_bytes()).unwrap();
    assert!(matches!(parsed.frame, Cow::Borrowed(frame) if frame == FRAME.as_bytes()));
    assert_eq!(parsed.recv_ts, Some(ReceivedTime::from_nanos(1_772_600_767_455_000_000)));
    assert_eq!(read(&line), read(&format!("{line}\n")));
}

#[test]
fn the_usual_form_with_anything_after_the_frame_is_read_in_full() {
    for frame in [FRAME, r#"{"type":"x","msg":{"a":{"b":1},"c":2}}"#, r#"{"type":"}","msg":{}}"#] {
        for rest in ["", ",\"conn\":{}", ",\"meta\":{\"a\":{}}", " , \"meta\":{\"a\":{}}"] {
            let line = format!("{{\"recv_ms\":5,\"event\":{frame}{rest}}}");
            assert_eq!(read(&line), (Some(5_000_000), frame.to_owned(), None), "{line}");
        }
    }
}

#[test]
fn every_unit_and_form_of_the_receive_time() {
    for (field, value, nanos) in [
        ("recv_ms", "1772600767455", 1_772_600_767_455_000_000),
        ("recv_ms", "1772600767455.25", 1_772_600_767_455_250_000),
        ("recv_us", "1772600767455123", 1_772_600_767_455_123_000),
        ("recv_ns", "1772600767455123456", 1_772_600_767_455_123_456),
        ("recv_ns", "\"1772600767455123456\"", 1_772_600_767_455_123_456),
        ("recv_ms", "5", 5_000_000),
        ("ts", "1772600767", 1_772_600_767_000_000_000),
        ("ts", "1772600767.4551234567899", 1_772_600_767_455_123_456),
        ("ts", "1772600767455", 1_772_600_767_455_000_000),
        ("ts", "1772600767455123", 1_772_600_767_455_123_000),
        ("ts", "1772600767455123456", 1_772_600_767_455_123_456),
        ("ts", "-1.5", -1_500_000_000),
        ("received_at", "\"2026-03-04T05:06:07.455123456Z\"", 1_772_600_767_455_123_456),
        ("received_at", "\"2026-03-04T07:06:07.455+02:00\"", 1_772_600_767_455_000_000),
        ("recv_ts", "\"1772600767.5\"", 1_772_600_767_500_000_000),
    ] {
        let line = format!("{{\"{field}\":{value},\"frame\":{FRAME}}}");
        assert_eq!(read(&line), (Some(nanos), FRAME.to_owned(), None), "{line}");
    }
}

#[test]
fn refuses_times_that_are_none_or_out_of_range() {
    for (field, value) in [
        ("recv_ms", "\"soon\""),
        ("recv_ms", "true"),
        ("recv_ms", "\"\""),
        ("recv_ms", "1e3"),
        ("recv_ms", "9223372036855"),
        ("recv_ns", "9223372036854775808"),
        ("recv_ns", "99999999999999999999999999999999999999999999"),
        ("ts", "\"2026-03-04T05:06:07\""),
        ("ts", "\"2263-01-01T00:00:00Z\""),
    ] {
        let error = refuse(&format!("{{\"{field}\":{value},\"event\":{FRAME}}}"));
        assert!(matches!(&error, CaptureError::Time { field: named, .. } if named == field), "{value}: {error}");
    }
}

#[test]
fn a_frame_in_a_text_is_unescaped() {
    let text = serde_json::to_string(FRAME).unwrap();
    assert_eq!(read(&format!("{{\"raw\":{text},\"recv_ns\":7}}")), (Some(7), FRAME.to_owned(), None));
    assert_eq!(read(&format!("{{\"type\":\"ws\",\"data\":{text}}}")), (None, FRAME.to_owned(), None));
}

#[test]
fn bare_frames_are_themselves() {
    for frame in [
        FRAME,
        r#"{"id":102,"sid":2,"seq":7,"type":"unsubscribed"}"#,
        r#"{"type":"ok","id":3,"msg":[{"channel":"ticker","sid":2}]}"#,
        r#"{"type":"error","msg":{"code":7,"msg":"{\"type\":1}"}}"#,
        r#"{"type":"x","msg":{"type":"y"}}"#,
    ] {
        assert_eq!(read(frame), (None, frame.to_owned(), None));
    }
}

#[test]
fn a_frame_with_the_capture_s_own_fields_written_into_it_is_cut_free() {
    let line = r#"{"recv_ns":7,"type":"trade","sid":1,"conn":2,"msg":{"ts":1}}"#;
    assert_eq!(read(line), (Some(7), r#"{"type":"trade","sid":1,"msg":{"ts":1}}"#.to_owned(), Some("2".to_owned())));
}

#[test]
fn a_wrapper_may_have_a_type_of_its_own() {
    let line = format!("{{\"ts\":1,\"type\":\"ws\",\"msg\":{FRAME}}}");
    assert_eq!(read(&line), (Some(1_000_000_000), FRAME.to_owned(), None));
}

#[test]
fn connections_have_labels() {
    for (label, expected) in [
        ("\"conn\":\"a\\u0062\"", Some("ab")),
        ("\"connection_id\":17", Some("17")),
        ("\"connection\":null,\"conn_id\":3", Some("3")),
        ("\"conn\":1.5", None),
        ("\"other\":1", None),
    ] {
        let (_, _, connection) = read(&format!("{{{label},\"recv_ms\":1,\"msg\":{FRAME}}}"));
        assert_eq!(connection.as_deref(), expected, "{label}");
    }
}

#[test]
fn names_can_be_chosen() {
    let fields = WrapperFields { time: vec!["when_us".into()], frame: vec!["what".into()] };
    let line = format!("{{\"when_us\":3,\"recv_ms\":1,\"event\":{{}},\"what\":{FRAME}}}");
    let parsed = CaptureLine::parse(line.as_bytes(), &fields).unwrap();
    assert_eq!((parsed.recv_ts, &*parsed.frame), (Some(ReceivedTime::from_nanos(3_000)), FRAME.as_bytes()));
    let usual = format!("{{\"recv_ms\":1,\"event\":{FRAME}}}");
    assert!(CaptureLine::parse(usual.as_bytes(), &fields).is_err());
}

#[test]
fn lines_without_a_frame_say_what_is_wrong() {
    assert!(matches!(refuse(""), CaptureError::Malformed { offset: 0, .. }));
    assert!(matches!(refuse("[1]"), CaptureError::Malformed { .. }));
    assert!(matches!(refuse("{\"recv_ms\":1"), CaptureError::Malformed { offset: 12, .. }));
    assert!(matches!(refuse("{\"recv_ms\":1,\"recv_ms\":2}"), CaptureError::Malformed { .. }));
    assert!(matches!(refuse("{\"recv_ms\":1,\"event\":[]}"), CaptureError::NoFrame { .. }));
    let error = CaptureLine::parse(b"{\"\xff\":1}", &WrapperFields::default()).unwrap_err();
    assert_eq!(error, CaptureError::NotUtf8 { offset: 2 });
}

proptest! {
    /// Whatever the frame and whatever stands beside it: where both paths take a line, they take it alike.
    #[test]
    fn the_fast_path_agrees_with_the_full_reading(
        millis in 0u64..20_000_000_000_000,
        frame in r#"\{("[a-z}]{0,3}":(1|"[{} ]?"|\{("a":\{?\}?)?\}),?){0,3}\}"#,
        rest in r#"(, ?"[a-z]{1,4}":\{(\{|\}|"k":\{\})?\}?)?"#,
    ) {
        let line = format!("{{\"recv_ms\":{millis},\"event\":{frame}{rest}}}");
        let fields = WrapperFields::default();
        let full = any_form(line.as_bytes(), &fields);
        match (usual_form(line.as_bytes()), full) {
            (Some(fast), Ok(full)) => prop_assert_eq!(fast, full),
            // The fast path does not read the frame: what it slices out of a broken line is no JSON either.
            (Some(fast), Err(_)) => prop_assert!(
                serde_json::from_slice::<serde_json::Value>(&fast.frame).is_err() || crate::Frame::parse(&fast.frame).is_err()
            ),
            (None, _) => {}
        }
    }

    #[test]
    fn never_panics(line in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = CaptureLine::parse(&line, &WrapperFields::default());
    }
}
