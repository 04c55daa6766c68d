//! The tables' columns as Arrow sees them: what a user of SQL is shown.

use std::sync::Arc;

use datafusion::{
    arrow::datatypes::{DataType, Field, Schema, TimeUnit},
    datasource::table_schema::TableSchema,
};
use daybook_archive::schema::{ColumnType, DATE, Table};

/// The columns of a table's files, and its partition column `date`.
///
/// Texts are ordinary strings here, however they are stored. Decimals are 128 bits wide, so that sums over any
/// number of rows stay exact.
pub(crate) fn table_schema(table: Table) -> TableSchema {
    let fields = table.columns().iter().map(|column| Field::new(column.name, data_type(column.kind), column.nullable));
    let file_schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let partition = table.is_partitioned().then(|| Arc::new(Field::new(DATE, DataType::Date32, false)));
    TableSchema::builder(file_schema).with_table_partition_cols(partition.into_iter().collect::<Vec<_>>()).build()
}

fn data_type(kind: ColumnType) -> DataType {
    const PRICE: DataType = DataType::Decimal128(5, 4);
    const QUANTITY: DataType = DataType::Decimal128(18, 2);
    let list = |element| DataType::List(Arc::new(Field::new("element", element, false)));
    match kind {
        ColumnType::Int16 => DataType::Int16,
        ColumnType::Int32 => DataType::Int32,
        ColumnType::Int64 => DataType::Int64,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ColumnType::Price => PRICE,
        ColumnType::Quantity => QUANTITY,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Text => DataType::Utf8,
        ColumnType::PriceList => list(PRICE),
        ColumnType::QuantityList => list(QUANTITY),
    }
}
