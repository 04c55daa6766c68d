//! Mirrors an account: walks over its streams page by page, each page and how far it got in one transaction.
//!
//! A *walk* goes over all pages of a stream: first the live ones, then, if rows may have been archived that the store
//! lacks, the historical ones. In this order none is missed, since rows only ever move from live to historical.
//! Every page is written together with the cursor of the next, so that a sync that is interrupted at any point goes on
//! at that page. Since pages shift while an account goes on, a walk that was interrupted is followed by another one,
//! over what is new since it began.

mod balance;
mod checkpoint;
mod error;
mod judge;
mod listing;
mod options;
mod page;
mod report;
mod salvage;
mod write;

use std::collections::{BTreeSet, HashMap, HashSet};

use daybook_kalshi::rest::value::Subaccount;
use sqlx::Row;

pub use error::SyncError;
pub use options::{Stream, SyncOptions};
pub use report::{Counts, Progress, Revision, StreamReport, SyncReport, UnusableRow};

use crate::{
    account::AccountId,
    error::{RowError, StoreError},
    source::{AccountSource, SourceError},
    store::Store,
    table::{MirrorRow, Table, key_text, subaccount_number},
    time::{from_micros, now_micros},
};
use checkpoint::{Checkpoint, Stage, Walk};
use judge::{Change, KnownRows, judge};
use listing::Listing;
use page::{has_history, page};
pub(crate) use write::lock;

/// Mirrors the account that `source` reads into `store`.
///
/// Rows that are there already are left alone, so syncing twice is syncing once. The future may be dropped, and the
/// process killed, at any time: the next sync goes on where this one stopped. Two syncs of one account at once are
/// safe; they only do the same work twice.
///
/// A row that cannot be kept stops nothing: [`SyncReport::unusable`] tells of it, everything else is mirrored, and the
/// next sync asks for it again.
///
/// # Errors
/// [`SyncError`]; what was mirrored until then stays.
pub async fn sync<S: AccountSource>(
    source: &S,
    store: &Store,
    options: &SyncOptions,
    progress: &dyn Progress,
) -> Result<SyncReport, SyncError> {
    let identity = source.identity().map_err(SyncError::Account)?;
    let started_at = from_micros(now_micros(&*options.clock));
    let subaccounts = subaccounts(source, options).await?;
    let account = if options.dry_run {
        store.account(&identity).await?
    } else {
        Some(store.ensure_account(&identity, started_at).await?)
    };
    let report = SyncReport {
        account: identity,
        dry_run: options.dry_run,
        started_at,
        streams: Vec::new(),
        revisions: Vec::new(),
        unusable: Vec::new(),
    };
    let mut run = Run { source, store, options, progress, account, imagined: HashMap::new(), report };
    for subaccount in subaccounts {
        for stream in Stream::ALL {
            if options.streams.is_empty() || options.streams.contains(&stream) {
                run.stream(subaccount, stream).await?;
            }
        }
    }
    Ok(run.report)
}

/// Which subaccounts to mirror, in order.
async fn subaccounts(source: &impl AccountSource, options: &SyncOptions) -> Result<BTreeSet<Subaccount>, SyncError> {
    if !options.subaccounts.is_empty() {
        return Ok(options.subaccounts.iter().copied().collect());
    }
    let mut subaccounts: BTreeSet<Subaccount> = match source.subaccount_balances().await {
        Ok(balances) => balances.iter().map(|balance| balance.subaccount_number).collect(),
        Err(error) => named_subaccounts(&error).ok_or(SyncError::Account(error))?,
    };
    if subaccounts.is_empty() {
        subaccounts.insert(Subaccount::PRIMARY);
    }
    Ok(subaccounts)
}

/// The subaccounts that an answer names whose balances cannot all be read. `None` where one has no name.
fn named_subaccounts(error: &SourceError) -> Option<BTreeSet<Subaccount>> {
    let SourceError::Unreadable { body, .. } = error else { return None };
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let number = |row: &serde_json::Value| u32::try_from(row.get("subaccount_number")?.as_u64()?).ok().map(Subaccount);
    body.get("subaccount_balances")?.as_array()?.iter().map(number).collect()
}

