//! What can go wrong with a query: what happened, where in its text, and what to do.

use std::{fmt, time::Duration};

use datafusion::{common::SchemaError, error::DataFusionError, sql::sqlparser::parser::ParserError};

use crate::excerpt::{Place, near};

/// A failed query.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not SQL.
    #[error("this is not readable as SQL: {message}{}", shown(.at))]
    Syntax {
        /// What the parser expected.
        message: String,
        /// Where.
        at: Option<Place>,
    },
    /// The text holds no statement.
    #[error("the query is empty: write one SELECT, EXPLAIN, SHOW TABLES or DESCRIBE")]
    Empty,
    /// The text holds several statements.
    #[error("{count} statements were given, a query is one: send them one by one")]
    ManyStatements {
        /// How many.
        count: usize,
    },
    /// A statement that does more than read.
    #[error(
        "{statement} is not allowed, SQL only reads the archive: \
         use SELECT, WITH, VALUES, EXPLAIN, SHOW TABLES, SHOW COLUMNS or DESCRIBE"
    )]
    NotAllowed {
        /// The statement's first word.
        statement: String,
    },
    /// The text is longer or more involved than the planner takes.
    #[error("the query has {found} {unit}, at most {limit} are taken: {advice}")]
    TooInvolved {
        /// How many it has.
        found: usize,
        /// Of what.
        unit: &'static str,
        /// How many it may have.
        limit: usize,
        /// What to do.
        advice: &'static str,
    },
    /// There is no such table.
    #[error("there is no table \"{name}\"{}{}", meant(.near, .names), shown(.at))]
    UnknownTable {
        /// The name asked for.
        name: String,
        /// Names like it.
        near: Vec<String>,
        /// All tables and views.
        names: Vec<String>,
        /// Where.
        at: Option<Place>,
    },
    /// There is no such column.
    #[error("there is no column \"{name}\"{}{}", meant(.near, .names), shown(.at))]
    UnknownColumn {
        /// The name asked for.
        name: String,
        /// Names like it.
        near: Vec<String>,
        /// The columns that are there.
        names: Vec<String>,
        /// Where.
        at: Option<Place>,
    },
    /// The query means nothing: types that do not fit, unknown functions, and the like.
    #[error("{message}{}", shown(.at))]
    Invalid {
        /// What is wrong.
        message: String,
        /// Where.
        at: Option<Place>,
    },
    /// The query was well formed and failed on the data, as a division by zero does.
    #[error("the query failed: {message}")]
    Failed {
        /// What happened.
        message: String,
    },
    /// More rows than a query may return. Those before the error are right.
    #[error(
        "the query has more than the {max_rows} rows that it may return (row limit): \
         add a LIMIT or a WHERE, aggregate, or raise the limit"
    )]
    RowLimit {
        /// The limit.
        max_rows: u64,
    },
    /// More time than a query may take.
    #[error(
        "the query took longer than the {} that it may take (time limit): \
         narrow it with WHERE ticker = … or date = …, or raise the limit",
        seconds(.timeout)
    )]
    Timeout {
        /// The limit.
        timeout: Duration,
    },
    /// More memory than queries may hold.
    #[error(
        "the query needs more than the {} of memory that queries may hold together (memory limit): \
         narrow it with WHERE, join or sort fewer rows, run it when no other runs, or raise the limit",
        size(*memory_bytes as u64)
    )]
    MemoryLimit {
        /// The limit.
        memory_bytes: usize,
        /// Who held the memory, in the engine's words.
        detail: String,
    },
    /// More temporary files than queries may write.
    #[error(
        "the query needs more than the {} of temporary files that queries may write together (spill limit): \
         narrow it with WHERE, join or sort fewer rows, or raise the limit",
        size(*spill_bytes)
    )]
    SpillLimit {
        /// The limit.
        spill_bytes: u64,
    },
    /// The archive could not be read; the message names the file.
    #[error(transparent)]
    Archive(#[from] daybook_archive::Error),
    /// The archive could not be read, told by the engine.
    #[error("the archive could not be read: {0}")]
    Read(String),
    /// A defect of ours or of the query engine.
    #[error("the query engine stopped on a defect: {0}. Please report it with the query")]
    Defect(String),
}

/// Whose matter an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The query is to be written differently.
    Query,
    /// The query went past a limit.
    Limit,
    /// The archive is damaged or cannot be reached.
    Archive,
    /// The program is at fault.
    Defect,
}

