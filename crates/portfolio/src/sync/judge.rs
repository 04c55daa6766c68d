//! What is to be done about each row of a page: the decision, apart from the database.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Counts;
use crate::{
    difference::{FieldChange, differences},
    table::{Cell, Keeping, MirrorRow, Table},
};

/// What is known of a row before it comes.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// The row as it is stored; the current version where every version is kept.
    pub raw: Map<String, Value>,
    /// When it was first seen so, in microseconds.
    pub seen: i64,
    /// What the venue said about it later, where only the first version counts.
    pub revisions: Vec<Map<String, Value>>,
    /// Whether its last version has ended, and `seen` is when; then there is no current one.
    pub ended: bool,
}

impl Known {
    fn current(raw: Map<String, Value>, seen: i64) -> Known {
        Known { raw, seen, revisions: Vec::new(), ended: false }
    }
}

/// What is known of the rows of one table, by key.
pub(crate) type KnownRows = HashMap<Vec<Cell>, Known>;

/// Something to write.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// A row with a key that was not there.
    Insert { row: MirrorRow, seen: i64 },
    /// The latest state of a row.
    Replace { row: MirrorRow, seen: i64 },
    /// The current version ends where the new one begins.
    Supersede { row: MirrorRow, seen: i64 },
    /// The row stays; what the venue says now is noted.
    Revise { row: MirrorRow, seen: i64, number: usize, changes: Vec<FieldChange> },
}

/// Decides about the rows of a page that go into one table, in their order, and counts them.
///
/// `known` is brought up to what it will be when the changes are written: a row that comes twice is judged the second
/// time by what the first left.
pub(crate) fn judge(
    table: &Table,
    rows: Vec<MirrorRow>,
    known: &mut KnownRows,
    now: i64,
    counts: &mut Counts,
) -> Vec<Change> {
    let mut changes = Vec::new();
    for row in rows {
        let Some(before) = known.get_mut(&row.key) else {
            counts.new += 1;
            known.insert(row.key.clone(), Known::current(row.raw.clone(), now));
            changes.push(Change::Insert { row, seen: now });
            continue;
        };
        if before.ended {
            counts.new += 1;
            let seen = now.max(before.seen);
            *before = Known::current(row.raw.clone(), seen);
            changes.push(Change::Insert { row, seen });
            continue;
        }
        let found = differences(&before.raw, &row.raw);
        if found.is_empty() {
            counts.unchanged += 1;
            continue;
        }
        match table.keeping {
            Keeping::First => {
                if before.revisions.iter().any(|said| differences(said, &row.raw).is_empty()) {
                    counts.unchanged += 1;
                    continue;
                }
                counts.revised += 1;
                before.revisions.push(row.raw.clone());
                changes.push(Change::Revise { row, seen: now, number: before.revisions.len(), changes: found });
            }
            Keeping::Latest => {
                counts.changed += 1;
                *before = Known::current(row.raw.clone(), now);
                changes.push(Change::Replace { row, seen: now });
            }
            // The archive may say what a position was before what the live list says it is.
            Keeping::Every if updated(&row.raw).is_some_and(|at| updated(&before.raw) > Some(at)) => {
                counts.unchanged += 1;
            }
            Keeping::Every => {
                counts.changed += 1;
                // Versions never overlap and are never empty, whatever the clock does.
                let seen = now.max(before.seen.saturating_add(1));
                *before = Known::current(row.raw.clone(), seen);
                changes.push(Change::Supersede { row, seen });
            }
        }
    }
    changes
}

/// When the venue last changed a row, where it says so.
fn updated(raw: &Map<String, Value>) -> Option<Timestamp> {
    raw.get("last_updated_ts")?.as_str()?.parse().ok()
}
