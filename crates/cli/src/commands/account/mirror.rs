//! The account's mirror in a database: brought up to date, looked into, summed up.

use clap::Args;
use daybook_book::{Money, Quantity, Side, Ticker};
use daybook_kalshi::{Client, rest::value::Subaccount};
use daybook_portfolio::{
    AccountId, AccountIdentity, BestBids, Counts, FieldChange, MarketKey, Marks, Period, Progress, Revision, Selection,
    Store, StoreError, Stream, SyncError, SyncOptions, SyncReport, sync,
};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use serde_json::json;

use super::{
    MirrorArgs, SubaccountArgs, VenueArgs,
    connect::{Connection, advice, configured_identity, connect},
    live::nanos,
};
use crate::{
    commands::{
        Common, Failure, Outcome, print_report,
        range::{Range, RangeArgs},
        rows::{Cell, Kind, List, Rows, write},
    },
    terminal::{output::Format, screen::counted, tell::tell},
};

/// How to bring the mirror up to date.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook account sync
  daybook account sync --dry-run --format json
  daybook account sync --subaccount 3                      all that a key can do that is for one subaccount
  daybook account sync --store postgres://me@db/kalshi     the password in PGPASSWORD or DAYBOOK_ACCOUNT_STORE")]
pub struct SyncArgs {
    /// Tell what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Read everything again, and so find what the venue changed long ago
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    pub(super) venue: VenueArgs,
    #[command(flatten)]
    pub(super) mirror: MirrorArgs,
    #[command(flatten)]
    subaccount: SubaccountArgs,
}

/// What to look into.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook account history                                   every version of every position
  daybook account history balances --start 2026-11-01
  daybook account history fills --ticker KXHIGHNY-26NOV21-T60 --format csv")]
pub struct HistoryArgs {
    /// What of it
    #[arg(value_parser = ["positions", "balances", "fills", "settlements"], default_value = "positions")]
    what: String,
    /// Only in this market
    #[arg(long, value_name = "TICKER")]
    ticker: Option<String>,
    #[command(flatten)]
    range: RangeArgs,
    #[command(flatten)]
    pub(super) venue: VenueArgs,
    #[command(flatten)]
    pub(super) mirror: MirrorArgs,
    #[command(flatten)]
    subaccount: SubaccountArgs,
}

/// What to sum up.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook account summary
  daybook account summary --start 2026-11-01 --end 2026-12-01 --format json
  daybook account summary --check --no-marks               from the mirror alone")]
pub struct SummaryArgs {
    #[command(flatten)]
    range: RangeArgs,
    /// Do not ask the venue for today's best bids: what is held is not valued then
    #[arg(long)]
    no_marks: bool,
    /// Also tell where the venue's own figures differ from those that follow from the fills, and fail if any does
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    pub(super) venue: VenueArgs,
    #[command(flatten)]
    pub(super) mirror: MirrorArgs,
    #[command(flatten)]
    subaccount: SubaccountArgs,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        let text = super::connect::chain(&error);
        if matches!(error, StoreError::Missing { .. }) {
            return Failure::NotFound(format!("{text}: `daybook account sync` does"));
        }
        Failure::Failed(text)
    }
}

impl From<SyncError> for Failure {
    fn from(error: SyncError) -> Failure {
        let answered = match &error {
            SyncError::Account(reason) | SyncError::Source { reason, .. } => reason.client_error(),
            _ => None,
        };
        Failure::Failed(super::connect::chain(&error) + answered.map_or("", advice))
    }
}

/// How a sync gets on, on a terminal.
struct Shown(ProgressBar);

impl Progress for Shown {
    fn stream_started(&self, subaccount: Subaccount, stream: Stream, resumed: bool) {
        let resumed = if resumed { ", where the last sync was cut off" } else { "" };
        self.0.set_message(format!("subaccount {subaccount}: {stream}{resumed}"));
    }

    fn page(&self, _: Subaccount, _: Stream, counts: &Counts) {
        self.0.set_position(counts.rows());
    }
}

/// The store as it was configured, without a password.
fn named(common: &Common) -> String {
    crate::config::masked(common.config.text("account.store").unwrap_or_default())
}

