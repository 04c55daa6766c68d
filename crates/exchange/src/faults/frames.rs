//! What faults do to frames: a stage between the hub and one socket. Pure.

use std::collections::{BTreeMap, VecDeque};

use daybook_book::ExchangeTime;

use crate::feed::{About, Frame, Output};

/// So much of a subscription is held back at most, in bytes: what a delay would hold beyond it ends the delay.
const MOST_BYTES: usize = 16 << 20;

/// What is done to one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// It is lost.
    Drop,
    /// It is sent twice.
    Duplicate,
    /// It is held back until then, and all after it on its subscription.
    Delay(ExchangeTime),
    /// It is sent after the next one of its subscription.
    Reorder,
    /// It is cut off in the middle.
    Malform,
}

/// The frames of one connection that are held back. What is not treated comes out unchanged, and in order on each
/// subscription but for the one frame that a reordered one waits for.
#[derive(Clone, Debug, Default)]
pub struct Stage {
    lanes: BTreeMap<u32, Lane>,
}

/// One subscription.
#[derive(Clone, Debug, Default)]
struct Lane {
    /// Waits for the next frame.
    swapped: Option<Kept>,
    /// Held back until the first one's time has come.
    waiting: VecDeque<(ExchangeTime, Kept)>,
    /// Of those.
    bytes: usize,
}

/// A frame with its own text.
#[derive(Clone, Debug)]
struct Kept {
    text: Box<[u8]>,
    about: About,
}

impl Kept {
    fn of(frame: Frame<'_>) -> Kept {
        Kept { text: frame.text.into(), about: frame.about }
    }

    fn frame(&self) -> Frame<'_> {
        Frame { text: &self.text, about: self.about }
    }
}

impl Stage {
    /// Whether nothing is held back.
    pub fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// When the next frame is to go on.
    pub fn next(&self) -> Option<ExchangeTime> {
        self.lanes.values().filter_map(|lane| lane.waiting.front().map(|(until, _)| *until)).min()
    }

    /// Takes frames through: what may go goes onto `out`. `treat` says what happens to each; `swapped` hears of each
    /// reordered frame when it goes out, after another.
    pub fn pass(
        &mut self,
        frames: &Output,
        out: &mut Output,
        now: ExchangeTime,
        mut treat: impl FnMut(&Frame<'_>) -> Option<Treatment>,
        mut swapped: impl FnMut(About),
    ) {
        self.release(out, |until| until <= now);
        for frame in frames.frames() {
            let treatment = treat(&frame);
            let sid = frame.about.sid;
            if treatment.is_none() && !self.lanes.contains_key(&sid) {
                out.push(frame);
                continue;
            }
            let lane = self.lanes.entry(sid).or_default();
            match treatment {
                Some(Treatment::Drop) => {}
                Some(Treatment::Reorder) if lane.swapped.is_none() => lane.swapped = Some(Kept::of(frame)),
                None | Some(Treatment::Reorder) => lane.go_on(frame, None, out, &mut swapped),
                Some(Treatment::Duplicate) => {
                    lane.put(frame, None, out);
                    lane.go_on(frame, None, out, &mut swapped);
                }
                Some(Treatment::Delay(until)) => lane.go_on(frame, Some(until), out, &mut swapped),
                Some(Treatment::Malform) => {
                    lane.go_on(Frame { text: cut(frame.text), ..frame }, None, out, &mut swapped);
                }
            }
            if lane.bytes > MOST_BYTES {
                lane.release(out, |_| true);
            }
            if lane.is_empty() {
                self.lanes.remove(&sid);
            }
        }
    }

    /// Lets everything go, for nothing comes after it.
    pub fn end(&mut self, out: &mut Output) {
        self.release(out, |_| true);
        for lane in std::mem::take(&mut self.lanes).into_values() {
            if let Some(kept) = lane.swapped {
                out.push(kept.frame());
            }
        }
    }

    fn release(&mut self, out: &mut Output, is_due: impl Fn(ExchangeTime) -> bool) {
        self.lanes.retain(|_, lane| {
            lane.release(out, &is_due);
            !lane.is_empty()
        });
    }
}

impl Lane {
    fn is_empty(&self) -> bool {
        self.swapped.is_none() && self.waiting.is_empty()
    }

    /// The frame, and after it the one that waited for it.
    fn go_on(
        &mut self,
        frame: Frame<'_>,
        until: Option<ExchangeTime>,
        out: &mut Output,
        swapped: &mut impl FnMut(About),
    ) {
        self.put(frame, until, out);
        if let Some(kept) = self.swapped.take() {
            swapped(kept.about);
            self.put(kept.frame(), None, out);
        }
    }

    /// The frame, behind those that are held back.
    fn put(&mut self, frame: Frame<'_>, until: Option<ExchangeTime>, out: &mut Output) {
        if until.is_none() && self.waiting.is_empty() {
            out.push(frame);
        } else {
            // What is not delayed itself goes as soon as what is before it has gone.
            let until = until.unwrap_or(ExchangeTime::from_micros(i64::MIN));
            self.bytes += frame.text.len();
            self.waiting.push_back((until, Kept::of(frame)));
        }
    }

    fn release(&mut self, out: &mut Output, is_due: impl Fn(ExchangeTime) -> bool) {
        while let Some((_, kept)) = self.waiting.pop_front_if(|(until, _)| is_due(*until)) {
            self.bytes -= kept.text.len();
            out.push(kept.frame());
        }
    }
}

/// The first half of a text, at least one byte short of all of it.
fn cut(text: &[u8]) -> &[u8] {
    let half = &text[..text.len() / 2];
    match str::from_utf8(half) {
        Ok(_) => half,
        Err(error) => &half[..error.valid_up_to()],
    }
}

#[cfg(test)]
mod tests;
