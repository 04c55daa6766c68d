//! Random tables: their cells, the file written from them, and what the `arrow` reader makes of that file.
#![allow(dead_code, unreachable_pub, missing_docs)]

use arrow::array::{
    Array, AsArray, BooleanArray, Decimal128Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::DataType;
use daybook_archive::parquet_file::{
    ColumnData, ColumnEncoding, ColumnKind, ColumnShape, ColumnSpec, DeltaLayout, FileSummary, FileWriter, Value,
    WriterOptions,
};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// One value of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Null,
    Boolean(bool),
    Integer(i64),
    Text(String),
    List(Vec<i64>),
}

/// How a column's data is handed to the writer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Form {
    /// Whichever the cells allow: a value per row.
    Values,
    Packed,
    Categories,
    Constant,
    AllNull,
}

#[derive(Debug, Clone)]
pub struct Column {
    pub spec: ColumnSpec,
    pub form: Form,
    pub cells: Vec<Cell>,
}

pub const NAMES: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
const KINDS: [ColumnKind; 8] = [
    ColumnKind::Boolean,
    ColumnKind::Int16,
    ColumnKind::Int32,
    ColumnKind::Int64,
    ColumnKind::TimestampMicros,
    ColumnKind::Decimal { precision: 5, scale: 4 },
    ColumnKind::Decimal { precision: 18, scale: 2 },
    ColumnKind::Utf8,
];

/// Whether values of the kind are stored as INT32.
fn is_i32(kind: ColumnKind) -> bool {
    matches!(kind, ColumnKind::Int16 | ColumnKind::Int32 | ColumnKind::Decimal { precision: 1..=9, .. })
}

/// The values that the kind can hold.
fn range(kind: ColumnKind) -> (i64, i64) {
    match kind {
        ColumnKind::Int16 => (i64::from(i16::MIN), i64::from(i16::MAX)),
        ColumnKind::Int32 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        ColumnKind::Decimal { precision, .. } => {
            let greatest = 10_i64.pow(u32::from(precision)) - 1;
            (-greatest, greatest)
        }
        // What engines take for a time: some keep the extremes for infinity.
        ColumnKind::TimestampMicros => (-(1 << 60), 1 << 60),
        _ => (i64::MIN, i64::MAX),
    }
}

/// An endless supply of values of a kind, in one of several temperaments.
struct Source {
    kind: ColumnKind,
    temperament: u32,
    last: i64,
}

impl Source {
    fn integer(&mut self, random: &mut SmallRng) -> i64 {
        let (least, greatest) = range(self.kind);
        self.last = match self.temperament {
            0 => random.random_range(least..=greatest),
            1 => [least, greatest, 0, -1][random.random_range(0..4)],
            2 => random.random_range(-3..4) * 7,
            3 => self.last.saturating_add(random.random_range(0..2000) * 1000).clamp(least, greatest),
            4 if random.random_range(0..200) > 0 => self.last,
            _ => random.random_range(0..300),
        };
        self.last
    }

    fn text(&mut self, random: &mut SmallRng) -> String {
        match self.temperament {
            0 => {
                let length = random.random_range(0..30);
                (0..length).map(|_| random.random_range('a'..='é')).collect()
            }
            1 => ["", "x", "\u{10ffff}", "long "][random.random_range(0..4)].repeat(random.random_range(0..90)),
            _ => format!("KX{}-{}", self.integer(random), "Ω".repeat(random.random_range(0..2))),
        }
    }

    fn cell(&mut self, random: &mut SmallRng) -> Cell {
        match self.kind {
            ColumnKind::Boolean => Cell::Boolean(self.integer(random) & 1 == 0),
            ColumnKind::Utf8 => Cell::Text(self.text(random)),
            _ => Cell::Integer(self.integer(random)),
        }
    }
}

fn encoding(kind: ColumnKind, random: &mut SmallRng) -> ColumnEncoding {
    let layouts = [
        DeltaLayout::TIGHT,
        DeltaLayout::BYTE_ALIGNED,
        DeltaLayout { block: 256, miniblock: 64, aligned: true },
        DeltaLayout { block: 1024, miniblock: 1024, aligned: false },
    ];
    match (kind, random.random_range(0..4)) {
        (ColumnKind::Boolean, _) | (_, 0) => ColumnEncoding::Plain,
        (_, 1) => ColumnEncoding::Dictionary,
        (ColumnKind::Utf8, _) => ColumnEncoding::DeltaLength,
        _ => ColumnEncoding::Delta(layouts[random.random_range(0..layouts.len())]),
    }
}

