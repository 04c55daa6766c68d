//! One connection: its subscriptions, and the frames that it has waiting.

use std::sync::Arc;

use daybook_book::ExchangeTime;
use daybook_kalshi::Channel;
use tokio::sync::Notify;

use super::Standing;
use crate::{
    engine::{AccountId, MarketId, Owner},
    feed::{About, ErrorCode, Limits, Output, encode::Encode, limits::Rate, subscription::Subscription},
};

/// What a connection is closed with when it lets too much wait: it broke the venue's policy.
const TOO_SLOW: u16 = 1008;

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) account: Option<AccountId>,
    /// The only subaccount of which it is told in private; all of them without.
    pub(super) subaccount: Option<u8>,
    /// At most one of each channel.
    pub(super) subscriptions: [Option<Box<Subscription>>; Channel::ALL.len()],
    pub(super) rate: Rate,
    pub(super) refuse_next: Option<ErrorCode>,
    next_sid: u32,
    most_bytes: usize,
    output: Output,
    closing: Option<u16>,
    wake: Arc<Notify>,
}

/// What an answer begins with.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Head<'a> {
    pub(super) frame_type: &'a str,
    /// The command's.
    pub(super) id: Option<u64>,
    /// 0 where it concerns none.
    pub(super) sid: u32,
    /// 0 where it has none.
    pub(super) seq: u64,
    pub(super) market: Option<MarketId>,
}

impl Connection {
    pub(super) fn new(account: Option<AccountId>, limits: &Limits, wake: Arc<Notify>, at: ExchangeTime) -> Connection {
        Connection {
            account,
            subaccount: None,
            subscriptions: Default::default(),
            rate: Rate::full(limits.commands_per_second, at),
            refuse_next: None,
            next_sid: 1,
            most_bytes: limits.connection_bytes,
            output: Output::new(),
            closing: None,
            wake,
        }
    }

    /// Whether it may be told what is this owner's alone.
    pub(super) fn is_of(&self, owner: Owner) -> bool {
        self.account == Some(owner.account) && self.subaccount.is_none_or(|only| only == owner.subaccount)
    }

    /// A number for a new subscription.
    pub(super) fn next_sid(&mut self) -> u32 {
        self.next_sid += 1;
        self.next_sid - 1
    }

    /// The channel of a subscription.
    pub(super) fn channel_of(&self, sid: u64) -> Option<Channel> {
        self.held().find(|(_, held)| u64::from(held.sid) == sid).map(|(channel, _)| channel)
    }

    /// Its subscriptions, in the channels' order.
    pub(super) fn held(&self) -> impl Iterator<Item = (Channel, &Subscription)> {
        Channel::ALL
            .into_iter()
            .zip(&self.subscriptions)
            .filter_map(|(channel, held)| Some((channel, held.as_deref()?)))
    }

    pub(super) fn subscription(&mut self, channel: Channel) -> Option<&mut Subscription> {
        self.subscriptions[channel as usize].as_deref_mut()
    }

    pub(super) fn close(&mut self, code: u16) {
        self.closing.get_or_insert(code);
        self.wake();
    }

    /// Lets its driver look what there is.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Bytes that it has waiting.
    pub(super) fn waiting(&self) -> usize {
        self.output.bytes()
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    pub(super) fn drain(&mut self, output: &mut Output) -> Standing {
        std::mem::swap(&mut self.output, output);
        for subscription in self.subscriptions.iter_mut().flatten() {
            subscription.waiting = 0;
        }
        self.closing.map_or(Standing::Open, Standing::Closing)
    }

    /// Sends what was published: a message with its end, `body`, behind a head of its own. `false` if there is no room
    /// for it: then nothing was sent, and no number used.
    #[inline]
    pub(super) fn tell(
        &mut self,
        channel: Channel,
        frame_type: &str,
        market: Option<MarketId>,
        body: &[u8],
        most: usize,
    ) -> bool {
        let Some(subscription) = self.subscriptions[channel as usize].as_deref_mut() else { return true };
        if self.closing.is_some() {
            return true;
        }
        if subscription.waiting + body.len() > most {
            return false;
        }
        let (sid, seq) = (subscription.sid, subscription.number(channel));
        let out = self.output.text();
        let start = out.len();
        out.reserve(body.len() + 96);
        out.raw(b"{\"type\":\"");
        out.raw(frame_type.as_bytes());
        out.raw(b"\",\"sid\":");
        out.int(sid);
        if seq != 0 {
            out.raw(b",\"seq\":");
            out.int(seq);
        }
        out.raw(b",\"msg\":");
        out.raw(body);
        subscription.waiting += out.len() - start;
        self.end(About { sid, seq, market });
        true
    }

    /// Sends an answer: what `rest` writes between the head and the end, which begins with a comma.
    pub(super) fn answer(&mut self, head: Head<'_>, at: ExchangeTime, rest: impl FnOnce(&mut Vec<u8>)) {
        if self.closing.is_some() {
            return;
        }
        let out = self.output.text();
        out.raw(b"{\"type\":\"");
        out.raw(head.frame_type.as_bytes());
        out.raw(b"\"");
        for (key, value) in
            [(b",\"id\":".as_slice(), head.id.unwrap_or(0)), (b",\"sid\":", head.sid.into()), (b",\"seq\":", head.seq)]
        {
            if value != 0 {
                out.raw(key);
                out.int(value);
            }
        }
        rest(out);
        tail(out, at);
        self.end(About { sid: head.sid, seq: head.seq, market: head.market });
        if self.output.bytes() > self.most_bytes {
            self.close(TOO_SLOW);
        }
    }

    /// Sends an error: about a command, or a subscription, or a command about a subscription.
    pub(super) fn refuse(
        &mut self,
        id: Option<u64>,
        channel: Option<Channel>,
        code: ErrorCode,
        tickers: &[&str],
        at: ExchangeTime,
    ) {
        let numbered =
            channel.and_then(|channel| self.subscription(channel).map(|held| (held.sid, held.number(channel))));
        let (sid, seq) = numbered.unwrap_or_default();
        self.answer(Head { frame_type: "error", id, sid, seq, market: None }, at, |out| {
            out.raw(b",\"msg\":{\"code\":");
            out.int(code.number());
            out.raw(b",\"msg\":");
            out.json(code.text());
            if !tickers.is_empty() {
                out.raw(b",\"market_tickers\":");
                out.json(tickers);
            }
            out.raw(b"}");
        });
    }

    #[inline]
    fn end(&mut self, about: About) {
        let first = self.output.is_empty();
        self.output.end(about);
        if first {
            self.wake.notify_one();
        }
    }
}

/// What every frame ends with.
pub(super) fn tail(out: &mut Vec<u8>, at: ExchangeTime) {
    out.raw(b",\"sending_ts_ms\":");
    out.int(at.micros().div_euclid(1_000));
    out.raw(b"}");
}
