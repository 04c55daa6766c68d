//! Verification: every file readable and as its table says, every ordinal there once, every keyframe re-derived.

use daybook_book::{Book, EffectiveTime, ReceivedTime};

use crate::{
    Error,
    archive::Archive,
    coverage::Standing,
    entry::Cause,
    market::Keyframe,
    reconstruct::{DELTA_COLUMNS, Sources},
    schema::Table,
};

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Files looked at.
    pub files: usize,
    /// Rows in them.
    pub rows: u64,
    /// Markets looked at.
    pub markets: usize,
    /// Keyframes re-derived from the one before and the deltas between.
    pub keyframes: u64,
    /// Deltas folded.
    pub deltas: u64,
    /// Intervals that are not covered.
    pub gaps: usize,
    /// Intervals whose completeness cannot be shown.
    pub unproven: usize,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// Something wrong with the archive.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// The file, or the market.
    pub place: String,
    /// What is wrong there.
    pub problem: String,
}

/// How far a verification has come.
pub trait Progress {
    /// So many steps will be taken.
    fn begin(&mut self, what: &str, steps: u64);
    /// One more was.
    fn step(&mut self);
}

/// Nobody watches.
impl Progress for () {
    fn begin(&mut self, _: &str, _: u64) {}
    fn step(&mut self) {}
}

impl Archive {
    /// Verifies the archive, or what concerns one market. `deep` reads every page of every file, counts every ordinal,
    /// and re-derives every keyframe of every market; otherwise files are opened and their footers checked, and only
    /// the market named is re-derived.
    ///
    /// # Errors
    /// Only where verification cannot go on; what is wrong with the archive is a finding.
    pub fn verify(&self, ticker: Option<&str>, deep: bool, progress: &mut dyn Progress) -> Result<Verification, Error> {
        let mut found = Verification::default();
        if ticker.is_none() {
            self.verify_files(deep, progress, &mut found)?;
        }
        let tickers = match ticker {
            Some(ticker) => vec![ticker.to_owned()],
            None => match self.tickers() {
                Ok(tickers) => tickers,
                Err(error) => {
                    found.add("coverage", &error);
                    Vec::new()
                }
            },
        };
        progress.begin("markets", tickers.len() as u64);
        for name in &tickers {
            progress.step();
            if let Err(error) = self.verify_market(name, deep || ticker.is_some(), &mut found) {
                if ticker.is_some() && matches!(error, Error::UnknownMarket { .. }) {
                    return Err(error);
                }
                found.add(name, &error);
            }
        }
        Ok(found)
    }

    fn verify_files(&self, deep: bool, progress: &mut dyn Progress, found: &mut Verification) -> Result<(), Error> {
        let catalog = self.catalog();
        let files = Table::ALL.into_iter().map(|table| catalog.table(table).files.len() as u64).sum();
        progress.begin("files", files);
        let sealed = usize::try_from(catalog.sealed_before()).unwrap_or(0);
        let mut seen = Ordinals::new(sealed);
        let mut unreadable = false;
        let pruned: u64 = Table::ALL.into_iter().map(|table| catalog.table(table).pruned).sum();
        for table in Table::ALL {
            for file in &catalog.table(table).files {
                progress.step();
                found.files += 1;
                let segment = match self.shared.reader.segment(table, file) {
                    Ok(segment) => segment,
                    Err(error) => {
                        unreadable = true;
                        found.add(&file.path, &error);
                        continue;
                    }
                };
                found.rows += segment.rows() as u64;
                if segment.rows() as u64 != file.rows {
                    found.note(
                        &file.path,
                        format!("it has {} rows, the table's log says {}", segment.rows(), file.rows),
                    );
                }
                if !deep {
                    continue;
                }
                let names: Vec<&str> = table.columns().iter().map(|column| column.name).collect();
                let read = segment.scan(&names, 0..segment.rows(), 4_096).and_then(|scan| {
                    for batch in scan {
                        let batch = batch?;
                        if !names.contains(&"ordinal") {
                            continue;
                        }
                        let ordinals = batch.i64s("ordinal")?;
                        let kinds = if table == Table::Keyframes { Some(batch.texts("kind")?) } else { None };
                        for row in 0..batch.rows() {
                            let counts = kinds.as_ref().is_none_or(|kinds| kinds.get(row) == Some("snapshot"));
                            if counts && !seen.mark(ordinals.value(row).cast_unsigned()) {
                                found.note(&file.path, format!("ordinal {} is there twice", ordinals.value(row)));
                            }
                        }
                    }
                    Ok(())
                });
                if let Err(error) = read {
                    unreadable = true;
                    found.add(&file.path, &error);
                }
            }
        }
        if deep
            && !unreadable
            && let (first, missing) = seen.missing()
            && missing as u64 != pruned
        {
            let first = first.map_or_else(String::new, |first| format!(", the first is {first}"));
            let pruned = if pruned > 0 { format!("; {pruned} were pruned") } else { String::new() };
            found.note("ordinals", format!("{missing} of {sealed} ordinals are in no table{first}{pruned}"));
        }
        Ok(())
    }

