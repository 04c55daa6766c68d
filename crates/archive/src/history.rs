//! Metadata with history: a row per version of a market, event, series or settlement, valid from and to.
//!
//! A new version begins only when something changed. Documents may come in any order of their fetching: an older one
//! is put where it belongs. The tables are small beside the rest, so a change writes the table's file anew.

use std::collections::BTreeMap;

use arrow::array::Array;

use crate::{
    Error,
    catalog::TableFiles,
    entry::{Document, DocumentKind},
    schema::{ColumnType, Table},
    segment::Segment,
    segment_writer::SegmentWriter,
    store::Store,
};

/// A typed field of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// Text, or none.
    Text(Option<String>),
    /// Microseconds since the Unix epoch, or none.
    Time(Option<i64>),
}

/// One version of one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Ticker of the market, event or series.
    pub ticker: String,
    /// When it was first seen so, in microseconds since the Unix epoch.
    pub valid_from: i64,
    /// When it was first seen otherwise; `None` while it holds.
    pub valid_to: Option<i64>,
    /// The table's own columns, in order.
    pub fields: Vec<Field>,
    /// Digest of what makes a version.
    pub digest: String,
    /// The document as the venue sent it when the version began.
    pub raw: String,
}

/// All versions of a metadata table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histories {
    table: Table,
    versions: BTreeMap<String, Vec<Version>>,
}

/// Columns before the table's own: ticker, valid_from, valid_to.
const BEFORE: usize = 3;
/// Columns after them: digest, raw.
const AFTER: usize = 2;

fn own_columns(table: Table) -> &'static [crate::schema::Column] {
    let columns = table.columns();
    &columns[BEFORE..columns.len() - AFTER]
}

fn kind_of(table: Table) -> Option<DocumentKind> {
    match table {
        Table::Markets => Some(DocumentKind::Market),
        Table::Events => Some(DocumentKind::Event),
        Table::Series => Some(DocumentKind::Series),
        Table::Settlements => Some(DocumentKind::Settlement),
        _ => None,
    }
}

impl Histories {
    /// A table without versions.
    pub fn new(table: Table) -> Histories {
        Histories { table, versions: BTreeMap::new() }
    }

    /// Reads the table's files.
    pub fn load(store: &Store, table: Table, files: &TableFiles) -> Result<Histories, Error> {
        let mut histories = Histories::new(table);
        let names: Vec<&str> = table.columns().iter().map(|column| column.name).collect();
        for file in &files.files {
            let segment = Segment::open(store, table, &file.path, file.size)?;
            for batch in segment.scan(&names, 0..segment.rows(), 8_192)? {
                let batch = batch?;
                let (tickers, digests, raws) = (batch.texts("ticker")?, batch.texts("digest")?, batch.texts("raw")?);
                let (from, to) = (batch.times("valid_from")?, batch.times("valid_to")?);
                for row in 0..batch.rows() {
                    let fields = own_columns(table).iter().map(|column| {
                        Ok(match column.kind {
                            ColumnType::Timestamp => {
                                let times = batch.times(column.name)?;
                                Field::Time(times.is_valid(row).then(|| times.value(row)))
                            }
                            _ => Field::Text(batch.texts(column.name)?.get(row).map(str::to_owned)),
                        })
                    });
                    let ticker = tickers.get(row).unwrap_or("").to_owned();
                    let version = Version {
                        valid_from: from.value(row),
                        valid_to: to.is_valid(row).then(|| to.value(row)),
                        fields: fields.collect::<Result<_, Error>>()?,
                        digest: digests.get(row).unwrap_or("").to_owned(),
                        raw: raws.get(row).unwrap_or("").to_owned(),
                        ticker: ticker.clone(),
                    };
                    histories.versions.entry(ticker).or_default().push(version);
                }
            }
        }
        for versions in histories.versions.values_mut() {
            versions.sort_by_key(|version| version.valid_from);
        }
        Ok(histories)
    }

    /// The histories after these documents, or `None` if they change nothing.
    pub fn with_documents(mut self, documents: &[Document]) -> Result<Option<Histories>, Error> {
        let mut changed = false;
        let kind = kind_of(self.table);
        for document in documents.iter().filter(|document| Some(document.kind) == kind) {
            changed |= self.add(document);
        }
        Ok(changed.then_some(self))
    }

