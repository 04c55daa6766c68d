//! The distinct values of a column chunk, numbered in order of first appearance, or of frequency where that packs
//! integers better.

use std::cmp::Reverse;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::parquet_file::integer::Integer;
use crate::parquet_file::strings::Strings;

/// Greatest size of the distinct values of a chunk; beyond it a dictionary is given up.
pub(crate) const MAX_DICTIONARY_BYTES: usize = 1 << 20;
/// Width of the value range, at most, for which a table by value stands in for a hash table.
const MAX_DIRECT: u64 = 1 << 20;
const UNSEEN: u32 = u32::MAX;

/// The distinct integers of a chunk. Its tables are kept from chunk to chunk.
#[derive(Default)]
pub(crate) struct IntegerDictionary {
    /// The distinct values, sign-extended.
    pub(crate) entries: Vec<i64>,
    /// How often each entry occurs, then its number by frequency.
    ranks: Vec<u32>,
    direct: Vec<u32>,
    table: HashTable<(i64, u32)>,
}

impl IntegerDictionary {
    /// Numbers `values`, which lie in `least..=greatest`, into `indices`. False: they are too many, and both are junk.
    pub(crate) fn build<T: Integer>(&mut self, values: &[T], bounds: (T, T), indices: &mut Vec<u32>) -> bool {
        if !self.collect(values, bounds, indices) {
            return false;
        }
        if self.entries.len() > 256 {
            self.rank(indices);
        }
        true
    }

    /// Gives the low numbers to frequent values, if 256 of them make up most of the chunk: with two bytes per index,
    /// the high ones are mostly zero then. Otherwise the order of first appearance keeps better what values have in
    /// common with their neighbours. Values of one frequency ascend, so that the dictionary itself compresses.
    fn rank(&mut self, indices: &mut [u32]) {
        self.ranks.clear();
        self.ranks.resize(self.entries.len(), 0);
        for index in indices.iter() {
            self.ranks[*index as usize] += 1;
        }
        let mut order: Vec<(Reverse<u32>, i64, u32)> =
            (0..).zip(&self.entries).map(|(at, entry)| (Reverse(self.ranks[at as usize]), *entry, at)).collect();
        order.sort_unstable();
        let frequent: u64 = order[..256].iter().map(|(Reverse(count), ..)| u64::from(*count)).sum();
        if frequent * 2 < indices.len() as u64 {
            return;
        }
        for (rank, (_, entry, at)) in (0..).zip(order) {
            self.entries[rank as usize] = entry;
            self.ranks[at as usize] = rank;
        }
        for index in indices {
            *index = self.ranks[*index as usize];
        }
    }

    /// As [`Self::build`], in order of first appearance.
    fn collect<T: Integer>(&mut self, values: &[T], (least, greatest): (T, T), indices: &mut Vec<u32>) -> bool {
        self.entries.clear();
        indices.clear();
        indices.reserve(values.len());
        let limit = MAX_DICTIONARY_BYTES / size_of::<T>();
        let (least, range) = (least.widen(), greatest.widen().abs_diff(least.widen()));
        if range < MAX_DIRECT && range < (values.len() as u64 * 4).max(1 << 12) {
            self.direct.clear();
            self.direct.resize(range as usize + 1, UNSEEN);
            for value in values {
                let value = value.widen();
                let slot = &mut self.direct[(value - least) as usize];
                if *slot == UNSEEN {
                    *slot = self.entries.len() as u32;
                    self.entries.push(value);
                }
                indices.push(*slot);
            }
            return self.entries.len() <= limit;
        }
        self.table.clear();
        for value in values {
            let value = value.widen();
            let index = self.table.entry(hash(value), |(other, _)| *other == value, |(other, _)| hash(*other));
            let next = self.entries.len();
            let index = index.or_insert_with(|| (value, next as u32)).get().1;
            if index as usize == next {
                if next == limit {
                    return false;
                }
                self.entries.push(value);
            }
            indices.push(index);
        }
        true
    }
}

fn hash(value: i64) -> u64 {
    let product = u128::from(value as u64 ^ 0x9E37_79B9_7F4A_7C15) * 0xD6E8_FEB8_6659_FD93_u128;
    product as u64 ^ (product >> 64) as u64
}

/// The distinct strings of a chunk. Its tables are kept from chunk to chunk.
#[derive(Default)]
pub(crate) struct StringDictionary {
    /// The number of the first value of each distinct string.
    pub(crate) entries: Vec<u32>,
    /// Place of each entry in the order of their strings.
    pub(crate) ranks: Vec<u32>,
    /// The entries in the order of their strings.
    pub(crate) sorted: Vec<u32>,
    /// The caller's number to ours, where values come by number.
    renumbered: Vec<u32>,
    table: HashTable<(u64, u32)>,
    hasher: DefaultHashBuilder,
}

