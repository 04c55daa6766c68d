//! Which files a query need not read, by what is known of them without opening them.

use std::{collections::HashSet, sync::Arc};

use datafusion::{
    arrow::{
        array::{ArrayRef, BooleanArray, Date32Array, StringArray},
        datatypes::SchemaRef,
    },
    catalog::Session,
    common::{Column, DFSchema, ScalarValue, pruning::PruningStatistics},
    error::Result,
    logical_expr::{Expr, utils::conjunction},
    physical_optimizer::pruning::PruningPredicateBuilder,
};
use daybook_archive::schema::DATE;

use crate::table_file::TableFile;

/// The files that may hold rows of which all filters are true.
pub(crate) fn matching(
    files: &[Arc<TableFile>],
    schema: &SchemaRef,
    filters: &[Expr],
    session: &dyn Session,
) -> Result<Vec<Arc<TableFile>>> {
    let Some(filter) = conjunction(filters.iter().cloned()) else { return Ok(files.to_vec()) };
    let filter = session.create_physical_expr(filter, &DFSchema::try_from(schema.clone())?)?;
    let predicate = PruningPredicateBuilder::new().with_file_schema(schema.clone()).try_build(filter)?;
    let kept = predicate.prune(&Bounds(files))?;
    Ok(files.iter().zip(kept).filter(|(_, kept)| *kept).map(|(file, _)| file.clone()).collect())
}

/// What is known of files: their day, and their least and greatest ticker.
struct Bounds<'a>(&'a [Arc<TableFile>]);

impl Bounds<'_> {
    fn bound(&self, column: &Column, ticker: impl Fn(&(String, String)) -> &str) -> Option<ArrayRef> {
        match column.name() {
            DATE => Some(Arc::new(self.0.iter().map(|file| file.date).collect::<Date32Array>())),
            "ticker" => {
                let tickers = self.0.iter().map(|file| file.tickers.as_ref().map(&ticker));
                Some(Arc::new(tickers.collect::<StringArray>()))
            }
            _ => None,
        }
    }
}

impl PruningStatistics for Bounds<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bound(column, |(least, _)| least)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bound(column, |(_, greatest)| greatest)
    }

    fn num_containers(&self) -> usize {
        self.0.len()
    }

    fn null_counts(&self, _column: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        None
    }

    /// Long lists of tickers come here.
    fn contained(&self, column: &Column, values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        let texts: Vec<&str> = values.iter().filter_map(|value| value.try_as_str().flatten()).collect();
        if column.name() != "ticker" || texts.len() != values.len() {
            return None;
        }
        let absent = |file: &Arc<TableFile>| {
            let (least, greatest) = file.tickers.as_ref()?;
            let inside = texts.iter().any(|text| least.as_str() <= *text && *text <= greatest.as_str());
            (!inside).then_some(false)
        };
        Some(self.0.iter().map(absent).collect())
    }
}
