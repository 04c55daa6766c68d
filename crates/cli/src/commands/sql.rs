//! `daybook sql`: a query over the archive's tables.

use clap::Args;

use super::{Common, Failure, Outcome};

/// Tables: deltas, keyframes, trades, tickers, lifecycle, coverage, markets, events, series, settlements, sources, unparsed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook sql 'SELECT ticker, count(*) FROM deltas GROUP BY ticker ORDER BY 2 DESC LIMIT 10'
  daybook sql 'SHOW TABLES'
  daybook sql 'SELECT * FROM gaps' --format csv")]
pub struct SqlArgs {
    /// The query: one SELECT, SHOW, DESCRIBE or EXPLAIN
    query: String,
    /// Rows at most
    #[arg(long, value_name = "N")]
    max_rows: Option<u64>,
}

#[cfg(feature = "sql")]
pub(super) fn run(args: &SqlArgs, common: &Common) -> Result<Outcome, Failure> {
    use daybook_sql::{ErrorKind, Limits, SqlEngine};

    let fail = |error: daybook_sql::Error| match error.kind() {
        ErrorKind::Query => Failure::Usage(error.to_string()),
        _ => Failure::Failed(error.to_string()),
    };
    let archive = common.open(None)?;
    let limits = Limits { max_rows: args.max_rows, ..Limits::default() };
    let rows = SqlEngine::new(archive, limits).and_then(|engine| engine.query(&args.query)).map_err(fail)?;
    let schema = rows.schema();
    super::rows::write(
        common.format,
        super::rows::Rows::from_batches(schema, rows.map(move |batch| batch.map_err(fail))),
    )?;
    Ok(Outcome::Complete)
}

#[cfg(not(feature = "sql"))]
pub(super) fn run(args: &SqlArgs, common: &Common) -> Result<Outcome, Failure> {
    let (_, _) = (&args.query, args.max_rows);
    Err(Failure::Usage(format!(
        "this daybook was built without its SQL engine, which triples the build time: build it with \
         `cargo build --release -p daybook --features sql`. The tables below {} are Delta tables of Parquet files: \
         DuckDB, Polars or Spark can query them as well",
        common.archive
    )))
}