/// Orders that may still change.
enum Moving {
    None,
    /// The oldest was placed then, in microseconds.
    Since(i64),
    /// Of one it is not known when it was placed.
    Timeless,
}

/// What is to be written of a page.
struct Written<'a> {
    tables: Vec<(&'static Table, Vec<MirrorRow>)>,
    /// Whether rows of which there is a current version stay as they are.
    adds_only: bool,
    /// The listing that this page was the last of.
    finished: Option<&'a Listing>,
}

impl Written<'_> {
    /// Takes out what stays as it is, and counts it.
    fn rows(&self, mut rows: Vec<MirrorRow>, known: &KnownRows, counts: &mut Counts) -> Vec<MirrorRow> {
        if self.adds_only {
            let all = rows.len();
            rows.retain(|row| known.get(&row.key).is_none_or(|known| known.ended));
            counts.unchanged += (all - rows.len()) as u64;
        }
        rows
    }
}

/// One sync.
struct Run<'a, S> {
    source: &'a S,
    store: &'a Store,
    options: &'a SyncOptions,
    progress: &'a dyn Progress,
    /// `None` in a dry run of an account that the store does not have.
    account: Option<AccountId>,
    /// In a dry run, what the store would know of the rows that were read.
    imagined: HashMap<&'static str, KnownRows>,
    report: SyncReport,
}