    fn verify_market(&self, ticker: &str, derive: bool, found: &mut Verification) -> Result<(), Error> {
        found.markets += 1;
        let timeline = self.timeline(ticker)?.ok_or_else(|| Error::UnknownMarket { ticker: ticker.to_owned() })?;
        let mut connections: Vec<u32> = Vec::new();
        for interval in timeline.intervals() {
            match interval.standing {
                Standing::Gap => found.gaps += 1,
                Standing::Unproven => found.unproven += 1,
                Standing::Exact => {}
            }
            if !connections.contains(&interval.connection) {
                connections.push(interval.connection);
            }
        }
        if !derive {
            return Ok(());
        }
        for connection in connections {
            // What a pruning that was cut off has left of a stream begins before its first keyframe.
            let is_pruned = timeline.intervals().iter().any(|interval| {
                interval.connection == connection
                    && interval.standing == Standing::Gap
                    && interval.began == Cause::Pruned
            });
            let (checked, problems) = self.sources(ticker, |sources| sources.derive(ticker, connection, is_pruned))?;
            found.keyframes += checked.0;
            found.deltas += checked.1;
            for problem in problems {
                // By ordinal: the last event of a gap and the snapshot that ends it may be of the same instant.
                let covered = |ordinal| {
                    timeline.intervals().iter().any(|interval| {
                        interval.connection == connection
                            && interval.standing != Standing::Gap
                            && (interval.first_ordinal..=interval.last_ordinal).contains(&ordinal)
                    })
                };
                match problem {
                    Problem::Keyframe(ordinal) => found.note(
                        ticker,
                        format!("the keyframe at ordinal {ordinal} is not what the deltas before it make"),
                    ),
                    Problem::Diverged(ordinal) if covered(ordinal) => found.note(
                        ticker,
                        format!("the delta at ordinal {ordinal} drives a level below zero inside coverage"),
                    ),
                    Problem::Diverged(_) => {}
                }
            }
        }
        Ok(())
    }
}

impl Verification {
    fn note(&mut self, place: &str, problem: String) {
        self.findings.push(Finding { place: place.to_owned(), problem });
    }

    fn add(&mut self, place: &str, error: &Error) {
        self.note(place, error.to_string());
    }
}

/// Keyframes and deltas that a stream has, and what does not fit.
type Derived = ((u64, u64), Vec<Problem>);

enum Problem {
    Keyframe(u64),
    Diverged(u64),
}