/// The store's URL; what is configured may also be a plain path.
fn location(common: &Common) -> String {
    let place = common.config.text("account.store").unwrap_or_default();
    let url = place.contains("://") || place.starts_with("sqlite:");
    if url { place.to_owned() } else { format!("sqlite://{place}") }
}

pub fn run_sync(args: &SyncArgs, common: &Common) -> Result<Outcome, Failure> {
    common.reports("account sync")?;
    let Connection { client, runtime } = connect(common)?;
    let options = SyncOptions {
        dry_run: args.dry_run,
        full: args.full,
        subaccounts: args.subaccount.subaccount.map(Subaccount).into_iter().collect(),
        ..SyncOptions::default()
    };
    let bar = ProgressBar::new_spinner();
    let style = ProgressStyle::with_template("{spinner} {msg}  {human_pos} rows  {elapsed}");
    bar.set_style(style.expect("the template is well-formed"));
    let shown = Shown(bar);
    let report = runtime.block_on(async {
        let store = match Store::open_read_only(&location(common)).await {
            // Nothing is mirrored yet, so everything would be new.
            Err(StoreError::Missing { .. }) if args.dry_run => Store::in_memory().await?,
            read_only if args.dry_run => read_only?,
            _ => Store::open(&location(common)).await?,
        };
        client.learn_limits().await?;
        let report = sync(&client, &store, &options, &shown).await;
        store.close().await;
        Ok::<_, Failure>(report?)
    })?;
    shown.0.finish_and_clear();
    tell_report(&report, common)
}

/// What the venue said later of a row.
fn revised(revision: &Revision) -> String {
    let change = |change: &FieldChange| match &change.before {
        Some(before) => format!("{} was {before}, is {}", change.field, change.after),
        None => format!("{} is {}", change.field, change.after),
    };
    let changes: Vec<String> = revision.changes.iter().map(change).collect();
    format!("{} {}: {}", revision.table, revision.key, changes.join(", "))
}

fn tell_report(report: &SyncReport, common: &Common) -> Result<Outcome, Failure> {
    let outcome = if report.is_complete() { Outcome::Complete } else { Outcome::Incomplete };
    for row in &report.unusable {
        tell(format_args!("warning: not mirrored: {row}"));
    }
    let revisions: Vec<String> = report.revisions.iter().map(revised).collect();
    if common.format != Format::Table {
        let streams: Vec<_> = report
            .streams
            .iter()
            .map(|stream| {
                let counts = stream.counts;
                json!({
                    "subaccount": stream.subaccount.0, "stream": stream.stream.as_str(), "new": counts.new,
                    "changed": counts.changed, "closed": counts.closed, "revised": counts.revised,
                    "unchanged": counts.unchanged, "unusable": counts.unusable, "pages": counts.pages,
                    "resumed": stream.resumed,
                })
            })
            .collect();
        let unusable: Vec<_> = report
            .unusable
            .iter()
            .map(|row| {
                json!({
                    "subaccount": row.subaccount.0, "stream": row.stream.as_str(), "reason": row.reason.to_string(),
                })
            })
            .collect();
        print_report(json!({
            "environment": report.account.environment, "dry_run": report.dry_run, "complete": report.is_complete(),
            "streams": streams, "revisions": revisions, "unusable": unusable,
        }))?;
        return Ok(outcome);
    }
    const COLUMNS: &[(&str, Kind)] = &[
        ("subaccount", Kind::Int32),
        ("stream", Kind::Text),
        ("new", Kind::Int64),
        ("changed", Kind::Int64),
        ("closed", Kind::Int64),
        ("revised", Kind::Int64),
        ("unchanged", Kind::Int64),
        ("unusable", Kind::Int64),
    ];
    let mut list = List::new(COLUMNS);
    let mut batches = Vec::new();
    for stream in &report.streams {
        let counts = stream.counts;
        batches.extend(list.push(&[
            stream.subaccount.0.into(),
            stream.stream.as_str().into(),
            counts.new.into(),
            counts.changed.into(),
            counts.closed.into(),
            counts.revised.into(),
            counts.unchanged.into(),
            counts.unusable.into(),
        ]));
    }
    batches.push(list.finish());
    write(common.format, Rows::of(list.schema(), batches))?;
    for revision in &revisions {
        tell(format_args!("warning: the venue has changed what it said of {revision}"));
    }
    let place = named(common);
    match (report.dry_run, report.is_unchanged()) {
        (true, _) => tell(format_args!("a dry run: nothing was written to {place}")),
        _ if !report.is_complete() => {
            let rows = counted(report.unusable.len() as u64, "row");
            tell(format_args!(
                "{place} lacks {rows} that could not be kept: every sync asks for what is missing again"
            ));
        }
        (false, true) => tell(format_args!("{place} was up to date")),
        (false, false) => tell(format_args!("{place} is up to date")),
    }
    Ok(outcome)
}