/// A schema and, for each row group, the columns.
pub fn random_table(seed: u64, columns: usize, row_groups: &[usize]) -> Vec<Vec<Column>> {
    let mut random = SmallRng::seed_from_u64(seed);
    let specs: Vec<ColumnSpec> = NAMES[..columns]
        .iter()
        .map(|name| {
            let kind = KINDS[random.random_range(0..KINDS.len())];
            let listable = !matches!(kind, ColumnKind::Boolean | ColumnKind::Utf8);
            let shape = match random.random_range(0..3) {
                0 => ColumnShape::Required,
                1 if listable => ColumnShape::List,
                _ => ColumnShape::Nullable,
            };
            ColumnSpec { name, kind, shape, encoding: encoding(kind, &mut random), zstd_level: None }
        })
        .collect();
    row_groups.iter().map(|rows| specs.iter().map(|spec| random_column(*spec, *rows, &mut random)).collect()).collect()
}

fn random_column(spec: ColumnSpec, rows: usize, random: &mut SmallRng) -> Column {
    let mut source = Source { kind: spec.kind, temperament: random.random_range(0..6), last: 0 };
    let form = match (spec.shape, spec.kind, random.random_range(0..8)) {
        (ColumnShape::List, ..) => Form::Values,
        (_, _, 0) => Form::Constant,
        (ColumnShape::Nullable, _, 1) => Form::AllNull,
        (_, ColumnKind::Utf8, 2 | 3) => Form::Packed,
        (_, ColumnKind::Utf8, 4 | 5) => Form::Categories,
        _ => Form::Values,
    };
    // Per mille of rows that are null, which come in stretches where there are any.
    let nulls = [0, 5, 500, 1000][random.random_range(0..4)];
    let stretch = [1, 40][random.random_range(0..2)];
    let constant = source.cell(random);
    let mut null = false;
    let cells = (0..rows)
        .map(|row| match (form, spec.shape) {
            (Form::AllNull, _) => Cell::Null,
            (Form::Constant, _) => constant.clone(),
            (_, ColumnShape::List) => {
                let length = [0, 1, 3, random.random_range(0..60)][random.random_range(0..4)];
                Cell::List((0..length).map(|_| source.integer(random)).collect())
            }
            (_, ColumnShape::Nullable) => {
                if row % stretch == 0 {
                    null = random.random_range(0..1000) < nulls;
                }
                if null { Cell::Null } else { source.cell(random) }
            }
            (_, ColumnShape::Required) => source.cell(random),
        })
        .collect();
    Column { spec, form, cells }
}

/// What a column's data borrows from.
#[derive(Default)]
struct Buffers {
    validity: Vec<bool>,
    booleans: Vec<bool>,
    i32s: Vec<i32>,
    i64s: Vec<i64>,
    offsets: Vec<u32>,
    text: String,
    strings: Vec<String>,
    indices: Vec<u32>,
}

impl Buffers {
    fn new(column: &Column) -> Self {
        let mut buffers = Self { offsets: vec![0], ..Self::default() };
        for cell in &column.cells {
            buffers.validity.push(*cell != Cell::Null);
            // What stands at a null is junk, to be ignored by the writer.
            let (boolean, integers, text) = match cell {
                Cell::Null => (true, vec![-77], "null"),
                Cell::Boolean(value) => (*value, vec![], ""),
                Cell::Integer(value) => (false, vec![*value], ""),
                Cell::Text(value) => (false, vec![], value.as_str()),
                Cell::List(values) => (false, values.clone(), ""),
            };
            buffers.booleans.push(boolean);
            buffers.i32s.extend(integers.iter().map(|value| *value as i32));
            buffers.i64s.extend(integers);
            buffers.text.push_str(text);
            buffers.indices.push(match buffers.strings.iter().position(|known| known == text) {
                // A column may name the same string by several numbers, or by one that it has no use for.
                Some(known) if !buffers.indices.len().is_multiple_of(5) => known as u32,
                _ => {
                    buffers.strings.push(text.to_owned());
                    buffers.strings.len() as u32 - 1
                }
            });
            let offset = match column.spec.kind {
                ColumnKind::Utf8 => buffers.text.len(),
                _ => buffers.i64s.len(),
            };
            buffers.offsets.push(offset as u32);
        }
        buffers
    }
}

pub fn write(table: &[Vec<Column>], options: WriterOptions) -> (Vec<u8>, FileSummary) {
    let schema: Vec<ColumnSpec> = table[0].iter().map(|column| column.spec).collect();
    let mut writer = FileWriter::new(Vec::new(), &schema, options).expect("the schema is valid");
    for columns in table {
        let buffers: Vec<Buffers> = columns.iter().map(Buffers::new).collect();
        let slices: Vec<Vec<&str>> =
            buffers.iter().map(|buffers| buffers.strings.iter().map(String::as_str).collect()).collect();
        let rows: Vec<Vec<&str>> = buffers
            .iter()
            .zip(&slices)
            .map(|(buffers, slices)| buffers.indices.iter().map(|index| slices[*index as usize]).collect())
            .collect();
        let data: Vec<ColumnData<'_>> = columns
            .iter()
            .zip(&buffers)
            .zip(slices.iter().zip(&rows))
            .map(|((column, buffers), (slices, rows))| data(column, buffers, slices, rows))
            .collect();
        writer.write_row_group(&data).expect("the data fits the schema");
    }
    writer.close().expect("memory does not fail")
}

