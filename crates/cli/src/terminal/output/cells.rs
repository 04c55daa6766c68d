//! The values of a column as text: one form for each type, shared by all text formats.
//!
//! A column is resolved once per batch to a function that appends one row's value; a cell then costs one indirect call.

use std::borrow::Cow;

use arrow::{
    array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray},
    buffer::NullBuffer,
    datatypes::{
        ArrowNativeType, DataType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Field,
        Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
        TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type,
        UInt64Type,
    },
    error::ArrowError,
    util::display::{ArrayFormatter, FormatOptions},
};
use serde_json::value::RawValue;

use super::{JSON_TEXT, json};
use crate::terminal::utc::{split, write_date, write_utc};

type Put<'a> = Box<dyn Fn(usize, &mut Vec<u8>) + 'a>;
type Get<'a, T> = Box<dyn Fn(usize) -> T + 'a>;

/// One column of a batch, ready to print any of its rows.
pub(super) struct Column<'a> {
    nulls: Option<NullBuffer>,
    cells: Cells<'a>,
}

/// How a value is printed, and what the formats must know of it.
enum Cells<'a> {
    /// A whole number or a truth value: the same in JSON.
    Bare(Put<'a>),
    /// A float: the same in JSON unless it is no number.
    Float(Put<'a>),
    /// Text that never needs escaping.
    Plain(Put<'a>),
    /// Seconds since the Unix epoch, and the nanoseconds above them.
    Time(Get<'a, (i64, u32)>),
    /// Any text.
    Text(Get<'a, Cow<'a, str>>),
    /// Text that claims to be JSON.
    Json(Get<'a, Cow<'a, str>>),
    /// A list or an object: JSON in every format.
    Nested(Put<'a>),
}

impl<'a> Column<'a> {
    pub(super) fn new(array: &'a ArrayRef, field: &Field) -> Result<Column<'a>, ArrowError> {
        let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        Ok(Column { nulls, cells: Cells::new(array, field)? })
    }

    pub(super) fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    /// Whether no value can hold a quote, a comma or a line break.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.cells, Cells::Bare(_) | Cells::Float(_) | Cells::Plain(_) | Cells::Time(_))
    }

    /// The instant in this row, if the column holds instants.
    pub(super) fn time(&self, row: usize) -> Option<(i64, u32)> {
        match &self.cells {
            Cells::Time(get) if !self.is_null(row) => Some(get(row)),
            _ => None,
        }
    }

    /// Appends the value as text; nothing for null.
    pub(super) fn text(&self, row: usize, out: &mut Vec<u8>) {
        if self.is_null(row) {
            return;
        }
        match &self.cells {
            Cells::Bare(put) | Cells::Float(put) | Cells::Plain(put) | Cells::Nested(put) => put(row, out),
            Cells::Time(get) => {
                let (seconds, nanos) = get(row);
                write_utc(out, seconds, nanos);
            }
            Cells::Text(get) | Cells::Json(get) => out.extend_from_slice(get(row).as_bytes()),
        }
    }

    /// Appends the value as JSON.
    pub(super) fn json(&self, row: usize, out: &mut Vec<u8>) {
        if self.is_null(row) {
            return out.extend_from_slice(b"null");
        }
        match &self.cells {
            Cells::Bare(put) | Cells::Nested(put) => put(row, out),
            Cells::Float(put) => {
                let start = out.len();
                put(row, out);
                // JSON has no word for `NaN` and `inf`.
                if out.last().is_some_and(u8::is_ascii_alphabetic) {
                    out.truncate(start);
                    out.extend_from_slice(b"null");
                }
            }
            Cells::Plain(put) => {
                out.push(b'"');
                put(row, out);
                out.push(b'"');
            }
            Cells::Time(get) => {
                let (seconds, nanos) = get(row);
                out.push(b'"');
                write_utc(out, seconds, nanos);
                out.push(b'"');
            }
            Cells::Text(get) => json::string(&get(row), out),
            Cells::Json(get) => {
                let text = get(row);
                match serde_json::from_str::<&RawValue>(&text) {
                    // A line break can only stand between tokens, and would end the line of an object.
                    Ok(raw) => out.extend(raw.get().bytes().filter(|byte| !matches!(byte, b'\n' | b'\r'))),
                    Err(_) => json::string(&text, out),
                }
            }
        }
    }
}

/// Whether people read a column of this type as figures, to be aligned at the right.
pub(super) fn is_figure(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_figure(values),
        data_type => data_type.is_numeric(),
    }
}

/// Whether a column of this type may be cut where there is no room: a cut figure or time would be another one.
pub(super) fn is_shortenable(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_shortenable(values),
        data_type => !data_type.is_numeric() && !data_type.is_temporal() && *data_type != DataType::Boolean,
    }
}

impl<'a> Cells<'a> {
    fn new(array: &'a ArrayRef, field: &Field) -> Result<Cells<'a>, ArrowError> {
        let text = |get: Get<'a, Cow<'a, str>>| match field.metadata().get(JSON_TEXT).map(String::as_str) {
            Some("true") => Cells::Json(get),
            _ => Cells::Text(get),
        };
        Ok(match array.data_type() {
            DataType::Null => Cells::Bare(Box::new(|_, _| {})),
            DataType::Boolean => {
                let array = array.as_boolean();
                Cells::Bare(Box::new(move |row, out| {
                    out.extend_from_slice(if array.value(row) { b"true" } else { b"false" })
                }))
            }
            DataType::Int8 => integer::<Int8Type>(array),
            DataType::Int16 => integer::<Int16Type>(array),
            DataType::Int32 => integer::<Int32Type>(array),
            DataType::Int64 => integer::<Int64Type>(array),
            DataType::UInt8 => integer::<UInt8Type>(array),
            DataType::UInt16 => integer::<UInt16Type>(array),
            DataType::UInt32 => integer::<UInt32Type>(array),
            DataType::UInt64 => integer::<UInt64Type>(array),
            DataType::Float32 => {
                let array = array.as_primitive::<Float32Type>();
                Cells::Float(Box::new(move |row, out| {
                    out.extend_from_slice(format!("{:?}", array.value(row)).as_bytes())
                }))
            }
            DataType::Float64 => {
                let array = array.as_primitive::<Float64Type>();
                Cells::Float(Box::new(move |row, out| {
                    out.extend_from_slice(format!("{:?}", array.value(row)).as_bytes())
                }))
            }
            DataType::Decimal32(_, scale) => decimal::<Decimal32Type>(array, *scale),
            DataType::Decimal64(_, scale) => decimal::<Decimal64Type>(array, *scale),
            DataType::Decimal128(_, scale) => decimal::<Decimal128Type>(array, *scale),
            DataType::Timestamp(TimeUnit::Second, _) => instant::<TimestampSecondType>(array, |value| (value, 0)),
            DataType::Timestamp(TimeUnit::Millisecond, _) => instant::<TimestampMillisecondType>(array, |value| {
                (value.div_euclid(1_000), value.rem_euclid(1_000) as u32 * 1_000_000)
            }),
            DataType::Timestamp(TimeUnit::Microsecond, _) => instant::<TimestampMicrosecondType>(array, |value| {
                (value.div_euclid(1_000_000), value.rem_euclid(1_000_000) as u32 * 1_000)
            }),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => instant::<TimestampNanosecondType>(array, split),
            DataType::Date32 => {
                let array = array.as_primitive::<Date32Type>();
                Cells::Plain(Box::new(move |row, out| write_date(out, i64::from(array.value(row)))))
            }
            DataType::Date64 => {
                let array = array.as_primitive::<Date64Type>();
                Cells::Plain(Box::new(move |row, out| write_date(out, array.value(row).div_euclid(86_400_000))))
            }
            DataType::Utf8 => {
                let array = array.as_string::<i32>();
                text(Box::new(move |row| Cow::Borrowed(array.value(row))))
            }
            DataType::LargeUtf8 => {
                let array = array.as_string::<i64>();
                text(Box::new(move |row| Cow::Borrowed(array.value(row))))
            }
            DataType::Utf8View => {
                let array = array.as_string_view();
                text(Box::new(move |row| Cow::Borrowed(array.value(row))))
            }
            DataType::Dictionary(..) => {
                let array = array.as_any_dictionary();
                // Without values all rows are null, and the keys point nowhere.
                let keys = if array.values().is_empty() { Vec::new() } else { array.normalized_keys() };
                Cells::new(array.values(), field)?.through(keys)
            }
            DataType::List(item) => {
                let array = array.as_list::<i32>();
                let offsets = array.value_offsets();
                list(array.values(), item, move |row| (offsets[row].as_usize(), offsets[row + 1].as_usize()))?
            }
            DataType::LargeList(item) => {
                let array = array.as_list::<i64>();
                let offsets = array.value_offsets();
                list(array.values(), item, move |row| (offsets[row].as_usize(), offsets[row + 1].as_usize()))?
            }
            DataType::FixedSizeList(item, size) => {
                let size = size.as_usize();
                list(array.as_fixed_size_list().values(), item, move |row| (row * size, (row + 1) * size))?
            }
            DataType::Struct(fields) => {
                let columns = array.as_struct().columns().iter().zip(fields).map(|(array, field)| {
                    let mut key = Vec::new();
                    json::string(field.name(), &mut key);
                    key.push(b':');
                    Ok((key, Column::new(array, field)?))
                });
                let columns = columns.collect::<Result<Vec<_>, ArrowError>>()?;
                Cells::Nested(Box::new(move |row, out| {
                    for (at, (key, column)) in columns.iter().enumerate() {
                        out.push(if at == 0 { b'{' } else { b',' });
                        out.extend_from_slice(key);
                        column.json(row, out);
                    }
                    out.extend_from_slice(if columns.is_empty() { b"{}" } else { b"}" });
                }))
            }
            // What the archive never holds but SQL may make: intervals, binary, maps and the like.
            _ => {
                let formatter = ArrayFormatter::try_new(array, &FormatOptions::default())?;
                Cells::Text(Box::new(move |row| Cow::Owned(formatter.value(row).to_string())))
            }
        })
    }

    /// The same values, found by key.
    fn through(self, keys: Vec<usize>) -> Cells<'a> {
        fn put(inner: Put<'_>, keys: Vec<usize>) -> Put<'_> {
            Box::new(move |row, out| inner(keys[row], out))
        }
        fn get<'a, T: 'a>(inner: Get<'a, T>, keys: Vec<usize>) -> Get<'a, T> {
            Box::new(move |row| inner(keys[row]))
        }
        match self {
            Cells::Bare(inner) => Cells::Bare(put(inner, keys)),
            Cells::Float(inner) => Cells::Float(put(inner, keys)),
            Cells::Plain(inner) => Cells::Plain(put(inner, keys)),
            Cells::Nested(inner) => Cells::Nested(put(inner, keys)),
            Cells::Time(inner) => Cells::Time(get(inner, keys)),
            Cells::Text(inner) => Cells::Text(get(inner, keys)),
            Cells::Json(inner) => Cells::Json(get(inner, keys)),
        }
    }
}

fn integer<T: ArrowPrimitiveType<Native: itoa::Integer>>(array: &ArrayRef) -> Cells<'_> {
    let array: &PrimitiveArray<T> = array.as_primitive();
    Cells::Bare(Box::new(move |row, out| {
        out.extend_from_slice(itoa::Buffer::new().format(array.value(row)).as_bytes())
    }))
}

fn instant<'a, T: ArrowPrimitiveType<Native = i64>>(array: &'a ArrayRef, split: fn(i64) -> (i64, u32)) -> Cells<'a> {
    let array: &PrimitiveArray<T> = array.as_primitive();
    Cells::Time(Box::new(move |row| split(array.value(row))))
}

fn decimal<'a, T: ArrowPrimitiveType<Native: Into<i128>>>(array: &'a ArrayRef, scale: i8) -> Cells<'a> {
    let array: &'a PrimitiveArray<T> = array.as_primitive();
    Cells::Plain(Box::new(move |row, out| write_decimal(out, array.value(row).into(), scale)))
}

