//! Rows of a file into a writer's columns as they are, a column at a time: what a merge of files does most.

use std::ops::Range;

use arrow::{
    array::{Array, AsArray, StringArray},
    buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer},
    datatypes::{Decimal32Type, Decimal64Type},
};

use super::{Buffer, Columns, Presence, Texts};
use crate::{
    Error,
    schema::{Column, ColumnType},
    segment::{self, Batch},
};

/// The columns of a batch, in the table's order, each looked up once.
pub struct CopiedColumns(Vec<Copied>);

struct Copied {
    values: Values,
    nulls: Option<NullBuffer>,
}

enum Values {
    Boolean(BooleanBuffer),
    I16(ScalarBuffer<i16>),
    I32(ScalarBuffer<i32>),
    I64(ScalarBuffer<i64>),
    Text(StringArray),
    Dictionary(ScalarBuffer<i32>, StringArray),
    I32List(OffsetBuffer<i32>, ScalarBuffer<i32>),
    I64List(OffsetBuffer<i32>, ScalarBuffer<i64>),
}

impl CopiedColumns {
    /// Of a batch that holds all of the table's columns.
    ///
    /// # Errors
    /// A column that is missing or not of its type.
    pub fn of(batch: &Batch, columns: &[Column]) -> Result<CopiedColumns, Error> {
        columns.iter().map(|column| Copied::of(batch, column)).collect::<Result<_, _>>().map(CopiedColumns)
    }
}

impl Copied {
    fn of(batch: &Batch, column: &Column) -> Result<Copied, Error> {
        let name = column.name;
        let (values, nulls) = match column.kind {
            ColumnType::Boolean => {
                let array = batch.booleans(name)?;
                (Values::Boolean(array.values().clone()), array.nulls())
            }
            ColumnType::Int16 => {
                let array = batch.i16s(name)?;
                (Values::I16(array.values().clone()), array.nulls())
            }
            ColumnType::Int32 => {
                let array = batch.i32s(name)?;
                (Values::I32(array.values().clone()), array.nulls())
            }
            ColumnType::Price => {
                let array = batch.prices(name)?;
                (Values::I32(array.values().clone()), array.nulls())
            }
            ColumnType::Int64 => {
                let array = batch.i64s(name)?;
                (Values::I64(array.values().clone()), array.nulls())
            }
            ColumnType::Timestamp => {
                let array = batch.times(name)?;
                (Values::I64(array.values().clone()), array.nulls())
            }
            ColumnType::Quantity => {
                let array = batch.quantities(name)?;
                (Values::I64(array.values().clone()), array.nulls())
            }
            ColumnType::Text => match batch.texts(name)? {
                segment::Texts::Plain(array) => (Values::Text(array.clone()), array.nulls()),
                segment::Texts::Dictionary(array, texts) => {
                    (Values::Dictionary(array.keys().values().clone(), texts.clone()), array.nulls())
                }
            },
            ColumnType::PriceList => {
                let array = batch.lists(name)?;
                let prices = array.values().as_primitive_opt::<Decimal32Type>();
                let prices = prices.ok_or_else(|| batch.wrong(name, "not a list of prices"))?;
                (Values::I32List(array.offsets().clone(), prices.values().clone()), None)
            }
            ColumnType::QuantityList => {
                let array = batch.lists(name)?;
                let sizes = array.values().as_primitive_opt::<Decimal64Type>();
                let sizes = sizes.ok_or_else(|| batch.wrong(name, "not a list of quantities"))?;
                (Values::I64List(array.offsets().clone(), sizes.values().clone()), None)
            }
        };
        Ok(Copied { values, nulls: nulls.cloned() })
    }
}

impl Columns {
    /// Adds rows of a batch of the same table.
    pub fn copy(&mut self, from: &CopiedColumns, rows: Range<usize>) {
        self.rows += rows.len();
        for (buffer, column) in self.buffers.iter_mut().zip(&from.0) {
            buffer.copy(column, rows.clone());
        }
    }

    /// Changes a number of the last row.
    pub fn set_last_i32(&mut self, column: usize, value: i32) {
        if let Some(Buffer::I32 { values, .. }) = self.buffers.get_mut(column)
            && let Some(last) = values.last_mut()
        {
            *last = value;
        }
    }
}

impl Buffer {
    fn copy(&mut self, from: &Copied, rows: Range<usize>) {
        let count = rows.len();
        let mark = |presence: &mut Presence, before: usize| match &from.nulls {
            Some(present) if present.slice(rows.start, count).null_count() > 0 => {
                rows.clone().enumerate().for_each(|(at, row)| presence.push(before + at, present.is_valid(row)));
            }
            _ => presence.push_present(count),
        };
        match (self, &from.values) {
            (Buffer::Boolean { values, presence }, Values::Boolean(source)) => {
                mark(presence, values.len());
                values.extend(rows.clone().map(|row| source.value(row)));
            }
            (Buffer::I32 { values, presence }, Values::I16(source)) => {
                mark(presence, values.len());
                values.extend(source[rows.clone()].iter().map(|value| i32::from(*value)));
            }
            (Buffer::I32 { values, presence }, Values::I32(source)) => {
                mark(presence, values.len());
                values.extend_from_slice(&source[rows.clone()]);
            }
            (Buffer::I64 { values, presence }, Values::I64(source)) => {
                mark(presence, values.len());
                values.extend_from_slice(&source[rows.clone()]);
            }
            (Buffer::Text { indices, presence, texts }, source) => {
                mark(presence, indices.len());
                let present = |row| from.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
                match source {
                    Values::Text(source) => {
                        let index = |row| if present(row) { texts.index(source.value(row)) } else { 0 };
                        indices.extend(rows.map(index));
                    }
                    Values::Dictionary(keys, source) => texts.translate(&keys[rows.clone()], source, indices, |at| {
                        from.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(rows.start + at))
                    }),
                    _ => unreachable!("both are of the same table"),
                }
            }
            (Buffer::I32List { offsets, values }, Values::I32List(source, items)) => {
                copy_lists(offsets, values, source, items, rows);
            }
            (Buffer::I64List { offsets, values }, Values::I64List(source, items)) => {
                copy_lists(offsets, values, source, items, rows);
            }
            _ => unreachable!("both are of the same table"),
        }
    }
}

fn copy_lists<T: Copy>(
    offsets: &mut Vec<u32>,
    values: &mut Vec<T>,
    source: &OffsetBuffer<i32>,
    items: &[T],
    rows: Range<usize>,
) {
    for row in rows {
        // Arrow's offsets ascend from zero.
        let (from, to) = (source[row].cast_unsigned() as usize, source[row + 1].cast_unsigned() as usize);
        values.extend_from_slice(&items[from..to]);
        offsets.push(values.len() as u32);
    }
}

impl Texts {
    /// The writer's numbers of a dictionary's texts. Rows repeat few texts, so the last ones are remembered.
    fn translate(
        &mut self,
        keys: &[i32],
        source: &StringArray,
        indices: &mut Vec<u32>,
        present: impl Fn(usize) -> bool,
    ) {
        const REMEMBERED: usize = 4;
        let mut remembered = [(-1, 0); REMEMBERED];
        indices.extend(keys.iter().enumerate().map(|(at, key)| {
            if !present(at) {
                return 0;
            }
            let slot = &mut remembered[key.cast_unsigned() as usize % REMEMBERED];
            if slot.0 != *key {
                *slot = (*key, self.index(source.value(usize::try_from(*key).unwrap_or(0))));
            }
            slot.1
        }));
    }
}