fn data<'a>(column: &Column, buffers: &'a Buffers, slices: &'a [&'a str], rows: &'a [&'a str]) -> ColumnData<'a> {
    let nullable = column.spec.shape == ColumnShape::Nullable && column.cells.contains(&Cell::Null);
    let validity = nullable.then_some(buffers.validity.as_slice());
    let count = column.cells.len();
    let offsets = buffers.offsets.as_slice();
    match (column.form, column.spec.shape, column.spec.kind) {
        (Form::AllNull, ..) => ColumnData::AllNull { rows: count },
        (Form::Constant, ..) => {
            let value = match &column.cells[0] {
                Cell::Boolean(value) => Value::Boolean(*value),
                Cell::Integer(value) if is_i32(column.spec.kind) => Value::I32(*value as i32),
                Cell::Integer(value) => Value::I64(*value),
                Cell::Text(value) => Value::Str(value.clone()),
                other => panic!("{other:?} is no constant"),
            };
            ColumnData::Constant { value, rows: count }
        }
        (_, ColumnShape::List, kind) if is_i32(kind) => ColumnData::I32Lists { offsets, values: &buffers.i32s },
        (_, ColumnShape::List, _) => ColumnData::I64Lists { offsets, values: &buffers.i64s },
        (Form::Packed, ..) => ColumnData::PackedStrings { offsets, data: &buffers.text, validity },
        (Form::Categories, ..) => ColumnData::Categories { indices: &buffers.indices, values: slices, validity },
        (_, _, ColumnKind::Boolean) => ColumnData::Booleans(&buffers.booleans, validity),
        (_, _, ColumnKind::Utf8) => ColumnData::Strings(rows, validity),
        (_, _, kind) if is_i32(kind) => ColumnData::I32(&buffers.i32s, validity),
        _ => ColumnData::I64(&buffers.i64s, validity),
    }
}

/// The cells of column `name`, in all row groups together.
pub fn column_cells(table: &[Vec<Column>], number: usize) -> Vec<Cell> {
    table.iter().flat_map(|columns| columns[number].cells.iter().cloned()).collect()
}

/// The cells that the `arrow` reader returned.
pub fn read_cells(batches: &[RecordBatch], number: usize) -> Vec<Cell> {
    batches.iter().flat_map(|batch| cells(batch.column(number).as_ref())).collect()
}

fn cells(array: &dyn Array) -> Vec<Cell> {
    let integers = |get: &dyn Fn(usize) -> i64| -> Vec<Cell> {
        (0..array.len()).map(|row| if array.is_null(row) { Cell::Null } else { Cell::Integer(get(row)) }).collect()
    };
    let any = array.as_any();
    if let Some(array) = any.downcast_ref::<BooleanArray>() {
        array.iter().map(|value| value.map_or(Cell::Null, Cell::Boolean)).collect()
    } else if let Some(array) = any.downcast_ref::<StringArray>() {
        array.iter().map(|value| value.map_or(Cell::Null, |value| Cell::Text(value.to_owned()))).collect()
    } else if let Some(array) = any.downcast_ref::<Int16Array>() {
        integers(&|row| i64::from(array.value(row)))
    } else if let Some(array) = any.downcast_ref::<Int32Array>() {
        integers(&|row| i64::from(array.value(row)))
    } else if let Some(array) = any.downcast_ref::<Int64Array>() {
        integers(&|row| array.value(row))
    } else if let Some(array) = any.downcast_ref::<TimestampMicrosecondArray>() {
        assert!(matches!(array.data_type(), DataType::Timestamp(_, Some(zone)) if zone.as_ref() == "UTC"));
        integers(&|row| array.value(row))
    } else if let Some(array) = any.downcast_ref::<Decimal128Array>() {
        integers(&|row| array.value(row) as i64)
    } else if let Some(array) = array.as_list_opt::<i32>() {
        let list = |row| {
            let elements = cells(array.value(row).as_ref()).into_iter();
            Cell::List(
                elements
                    .map(|cell| match cell {
                        Cell::Integer(value) => value,
                        other => panic!("{other:?} in a list"),
                    })
                    .collect(),
            )
        };
        assert_eq!(array.null_count(), 0);
        (0..array.len()).map(list).collect()
    } else {
        panic!("an array of {} is not expected", array.data_type())
    }
}