/// The store, and the account's number in it.
async fn mirrored(common: &Common) -> Result<(Store, AccountId), Failure> {
    let identity: AccountIdentity = configured_identity(common)?;
    let store = Store::open_read_only(&location(common)).await?;
    match store.account(&identity).await? {
        Some(account) => Ok((store, account)),
        None => {
            store.close().await;
            Err(Failure::NotFound(format!(
                "{} mirrors no account of the key {} at {}: `daybook account sync` makes it",
                named(common),
                identity.key_id,
                identity.environment
            )))
        }
    }
}

/// Tells what the mirror lacks of these streams, and says how the command ends.
async fn completeness(
    store: &Store,
    account: AccountId,
    subaccount: Option<Subaccount>,
    streams: &[Stream],
) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::Complete;
    for lacking in store.lacking(account).await? {
        if streams.contains(&lacking.stream) && subaccount.is_none_or(|number| number == lacking.subaccount) {
            tell(format_args!(
                "warning: the mirror is incomplete: {lacking}: `daybook account sync` asks for it again"
            ));
            outcome = Outcome::Incomplete;
        }
    }
    Ok(outcome)
}

fn period(range: Range) -> Result<Period, Failure> {
    let instant = |nanos: Option<i64>| {
        let instant = nanos.map(|nanos| Timestamp::from_nanosecond(i128::from(nanos))).transpose();
        instant.map_err(|error| Failure::Usage(format!("the range is beyond the calendar: {error}")))
    };
    Ok(Period { start: instant(range.start)?, end: instant(range.end)? })
}

pub fn run_history(args: &HistoryArgs, common: &Common) -> Result<Outcome, Failure> {
    let ticker = args.ticker.as_deref().map(Ticker::new).transpose();
    let selection = Selection {
        subaccount: args.subaccount.subaccount.map(Subaccount),
        ticker: ticker.map_err(|error| Failure::Usage(format!("--ticker: {error}")))?,
        period: period(args.range.parse()?)?,
        ..Selection::default()
    };
    if args.what == "balances" && selection.ticker.is_some() {
        return Err(Failure::Usage("balances are of no market: leave --ticker out".to_owned()));
    }
    let runtime = super::connect::runtime()?;
    let ((columns, rows), outcome) = runtime.block_on(async {
        let (store, account) = mirrored(common).await?;
        let (stream, rows) = match args.what.as_str() {
            "balances" => (Stream::Balance, balances(&store, account, &selection).await?),
            "fills" => (Stream::Fills, fills(&store, account, &selection).await?),
            "settlements" => (Stream::Settlements, settlements(&store, account, &selection).await?),
            _ => (Stream::Positions, positions(&store, account, &selection).await?),
        };
        let outcome = completeness(&store, account, selection.subaccount, &[stream]).await?;
        store.close().await;
        Ok::<_, Failure>((rows, outcome))
    })?;
    write(common.format, Rows::of(columns, rows))?;
    Ok(outcome)
}

type Table = (arrow::datatypes::SchemaRef, Vec<arrow::array::RecordBatch>);

