//! What was done to whom, so that what a recorder claims can be held against it.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
};

use daybook_book::ExchangeTime;
use daybook_kalshi::Channel;
use serde::{Deserialize, Serialize};

use super::{Kind, Strike};

/// One fault that was injected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// From 1, without gaps.
    pub number: u64,
    /// When, by the exchange's clock, in microseconds since the epoch.
    pub at_us: i64,
    /// What.
    pub kind: Kind,
    /// The place of its rule in the plan, from 0; none if it was asked for by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<usize>,
    /// The number of the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<u64>,
    /// The channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<u32>,
    /// The number of the frame; of a `gap`, the first that is passed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The ticker of the market.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market: Option<String>,
    /// The operation of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// How long it lasts, in milliseconds; of `stale`, how old the answer is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_ms: Option<u64>,
    /// How much it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<i64>,
}

impl Entry {
    /// An entry without a target; its number is given by the log.
    pub(super) fn of(strike: Strike, at: ExchangeTime) -> Entry {
        let Strike { kind, rule, for_ms, amount } = strike;
        Entry {
            number: 0,
            at_us: at.micros(),
            kind,
            rule,
            connection: None,
            channel: None,
            sid: None,
            seq: None,
            market: None,
            operation: None,
            for_ms,
            amount: kind.amounts_to().map(|_| amount),
        }
    }

    pub(super) fn of_frame(self, connection: u64, channel: Option<Channel>, sid: u32, seq: u64) -> Entry {
        Entry {
            connection: Some(connection),
            channel: channel.map(|channel| channel.as_str().to_owned()),
            sid: Some(sid),
            seq: (seq != 0).then_some(seq),
            ..self
        }
    }
}

/// The faults that were injected: the newest in memory, all of them in a file where there is one.
#[derive(Debug)]
pub struct Log {
    kept: VecDeque<Entry>,
    most: usize,
    written: u64,
    file: Option<File>,
}

impl Log {
    /// An empty log that remembers so many.
    pub fn new(most: usize) -> Log {
        Log { kept: VecDeque::new(), most, written: 0, file: None }
    }

    /// Appends what comes from now on to a file as well: a line of JSON each.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn write_to(&mut self, path: &Path) -> io::Result<()> {
        self.file = Some(OpenOptions::new().create(true).append(true).open(path)?);
        Ok(())
    }

    /// The newest number.
    pub fn last(&self) -> u64 {
        self.written
    }

    /// What is remembered of what came after this number, oldest first.
    pub fn after(&self, number: u64) -> impl Iterator<Item = &Entry> {
        self.kept.iter().skip_while(move |entry| entry.number <= number)
    }

    /// Adds one, and gives it its number.
    pub(super) fn add(&mut self, entry: Entry) {
        self.written += 1;
        let entry = Entry { number: self.written, ..entry };
        if let Some(file) = &mut self.file {
            let mut line = serde_json::to_vec(&entry).unwrap_or_default();
            line.push(b'\n');
            if let Err(error) = file.write_all(&line) {
                tracing::error!(%error, number = entry.number, "the file of the fault log ends here");
                self.file = None;
            }
        }
        if self.kept.len() >= self.most {
            self.kept.pop_front();
        }
        self.kept.push_back(entry);
    }
}
