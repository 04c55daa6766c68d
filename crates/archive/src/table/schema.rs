//! The columns of a table, in our own words, and their translation to the table format's and Arrow's.

use std::sync::Arc;

use arrow::datatypes::SchemaRef as ArrowSchemaRef;
use delta_kernel::KernelResult;
use delta_kernel::engine::arrow_conversion::TryIntoArrow;
use delta_kernel::schema::{ArrayType, DataType, PrimitiveType, StructField, StructType};

/// The type of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8 text.
    String,
    /// Signed 64-bit integer.
    Long,
    /// Signed 32-bit integer.
    Integer,
    /// Signed 16-bit integer.
    Short,
    /// True or false.
    Boolean,
    /// An instant in microseconds since 1970 UTC.
    Timestamp,
    /// A calendar day.
    Date,
    /// An exact decimal number.
    Decimal {
        /// Digits in all, 1 to 38.
        precision: u8,
        /// Digits after the point, at most `precision`.
        scale: u8,
    },
    /// A list.
    Array {
        /// The type of its elements.
        element: Box<ColumnType>,
        /// Whether an element may be null.
        contains_null: bool,
    },
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Name, unique in the table whatever its case.
    pub name: String,
    /// Type.
    pub column_type: ColumnType,
    /// Whether a value may be null.
    pub nullable: bool,
}

/// The columns of a table, in order, partition columns included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableSchema {
    /// The columns.
    pub columns: Vec<Column>,
}

impl TableSchema {
    /// A schema without columns yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a column in which every row has a value.
    #[must_use]
    pub fn required(self, name: &str, column_type: ColumnType) -> Self {
        self.with(name, column_type, false)
    }

    /// Adds a column that may be null.
    #[must_use]
    pub fn nullable(self, name: &str, column_type: ColumnType) -> Self {
        self.with(name, column_type, true)
    }

    fn with(mut self, name: &str, column_type: ColumnType, nullable: bool) -> Self {
        self.columns.push(Column { name: name.to_owned(), column_type, nullable });
        self
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The Arrow schema of this table's data files: all columns but `partition_columns`, whose values are in the
    /// table's log and not in its files.
    ///
    /// # Errors
    /// A decimal column of impossible precision or scale, or a name that occurs twice.
    pub fn file_schema(&self, partition_columns: &[&str]) -> Result<ArrowSchemaRef, String> {
        let kept = self.columns.iter().filter(|column| !partition_columns.contains(&column.name.as_str()));
        let schema = Self { columns: kept.cloned().collect() }.to_kernel().map_err(|error| error.to_string())?;
        let arrow = (&schema).try_into_arrow().map_err(|error: arrow::error::ArrowError| error.to_string())?;
        Ok(Arc::new(arrow))
    }

    pub(super) fn to_kernel(&self) -> KernelResult<StructType> {
        let fields = self
            .columns
            .iter()
            .map(|column| Ok(StructField::new(&column.name, column.column_type.to_kernel()?, column.nullable)));
        StructType::try_new(fields.collect::<KernelResult<Vec<_>>>()?)
    }

    /// The inverse of [`to_kernel`](Self::to_kernel); `None` for a type that we have no word for.
    pub(super) fn from_kernel(schema: &StructType) -> Option<Self> {
        let columns = schema.fields().map(|field| {
            let column_type = ColumnType::from_kernel(field.data_type())?;
            Some(Column { name: field.name().clone(), column_type, nullable: field.is_nullable() })
        });
        Some(Self { columns: columns.collect::<Option<_>>()? })
    }
}

impl ColumnType {
    pub(super) fn to_kernel(&self) -> KernelResult<DataType> {
        Ok(match self {
            Self::String => DataType::STRING,
            Self::Long => DataType::LONG,
            Self::Integer => DataType::INTEGER,
            Self::Short => DataType::SHORT,
            Self::Boolean => DataType::BOOLEAN,
            Self::Timestamp => DataType::TIMESTAMP,
            Self::Date => DataType::DATE,
            Self::Decimal { precision, scale } => DataType::decimal(*precision, *scale)?,
            Self::Array { element, contains_null } => {
                DataType::from(ArrayType::new(element.to_kernel()?, *contains_null))
            }
        })
    }

    fn from_kernel(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Primitive(PrimitiveType::String) => Self::String,
            DataType::Primitive(PrimitiveType::Long) => Self::Long,
            DataType::Primitive(PrimitiveType::Integer) => Self::Integer,
            DataType::Primitive(PrimitiveType::Short) => Self::Short,
            DataType::Primitive(PrimitiveType::Boolean) => Self::Boolean,
            DataType::Primitive(PrimitiveType::Timestamp) => Self::Timestamp,
            DataType::Primitive(PrimitiveType::Date) => Self::Date,
            DataType::Primitive(PrimitiveType::Decimal(decimal)) => {
                Self::Decimal { precision: decimal.precision(), scale: decimal.scale() }
            }
            DataType::Array(array) => Self::Array {
                element: Box::new(Self::from_kernel(array.element_type())?),
                contains_null: array.contains_null(),
            },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_survives_the_way_to_the_table_format_and_back() {
        let strings = ColumnType::Array { element: Box::new(ColumnType::String), contains_null: true };
        let schema = TableSchema::new()
            .required("s", ColumnType::String)
            .nullable("l", ColumnType::Long)
            .required("i", ColumnType::Integer)
            .required("h", ColumnType::Short)
            .nullable("b", ColumnType::Boolean)
            .nullable("t", ColumnType::Timestamp)
            .required("d", ColumnType::Date)
            .nullable("n", ColumnType::Decimal { precision: 18, scale: 4 })
            .nullable("a", strings);
        let kernel = schema.to_kernel().unwrap();
        assert_eq!(TableSchema::from_kernel(&kernel), Some(schema.clone()));
        let arrow = schema.file_schema(&["d"]).unwrap();
        assert_eq!(arrow.fields().len(), 8);
        assert!(arrow.field_with_name("d").is_err());
    }

    #[test]
    fn an_impossible_decimal_is_refused() {
        let schema = TableSchema::new().required("n", ColumnType::Decimal { precision: 3, scale: 4 });
        assert!(schema.file_schema(&[]).is_err());
    }
}
