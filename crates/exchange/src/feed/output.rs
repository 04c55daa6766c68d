//! Frames on their way to one connection: one buffer of bytes, and where in it each frame ends.
//!
//! The hub appends to a connection's output, and the socket's driver takes all of it at once. What is to lose, double,
//! delay, reorder or corrupt frames sits between the two: it takes an output, walks its [`frames`](Output::frames),
//! each with the subscription, number and market that it was made for, and [`push`](Output::push)es what is to be sent
//! onto another.

use crate::engine::MarketId;

/// Frames in the order in which they are to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    bytes: Vec<u8>,
    ends: Vec<FrameEnd>,
}

/// Where a frame ends and what it is about: 24 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FrameEnd {
    end: usize,
    seq: u64,
    sid: u32,
    market: u32,
}

const NO_MARKET: u32 = u32::MAX;

/// What a frame is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The subscription; 0 for answers that concern none.
    pub sid: u32,
    /// Its number within the subscription; 0 where the channel has none.
    pub seq: u64,
    /// The market, if it is about one.
    pub market: Option<MarketId>,
}

/// One frame: the text of one WebSocket message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// JSON.
    pub text: &'a [u8],
    /// What it is about.
    pub about: About,
}

impl Output {
    /// No frames.
    pub const fn new() -> Output {
        Output { bytes: Vec::new(), ends: Vec::new() }
    }

    /// How many frames.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The length of all texts together.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Every frame, first to last.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = Frame<'_>> {
        let mut start = 0;
        self.ends.iter().map(move |at| {
            let text = &self.bytes[start..at.end];
            start = at.end;
            let market = (at.market != NO_MARKET).then_some(MarketId(at.market));
            Frame { text, about: About { sid: at.sid, seq: at.seq, market } }
        })
    }

    /// Appends a frame.
    pub fn push(&mut self, frame: Frame<'_>) {
        self.bytes.extend_from_slice(frame.text);
        self.end(frame.about);
    }

    /// Forgets every frame, keeps no more memory than that of `keep` bytes of text.
    pub fn clear(&mut self, keep: usize) {
        self.bytes.clear();
        self.ends.clear();
        self.bytes.shrink_to(keep);
        self.ends.shrink_to(keep / 64);
    }

    /// Where a frame's text is written before [`end`](Output::end) says that it is complete.
    pub(super) fn text(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// What was written since the last frame is one.
    pub(super) fn end(&mut self, about: About) {
        let market = about.market.map_or(NO_MARKET, |market| market.0);
        self.ends.push(FrameEnd { end: self.bytes.len(), seq: about.seq, sid: about.sid, market });
    }
}
