//! JSON: one array of objects, or one object per line. Keys in the order of the schema; no value is built, bytes only.

use arrow::datatypes::Schema;

use super::{TextRows, cells::Column};

/// Writes rows as objects.
pub(super) struct JsonRows {
    /// `"name":` of each column, escaped.
    keys: Vec<Vec<u8>>,
    array: bool,
    empty: bool,
}

impl JsonRows {
    /// One array; its objects are on lines of their own, so that it is also pleasant to page through.
    pub(super) fn array(schema: &Schema) -> JsonRows {
        let keys = schema.fields().iter().map(|field| {
            let mut key = Vec::new();
            string(field.name(), &mut key);
            key.push(b':');
            key
        });
        JsonRows { keys: keys.collect(), array: true, empty: true }
    }

    /// An object per line.
    pub(super) fn lines(schema: &Schema) -> JsonRows {
        JsonRows { array: false, ..JsonRows::array(schema) }
    }
}

impl TextRows for JsonRows {
    fn start_batch(&mut self, _: &[Column<'_>], _: usize, _: &mut Vec<u8>) {}

    fn row(&mut self, columns: &[Column<'_>], row: usize, out: &mut Vec<u8>) {
        if self.array {
            out.extend_from_slice(if self.empty { b"[\n" } else { b",\n" });
        }
        self.empty = false;
        out.push(b'{');
        for (at, (key, column)) in self.keys.iter().zip(columns).enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(key);
            column.json(row, out);
        }
        out.push(b'}');
        if !self.array {
            out.push(b'\n');
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if self.array {
            out.extend_from_slice(if self.empty { b"[]\n" } else { b"\n]\n" });
        }
    }

    fn break_off(&mut self, reason: &str, out: &mut Vec<u8>) {
        // An array stays open: that is enough, and nothing that is no row gets into it.
        if self.array {
            out.extend_from_slice(if self.empty { b"[\n" } else { b"\n" });
            return;
        }
        out.extend_from_slice(b"{\"error\":{\"code\":\"incomplete\",\"message\":");
        string(reason, out);
        out.extend_from_slice(b"}}\n");
    }
}

/// Appends a JSON string.
pub(super) fn string(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a string is JSON, and memory takes it");
}