impl<S: AccountSource> Run<'_, S> {
    async fn stream(&mut self, subaccount: Subaccount, stream: Stream) -> Result<(), SyncError> {
        let checkpoint = Checkpoint::load(self.store, self.account, subaccount, stream).await?;
        let mut report =
            StreamReport { subaccount, stream, counts: Counts::default(), resumed: checkpoint.walk.is_some() };
        self.progress.stream_started(subaccount, stream, report.resumed);
        let ended = match self.mirror_stream(checkpoint, &mut report).await {
            // Nothing of the stream past this page is known: where the walk stands, the next sync goes on.
            Err(SyncError::Source { page, reason: SourceError::Unreadable { error, .. }, .. }) => {
                let reason = RowError::Unreadable { row: format!("page {page}"), reason: page_reason(&*error) };
                self.unusable(&mut report, reason);
                false
            }
            done => {
                done?;
                true
            }
        };
        if let Some(account) = self.account.filter(|_| !self.options.dry_run) {
            let of_stream = |row: &&UnusableRow| row.subaccount == subaccount && row.stream == stream;
            let rows: Vec<&UnusableRow> = self.report.unusable.iter().filter(of_stream).collect();
            let now = now_micros(&*self.options.clock);
            self.store.note_unusable(account, (subaccount, stream, ended), &rows, now).await?;
        }
        self.progress.stream_finished(&report);
        self.report.streams.push(report);
        Ok(())
    }

    async fn mirror_stream(&mut self, checkpoint: Checkpoint, report: &mut StreamReport) -> Result<(), SyncError> {
        if report.stream == Stream::Balance {
            self.balance(report).await?;
            self.progress.page(report.subaccount, report.stream, &report.counts);
            return Ok(());
        }
        let checkpoint = self.walk(checkpoint, report).await?;
        if report.resumed {
            self.walk(checkpoint, report).await?;
        }
        Ok(())
    }

    /// Notes something that cannot be kept.
    fn unusable(&mut self, report: &mut StreamReport, reason: RowError) {
        report.counts.unusable += 1;
        let row = UnusableRow { subaccount: report.subaccount, stream: report.stream, reason };
        // A stream that is walked over twice has it twice.
        if !self.report.unusable.contains(&row) {
            self.report.unusable.push(row);
        }
    }

    /// Walks over a stream, or to the end of a walk that was interrupted, and returns how far that brought it.
    async fn walk(&mut self, mut checkpoint: Checkpoint, report: &mut StreamReport) -> Result<Checkpoint, SyncError> {
        let (stream, subaccount) = (report.stream, report.subaccount);
        let resumed = checkpoint.walk.is_some();
        // Only of a walk whose beginning is known can it be said what it did not list.
        let mut listing = if stream == Stream::Positions && !resumed {
            Some(Listing::begin(self.store, self.account, subaccount).await?)
        } else {
            None
        };
        let mut walk = match checkpoint.walk.take() {
            Some(walk) => walk,
            None => self.begin(&checkpoint, stream, subaccount).await?,
        };
        let mut cursors = HashSet::new();
        let mut first = true;
        loop {
            let at = report.counts.pages + 1;
            let source_error = |reason| SyncError::Source { stream, subaccount, page: at, reason };
            let answer = page(self.source, stream, subaccount, &walk, self.options.page_size).await;
            let mut page = match answer {
                Ok(page) => page,
                // The cursor of an interrupted walk may be too old. Then the walk begins anew: nothing is lost by it.
                Err(SourceError::Refused(reason)) if first && resumed && walk.cursor.is_some() => {
                    tracing::warn!(%stream, %subaccount, %reason, "an old cursor was refused: walking again");
                    walk = self.begin(&checkpoint, stream, subaccount).await?;
                    first = false;
                    continue;
                }
                Err(reason) => return Err(source_error(reason)),
            };
            first = false;
            let times = page.tables.iter().flat_map(|(_, rows)| rows).filter_map(|row| row.at);
            walk.newest = walk.newest.max(times.max());
            for row in page.unusable {
                tracing::warn!(%stream, %subaccount, reason = %row.reason, "a row cannot be kept");
                walk.hold(row.at);
                if let Some(listing) = &mut listing {
                    listing.is_partial();
                }
                self.unusable(report, row.reason);
            }
            if let Some(listing) = &mut listing {
                report.counts.unchanged += listing.see(walk.stage, &mut page.tables);
            }
            // What an interrupted walk saw live is not known any more: then the archive adds, and changes nothing.
            let adds_only = stream == Stream::Positions && listing.is_none() && walk.stage == Stage::Historical;
            let mut ended = false;
            match page.next {
                Some(cursor) => {
                    if !cursors.insert(cursor.clone()) {
                        let cursor = cursor.as_str().to_owned();
                        return Err(SyncError::RepeatedCursor { stream, subaccount, page: at, cursor });
                    }
                    walk.cursor = Some(cursor);
                }
                None if walk.stage == Stage::Live
                    && (listing.as_ref().is_some_and(Listing::is_missing_some)
                        || self.has_history(stream, walk.since).await.map_err(source_error)?) =>
                {
                    walk = Walk { stage: Stage::Historical, cursor: None, ..walk };
                    cursors.clear();
                }
                None => ended = true,
            }
            if ended {
                checkpoint = Checkpoint { complete_through: walk.complete_through(self.overlap()), walk: None };
            } else {
                checkpoint.walk = Some(walk.clone());
            }
            report.counts.pages += 1;
            let finished = listing.as_ref().filter(|_| ended);
            self.mirror(Written { tables: page.tables, adds_only, finished }, report, &checkpoint).await?;
            self.progress.page(subaccount, stream, &report.counts);
            if ended {
                return Ok(checkpoint);
            }
        }
    }

    fn overlap(&self) -> i64 {
        i64::try_from(self.options.overlap.as_micros()).unwrap_or(i64::MAX)
    }

    /// Asked only when the last live page is there: what was archived before that is in the history.
    async fn has_history(&self, stream: Stream, since: Option<i64>) -> Result<bool, SourceError> {
        if stream == Stream::Settlements {
            return Ok(false);
        }
        Ok(has_history(stream, since, &self.source.historical_cutoff().await?))
    }

    /// A new walk.
    async fn begin(&self, checkpoint: &Checkpoint, stream: Stream, subaccount: Subaccount) -> Result<Walk, StoreError> {
        let now = now_micros(&*self.options.clock);
        let complete_through = checkpoint.complete_through.filter(|_| !self.options.full);
        let mut since = complete_through.map(|time| time.saturating_sub(self.overlap()));
        if stream == Stream::Orders && since.is_some() {
            // Orders are asked for by when they were placed, and change until they are final.
            since = match self.oldest_moving_order(subaccount).await? {
                Moving::None => since,
                Moving::Since(placed) => since.min(Some(placed)),
                Moving::Timeless => None,
            };
        }
        // Positions know no time of their own: they are complete as of when the walk over all of them began.
        let newest = if stream == Stream::Positions { Some(now) } else { checkpoint.complete_through };
        Ok(Walk { started_at: now, stage: Stage::Live, cursor: None, since, newest, held: None })
    }

    /// Since when there are orders that may still change. Whatever status is not known to be final is taken for one
    /// that is not: the venue may have words for it tomorrow that are not known today.
    async fn oldest_moving_order(&self, subaccount: Subaccount) -> Result<Moving, StoreError> {
        let Some(account) = self.account else { return Ok(Moving::None) };
        let failed = self.store.failed("look up orders that may still change");
        let sql = "SELECT COUNT(*), COUNT(created_at_us), MIN(created_at_us) FROM orders
            WHERE account_id = $1 AND subaccount = $2 AND status NOT IN ('canceled', 'executed')";
        let query = sqlx::query(sql).bind(account.0).bind(subaccount_number(subaccount));
        let row = query.fetch_one(self.store.pool()).await.map_err(&failed)?;
        let count = |column: usize| row.try_get::<i64, _>(column).map_err(&failed);
        Ok(match (count(0)? == count(1)?, row.try_get::<Option<i64>, _>(2).map_err(&failed)?) {
            (false, _) => Moving::Timeless,
            (true, Some(placed)) => Moving::Since(placed),
            (true, None) => Moving::None,
        })
    }

    /// Writes a page, with how far that brings its stream; or, in a dry run, imagines it.
    async fn mirror(
        &mut self,
        mut page: Written<'_>,
        report: &mut StreamReport,
        checkpoint: &Checkpoint,
    ) -> Result<(), SyncError> {
        let now = now_micros(&*self.options.clock);
        let tables = std::mem::take(&mut page.tables);
        let Some(account) = self.account.filter(|_| !self.options.dry_run) else {
            for (table, rows) in tables {
                let mut known = match self.account {
                    Some(account) => {
                        let mut connection = self.store.connection().await?;
                        write::known(self.store, &mut connection, account, table, &rows).await?
                    }
                    None => KnownRows::new(),
                };
                let imagined = self.imagined.entry(table.name).or_default();
                for row in &rows {
                    if let Some(before) = imagined.get(&row.key) {
                        known.insert(row.key.clone(), before.clone());
                    }
                }
                let rows = page.rows(rows, &known, &mut report.counts);
                let changes = judge(table, rows, &mut known, now, &mut report.counts);
                imagined.extend(known);
                self.report.revisions.extend(revisions(table, &changes));
            }
            report.counts.closed += page.finished.map_or(0, Listing::ended);
            return Ok(());
        };
        let mut transaction = self.store.begin().await?;
        write::lock(self.store, &mut transaction, account).await?;
        let mut counts = report.counts;
        let mut found = Vec::new();
        for (table, rows) in tables {
            let mut known = write::known(self.store, &mut transaction, account, table, &rows).await?;
            let rows = page.rows(rows, &known, &mut counts);
            let changes = judge(table, rows, &mut known, now, &mut counts);
            write::write(self.store, &mut transaction, account, table, &changes).await?;
            found.extend(revisions(table, &changes));
        }
        if let Some(listing) = page.finished {
            counts.closed += listing.finish(self.store, &mut transaction, account, now).await?;
        }
        checkpoint.save(self.store, &mut transaction, account, report.subaccount, report.stream).await?;
        transaction.commit().await.map_err(self.store.failed("commit a page"))?;
        report.counts = counts;
        self.report.revisions.extend(found);
        Ok(())
    }
}

/// What is wrong with a page: without the id of the call, which differs every time.
fn page_reason(error: &(dyn std::error::Error + 'static)) -> String {
    error.downcast_ref::<daybook_kalshi::Error>().map_or_else(|| error.to_string(), |error| error.kind().to_string())
}

fn revisions(table: &'static Table, changes: &[Change]) -> Vec<Revision> {
    let revised = changes.iter().filter_map(|change| match change {
        Change::Revise { row, seen, changes, .. } => Some(Revision {
            table: table.name,
            key: key_text(&row.key),
            changes: changes.clone(),
            seen_at: from_micros(*seen),
        }),
        _ => None,
    });
    revised.collect()
}
