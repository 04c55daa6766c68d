//! Pages of our own files as Arrow columns, without the general reader in between: a question wants a few pages, and
//! setting that reader up costs more than decoding them.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use arrow::{
    array::{ArrayRef, DictionaryArray, Int16Array, ListArray, PrimitiveArray, StringArray, new_null_array},
    buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer},
    datatypes::{
        ArrowNativeType, ArrowPrimitiveType, DataType, Decimal32Type, Decimal64Type, Int32Type, Int64Type,
        TimestampMicrosecondType,
    },
};
use hashbrown::HashMap;

use crate::{
    parquet_file::page_decode::{Flags, PageBody, PageEncoding, Values},
    schema::{Column, ColumnType},
};

/// Bytes of dictionaries kept, at most.
const KEPT_BYTES: usize = 64 << 20;

/// The distinct values of a column in one row group.
pub enum Dictionary {
    /// Integers of any width.
    Integers(Vec<i64>),
    /// Texts.
    Texts(Arc<StringArray>),
}

impl Dictionary {
    /// Reads a dictionary page of this column.
    pub(crate) fn read(page: &[u8], column: &Column) -> Option<Dictionary> {
        let body = PageBody::read(page, true)?;
        (body.encoding == PageEncoding::Plain).then_some(())?;
        let mut values = body.values();
        Some(match column.kind {
            ColumnType::Text => Dictionary::Texts(Arc::new(texts(values.plain_texts(body.entries)?)?)),
            ColumnType::Boolean => return None,
            kind if is_wide(kind) => Dictionary::Integers(values.plain_i64(body.entries)?.collect()),
            _ => Dictionary::Integers(values.plain_i32(body.entries)?.map(i64::from).collect()),
        })
    }

    fn bytes(&self) -> usize {
        use arrow::array::Array;
        match self {
            Dictionary::Integers(values) => values.len() * 8,
            Dictionary::Texts(texts) => texts.get_array_memory_size(),
        }
    }
}

/// Segment, row group and column.
type DictionaryKey = (u64, usize, usize);

/// Dictionaries of open segments, the latest ones: successive pages of a row group share theirs.
#[derive(Default)]
pub struct Dictionaries {
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    dictionaries: HashMap<DictionaryKey, Arc<Dictionary>>,
    order: VecDeque<DictionaryKey>,
    bytes: usize,
}

impl Dictionaries {
    /// The dictionary, read if it is not here.
    pub(crate) fn get<E>(
        &self,
        key: DictionaryKey,
        read: impl FnOnce() -> Result<Option<Dictionary>, E>,
    ) -> Result<Option<Arc<Dictionary>>, E> {
        let lock = || self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dictionary) = lock().dictionaries.get(&key) {
            return Ok(Some(dictionary.clone()));
        }
        let Some(dictionary) = read()?.map(Arc::new) else { return Ok(None) };
        let mut held = lock();
        // Another thread may have read it meanwhile.
        if held.dictionaries.insert(key, dictionary.clone()).is_none() {
            held.bytes += dictionary.bytes();
            held.order.push_back(key);
        }
        while held.bytes > KEPT_BYTES {
            let Some(oldest) = held.order.pop_front() else { break };
            let bytes = held.dictionaries.remove(&oldest).map_or(0, |dictionary| dictionary.bytes());
            held.bytes -= bytes;
        }
        Ok(Some(dictionary))
    }
}

/// A number that no other segment opened by this process has.
pub fn next_segment_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn is_wide(kind: ColumnType) -> bool {
    matches!(kind, ColumnType::Int64 | ColumnType::Timestamp | ColumnType::Quantity | ColumnType::QuantityList)
}

fn texts((ends, bytes): (Vec<i32>, Vec<u8>)) -> Option<StringArray> {
    StringArray::try_new(OffsetBuffer::new(ScalarBuffer::from(ends)), Buffer::from_vec(bytes), None).ok()
}

