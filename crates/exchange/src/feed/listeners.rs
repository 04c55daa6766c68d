//! Who listens to one market.

/// Slots of connections. Few of them, as markets have as a rule, are kept in place: a frame of a market that nothing has
/// touched lately then waits for memory once, not twice.
#[derive(Clone, Debug, Default)]
pub(super) struct Listeners {
    few: [u32; 3],
    len: u32,
    more: Vec<u32>,
}

impl Listeners {
    /// Adds a slot that is not among them.
    pub(super) fn push(&mut self, slot: u32) {
        match self.few.get_mut(self.len as usize) {
            Some(place) => {
                *place = slot;
                self.len += 1;
            }
            None => self.more.push(slot),
        }
    }

    /// Takes a slot out.
    pub(super) fn remove(&mut self, slot: u32) {
        if let Some(at) = self.more.iter().position(|&other| other == slot) {
            self.more.swap_remove(at);
        } else if let Some(at) = self.few().iter().position(|&other| other == slot) {
            let last = self.few[self.len as usize - 1];
            match self.more.pop() {
                Some(other) => self.few[at] = other,
                None => {
                    self.few[at] = last;
                    self.len -= 1;
                }
            }
        }
    }

    /// Every slot.
    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = &u32> {
        self.few().iter().chain(&self.more)
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    fn few(&self) -> &[u32] {
        &self.few[..self.len as usize]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_are_a_set(steps in prop::collection::vec(0u32..10, 0..200)) {
            let (mut listeners, mut set) = (Listeners::default(), BTreeSet::new());
            for slot in steps {
                if set.insert(slot) {
                    listeners.push(slot);
                } else {
                    set.remove(&slot);
                    listeners.remove(slot);
                }
                let mut listed: Vec<u32> = listeners.iter().copied().collect();
                listed.sort_unstable();
                prop_assert_eq!(listed, set.iter().copied().collect::<Vec<_>>());
                prop_assert_eq!(listeners.is_empty(), set.is_empty());
            }
        }
    }
}