fn list<'a>(
    values: &'a ArrayRef,
    item: &Field,
    range: impl Fn(usize) -> (usize, usize) + 'a,
) -> Result<Cells<'a>, ArrowError> {
    let values = Column::new(values, item)?;
    Ok(Cells::Nested(Box::new(move |row, out| {
        let (start, end) = range(row);
        out.push(b'[');
        for at in start..end {
            if at > start {
                out.push(b',');
            }
            values.json(at, out);
        }
        out.push(b']');
    })))
}

/// Appends `value` × 10^−`scale` with all decimals that the scale has.
fn write_decimal(out: &mut Vec<u8>, value: i128, scale: i8) {
    if value < 0 {
        out.push(b'-');
    }
    let mut buffer = itoa::Buffer::new();
    // 128-bit division is slow, and hardly ever needed.
    let digits = match u64::try_from(value.unsigned_abs()) {
        Ok(small) => buffer.format(small).as_bytes(),
        Err(_) => buffer.format(value.unsigned_abs()).as_bytes(),
    };
    let places = usize::from(scale.unsigned_abs());
    if scale <= 0 {
        out.extend_from_slice(digits);
        out.extend(std::iter::repeat_n(b'0', if value == 0 { 0 } else { places }));
    } else if let Some(whole) = digits.len().checked_sub(places).filter(|whole| *whole > 0) {
        out.extend_from_slice(&digits[..whole]);
        out.push(b'.');
        out.extend_from_slice(&digits[whole..]);
    } else {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', places - digits.len()));
        out.extend_from_slice(digits);
    }
}