/// A page's values as a column of `rows` rows; `None` if it is not what our writer writes.
pub(crate) fn decode(
    column: &Column,
    data_type: &DataType,
    rows: usize,
    body: &PageBody,
    dictionary: Option<&Dictionary>,
) -> Option<ArrayRef> {
    let mut values = body.values();
    if matches!(column.kind, ColumnType::PriceList | ColumnType::QuantityList) {
        return lists(column, data_type, rows, body, dictionary);
    }
    (body.entries == rows).then_some(())?;
    let nulls = match column.nullable.then(|| values.levels(rows)) {
        None => None,
        Some(levels) => match levels? {
            Flags::All(true) => None,
            Flags::All(false) => return Some(new_null_array(data_type, rows)),
            Flags::Each(valid) => Some(NullBuffer::from(valid)),
        },
    };
    let integers = Integers { encoding: body.encoding, dictionary, wide: is_wide(column.kind), nulls, rows };
    match column.kind {
        ColumnType::Int16 => {
            let (values, nulls) = integers.read(values, |value| value as i16)?;
            Some(Arc::new(Int16Array::try_new(values, nulls).ok()?))
        }
        ColumnType::Int32 => integers.array::<Int32Type>(values, data_type, |value| value as i32),
        ColumnType::Price => integers.array::<Decimal32Type>(values, data_type, |value| value as i32),
        ColumnType::Int64 => integers.array::<Int64Type>(values, data_type, |value| value),
        ColumnType::Timestamp => integers.array::<TimestampMicrosecondType>(values, data_type, |value| value),
        ColumnType::Quantity => integers.array::<Decimal64Type>(values, data_type, |value| value),
        ColumnType::Text => {
            let count = rows - integers.nulls.as_ref().map_or(0, NullBuffer::null_count);
            let (keys, entries) = match (body.encoding, dictionary) {
                (PageEncoding::Indices, Some(Dictionary::Texts(entries))) => {
                    let mut keys = Vec::new();
                    values.indices(count, &mut keys)?;
                    (keys, entries.clone())
                }
                (PageEncoding::Plain, _) => {
                    (Vec::from_iter(0..i32::try_from(count).ok()?), Arc::new(texts(values.plain_texts(count)?)?))
                }
                (PageEncoding::DeltaLength, _) => {
                    (Vec::from_iter(0..i32::try_from(count).ok()?), Arc::new(texts(values.delta_length_texts(count)?)?))
                }
                _ => return None,
            };
            if matches!(data_type, DataType::Dictionary(..)) {
                let keys = PrimitiveArray::<Int32Type>::try_new(spread(keys, integers.nulls.as_ref())?, integers.nulls);
                return Some(Arc::new(DictionaryArray::try_new(keys.ok()?, entries).ok()?));
            }
            if integers.nulls.is_some() || body.encoding == PageEncoding::Indices {
                return None;
            }
            Some(entries)
        }
        ColumnType::Boolean | ColumnType::PriceList | ColumnType::QuantityList => None,
    }
}

/// Puts the values of valid rows where they belong.
fn spread<T: ArrowNativeType>(values: Vec<T>, nulls: Option<&NullBuffer>) -> Option<ScalarBuffer<T>> {
    let Some(nulls) = nulls else { return Some(values.into()) };
    let mut all = vec![T::default(); nulls.len()];
    let mut values = values.into_iter();
    for row in nulls.valid_indices() {
        all[row] = values.next()?;
    }
    Some(all.into())
}

struct Integers<'a> {
    encoding: PageEncoding,
    dictionary: Option<&'a Dictionary>,
    wide: bool,
    nulls: Option<NullBuffer>,
    rows: usize,
}

impl Integers<'_> {
    fn array<T: ArrowPrimitiveType>(
        self,
        values: Values<'_>,
        data_type: &DataType,
        narrow: impl Fn(i64) -> T::Native,
    ) -> Option<ArrayRef> {
        let (values, nulls) = self.read(values, narrow)?;
        Some(Arc::new(PrimitiveArray::<T>::try_new(values, nulls).ok()?.with_data_type(data_type.clone())))
    }

    fn read<T: ArrowNativeType>(
        self,
        mut values: Values<'_>,
        narrow: impl Fn(i64) -> T,
    ) -> Option<(ScalarBuffer<T>, Option<NullBuffer>)> {
        let count = self.rows - self.nulls.as_ref().map_or(0, NullBuffer::null_count);
        let mut out = Vec::with_capacity(count);
        match (self.encoding, self.dictionary) {
            (PageEncoding::Indices, Some(Dictionary::Integers(entries))) => {
                values.with_indices(count, |keys| {
                    let greatest = keys.iter().map(|key| key.cast_unsigned()).max().unwrap_or(0) as usize;
                    (keys.is_empty() || greatest < entries.len()).then_some(())?;
                    out.extend(keys.iter().map(|key| narrow(entries[key.cast_unsigned() as usize])));
                    Some(())
                })?;
            }
            (PageEncoding::Delta, _) => values.deltas(count, |value| out.push(narrow(value)))?,
            (PageEncoding::Plain, _) if self.wide => out.extend(values.plain_i64(count)?.map(narrow)),
            (PageEncoding::Plain, _) => out.extend(values.plain_i32(count)?.map(i64::from).map(narrow)),
            _ => return None,
        }
        Some((spread(out, self.nulls.as_ref())?, self.nulls))
    }
}

fn lists(
    column: &Column,
    data_type: &DataType,
    rows: usize,
    body: &PageBody,
    dictionary: Option<&Dictionary>,
) -> Option<ArrayRef> {
    let DataType::List(element) = data_type else { return None };
    let mut values = body.values();
    let (repeats, filled) = (values.levels(body.entries)?, values.levels(body.entries)?);
    let flag = |flags: &Flags, entry: usize| match flags {
        Flags::All(set) => *set,
        Flags::Each(flags) => flags[entry],
    };
    let mut ends: Vec<i32> = Vec::with_capacity(rows + 1);
    let mut end = 0;
    for entry in 0..body.entries {
        if !flag(&repeats, entry) {
            ends.push(end);
        }
        end += i32::from(flag(&filled, entry));
    }
    (ends.len() == rows && ends.first() == Some(&0)).then_some(())?;
    ends.push(end);
    let (encoding, wide) = (body.encoding, is_wide(column.kind));
    let integers = Integers { encoding, dictionary, wide, nulls: None, rows: usize::try_from(end).ok()? };
    let elements = if wide {
        integers.array::<Decimal64Type>(values, element.data_type(), |value| value)?
    } else {
        integers.array::<Decimal32Type>(values, element.data_type(), |value| value as i32)?
    };
    let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
    Some(Arc::new(ListArray::try_new(element.clone(), offsets, elements, None).ok()?))
}
