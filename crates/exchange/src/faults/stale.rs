//! Copies of answers, for reads that are to be stale.

use std::collections::HashMap;

use bytes::Bytes;
use daybook_book::ExchangeTime;

/// The most copies.
const MOST: usize = 4_096;

/// A request as far as its answer depends on it: whose key, and the path with the query.
pub(super) type Asked = (String, String);

/// The bodies of answers with status 200.
#[derive(Debug, Default)]
pub(super) struct Copies {
    kept: HashMap<Asked, (ExchangeTime, Bytes)>,
}

impl Copies {
    /// The copy and its age in milliseconds, if it is not older than this.
    pub(super) fn get(&self, asked: &Asked, most_ms: u64, now: ExchangeTime) -> Option<(Bytes, u64)> {
        let (at, body) = self.kept.get(asked)?;
        let age = age_ms(*at, now);
        (age <= most_ms).then(|| (body.clone(), age))
    }

    /// Keeps an answer, unless there is one that can still be given.
    pub(super) fn keep(&mut self, asked: Asked, body: &Bytes, most_ms: u64, now: ExchangeTime) {
        if self.get(&asked, most_ms, now).is_some() {
            return;
        }
        if self.kept.len() >= MOST && !self.kept.contains_key(&asked) {
            self.kept.retain(|_, (at, _)| age_ms(*at, now) <= most_ms);
        }
        if self.kept.len() < MOST || self.kept.contains_key(&asked) {
            self.kept.insert(asked, (now, body.clone()));
        }
    }

    pub(super) fn clear(&mut self) {
        self.kept.clear();
    }
}

fn age_ms(at: ExchangeTime, now: ExchangeTime) -> u64 {
    u64::try_from(now.micros().saturating_sub(at.micros()) / 1_000).unwrap_or(0)
}
