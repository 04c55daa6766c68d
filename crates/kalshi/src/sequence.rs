//! What a connection's sequence numbers prove about the frames between them.

use std::collections::HashMap;

/// Follows the sequence numbers of one connection, which the venue counts per subscription (`sid`) from 1.
///
/// Frames must come in the order of arrival. A subscription's numbers are shared by all of its markets and by its
/// control frames, so every frame of the connection must be observed, of whatever type; a capture of one market out
/// of a shared subscription shows holes where only other markets' frames are missing.
///
/// ```
/// use daybook_kalshi::{Continuity, FrameKind, SequenceTracker};
///
/// let mut tracker = SequenceTracker::default();
/// assert_eq!(tracker.observe(Some(1), Some(1), FrameKind::Snapshot), Continuity::First);
/// assert_eq!(tracker.observe(Some(1), Some(2), FrameKind::Other), Continuity::Contiguous);
/// assert_eq!(tracker.observe(Some(1), Some(5), FrameKind::Other), Continuity::Hole { missing: 2 });
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SequenceTracker {
    last: HashMap<u32, Last>,
}

/// Where a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Last {
    /// The highest number since it began.
    seq: u64,
    /// It has ended. The venue gives each of a connection's subscriptions an id of its own.
    ended: bool,
}

/// What a frame is to the sequence it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// An order book snapshot: what a connection that begins anew sends first.
    Snapshot,
    /// The end of its subscription: an `unsubscribed`, or a terminal error.
    End,
    /// Every other frame.
    Other,
}

/// How a frame's number continues its subscription's sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuity {
    /// The first number seen of this subscription. Nothing is missing before it only if it is 1.
    First,
    /// One more than the last: nothing is missing between them.
    Contiguous,
    /// Further on: that many frames of the subscription are missing.
    Hole {
        /// How many numbers were passed over.
        missing: u64,
    },
    /// The numbers began anew: another connection. What was sent in between is unknown.
    Restart,
    /// The same number again.
    Repeated,
    /// A smaller number that does not look like a restart: a frame out of its order.
    Regressed,
    /// The frame carries no number, or names no subscription: it proves nothing.
    Unnumbered,
}

/// Up to this number a frame that is no snapshot can begin a sequence anew: a capture of one market sees its first
/// trade on a new connection only after the other markets'.
const NEAR_START: u64 = 1_000;

impl SequenceTracker {
    /// Takes in one frame.
    ///
    /// With `last` the highest number since the subscription began:
    ///
    /// | the frame's number | continuity | `last` becomes |
    /// | --- | --- | --- |
    /// | none, or no `sid` | [`Unnumbered`](Continuity::Unnumbered) | stays |
    /// | any, where there is no `last` | [`First`](Continuity::First) | the number |
    /// | at most `last`, or of a snapshot, where the subscription had ended | [`Restart`](Continuity::Restart) | the number |
    /// | `last + 1` | [`Contiguous`](Continuity::Contiguous) | the number |
    /// | above that | [`Hole`](Continuity::Hole) | the number |
    /// | `last` | [`Repeated`](Continuity::Repeated) | stays |
    /// | below, of a snapshot | [`Restart`](Continuity::Restart) | the number |
    /// | below half of `last` and at most 1 000 | [`Restart`](Continuity::Restart) | the number |
    /// | any other below | [`Regressed`](Continuity::Regressed) | stays |
    ///
    /// A frame of kind [`End`](FrameKind::End) is judged so too, numbered or not; then its subscription has ended.
    ///
    /// A new connection that nobody announced can hide: if its first number is `last` it passes for a repetition,
    /// if it is higher, for a hole or a continuation. Where the connection is known, use one tracker for each.
    pub fn observe(&mut self, sid: Option<u32>, seq: Option<u64>, kind: FrameKind) -> Continuity {
        let Some(sid) = sid else { return Continuity::Unnumbered };
        let continuity = match (seq, self.last.get(&sid)) {
            (None, _) => Continuity::Unnumbered,
            (Some(_), None) => Continuity::First,
            (Some(seq), Some(&last)) => judge(seq, last, kind),
        };
        let stays = matches!(continuity, Continuity::Unnumbered | Continuity::Repeated | Continuity::Regressed);
        let ended = kind == FrameKind::End;
        if let Some(seq) = seq.filter(|_| !stays) {
            self.last.insert(sid, Last { seq, ended });
        } else if ended && let Some(last) = self.last.get_mut(&sid) {
            last.ended = true;
        }
        continuity
    }

    /// The highest number since the subscription began; `None` after its end.
    pub fn last(&self, sid: u32) -> Option<u64> {
        self.last.get(&sid).filter(|last| !last.ended).map(|last| last.seq)
    }

    /// The frame of this number is known to be read again, as in a file that holds another twice: what comes next is
    /// judged by it.
    pub fn go_back(&mut self, sid: u32, seq: u64) {
        self.last.insert(sid, Last { seq, ended: false });
    }

    /// Forgets every subscription: the connection is known to have ended.
    pub fn reset(&mut self) {
        self.last.clear();
    }
}

