//! Whether a failed attempt may be made again, and when: decisions without I/O.

use std::time::Duration;

use super::{ErrorKind, RetrySafety};

/// The venue's code for a stamp that is too far from its own clock.
const STAMP_EXPIRED: &str = "header_timestamp_expired";

/// What to do after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Tell the caller.
    GiveUp,
    /// The venue or the way to it failed: try again after a pause, so often and not more.
    Pause,
    /// Asked too often: try again when there are tokens, however often.
    AskedTooOften,
    /// The clocks differ: set ours right and try again, once.
    SetClock,
}

/// What to do after an attempt of a call of this safety failed like that.
pub(super) fn verdict(failure: &ErrorKind, safety: RetrySafety) -> Verdict {
    let may_repeat = match safety {
        RetrySafety::Idempotent | RetrySafety::Deduplicated => true,
        RetrySafety::NotExecutedOnly => false,
    };
    match failure {
        // Nothing was sent.
        ErrorKind::Connect(_) => Verdict::Pause,
        ErrorKind::Connection(_) if may_repeat => Verdict::Pause,
        ErrorKind::Venue(answer) => match answer.status {
            429 => Verdict::AskedTooOften,
            401 if answer.has_code(STAMP_EXPIRED) => Verdict::SetClock,
            500.. if may_repeat => Verdict::Pause,
            _ => Verdict::GiveUp,
        },
        _ => Verdict::GiveUp,
    }
}

/// How long to pause before a retry, in order, as often as is retried; a quarter more or less.
#[derive(Clone, Debug)]
pub(super) struct Pauses(pub(super) Vec<Duration>);

impl Default for Pauses {
    fn default() -> Pauses {
        Pauses([1, 2, 4].map(Duration::from_secs).to_vec())
    }
}

impl Pauses {
    /// The pause before the retry with this number, from 0; `percent` of jitter is from 75 to 125.
    pub(super) fn before(&self, retry: usize, percent: u32) -> Option<Duration> {
        self.0.get(retry).map(|pause| *pause * percent / 100)
    }

    /// The pause after having been told for the `refused`th time, from 0, that one asks too often. The first time only
    /// the tokens are waited for; later somebody else seems to use them up, so that patience is needed.
    pub(super) fn after_refusal(&self, refused: usize, percent: u32) -> Duration {
        let Some(at) = refused.checked_sub(1) else { return Duration::ZERO };
        let pause = self.0.get(at).or(self.0.last()).copied().unwrap_or(Duration::from_secs(1));
        pause * percent / 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::VenueAnswer;

    fn refused(status: u16, code: Option<&str>) -> ErrorKind {
        ErrorKind::Venue(VenueAnswer { status, code: code.map(str::to_owned), ..VenueAnswer::default() })
    }

    #[test]
    fn what_may_have_been_executed_is_repeated_only_if_that_is_safe() {
        use RetrySafety::*;

        for status in [500, 502, 503, 504] {
            assert_eq!(verdict(&refused(status, None), Idempotent), Verdict::Pause);
            assert_eq!(verdict(&refused(status, None), Deduplicated), Verdict::Pause);
            assert_eq!(verdict(&refused(status, None), NotExecutedOnly), Verdict::GiveUp);
        }
        for safety in [Idempotent, Deduplicated, NotExecutedOnly] {
            for status in [301, 400, 401, 403, 404, 409, 410, 422] {
                assert_eq!(verdict(&refused(status, Some("not_found")), safety), Verdict::GiveUp, "{status}");
            }
            assert_eq!(verdict(&refused(429, None), safety), Verdict::AskedTooOften);
            assert_eq!(verdict(&refused(401, Some(STAMP_EXPIRED)), safety), Verdict::SetClock);
            let timeout = ErrorKind::Timeout { allowed: Duration::from_secs(30) };
            assert_eq!(verdict(&timeout, safety), Verdict::GiveUp);
        }
    }

    #[test]
    fn pauses_grow_and_end() {
        let pauses = Pauses::default();
        let before = |retry| pauses.before(retry, 100).map(|pause| pause.as_secs());
        assert_eq!([before(0), before(1), before(2), before(3)], [Some(1), Some(2), Some(4), None]);
        assert_eq!(pauses.before(2, 125), Some(Duration::from_secs(5)));
        let after = |refused| pauses.after_refusal(refused, 100).as_secs();
        assert_eq!([after(0), after(1), after(2), after(3), after(9)], [0, 1, 2, 4, 4]);
    }
}
