//! How far each subscription was heard: a market of which nothing came was quiet until then, if nothing was lost.
//!
//! Only a frame proves anything, and only of the time before it: the numbers of a subscription show that none before it
//! is missing. That a connection stays open proves nothing, for a frame may be on its way, or be lost on it.

use daybook_archive::entry::Notice;
use daybook_book::{ExchangeTime, ReceivedTime};
use hashbrown::HashMap;

use crate::journal::Stream;

/// The venue's stamps run out of order by less than this between the markets of a subscription, in nanoseconds. Measured on
/// real captures, in which frames are up to some hundred milliseconds behind their neighbours.
const DISORDER_NANOS: i64 = 1_000_000_000;

#[derive(Debug, Default)]
struct Heard {
    /// The latest exchange time of any event, in nanoseconds.
    ts: i64,
    /// When the last frame came.
    recv: i64,
    told: bool,
}

/// What was heard on each subscription.
#[derive(Debug, Default)]
pub(crate) struct Hearing {
    streams: HashMap<Stream, Heard>,
}

impl Hearing {
    /// A frame came in its order.
    #[inline]
    pub(crate) fn heard(&mut self, stream: Stream, recv_ts: ReceivedTime, ts: Option<ExchangeTime>) {
        let heard = self.streams.entry(stream).or_default();
        heard.recv = heard.recv.max(recv_ts.nanos());
        heard.ts = heard.ts.max(ts.map_or(0, |ts| ts.micros().saturating_mul(1_000)));
        heard.told = false;
    }

    /// A connection is gone.
    pub(crate) fn forget(&mut self, connection: u32) {
        self.streams.retain(|stream, _| stream.0 != connection);
    }

    /// What the record can say now that it could not say before.
    pub(crate) fn notices(&mut self) -> impl Iterator<Item = Notice> {
        self.streams.iter_mut().filter(|(_, heard)| !heard.told && heard.ts > 0).map(|((connection, sid), heard)| {
            heard.told = true;
            Notice::Heard {
                connection: *connection,
                sid: Some(*sid),
                // A stamp of the future, of whatever market, proves nothing of the time until then.
                effective_nanos: heard.ts.min(heard.recv) - DISORDER_NANOS,
                recv_nanos: heard.recv,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_heard_is_told_once_and_never_beyond_the_last_frame() {
        let mut hearing = Hearing::default();
        let (recv, ts) = (ReceivedTime::from_nanos(10_000_000_000), ExchangeTime::from_micros(9_000_000));
        hearing.heard((1, 2), recv, None);
        assert_eq!(hearing.notices().count(), 0, "without a stamp nothing is known of exchange time");
        hearing.heard((1, 2), recv, Some(ts));
        let notice =
            |effective_nanos, recv_nanos| Notice::Heard { connection: 1, sid: Some(2), effective_nanos, recv_nanos };
        assert_eq!(hearing.notices().collect::<Vec<_>>(), [notice(8_000_000_000, 10_000_000_000)]);
        assert_eq!(hearing.notices().count(), 0);
        hearing.heard((1, 2), ReceivedTime::from_nanos(11_000_000_000), Some(ExchangeTime::from_micros(99_000_000)));
        assert_eq!(hearing.notices().collect::<Vec<_>>(), [notice(10_000_000_000, 11_000_000_000)]);
        hearing.heard((1, 2), recv, Some(ts));
        hearing.forget(1);
        assert_eq!(hearing.notices().count(), 0);
    }
}