    fn add(&mut self, document: &Document) -> bool {
        let at = document.fetched_nanos.div_euclid(1_000);
        let versions = self.versions.entry(document.key.clone()).or_default();
        let after = versions.partition_point(|version| version.valid_from <= at);
        if after > 0 && versions[after - 1].digest == document.digest {
            return false;
        }
        if let Some(next) = versions.get_mut(after).filter(|next| next.digest == document.digest) {
            // The same content, seen earlier than we knew.
            next.valid_from = at;
        } else {
            let fields = own_columns(self.table).iter().map(|column| {
                let text =
                    document.fields.iter().find(|(name, _)| name == column.name).and_then(|(_, text)| text.clone());
                match column.kind {
                    ColumnType::Timestamp => {
                        let time = text.and_then(|text| text.parse::<jiff::Timestamp>().ok());
                        Field::Time(time.map(|time| time.as_microsecond()))
                    }
                    _ => Field::Text(text),
                }
            });
            let version = Version {
                ticker: document.key.clone(),
                valid_from: at,
                valid_to: versions.get(after).map(|next| next.valid_from),
                fields: fields.collect(),
                digest: document.digest.clone(),
                raw: document.raw.clone(),
            };
            versions.insert(after, version);
        }
        if after > 0 {
            versions[after - 1].valid_to = Some(at);
        }
        true
    }

    /// All versions, by ticker and time.
    pub fn versions(&self) -> impl Iterator<Item = &Version> {
        self.versions.values().flatten()
    }

    /// The last version of a document.
    pub fn latest(&self, ticker: &str) -> Option<&Version> {
        self.versions.get(ticker)?.last()
    }

    /// A text field of a version, by its column's name.
    pub fn text(&self, version: &Version, column: &str) -> Option<String> {
        match self.field(version, column)? {
            Field::Text(text) => text.clone(),
            Field::Time(_) => None,
        }
    }

    /// A field of a version, by its column's name.
    pub fn field<'a>(&self, version: &'a Version, column: &str) -> Option<&'a Field> {
        let at = own_columns(self.table).iter().position(|own| own.name == column)?;
        version.fields.get(at)
    }

    /// Writes all versions.
    pub fn write(&self, writer: &mut SegmentWriter) -> Result<(), Error> {
        for version in self.versions() {
            let mut row = writer.row(0)?.text(&version.ticker).i64(version.valid_from).optional_i64(version.valid_to);
            for field in &version.fields {
                row = match field {
                    Field::Text(text) => row.optional_text(text.as_deref()),
                    Field::Time(time) => row.optional_i64(*time),
                };
            }
            row.text(&version.digest).text(&version.raw).end();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(digest: &str, at: i64) -> Document {
        Document {
            kind: DocumentKind::Series,
            key: "KXGOLD15M".to_owned(),
            digest: digest.to_owned(),
            fetched_nanos: at * 1_000,
            fields: vec![("title".to_owned(), Some(format!("title {digest}")))],
            raw: format!("{{\"digest\":\"{digest}\"}}"),
        }
    }

    fn told(documents: &[Document]) -> Vec<(String, i64, Option<i64>)> {
        let histories = Histories::new(Table::Series).with_documents(documents).unwrap();
        let versions = histories.as_ref().into_iter().flat_map(Histories::versions);
        versions.map(|version| (version.digest.clone(), version.valid_from, version.valid_to)).collect()
    }

    #[test]
    fn a_version_begins_only_when_something_changed() {
        let versions = told(&[document("a", 10), document("a", 20), document("b", 30)]);
        assert_eq!(versions, [("a".to_owned(), 10, Some(30)), ("b".to_owned(), 30, None)]);
    }

    #[test]
    fn documents_in_any_order_make_the_same_history() {
        let (a, same, b, again) = (document("a", 10), document("a", 20), document("b", 30), document("a", 40));
        let expected = told(&[a.clone(), same.clone(), b.clone(), again.clone()]);
        assert_eq!(told(&[again.clone(), b.clone(), same.clone(), a.clone()]), expected);
        assert_eq!(told(&[b, a, again, same]), expected);
    }

    #[test]
    fn the_same_document_twice_changes_nothing() {
        let histories = Histories::new(Table::Series).with_documents(&[document("a", 10)]).unwrap().unwrap();
        assert_eq!(histories.with_documents(&[document("a", 10)]).unwrap(), None);
    }
}