impl StringDictionary {
    /// Numbers `values` into `indices`. False: they are too large, and everything is junk.
    pub(crate) fn build(&mut self, values: Strings<'_>, indices: &mut Vec<u32>) -> bool {
        self.entries.clear();
        self.table.clear();
        indices.clear();
        indices.reserve(values.len());
        let mut bytes = 0;
        match values.by_category() {
            Some((category, count)) => {
                self.renumbered.clear();
                self.renumbered.resize(count, UNSEEN);
                for number in 0..values.len() {
                    let category = category(number);
                    if self.renumbered[category] == UNSEEN {
                        self.renumbered[category] = self.index(values, number, &mut bytes);
                    }
                    indices.push(self.renumbered[category]);
                }
            }
            None => {
                for number in 0..values.len() {
                    indices.push(self.index(values, number, &mut bytes));
                    if bytes > MAX_DICTIONARY_BYTES {
                        return false;
                    }
                }
            }
        }
        if bytes > MAX_DICTIONARY_BYTES {
            return false;
        }
        self.sorted.clear();
        self.sorted.extend(0..self.entries.len() as u32);
        let string = |entry: &u32| values.get(self.entries[*entry as usize] as usize);
        self.sorted.sort_unstable_by(|left, right| string(left).cmp(string(right)));
        self.ranks.clear();
        self.ranks.resize(self.entries.len(), 0);
        for (rank, entry) in self.sorted.iter().enumerate() {
            self.ranks[*entry as usize] = rank as u32;
        }
        true
    }

    fn index(&mut self, values: Strings<'_>, number: usize, bytes: &mut usize) -> u32 {
        let value = values.get(number);
        let hash = self.hasher.hash_one(value);
        let next = self.entries.len() as u32;
        let entries = &self.entries;
        let same =
            |(other, entry): &(u64, u32)| *other == hash && values.get(entries[*entry as usize] as usize) == value;
        let index = self.table.entry(hash, same, |(hash, _)| *hash).or_insert((hash, next)).get().1;
        if index == next {
            self.entries.push(number as u32);
            *bytes += 4 + value.len();
        }
        index
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn build(values: &[i64]) -> (Vec<i64>, Vec<u32>) {
        let bounds = (*values.iter().min().unwrap(), *values.iter().max().unwrap());
        let (mut dictionary, mut indices) = (IntegerDictionary::default(), vec![9; 3]);
        assert!(dictionary.build(values, bounds, &mut indices));
        (dictionary.entries, indices)
    }

    proptest! {
        #[test]
        fn integers_are_numbered(
            values in prop_oneof![
                prop::collection::vec(-50..50i64, 1..500),
                prop::collection::vec(-2000..2000i64, 1..2000),
                prop::collection::vec(prop_oneof![-2000..2000i64, -5..5i64], 500..2000),
                prop::collection::vec(prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX), -3..3i64], 1..500),
            ]
        ) {
            let (entries, indices) = build(&values);
            let decoded: Vec<i64> = indices.iter().map(|index| entries[*index as usize]).collect();
            prop_assert_eq!(&decoded, &values);
            let count = |number: usize| indices.iter().filter(|index| **index as usize == number).count();
            let mut counts: Vec<usize> = (0..entries.len()).map(count).collect();
            counts.sort_unstable();
            if entries.len() > 256 && counts.iter().rev().take(256).sum::<usize>() * 2 >= values.len() {
                let order: Vec<_> = (0..entries.len()).map(|number| (Reverse(count(number)), entries[number])).collect();
                prop_assert!(order.is_sorted_by(|left, right| left < right), "distinct, frequent first: {:?}", order);
            } else {
                let mut next = 0;
                for index in indices {
                    prop_assert!(index <= next);
                    next = next.max(index + 1);
                }
                prop_assert_eq!(next as usize, entries.len());
            }
        }

        #[test]
        fn strings_are_numbered_and_ranked(values in prop::collection::vec("[a-c]{0,3}", 1..200)) {
            let slices: Vec<&str> = values.iter().map(String::as_str).collect();
            let strings = Strings::slices(&slices, None);
            let (mut dictionary, mut indices) = (StringDictionary::default(), Vec::new());
            prop_assert!(dictionary.build(strings, &mut indices));
            let entry = |index: u32| strings.get(dictionary.entries[index as usize] as usize);
            let decoded: Vec<&str> = indices.iter().map(|index| entry(*index)).collect();
            prop_assert_eq!(&decoded, &slices);
            let ranked: Vec<&str> = dictionary.sorted.iter().map(|index| entry(*index)).collect();
            prop_assert!(ranked.is_sorted_by(|left, right| left < right), "distinct, in order: {:?}", ranked);
            for (rank, index) in dictionary.sorted.iter().enumerate() {
                prop_assert_eq!(dictionary.ranks[*index as usize], rank as u32);
            }
        }
    }

    #[test]
    fn a_dictionary_that_outgrows_the_limit_is_given_up() {
        let limit = (MAX_DICTIONARY_BYTES / 8) as i64;
        let (mut dictionary, mut indices) = (IntegerDictionary::default(), Vec::new());
        for stride in [1, 1 << 30] {
            let values: Vec<i64> = (0..limit).map(|value| value * stride).collect();
            assert!(dictionary.build(&values, (0, values[values.len() - 1]), &mut indices));
            let values: Vec<i64> = (0..=limit).map(|value| value * stride).collect();
            assert!(!dictionary.build(&values, (0, values[values.len() - 1]), &mut indices));
        }
        let long = "x".repeat(MAX_DICTIONARY_BYTES / 2);
        let two = [long.as_str(), &long[1..]];
        let mut dictionary = StringDictionary::default();
        assert!(dictionary.build(Strings::slices(&two[..1], None), &mut indices));
        assert!(!dictionary.build(Strings::slices(&two, None), &mut indices));
    }

    #[test]
    fn equal_categories_become_one_entry() {
        let values = ["unused", "a", "b", "a"];
        let strings = Strings::categories(&[3, 1, 2, 1], &values, None).unwrap();
        let (mut dictionary, mut indices) = (StringDictionary::default(), Vec::new());
        assert!(dictionary.build(strings, &mut indices));
        assert_eq!(indices, [0, 0, 1, 0]);
    }
}
