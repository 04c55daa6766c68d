//! Pages: how many items, and where the next ones begin.

use std::hash::Hasher;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use daybook_kalshi::rest::value::Cursor;
use xxhash_rust::xxh3::Xxh3;

use super::{answer::Refusal, request::Request};

/// How many items, where they begin, and what the cursor of the next page is good for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    /// How many items.
    pub limit: usize,
    /// Where they begin: what [`next`](Page::next) was given.
    pub from: Option<u64>,
    query: u32,
}

/// How many items a page may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub least: u32,
    pub most: u32,
    pub unless_said: u32,
}

impl Limit {
    pub(crate) const fn new(least: u32, most: u32, unless_said: u32) -> Limit {
        Limit { least, most, unless_said }
    }
}

impl Page {
    /// What the query says. A cursor is good for the query that it came from, with any limit.
    pub(crate) fn read(
        request: &Request<'_>,
        limit: Option<u32>,
        limits: Limit,
        cursor: Option<&Cursor>,
    ) -> Result<Page, Refusal> {
        let limit = limit.unwrap_or(limits.unless_said);
        if limit < limits.least || limit > limits.most {
            return Err(Refusal::Query(format!("limit must be between {} and {}", limits.least, limits.most)));
        }
        // A limit of nothing is as good as none.
        let limit = if limit == 0 { limits.unless_said } else { limit };
        let query = fingerprint(request);
        let from = match cursor {
            None => None,
            Some(cursor) => {
                Some(decode(cursor.as_str(), query).ok_or_else(|| Refusal::Query("invalid cursor".into()))?)
            }
        };
        Ok(Page { limit: limit as usize, from, query })
    }

    /// The cursor of a page that begins there.
    pub(crate) fn next(&self, from: u64) -> Cursor {
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&from.to_be_bytes());
        bytes[8..].copy_from_slice(&self.query.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes).into()
    }

    /// Takes a page's items, each with where it stands, and the cursor of the next page if there is one.
    pub(crate) fn take<T>(&self, items: impl Iterator<Item = (u64, T)>) -> (Vec<T>, Option<Cursor>) {
        let mut taken = Vec::new();
        for (place, item) in items {
            if taken.len() == self.limit {
                return (taken, Some(self.next(place)));
            }
            taken.push(item);
        }
        (taken, None)
    }

    /// The same of rows that are kept oldest first and listed newest first.
    pub(crate) fn newest_first<'a, R, T>(
        &self,
        rows: &'a [R],
        mut pick: impl FnMut(&'a R) -> Option<T>,
    ) -> (Vec<T>, Option<Cursor>) {
        let end = self.from.map_or(rows.len(), |from| usize::try_from(from).unwrap_or(usize::MAX).saturating_add(1));
        let rows = rows.iter().enumerate().take(end).rev();
        self.take(rows.filter_map(|(place, row)| Some((place as u64, pick(row)?))))
    }
}

/// What a cursor that is absent looks like on the wire: an empty text, where the specification demands the key.
pub(crate) fn wire(cursor: Option<Cursor>) -> Option<Cursor> {
    Some(cursor.unwrap_or_else(|| "".into()))
}

fn decode(cursor: &str, query: u32) -> Option<u64> {
    let bytes: [u8; 12] = URL_SAFE_NO_PAD.decode(cursor).ok()?.try_into().ok()?;
    let (from, of) = bytes.split_at(8);
    (of == query.to_be_bytes()).then(|| u64::from_be_bytes(from.try_into().expect("eight of twelve bytes")))
}

/// All of the query but where its page begins and ends, and who asks.
fn fingerprint(request: &Request<'_>) -> u32 {
    let mut pairs: Vec<_> = request
        .query
        .iter()
        .filter(|(key, value)| !value.is_empty() && !matches!(key.as_str(), "cursor" | "limit" | "page_size"))
        .collect();
    pairs.sort();
    let mut hasher = Xxh3::new();
    for (key, value) in pairs {
        hasher.write(key.as_bytes());
        hasher.write(&[0]);
        hasher.write(value.as_bytes());
        hasher.write(&[1]);
    }
    if let Some(key) = &request.key {
        hasher.write_u32(key.account.0);
    }
    (hasher.finish() >> 32) as u32
}
