//! What a session logs about its subscriptions; [`Session`](super::Session) says which fields are stable.

use daybook_book::Ticker;
use tracing::{debug, field::display, info, trace, warn};

use super::{EndCause, Fact, GapClosed, GapOpened};

/// Logs a fact about a subscription whose last number is `seq`; others are not for here. `further`: it follows from what
/// was logged of another market.
#[cold]
#[inline(never)]
pub(super) fn fact(fact: &Fact<'_>, seq: u64, further: bool) {
    let seq = (seq != 0).then_some(seq);
    match fact {
        Fact::GapOpened(GapOpened { connection, sid, channel, markets, cause, .. }) => {
            let (channel, cause, ticker) = (channel.as_str(), cause.as_str(), only(markets));
            match further {
                false => warn!(connection, sid, seq, ticker, channel, cause, markets = markets.len(), "gap opened"),
                true => debug!(connection, sid, seq, ticker, channel, cause, markets = markets.len(), "gap opened"),
            }
        }
        Fact::GapClosed(GapClosed { connection, sid, channel, market, since, .. }) => {
            let (channel, ticker) = (channel.as_str(), market.as_ref().map(Ticker::as_str));
            match (market, since) {
                (None, _) => info!(connection, sid, seq, channel, "gap closed"),
                (Some(_), Some(_)) => debug!(connection, sid, seq, ticker, channel, "gap closed"),
                (Some(_), None) => trace!(connection, sid, seq, ticker, channel, "gap closed"),
            }
        }
        Fact::SubscriptionBegun { connection, sid, channel, .. } => {
            info!(connection, sid, channel = channel.as_str(), "subscription begun");
        }
        Fact::SubscriptionEnded { connection, sid, channel, cause, .. } => {
            let channel = channel.as_str();
            let word = cause.as_str();
            match cause {
                EndCause::Requested => info!(connection, sid, seq, channel, cause = word, "subscription ended"),
                EndCause::Terminal { code } => {
                    warn!(connection, sid, seq, channel, cause = word, code, "subscription ended");
                }
                EndCause::Renewed | EndCause::Forgotten | EndCause::Disconnected => {
                    warn!(connection, sid, seq, channel, cause = word, "subscription ended");
                }
            }
        }
        Fact::CommandRefused { connection, channel, code, message, markets, .. } => {
            let (channel, ticker, answer) = (channel.map(|channel| channel.as_str()), only(markets), display(message));
            warn!(connection, ticker, channel, code, answer, markets = markets.len(), "command refused");
        }
        _ => {}
    }
}

/// The market, if it is one.
fn only(markets: &[Ticker]) -> Option<&str> {
    match markets {
        [one] => Some(one.as_str()),
        _ => None,
    }
}
