//! CSV as RFC 4180 has it: a header, CRLF, quotes where they are needed and nowhere else.
//!
//! Null is nothing between the commas; an empty text is `""`, so that the two stay apart.

use arrow::datatypes::Schema;

use super::{TextRows, cells::Column};

/// Writes rows as lines.
pub(super) struct CsvRows {
    /// The header, until it is written.
    header: Vec<u8>,
    /// One field, before it is known whether it needs quotes.
    field: Vec<u8>,
}

impl CsvRows {
    pub(super) fn new(schema: &Schema) -> CsvRows {
        let mut header = Vec::new();
        for (at, field) in schema.fields().iter().enumerate() {
            if at > 0 {
                header.push(b',');
            }
            quoted(field.name().as_bytes(), &mut header);
        }
        header.extend_from_slice(b"\r\n");
        CsvRows { header, field: Vec::new() }
    }
}

impl TextRows for CsvRows {
    fn start_batch(&mut self, _: &[Column<'_>], _: usize, out: &mut Vec<u8>) {
        out.append(&mut self.header);
    }

    fn row(&mut self, columns: &[Column<'_>], row: usize, out: &mut Vec<u8>) {
        for (at, column) in columns.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            if column.is_null(row) {
                // Readers skip an empty line, and with it the row of a single column.
                if columns.len() == 1 {
                    out.extend_from_slice(b"\"\"");
                }
            } else if column.is_plain() {
                column.text(row, out);
            } else {
                self.field.clear();
                column.text(row, &mut self.field);
                quoted(&self.field, out);
            }
        }
        out.extend_from_slice(b"\r\n");
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.header);
    }

    fn break_off(&mut self, reason: &str, out: &mut Vec<u8>) {
        out.append(&mut self.header);
        // Too few fields, and a quote that nothing closes: one of the two every reader notices.
        out.extend_from_slice(b"\"incomplete: ");
        let reason = reason.replace('"', "'");
        out.extend_from_slice(reason.split_whitespace().collect::<Vec<_>>().join(" ").as_bytes());
    }
}

fn quoted(text: &[u8], out: &mut Vec<u8>) {
    if !text.is_empty() && !text.iter().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n')) {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for part in text.split_inclusive(|byte| *byte == b'"') {
        out.extend_from_slice(part);
        if part.ends_with(b"\"") {
            out.push(b'"');
        }
    }
    out.push(b'"');
}
