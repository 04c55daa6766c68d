//! Views: the questions that the raw tables answer only in several steps.

use daybook_archive::schema::{DATE, Table};

/// A view's name and what it selects. Each may build on those before it.
pub(crate) fn views() -> Vec<(&'static str, String)> {
    vec![
        ("snapshots", "SELECT * FROM keyframes WHERE kind = 'snapshot'".to_owned()),
        ("current_coverage", current_coverage()),
        ("gaps", gaps()),
        ("current_markets", "SELECT * FROM markets WHERE valid_to IS NULL".to_owned()),
    ]
}

/// An interval grows while it is recorded, and `coverage` gets a row each time it is written down. The latest holds.
fn current_coverage() -> String {
    let columns = Table::Coverage.columns().iter().map(|column| column.name).filter(|name| *name != "position");
    let columns = columns.chain([DATE]).collect::<Vec<_>>().join(", ");
    // Rows that are not sealed yet share one position: among them, the one that reaches furthest is the latest.
    format!(
        "SELECT {columns} FROM (SELECT *, row_number() OVER (\
         PARTITION BY ticker, connection, first_ordinal, standing \
         ORDER BY position DESC, last_ordinal DESC, to_recv_ts DESC, to_recv_nanos DESC, ended NULLS LAST\
         ) AS version FROM coverage) WHERE version = 1"
    )
}

/// The cause of a gap stands in the column that says of other intervals why they began.
fn gaps() -> String {
    let columns = Table::Coverage.columns().iter().filter_map(|column| match column.name {
        "position" | "standing" => None,
        "began" => Some("began AS cause"),
        name => Some(name),
    });
    let columns = columns.chain([DATE]).collect::<Vec<_>>().join(", ");
    format!("SELECT {columns} FROM current_coverage WHERE standing = 'gap'")
}
