use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn micros(at: i64) -> ExchangeTime {
    ExchangeTime::from_micros(at)
}

fn text(sid: u32, seq: u64) -> String {
    format!(r#"{{"type":"orderbook_delta","sid":{sid},"seq":{seq},"msg":{{"market_ticker":"Ä-1"}}}}"#)
}

fn output(frames: &[(u32, u64)]) -> Output {
    let mut output = Output::new();
    for &(sid, seq) in frames {
        output.push(Frame { text: text(sid, seq).as_bytes(), about: About { sid, seq, market: None } });
    }
    output
}

fn seqs(output: &Output, sid: u32) -> Vec<u64> {
    output.frames().filter(|frame| frame.about.sid == sid).map(|frame| frame.about.seq).collect()
}

/// What comes out of one subscription when its second frame is treated; the other subscription is left alone.
fn treated(treatment: Treatment) -> (Stage, Output) {
    let (mut stage, mut out) = (Stage::default(), Output::new());
    let frames = output(&[(1, 1), (1, 2), (2, 1), (1, 3), (1, 4)]);
    let treat = |frame: &Frame<'_>| (frame.about.sid == 1 && frame.about.seq == 2).then_some(treatment);
    stage.pass(&frames, &mut out, micros(0), treat, |_| {});
    assert_eq!(seqs(&out, 2), [1]);
    (stage, out)
}

#[test]
fn each_treatment_does_what_it_says() {
    for (treatment, comes) in [
        (Treatment::Drop, &[1, 3, 4][..]),
        (Treatment::Duplicate, &[1, 2, 2, 3, 4]),
        (Treatment::Reorder, &[1, 3, 2, 4]),
        (Treatment::Malform, &[1, 2, 3, 4]),
        (Treatment::Delay(micros(10)), &[1]),
    ] {
        let (mut stage, out) = treated(treatment);
        assert_eq!(seqs(&out, 1), comes, "{treatment:?}");
        for frame in out.frames() {
            let whole = text(frame.about.sid, frame.about.seq);
            let is_cut = treatment == Treatment::Malform && (frame.about.sid, frame.about.seq) == (1, 2);
            assert_eq!(frame.text != whole.as_bytes(), is_cut);
            assert!(whole.as_bytes().starts_with(frame.text));
        }
        if let Treatment::Delay(until) = treatment {
            assert_eq!(stage.next(), Some(until));
            let mut out = Output::new();
            stage.pass(&output(&[(1, 5)]), &mut out, micros(9), |_| None, |_| {});
            assert!(out.is_empty());
            stage.pass(&output(&[(1, 6)]), &mut out, micros(10), |_| None, |_| {});
            assert_eq!(seqs(&out, 1), [2, 3, 4, 5, 6]);
        }
        assert!(stage.is_empty());
    }
}

#[test]
fn what_is_held_back_goes_before_the_end() {
    let (mut stage, mut out) = (Stage::default(), Output::new());
    let treat = |frame: &Frame<'_>| match frame.about.seq {
        1 => Some(Treatment::Reorder),
        _ => None,
    };
    stage.pass(&output(&[(1, 1)]), &mut out, micros(0), treat, |_| panic!("nothing came after it"));
    assert!(out.is_empty() && !stage.is_empty() && stage.next().is_none());
    stage.end(&mut out);
    assert_eq!(seqs(&out, 1), [1]);
    assert!(stage.is_empty());
}

#[test]
fn a_delay_ends_when_too_much_waits() {
    let (mut stage, mut out) = (Stage::default(), Output::new());
    let large = vec![b'x'; MOST_BYTES / 4];
    for seq in 1..=5 {
        let mut frames = Output::new();
        frames.push(Frame { text: &large, about: About { sid: 1, seq, market: None } });
        assert!(out.is_empty());
        let treat = |_: &Frame<'_>| (seq == 1).then_some(Treatment::Delay(micros(1_000)));
        stage.pass(&frames, &mut out, micros(0), treat, |_| {});
    }
    assert_eq!(seqs(&out, 1), [1, 2, 3, 4, 5]);
    assert!(stage.is_empty());
}

#[test]
fn a_cut_is_at_a_character() {
    assert_eq!(cut("aä".as_bytes()), b"a");
    assert_eq!(cut("ää".as_bytes()), "ä".as_bytes());
    assert_eq!(cut("äää".as_bytes()), "ä".as_bytes());
}

fn any_treatment() -> impl Strategy<Value = Option<Treatment>> {
    prop_oneof![
        6 => Just(None),
        1 => Just(Some(Treatment::Drop)),
        1 => Just(Some(Treatment::Duplicate)),
        1 => Just(Some(Treatment::Reorder)),
        1 => Just(Some(Treatment::Malform)),
        1 => (0i64..40).prop_map(|until| Some(Treatment::Delay(micros(until)))),
    ]
}

proptest! {
    /// Frames that are not treated come out once, unchanged, and in order on each subscription.
    #[test]
    fn the_others_are_left_alone(
        batches in prop::collection::vec(prop::collection::vec((1u32..4, any_treatment()), 0..12), 1..12),
    ) {
        let (mut stage, mut all) = (Stage::default(), Output::new());
        let mut given: BTreeMap<(u32, u64), Option<Treatment>> = BTreeMap::new();
        let mut numbers = [0u64; 4];
        for (turn, batch) in batches.iter().enumerate() {
            let mut frames = Vec::new();
            for &(sid, treatment) in batch {
                numbers[sid as usize] += 1;
                frames.push((sid, numbers[sid as usize]));
                given.insert((sid, numbers[sid as usize]), treatment);
            }
            let treat = |frame: &Frame<'_>| given[&(frame.about.sid, frame.about.seq)];
            stage.pass(&output(&frames), &mut all, micros(turn as i64 * 5), treat, |_| {});
        }
        stage.end(&mut all);
        prop_assert!(stage.is_empty());
        for sid in 1..4 {
            let untouched = given.iter().filter(|(key, what)| key.0 == sid && what.is_none());
            let untouched: Vec<u64> = untouched.map(|(key, _)| key.1).collect();
            let out: Vec<u64> = seqs(&all, sid).into_iter().filter(|&seq| given[&(sid, seq)].is_none()).collect();
            prop_assert_eq!(out, untouched);
        }
        for frame in all.frames() {
            let whole = text(frame.about.sid, frame.about.seq);
            let is_cut = given[&(frame.about.sid, frame.about.seq)] == Some(Treatment::Malform);
            prop_assert_eq!(frame.text == whole.as_bytes(), !is_cut);
        }
        // Nothing is lost but what was to be, and nothing comes twice but what was to.
        for (&(sid, seq), treatment) in &given {
            let times = seqs(&all, sid).iter().filter(|&&other| other == seq).count();
            let wanted = match treatment { Some(Treatment::Drop) => 0, Some(Treatment::Duplicate) => 2, _ => 1 };
            prop_assert_eq!(times, wanted, "{} {} {:?}", sid, seq, treatment);
        }
    }
}
