//! Records at fixed indices, and lists threaded through them: nothing is allocated per operation once they have grown.

use std::ops::{Index, IndexMut};

/// No record.
pub(crate) const NONE: u32 = u32::MAX;

/// Records at indices that stay theirs until they are removed. Freed indices are used again, the latest first.
///
/// Each record can be in some lists. Their links lie apart from the records: whoever takes a record out of a list
/// touches its neighbours' links, which are few bytes close together, and not the neighbours.
#[derive(Debug)]
pub(crate) struct Slab<T, const LISTS: usize> {
    records: Vec<Option<T>>,
    links: Vec<[Link; LISTS]>,
    free: Vec<u32>,
}

impl<T, const LISTS: usize> Default for Slab<T, LISTS> {
    fn default() -> Slab<T, LISTS> {
        Slab { records: Vec::new(), links: Vec::new(), free: Vec::new() }
    }
}

impl<T, const LISTS: usize> Slab<T, LISTS> {
    /// Makes a record where it will lie, rather than elsewhere to copy it.
    #[inline]
    pub(crate) fn insert_with(&mut self, record: impl FnOnce() -> T) -> u32 {
        let at = self.free.pop().unwrap_or_else(|| self.extend());
        debug_assert!(self.records[at as usize].is_none());
        // An assignment would have to drop what was there, and thus to hold the new record meanwhile.
        self.records[at as usize].get_or_insert_with(record);
        at
    }

    /// Another index, without a record yet.
    #[cold]
    fn extend(&mut self) -> u32 {
        let at = u32::try_from(self.records.len()).expect("memory ends before 2^32 records");
        assert_ne!(at, NONE, "memory ends before 2^32 records");
        self.records.push(None);
        self.links.push([Link::default(); LISTS]);
        at
    }

    /// Takes a record out, which must be in no list any more.
    #[inline]
    pub(crate) fn remove(&mut self, at: u32) -> T {
        self.free.push(at);
        self.records[at as usize].take().expect("an index in use is of a record")
    }

    /// The record after this one in one of its lists.
    #[inline]
    pub(crate) fn next(&self, which: usize, at: u32) -> u32 {
        self.links[at as usize][which].next
    }

    /// The record before this one in one of its lists.
    #[inline]
    pub(crate) fn previous(&self, which: usize, at: u32) -> u32 {
        self.links[at as usize][which].previous
    }
}

impl<T, const LISTS: usize> Index<u32> for Slab<T, LISTS> {
    type Output = T;

    #[inline]
    fn index(&self, at: u32) -> &T {
        self.records[at as usize].as_ref().expect("an index in use is of a record")
    }
}

impl<T, const LISTS: usize> IndexMut<u32> for Slab<T, LISTS> {
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
struct Link {
    previous: u32,
    next: u32,
}

impl Default for Link {
    fn default() -> Link {
        Link { previous: NONE, next: NONE }
    }
}

impl List {
    #[inline]
    pub(crate) fn push_back<T, const LISTS: usize>(&mut self, slab: &mut Slab<T, LISTS>, which: usize, at: u32) {
        let links = &mut slab.links;
        links[at as usize][which] = Link { previous: self.tail, next: NONE };
        match self.tail {
            NONE => self.head = at,
            tail => links[tail as usize][which].next = at,
        }
        self.tail = at;
    }

    #[inline]
    pub(crate) fn unlink<T, const LISTS: usize>(&mut self, slab: &mut Slab<T, LISTS>, which: usize, at: u32) {
        let links = &mut slab.links;
        let Link { previous, next } = links[at as usize][which];
        match previous {
            NONE => self.head = next,
            previous => links[previous as usize][which].next = next,
        }
        match next {
            NONE => self.tail = previous,
            next => links[next as usize][which].previous = previous,
        }
    }

    /// The records from the head on.
    pub(crate) fn iter<'a, T, const LISTS: usize>(
        &self,
        slab: &'a Slab<T, LISTS>,
        which: usize,
    ) -> impl Iterator<Item = u32> + use<'a, T, LISTS> {
        let mut at = self.head;
        std::iter::from_fn(move || {
            let here = (at != NONE).then_some(at)?;
            at = slab.next(which, here);
            Some(here)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_its_order_through_removals() {
        let mut slab: Slab<(), 1> = Slab::default();
        let mut list = List::default();
        let at: Vec<u32> = (0..5).map(|_| slab.insert_with(|| ())).collect();
        at.iter().for_each(|&at| list.push_back(&mut slab, 0, at));
        let order = |list: &List, slab: &Slab<(), 1>| list.iter(slab, 0).collect::<Vec<_>>();
        for (gone, left) in [(2, vec![0, 1, 3, 4]), (0, vec![1, 3, 4]), (4, vec![1, 3]), (1, vec![3]), (3, vec![])] {
            list.unlink(&mut slab, 0, gone);
            slab.remove(gone);
            assert_eq!(order(&list, &slab), left);
        }
        assert_eq!((list.head, list.tail), (NONE, NONE));
        assert_eq!(slab.insert_with(|| ()), 3, "the latest freed index comes first");
    }
}