impl Sources<'_> {
    /// Folds a stream from its first event to its last and compares every folded keyframe on the way. Returns how many
    /// keyframes and deltas there were, and what does not fit.
    fn derive(&self, ticker: &str, connection: u32, is_pruned: bool) -> Result<Derived, Error> {
        let mut places = Vec::new();
        for file in self.catalog.table(Table::Keyframes).files.iter().filter(|file| file.may_hold(ticker)) {
            let segment = self.reader.segment(Table::Keyframes, file)?;
            for place in
                self.reader.keyframes_of(&segment, ticker)?.iter().filter(|place| place.connection == connection)
            {
                places.push((place.ordinal, place.snapshot, Some((segment.clone(), place.row)), None));
            }
        }
        for row in self.unsealed.iter().flat_map(|rows| &rows.keyframes) {
            if row.keyframe.connection == connection {
                places.push((row.keyframe.ordinal, row.snapshot, None, Some(&row.keyframe)));
            }
        }
        places.sort_by_key(|place| place.0);
        let first = places.first().map(|place| place.0).filter(|_| is_pruned);
        let mut keyframes = places.into_iter().peekable();
        let (mut checked, mut deltas) = (0, 0);
        let mut problems = Vec::new();
        let mut state: Option<(Book, i64, u64)> = None;
        let mut meet = |state: &mut Option<(Book, i64, u64)>, upto: u64| -> Result<Vec<Problem>, Error> {
            let mut problems = Vec::new();
            while let Some((ordinal, snapshot, sealed, unsealed)) = keyframes.next_if(|place| place.0 < upto) {
                let keyframe: Keyframe = match (&sealed, unsealed) {
                    (Some((segment, row)), _) => self.reader.keyframe(segment, *row)?.as_ref().clone(),
                    (None, Some(keyframe)) => keyframe.clone(),
                    (None, None) => continue,
                };
                checked += 1;
                if let Some((book, effective, last)) = state.as_ref().filter(|_| !snapshot)
                    && (*book != keyframe.book || *effective != keyframe.effective || *last != ordinal)
                {
                    problems.push(Problem::Keyframe(ordinal));
                }
                *state = Some((keyframe.book, keyframe.effective, ordinal));
            }
            Ok(problems)
        };
        let _ = self.each_delta(ticker, connection, (first, None), DELTA_COLUMNS, |delta, _| {
            problems.extend(meet(&mut state, delta.ordinal)?);
            deltas += 1;
            let (book, effective, last) = state.get_or_insert_with(|| (Book::default(), i64::MIN, 0));
            *effective =
                EffectiveTime::from_nanos(*effective).after(delta.ts, ReceivedTime::from_nanos(delta.recv_ts)).nanos();
            *last = delta.ordinal;
            if book.apply(delta.side, delta.price, delta.quantity).is_err() {
                problems.push(Problem::Diverged(delta.ordinal));
            }
            Ok(std::ops::ControlFlow::Continue(()))
        })?;
        problems.extend(meet(&mut state, u64::MAX)?);
        Ok(((checked, deltas), problems))
    }
}

/// Which ordinals were seen: a bit each.
struct Ordinals {
    bits: Vec<u64>,
    count: usize,
}

impl Ordinals {
    fn new(count: usize) -> Ordinals {
        Ordinals { bits: vec![0; count.div_ceil(64)], count }
    }

    /// Marks an ordinal; false if it was marked before.
    fn mark(&mut self, ordinal: u64) -> bool {
        let Ok(at) = usize::try_from(ordinal) else { return true };
        let Some(word) = self.bits.get_mut(at / 64) else { return true };
        let bit = 1 << (at % 64);
        let fresh = *word & bit == 0;
        *word |= bit;
        fresh
    }

    /// The first ordinal that is missing, and how many are.
    fn missing(&self) -> (Option<usize>, usize) {
        let seen: usize = self.bits.iter().map(|word| word.count_ones() as usize).sum();
        let first = (0..self.count).find(|at| self.bits[at / 64] & (1 << (at % 64)) == 0);
        (first, self.count.saturating_sub(seen))
    }
}
