//! Records at fixed indices, and lists threaded through them: nothing is allocated per operation once they have grown.

use std::ops::{Index, IndexMut};

/// No record.
pub(crate) const NONE: u32 = u32::MAX;

/// Records at indices that stay theirs until they are removed. Freed indices are used again, the latest first.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    records: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Slab<T> {
        Slab { records: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    pub(crate) fn insert(&mut self, record: T) -> u32 {
        if let Some(at) = self.free.pop() {
            self.records[at as usize] = Some(record);
            return at;
        }
        let at = u32::try_from(self.records.len()).expect("memory ends before 2^32 records");
        assert_ne!(at, NONE, "memory ends before 2^32 records");
        self.records.push(Some(record));
        at
    }

    pub(crate) fn remove(&mut self, at: u32) -> T {
        let record = self.records[at as usize].take().expect("a removed record is in the slab");
        self.free.push(at);
        record
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;

    #[inline]
    fn index(&self, at: u32) -> &T {
        self.records[at as usize].as_ref().expect("an index in use is of a record")
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    #[inline]
    fn index_mut(&mut self, at: u32) -> &mut T {
        self.records[at as usize].as_mut().expect("an index in use is of a record")
    }
}

/// The ends of a list through records of a slab.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    pub(crate) head: u32,
    pub(crate) tail: u32,
}

impl Default for List {
    fn default() -> List {
        List { head: NONE, tail: NONE }
    }
}

/// A record's neighbours in one list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) previous: u32,
    pub(crate) next: u32,
}

impl Default for Link {
    fn default() -> Link {
        Link { previous: NONE, next: NONE }
    }
}

/// A record that can be in several lists; `which` tells them apart.
pub(crate) trait Linked {
    fn link(&self, which: usize) -> Link;
    fn link_mut(&mut self, which: usize) -> &mut Link;
}

impl List {
    #[inline]
    pub(crate) fn push_back<T: Linked>(&mut self, slab: &mut Slab<T>, which: usize, at: u32) {
        *slab[at].link_mut(which) = Link { previous: self.tail, next: NONE };
        match self.tail {
            NONE => self.head = at,
            tail => slab[tail].link_mut(which).next = at,
        }
        self.tail = at;
    }

    #[inline]
    pub(crate) fn unlink<T: Linked>(&mut self, slab: &mut Slab<T>, which: usize, at: u32) {
        let Link { previous, next } = slab[at].link(which);
        match previous {
            NONE => self.head = next,
            previous => slab[previous].link_mut(which).next = next,
        }
        match next {
            NONE => self.tail = previous,
            next => slab[next].link_mut(which).previous = previous,
        }
    }

    /// The records from the head on.
    pub(crate) fn iter<'a, T: Linked>(
        &self,
        slab: &'a Slab<T>,
        which: usize,
    ) -> impl Iterator<Item = u32> + use<'a, T> {
        let mut at = self.head;
        std::iter::from_fn(move || {
            let here = (at != NONE).then_some(at)?;
            at = slab[here].link(which).next;
            Some(here)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Node(Link);

    impl Linked for Node {
        fn link(&self, _: usize) -> Link {
            self.0
        }
        fn link_mut(&mut self, _: usize) -> &mut Link {
            &mut self.0
        }
    }

    #[test]
    fn a_list_keeps_its_order_through_removals() {
        let mut slab = Slab::default();
        let mut list = List::default();
        let at: Vec<u32> = (0..5).map(|_| slab.insert(Node(Link::default()))).collect();
        at.iter().for_each(|&at| list.push_back(&mut slab, 0, at));
        let order = |list: &List, slab: &Slab<Node>| list.iter(slab, 0).collect::<Vec<_>>();
        for (gone, left) in [(2, vec![0, 1, 3, 4]), (0, vec![1, 3, 4]), (4, vec![1, 3]), (1, vec![3]), (3, vec![])] {
            list.unlink(&mut slab, 0, gone);
            slab.remove(gone);
            assert_eq!(order(&list, &slab), left);
        }
        assert_eq!((list.head, list.tail), (NONE, NONE));
        assert_eq!(slab.insert(Node(Link::default())), 3, "the latest freed index comes first");
    }
}