/// A table of these rows.
fn table<T>(columns: &[(&str, Kind)], rows: &[T], row: impl Fn(&T, &mut dyn FnMut(&[Cell<'_>]))) -> Table {
    let mut list = List::new(columns);
    let mut batches = Vec::new();
    for item in rows {
        row(item, &mut |cells| batches.extend(list.push(cells)));
    }
    batches.push(list.finish());
    (list.schema(), batches)
}

async fn positions(store: &Store, account: AccountId, selection: &Selection) -> Result<Table, Failure> {
    const COLUMNS: &[(&str, Kind)] = &[
        ("ticker", Kind::Text),
        ("valid_from", Kind::Nanos),
        ("valid_to", Kind::Nanos),
        ("position", Kind::Quantity),
        ("market_exposure", Kind::Money),
        ("realized_pnl", Kind::Money),
        ("fees_paid", Kind::Money),
        ("subaccount", Kind::Int32),
        ("exchange_index", Kind::Int32),
    ];
    let versions = store.position_history(account, selection).await?;
    Ok(table(COLUMNS, &versions, |version, push| {
        push(&[
            version.row.ticker.as_str().into(),
            nanos(version.valid_from).into(),
            version.valid_to.and_then(nanos).into(),
            version.row.position_fp.into(),
            version.row.market_exposure_dollars.into(),
            version.row.realized_pnl_dollars.into(),
            version.row.fees_paid_dollars.into(),
            version.subaccount.0.into(),
            i64::from(version.row.exchange_index.0).into(),
        ]);
    }))
}

async fn balances(store: &Store, account: AccountId, selection: &Selection) -> Result<Table, Failure> {
    const COLUMNS: &[(&str, Kind)] = &[
        ("observed_ts", Kind::Nanos),
        ("balance", Kind::Money),
        ("portfolio_value", Kind::Money),
        ("subaccount", Kind::Int32),
    ];
    let balances = store.balances(account, selection.subaccount, selection.period).await?;
    Ok(table(COLUMNS, &balances, |balance, push| {
        push(&[
            nanos(balance.seen_at).into(),
            balance.row.balance_dollars.into(),
            Money::from(balance.row.portfolio_value).into(),
            balance.subaccount.0.into(),
        ]);
    }))
}

async fn fills(store: &Store, account: AccountId, selection: &Selection) -> Result<Table, Failure> {
    let fills = store.fills(account, selection).await?;
    Ok(table(super::live::FILLS, &fills, |fill, push| {
        super::live::fill_row(&fill.row, &mut |cells| {
            push(cells);
            true
        });
    }))
}

async fn settlements(store: &Store, account: AccountId, selection: &Selection) -> Result<Table, Failure> {
    let settlements = store.settlements(account, selection).await?;
    Ok(table(super::live::SETTLEMENTS, &settlements, |settlement, push| {
        super::live::settlement_row(&settlement.row, &mut |cells| {
            push(cells);
            true
        });
    }))
}

/// Best bids of what is held, as they are now.
async fn marks(client: &Client, store: &Store, account: AccountId) -> Result<Marks, Failure> {
    let held = store.exposure(account, None).await?;
    let mut tickers: Vec<Ticker> = held.markets.into_iter().map(|market| market.market.ticker).collect();
    tickers.sort_unstable();
    tickers.dedup();
    let mut marks = Marks::new();
    for orderbook in client.orderbooks_of(&tickers).await? {
        let ticker = orderbook.ticker.clone();
        let book = orderbook.orderbook_fp.book();
        let book = book.map_err(|error| Failure::Failed(format!("the venue's book of {ticker} is none: {error}")))?;
        let best = |side| book.best_bid(side).map(|(price, _)| price);
        marks.insert(ticker, BestBids { yes: best(Side::Yes), no: best(Side::No) });
    }
    Ok(marks)
}

pub fn run_summary(args: &SummaryArgs, common: &Common) -> Result<Outcome, Failure> {
    const COLUMNS: &[(&str, Kind)] = &[
        ("ticker", Kind::Text),
        ("position", Kind::Quantity),
        ("cost", Kind::Money),
        ("mark", Kind::Price),
        ("unrealised_pnl", Kind::Money),
        ("realised_pnl", Kind::Money),
        ("fees", Kind::Money),
        ("volume", Kind::Quantity),
        ("turnover", Kind::Money),
        ("fills", Kind::Int64),
        ("subaccount", Kind::Int32),
        ("exchange_index", Kind::Int32),
    ];
    let range = args.range.parse()?;
    if range.end.is_some() && !args.no_marks {
        tell(format_args!("note: what was held at the end is not valued: the venue knows today's bids only"));
    }
    let valued = !args.no_marks && range.end.is_none();
    let connection = if valued { Some(connect(common)?) } else { None };
    let runtime = super::connect::runtime()?;
    let subaccount = args.subaccount.subaccount;
    let (summary, differences, revisions, outcome) = runtime.block_on(async {
        let (store, account) = mirrored(common).await?;
        let marks = match &connection {
            Some(connection) => marks(&connection.client, &store, account).await.map_err(|failure| match failure {
                Failure::Failed(why) => Failure::Failed(format!("{why}; --no-marks sums up without asking the venue")),
                other => other,
            })?,
            None => Marks::new(),
        };
        let summary = store.summary(account, period(range)?, &marks).await?;
        let differences = if args.check { store.cross_check(account, Money::ZERO).await? } else { Vec::new() };
        let revisions = store.revisions(account).await?;
        // What is held, and what was made, follows from these.
        let streams = [Stream::Positions, Stream::Fills, Stream::Settlements];
        let outcome = completeness(&store, account, subaccount.map(Subaccount), &streams).await?;
        store.close().await;
        Ok::<_, Failure>((summary, differences, revisions, outcome))
    })?;
    let wanted = |key: &MarketKey| subaccount.is_none_or(|number| key.subaccount == Subaccount(number));
    let markets: Vec<_> = summary.markets.iter().filter(|market| wanted(&market.market)).collect();
    let mut list = List::new(COLUMNS);
    let mut batches = Vec::new();
    for market in &markets {
        batches.extend(list.push(&[
            market.market.ticker.as_str().into(),
            market.position.into(),
            market.cost.into(),
            market.mark.into(),
            market.unrealised.into(),
            market.realised.into(),
            market.fees.into(),
            market.volume.into(),
            market.turnover.into(),
            market.fills.into(),
            market.market.subaccount.0.into(),
            i64::from(market.market.exchange_index.0).into(),
        ]));
    }
    let unmarked = markets.iter().filter(|market| market.unrealised.is_none()).count() as u64;
    let unrealised: Money = markets.iter().filter_map(|market| market.unrealised).sum();
    let volume = markets.iter().try_fold(Quantity::ZERO, |sum, market| sum.checked_add(market.volume));
    // The sums stand in a row of their own, which names no market. What is not known of a part is not known of the whole.
    batches.extend(list.push(&[
        Cell::Null,
        Cell::Null,
        markets.iter().map(|market| market.cost).sum::<Money>().into(),
        Cell::Null,
        (unmarked == 0).then_some(unrealised).into(),
        markets.iter().map(|market| market.realised).sum::<Money>().into(),
        markets.iter().map(|market| market.fees).sum::<Money>().into(),
        volume.into(),
        markets.iter().map(|market| market.turnover).sum::<Money>().into(),
        markets.iter().map(|market| market.fills).sum::<u64>().into(),
        Cell::Null,
        Cell::Null,
    ]));
    batches.push(list.finish());
    write(common.format, Rows::of(list.schema(), batches))?;
    if unmarked > 0 && args.no_marks {
        tell(format_args!(
            "note: what is held is not valued, and the sum of unrealised_pnl not known: so --no-marks asks"
        ));
    } else if unmarked > 0 {
        let markets = counted(unmarked, "market");
        tell(format_args!(
            "note: {markets} held without a best bid to value them by: the sum of unrealised_pnl is not known"
        ));
    }
    let differences: Vec<_> = differences.iter().filter(|difference| wanted(&difference.market)).collect();
    for difference in &differences {
        tell(format_args!("note: {difference}"));
    }
    for revision in &revisions {
        tell(format_args!(
            "note: the venue has changed what it said of {}; the figures are those of what it said first",
            revised(revision)
        ));
    }
    if !differences.is_empty() {
        let figures = counted(differences.len() as u64, "figure");
        return Err(Failure::Failed(format!("{figures} of the venue's own differ from what follows from the fills")));
    }
    if args.check {
        tell(format_args!("the venue's own figures are those that follow from the fills"));
    }
    Ok(outcome)
}