fn judge(seq: u64, Last { seq: last, ended }: Last, kind: FrameKind) -> Continuity {
    if ended && (seq <= last || kind == FrameKind::Snapshot) {
        Continuity::Restart
    } else if seq == last {
        Continuity::Repeated
    } else if seq > last {
        match seq - last - 1 {
            0 => Continuity::Contiguous,
            missing => Continuity::Hole { missing },
        }
    } else if kind == FrameKind::Snapshot || (seq <= NEAR_START && seq < last / 2) {
        Continuity::Restart
    } else {
        Continuity::Regressed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn observe_all(frames: &[(u64, FrameKind)]) -> Vec<Continuity> {
        let mut tracker = SequenceTracker::default();
        frames.iter().map(|&(seq, kind)| tracker.observe(Some(1), Some(seq), kind)).collect()
    }

    #[test]
    fn judges_each_row_of_its_table() {
        use Continuity::{Contiguous, First, Hole, Regressed, Repeated, Restart};
        use FrameKind::{Other, Snapshot};
        let seen = observe_all(&[
            (5_000, Snapshot),
            (5_001, Other),
            (5_004, Other),
            (5_004, Other),
            (5_003, Other),
            (5_005, Other),
            (1_001, Other),
            (4_000, Snapshot),
            (4_001, Other),
            (1_000, Other),
            (1_001, Snapshot),
            (501, Other),
            (500, Other),
        ]);
        let expected = [
            First,
            Contiguous,
            Hole { missing: 2 },
            Repeated,
            Regressed,
            Contiguous,
            Regressed,
            Restart,
            Contiguous,
            Restart,
            Contiguous,
            Regressed,
            Regressed,
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn frames_swapped_at_the_start_are_no_restart() {
        use FrameKind::Other;
        let seen = observe_all(&[(1, Other), (3, Other), (2, Other), (4, Other)]);
        assert_eq!(seen[1..], [Continuity::Hole { missing: 1 }, Continuity::Regressed, Continuity::Contiguous]);
    }

    #[test]
    fn an_end_is_judged_and_what_begins_after_it_is_another_connection() {
        let mut tracker = SequenceTracker::default();
        tracker.observe(Some(1), Some(7), FrameKind::Other);
        tracker.observe(Some(2), Some(7), FrameKind::Other);
        assert_eq!(tracker.observe(Some(1), Some(9), FrameKind::End), Continuity::Hole { missing: 1 });
        assert_eq!(tracker.last(1), None);
        assert_eq!(tracker.observe(Some(2), None, FrameKind::End), Continuity::Unnumbered);
        assert_eq!(tracker.last(2), None);
        assert_eq!(tracker.observe(Some(1), Some(1), FrameKind::Snapshot), Continuity::Restart);
        assert_eq!(tracker.observe(Some(2), Some(8), FrameKind::Other), Continuity::Contiguous);
        assert_eq!(tracker.observe(Some(2), Some(9), FrameKind::End), Continuity::Contiguous);
        assert_eq!(tracker.observe(Some(2), Some(40), FrameKind::Snapshot), Continuity::Restart);
    }

    #[test]
    fn what_is_read_again_is_judged_by_where_the_reader_went_back_to() {
        let mut tracker = SequenceTracker::default();
        tracker.observe(Some(1), Some(2_000), FrameKind::Other);
        assert_eq!(tracker.observe(Some(1), Some(1_500), FrameKind::Other), Continuity::Regressed);
        tracker.go_back(1, 1_500);
        assert_eq!(tracker.observe(Some(1), Some(1_501), FrameKind::Other), Continuity::Contiguous);
    }

    #[test]
    fn frames_without_number_or_subscription_prove_nothing() {
        let mut tracker = SequenceTracker::default();
        assert_eq!(tracker.observe(None, Some(3), FrameKind::End), Continuity::Unnumbered);
        assert_eq!(tracker.observe(Some(1), None, FrameKind::Other), Continuity::Unnumbered);
        assert_eq!(tracker, SequenceTracker::default());
        assert_eq!(tracker.observe(Some(1), Some(u64::MAX), FrameKind::Other), Continuity::First);
        tracker.reset();
        assert_eq!(tracker.observe(Some(1), Some(1), FrameKind::Other), Continuity::First);
    }

    proptest! {
        /// Several subscriptions interleaved, each complete but for the dropped frames: the holes are the drops.
        #[test]
        fn a_stream_with_dropped_frames_shows_exactly_the_holes(
            frames in prop::collection::vec((1u32..4, prop::bool::weighted(0.2), any::<bool>()), 1..400)
        ) {
            let mut tracker = SequenceTracker::default();
            let (mut sent, mut kept) = ([0u64; 4], [None::<u64>; 4]);
            for (sid, dropped, snapshot) in frames {
                let at = sid as usize;
                sent[at] += 1;
                if dropped {
                    continue;
                }
                let kind = if snapshot { FrameKind::Snapshot } else { FrameKind::Other };
                let expected = match kept[at] {
                    None => Continuity::First,
                    Some(last) if last + 1 == sent[at] => Continuity::Contiguous,
                    Some(last) => Continuity::Hole { missing: sent[at] - last - 1 },
                };
                prop_assert_eq!(tracker.observe(Some(sid), Some(sent[at]), kind), expected);
                kept[at] = Some(sent[at]);
            }
        }

        /// A reconnect: the numbers begin anew with a snapshot, and nothing after it is a hole or out of order.
        #[test]
        fn a_new_connection_is_one_restart(before in 2u64..5_000, after in 1u64..50) {
            let mut tracker = SequenceTracker::default();
            for seq in 1..=before {
                tracker.observe(Some(1), Some(seq), FrameKind::Other);
            }
            prop_assert_eq!(tracker.observe(Some(1), Some(1), FrameKind::Snapshot), Continuity::Restart);
            for seq in 2..=after {
                prop_assert_eq!(tracker.observe(Some(1), Some(seq), FrameKind::Other), Continuity::Contiguous);
            }
        }
    }
}