impl Error {
    /// Whose matter it is: what an exit code or an HTTP status is chosen by.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Syntax { .. }
            | Error::Empty
            | Error::ManyStatements { .. }
            | Error::NotAllowed { .. }
            | Error::TooInvolved { .. }
            | Error::UnknownTable { .. }
            | Error::UnknownColumn { .. }
            | Error::Invalid { .. }
            | Error::Failed { .. } => ErrorKind::Query,
            Error::RowLimit { .. } | Error::Timeout { .. } | Error::MemoryLimit { .. } | Error::SpillLimit { .. } => {
                ErrorKind::Limit
            }
            Error::Archive(_) | Error::Read(_) => ErrorKind::Archive,
            Error::Defect(_) => ErrorKind::Defect,
        }
    }

    /// An error of reading or planning the query's text.
    pub(crate) fn of_text(error: &DataFusionError, sql: &str) -> Error {
        let at = error.diagnostic().and_then(|said| Place::of_span(sql, said.span?));
        match error.find_root() {
            DataFusionError::SQL(parser, _) => {
                let message = match &**parser {
                    ParserError::TokenizerError(message) | ParserError::ParserError(message) => message.clone(),
                    ParserError::RecursionLimitExceeded => "it is nested too deeply".to_owned(),
                };
                let (message, at) = Place::split_off(sql, &message);
                Error::Syntax { message, at }
            }
            DataFusionError::SchemaError(schema, _) => match &**schema {
                SchemaError::FieldNotFound { field, valid_fields } => {
                    let mut names: Vec<String> = valid_fields.iter().map(|column| column.name.clone()).collect();
                    names.dedup();
                    let near = near(&field.name, names.iter().map(String::as_str));
                    let at = at.or_else(|| Place::of_name(sql, &field.name));
                    Error::UnknownColumn { name: field.name.clone(), near, names, at }
                }
                other => Error::Invalid { message: other.to_string(), at },
            },
            DataFusionError::Internal(message) => Error::Defect(message.clone()),
            DataFusionError::NotImplemented(message) => {
                Error::Invalid { message: format!("not supported: {message}"), at }
            }
            root => Error::Invalid { message: on_one_line(&root.message()), at },
        }
    }

    /// An error of running the query.
    pub(crate) fn of_run(error: DataFusionError, limits: &crate::Limits) -> Error {
        if let Some(archive) = archive_error(&error) {
            return Error::Read(archive.to_string());
        }
        // The engine wraps this one in different ways; its words are all there is to know it by.
        if error.strip_backtrace().contains("used disk space during the spilling") {
            return Error::SpillLimit { spill_bytes: limits.spill_bytes };
        }
        match error.find_root() {
            DataFusionError::ResourcesExhausted(message) => {
                Error::MemoryLimit { memory_bytes: limits.memory_bytes, detail: message.clone() }
            }
            DataFusionError::ParquetError(_) | DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) => {
                Error::Read(error.strip_backtrace())
            }
            DataFusionError::Internal(message) => Error::Defect(message.clone()),
            root => Error::Failed { message: on_one_line(&root.message()) },
        }
    }
}

/// The engine breaks long messages where it likes; lines are for the query's text here.
fn on_one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The archive's own error, where the engine has wrapped one up.
fn archive_error(error: &DataFusionError) -> Option<&daybook_archive::Error> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

fn shown(at: &Option<Place>) -> impl fmt::Display {
    at.as_ref().map(Place::to_string).unwrap_or_default()
}

/// What was perhaps meant; everything there is, unless that is too much to read.
fn meant(near: &[String], names: &[String]) -> String {
    let quoted: Vec<String> = near.iter().map(|name| format!("\"{name}\"")).collect();
    match (quoted.as_slice(), names.len()) {
        ([], 0) => String::new(),
        ([], 1..=40) => format!(": there are {}", names.join(", ")),
        ([], _) => ": DESCRIBE the table to see what there is".to_owned(),
        ([one], _) => format!(", did you mean {one}?"),
        ([first @ .., last], _) => format!(", did you mean {} or {last}?", first.join(", ")),
    }
}

fn seconds(time: &Duration) -> String {
    match time.subsec_millis() {
        0 => format!("{} s", time.as_secs()),
        _ => format!("{} ms", time.as_millis()),
    }
}

fn size(bytes: u64) -> String {
    const UNITS: [(&str, u32); 3] = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let unit = UNITS.into_iter().find(|(_, shift)| bytes >> shift > 0 && bytes.is_multiple_of(1 << shift));
    match unit {
        Some((unit, shift)) => format!("{} {unit}", bytes >> shift),
        None => format!("{bytes} bytes"),
    }
}
