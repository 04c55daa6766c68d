//! What was recorded, kept in plain vectors, and books folded from it the slow way.

use std::collections::BTreeMap;

use daybook_archive::{Clock, schema::Table};
use daybook_book::{Event, Side};

use crate::{
    rows::{self, Row},
    venue::{Entry, Ladder},
};

/// A book event of one market.
#[derive(Clone)]
struct Step {
    ordinal: u64,
    connection: u32,
    effective: i64,
    recv: i64,
    change: Change,
}

#[derive(Clone)]
enum Change {
    Whole([Ladder; 2]),
    Level(usize, u16, i64),
}

#[derive(Clone, Default)]
struct Market {
    steps: Vec<Step>,
    /// Running maxima of effective and received time, by connection.
    streams: BTreeMap<u32, (i64, i64)>,
    latest: Option<(i64, i64)>,
}

/// Everything recorded, by ordinal.
#[derive(Clone, Default)]
pub struct Naive {
    rows: Vec<(Table, Row)>,
    markets: BTreeMap<String, Market>,
}

impl Naive {
    pub fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    pub fn row(&self, ordinal: u64) -> &(Table, Row) {
        &self.rows[ordinal as usize]
    }

    /// Takes in what follows.
    pub fn extend<'a>(&mut self, entries: impl IntoIterator<Item = &'a Entry>) {
        for entry in entries.into_iter().filter(|entry| entry.takes_ordinal()) {
            let ordinal = self.len();
            self.rows.push(rows::expected(entry, ordinal));
            let Entry::Event(record) = entry else { continue };
            let change = match &record.event {
                Event::Delta(delta) => {
                    Change::Level(delta.side as usize, delta.price.ten_thousandths(), delta.quantity.hundredths())
                }
                Event::Snapshot(snapshot) => Change::Whole([&snapshot.yes, &snapshot.no].map(|levels| {
                    levels.iter().map(|(price, size)| (price.ten_thousandths(), size.hundredths())).collect()
                })),
                _ => continue,
            };
            let recv = record.recv_ts.nanos();
            let stamp = record.event.ts().map_or(recv, |ts| ts.micros() * 1_000);
            let ticker = record.event.ticker().unwrap();
            let market = self.markets.entry(ticker.to_owned()).or_default();
            // Time goes on from one connection to the next, if that came later.
            let fresh = market.latest.filter(|(_, last)| recv >= *last).unwrap_or((i64::MIN, i64::MIN));
            let stream = market.streams.entry(record.connection).or_insert(fresh);
            *stream = (stream.0.max(stamp), stream.1.max(recv));
            let (effective, recv) = *stream;
            if market.latest.is_none_or(|(_, last)| recv >= last) {
                market.latest = Some((market.latest.map_or(effective, |(last, _)| last.max(effective)), recv));
            }
            market.steps.push(Step { ordinal, connection: record.connection, effective, recv, change });
        }
    }

    /// Whether the stream of this event goes on behind it.
    pub fn is_followed(&self, ticker: &str, ordinal: Option<u64>) -> bool {
        let steps = self.markets.get(ticker).map_or(&[][..], |market| &market.steps);
        let step = steps.iter().find(|step| Some(step.ordinal) == ordinal);
        step.is_some_and(|step| {
            steps.iter().any(|other| other.ordinal > step.ordinal && other.connection == step.connection)
        })
    }

    pub fn tickers(&self) -> Vec<String> {
        self.markets.keys().cloned().collect()
    }

    /// Checks that an answer which ends with `last` ends with the last event of its stream up to `at`, and folds the
    /// stream up to there.
    pub fn book(&self, ticker: &str, last: Option<u64>, at: i64, clock: Clock) -> Result<[Ladder; 2], String> {
        let empty = Market::default();
        let market = self.markets.get(ticker).unwrap_or(&empty);
        let time = |step: &Step| if clock == Clock::Exchange { step.effective } else { step.recv };
        let Some(last) = last else {
            let missed = market.steps.iter().find(|step| time(step) <= at);
            return match missed {
                Some(step) => Err(format!("nothing was found, though ordinal {} is recorded", step.ordinal)),
                None => Ok(Default::default()),
            };
        };
        let step = market.steps.iter().find(|step| step.ordinal == last);
        let step = step.ok_or_else(|| format!("ordinal {last} is no book event of the market"))?;
        if time(step) > at {
            return Err(format!("ordinal {last} is later than the instant"));
        }
        let stream: Vec<&Step> = market.steps.iter().filter(|other| other.connection == step.connection).collect();
        let missed = stream.iter().find(|other| other.ordinal > last && time(other) <= at);
        if let Some(missed) = missed {
            return Err(format!("ordinal {} is not in it, though it is not later than the instant", missed.ordinal));
        }
        let mut books: [Ladder; 2] = Default::default();
        for step in stream.iter().take_while(|other| other.ordinal <= last) {
            match &step.change {
                Change::Whole(whole) => books.clone_from(whole),
                Change::Level(side, price, change) => {
                    let size = books[*side].entry(*price).or_insert(0);
                    *size += change;
                    if *size <= 0 {
                        books[*side].remove(price);
                    }
                }
            }
            for ladder in &mut books {
                ladder.retain(|_, size| *size > 0);
            }
        }
        Ok(books)
    }
}

/// A book of the archive as plain ladders.
pub fn ladders(book: &daybook_book::Book) -> [Ladder; 2] {
    [Side::Yes, Side::No]
        .map(|side| book.levels(side).map(|(price, size)| (price.ten_thousandths(), size.hundredths())).collect())
}
