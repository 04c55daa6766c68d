//! What a frame's number says about the frames of its subscription before it.
//!
//! Unlike [`SequenceTracker`](crate::SequenceTracker), which reads captures and has to guess where a connection began
//! anew, a live session knows: every subscription counts from 1, and its numbers never restart.

/// How a frame stands to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Nothing is missing before it, as far as its number tells.
    Next,
    /// That many frames are missing before it.
    Hole { missing: u64 },
    /// The last frame again.
    Repeated,
    /// One of the missing frames, out of its order.
    Late,
    /// A number that was there already: the count itself cannot be relied on.
    Regressed,
    /// It carries no number.
    Unnumbered,
}

/// The numbers of one subscription.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    last: u64,
    /// The last holes, as ranges of missing numbers.
    missing: Vec<std::ops::Range<u64>>,
}

impl Numbering {
    /// More holes than this are remembered by none but the gap they opened.
    const REMEMBERED: usize = 16;

    /// The last number; 0 if none has come.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Takes the next number in.
    #[inline]
    pub(super) fn observe(&mut self, seq: Option<u64>) -> Order {
        let Some(seq) = seq else { return Order::Unnumbered };
        if seq.wrapping_sub(1) == self.last && seq > 0 {
            self.last = seq;
            return Order::Next;
        }
        self.surprise(seq)
    }

    #[cold]
    fn surprise(&mut self, seq: u64) -> Order {
        if seq > self.last {
            let hole = self.last + 1..seq;
            let missing = hole.end - hole.start;
            self.last = seq;
            if self.missing.len() == Numbering::REMEMBERED {
                self.missing.remove(0);
            }
            self.missing.push(hole);
            return Order::Hole { missing };
        }
        if seq == self.last && seq > 0 {
            return Order::Repeated;
        }
        let Some(at) = self.missing.iter().position(|hole| hole.contains(&seq)) else { return Order::Regressed };
        let hole = self.missing.remove(at);
        self.missing.extend([hole.start..seq, seq + 1..hole.end].into_iter().filter(|part| !part.is_empty()));
        Order::Late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order() {
        let mut numbering = Numbering::default();
        let mut observe = |seq| numbering.observe(seq);
        assert_eq!(observe(Some(1)), Order::Next);
        assert_eq!(observe(None), Order::Unnumbered);
        assert_eq!(observe(Some(2)), Order::Next);
        assert_eq!(observe(Some(2)), Order::Repeated);
        assert_eq!(observe(Some(6)), Order::Hole { missing: 3 });
        assert_eq!(observe(Some(4)), Order::Late);
        assert_eq!(observe(Some(4)), Order::Regressed);
        assert_eq!(observe(Some(3)), Order::Late);
        assert_eq!(observe(Some(5)), Order::Late);
        assert_eq!(observe(Some(5)), Order::Regressed);
        assert_eq!(observe(Some(1)), Order::Regressed);
        assert_eq!(observe(Some(7)), Order::Next);
        assert_eq!(Numbering::default().observe(Some(3)), Order::Hole { missing: 2 });
        assert_eq!(Numbering::default().observe(Some(0)), Order::Regressed);
        assert_eq!(Numbering { last: u64::MAX, missing: vec![] }.observe(Some(u64::MAX)), Order::Repeated);
        assert_eq!(Numbering { last: u64::MAX, missing: vec![] }.observe(Some(0)), Order::Regressed);
    }
}
