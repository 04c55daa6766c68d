//! Lists straight from the venue, page by page as they are printed: what it has at hand, and then, with `--all`, what
//! it has archived.

use std::{collections::HashSet, pin::Pin};

use clap::{Args, builder::NonEmptyStringValueParser};
use daybook_book::{Money, Ticker};
use daybook_kalshi::{
    Client, Error,
    rest::{
        historical::{HistoricalFillsQuery, HistoricalOrdersQuery, HistoricalPositionsQuery},
        orders::{Order, OrdersQuery},
        portfolio::{
            BalanceQuery, Fill, FillsQuery, MarketPosition, PositionsQuery, Settlement, SettlementFilter,
            SettlementsQuery,
        },
        value::{Subaccount, Timestamp, UnixSeconds},
    },
};
use futures_util::{Stream, StreamExt, TryStreamExt};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    SubaccountArgs, VenueArgs,
    connect::{Connection, connect},
};
use crate::{
    commands::{
        Common, Failure, Outcome,
        range::{Range, RangeArgs},
        rows::{Cell, Kind, Rows, write},
    },
    terminal::{tell::tell, utc::print_utc},
};

/// Rows without `--all`.
const ROWS: usize = 100;
/// Rows of a page: the most that the venue gives.
const PAGE: u32 = 1_000;

/// Which market or event.
#[derive(Debug, Args)]
pub struct MarketFilter {
    /// Only in this market
    #[arg(long, value_name = "TICKER")]
    ticker: Option<String>,
}

/// How much to list.
#[derive(Clone, Copy, Debug, Args)]
pub struct Extent {
    /// Every row, and not the first 100: those of the venue's archive, too
    #[arg(long)]
    all: bool,
}

/// Whose balance.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook account balance
  daybook account balance --subaccount 3 --format json
  daybook account balance --env demo")]
pub struct BalanceArgs {
    #[command(flatten)]
    pub(super) venue: VenueArgs,
    #[command(flatten)]
    subaccount: SubaccountArgs,
}

/// Which positions.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook account positions
  daybook account positions --event KXHIGHNY-26NOV21 --subaccount 3
  daybook account positions --status all --all --format parquet > positions.parquet")]
pub struct PositionsArgs {
    #[command(flatten)]
    market: MarketFilter,
    /// Only in this event
    #[arg(long, value_name = "TICKER", value_parser = NonEmptyStringValueParser::new())]
    event: Option<String>,
    /// Which, by settlement
    #[arg(long, value_parser = ["unsettled", "settled", "all"], default_value = "unsettled")]
    status: String,
    #[command(flatten)]
    extent: Extent,
    #[command(flatten)]
    pub(super) venue: VenueArgs,
    #[command(flatten)]
    subaccount: SubaccountArgs,
}

/// Which fills.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook account fills
  daybook account fills --ticker KXHIGHNY-26NOV21-T60 --start 2026-11-21
  daybook account fills --all --format csv > fills.csv          ends in an unfinished line if a page fails")]
pub struct FillsArgs {
    #[command(flatten)]
    market: MarketFilter,
    /// Only of this order
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    order: Option<String>,
    #[command(flatten)]
    range: RangeArgs,
    #[command(flatten)]
    extent: Extent,
    #[command(flatten)]
    pub(super) venue: VenueArgs,
    #[command(flatten)]
    subaccount: SubaccountArgs,
}

/// Which settlements.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook account settlements
  daybook account settlements --event KXHIGHNY-26NOV21
  daybook account settlements --start 2026-11-01 --end 2026-12-01 --all --format json")]
pub struct SettlementsArgs {
    #[command(flatten)]
    market: MarketFilter,
    /// Only in this event
    #[arg(long, value_name = "TICKER", value_parser = NonEmptyStringValueParser::new())]
    event: Option<String>,
    #[command(flatten)]
    range: RangeArgs,
    #[command(flatten)]
    extent: Extent,
    #[command(flatten)]
    pub(super) venue: VenueArgs,
    #[command(flatten)]
    subaccount: SubaccountArgs,
}

/// Which orders.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook account orders --status resting
  daybook account orders --event KXHIGHNY-26NOV21 --format json
  daybook account orders --start 2026-11-01 --all --format csv")]
pub struct OrdersArgs {
    #[command(flatten)]
    market: MarketFilter,
    /// Only in this event
    #[arg(long, value_name = "TICKER", value_parser = NonEmptyStringValueParser::new())]
    event: Option<String>,
    /// Only with this status
    #[arg(long, value_parser = ["resting", "canceled", "executed"])]
    status: Option<String>,
    #[command(flatten)]
    range: RangeArgs,
    #[command(flatten)]
    extent: Extent,
    #[command(flatten)]
    pub(super) venue: VenueArgs,
    #[command(flatten)]
    subaccount: SubaccountArgs,
}

impl MarketFilter {
    fn ticker(&self) -> Result<Option<Ticker>, Failure> {
        let ticker = self.ticker.as_deref().map(Ticker::new).transpose();
        ticker.map_err(|error| Failure::Usage(format!("--ticker: {error}")))
    }
}

/// The seconds that the venue is to be asked for. It knows no finer ones, and does not say whether it includes the bounds:
/// one second more on both ends has them in any case, and [`within`] leaves out what is too much.
fn seconds(range: Range) -> [Option<UnixSeconds>; 2] {
    let start = range.start.map(|nanos| UnixSeconds(nanos.div_euclid(1_000_000_000) - 1));
    let end = range.end.map(|nanos| UnixSeconds(nanos.div_euclid(1_000_000_000) + 1));
    [start, end]
}

/// Where the venue's archive begins, going back, in nanoseconds; `None` for what it does not archive.
async fn archived_before(client: &Client, kept: Kept) -> Result<Option<i64>, Failure> {
    if kept == Kept::Live {
        return Ok(None);
    }
    let cutoff = client.historical_cutoff().await?;
    let before = match kept {
        Kept::Fills => Some(cutoff.trades_created_ts),
        Kept::Orders => Some(cutoff.orders_updated_ts),
        // Where the venue does not say, all of it is to be asked.
        Kept::Positions => {
            return Ok(Some(cutoff.market_positions_last_updated_ts.and_then(nanos).unwrap_or(i64::MAX)));
        }
        Kept::Live => None,
    };
    Ok(before.and_then(nanos))
}

/// Tells that the venue keeps what is older than this in its archive, if such rows are asked for and not all.
async fn note_archived(client: &Client, range: Range, kept: Kept) -> Result<(), Failure> {
    if range.start.is_none() && range.end.is_none() {
        return Ok(());
    }
    if let Some(since) = archived_before(client, kept).await?.filter(|since| range.from() < *since) {
        tell(format_args!(
            "note: these are the rows since {}: the venue keeps older ones in its archive, which --all reads, too",
            print_utc(since)
        ));
    }
    Ok(())
}

/// What the venue moves to its archive after a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// Fills, by the time they happened.
    Fills,
    /// Orders that do not rest, by the time they last changed.
    Orders,
    /// Settled positions.
    Positions,
    /// Nothing: all that is asked for is at hand.
    Live,
}

/// Items of pages that are asked for as they are needed.
type Items<T> = Pin<Box<dyn Stream<Item = Result<T, Error>> + Send>>;
/// Where they come from.
type Source<T> = Box<dyn FnOnce(&Client) -> Items<T> + Send>;

/// What is asked for of a list.
struct Wanted<T> {
    extent: Extent,
    range: Range,
    kept: Kept,
    /// What the venue has at hand.
    live: Source<T>,
    /// What it has archived; of its filters the archive lacks some.
    archive: Source<T>,
}

/// Whether an instant lies in the range: the venue's seconds may reach beyond it.
fn within(range: Range, at: Option<Timestamp>) -> bool {
    at.and_then(nanos).is_none_or(|at| range.from() <= at && at < range.to())
}

/// Nanoseconds since the Unix epoch, if they fit: from 1678 to 2262.
pub(super) fn nanos(at: Timestamp) -> Option<i64> {
    i64::try_from(at.as_nanosecond()).ok()
}

/// Columns of fills.
pub const FILLS: &[(&str, Kind)] = &[
    ("created_ts", Kind::Nanos),
    ("ticker", Kind::Text),
    ("outcome_side", Kind::Text),
    ("count", Kind::Quantity),
    ("yes_price", Kind::Price),
    ("no_price", Kind::Price),
    ("fee", Kind::Money),
    ("is_taker", Kind::Boolean),
    ("order_id", Kind::Text),
    ("trade_id", Kind::Text),
    ("subaccount", Kind::Int32),
    ("exchange_index", Kind::Int32),
];

fn fill_time(fill: &Fill) -> Option<Timestamp> {
    fill.created_time.or_else(|| fill.ts.and_then(UnixSeconds::timestamp))
}

/// A fill in these columns.
pub fn fill_row(fill: &Fill, push: &mut dyn FnMut(&[Cell<'_>]) -> bool) -> bool {
    push(&[
        fill_time(fill).and_then(nanos).into(),
        fill.ticker.as_str().into(),
        fill.outcome_side.as_str().into(),
        fill.count_fp.into(),
        fill.yes_price_dollars.into(),
        fill.no_price_dollars.into(),
        fill.fee_cost.into(),
        fill.is_taker.into(),
        fill.order_id.as_str().into(),
        fill.trade_id.as_str().into(),
        fill.subaccount_number.map(|number| i64::from(number.0)).into(),
        i64::from(fill.exchange_index.0).into(),
    ])
}

/// Columns of settlements.
pub const SETTLEMENTS: &[(&str, Kind)] = &[
    ("settled_ts", Kind::Nanos),
    ("ticker", Kind::Text),
    ("event_ticker", Kind::Text),
    ("market_result", Kind::Text),
    ("yes_count", Kind::Quantity),
    ("yes_total_cost", Kind::Money),
    ("no_count", Kind::Quantity),
    ("no_total_cost", Kind::Money),
    ("revenue", Kind::Money),
    ("fee", Kind::Money),
    ("value", Kind::Money),
    ("exchange_index", Kind::Int32),
];

/// A settlement in these columns.
pub fn settlement_row(paid: &Settlement, push: &mut dyn FnMut(&[Cell<'_>]) -> bool) -> bool {
    push(&[
        nanos(paid.settled_time).into(),
        paid.ticker.as_str().into(),
        paid.event_ticker.as_str().into(),
        paid.market_result.as_str().into(),
        paid.yes_count_fp.into(),
        paid.yes_total_cost_dollars.into(),
        paid.no_count_fp.into(),
        paid.no_total_cost_dollars.into(),
        Money::from(paid.revenue).into(),
        paid.fee_cost.into(),
        paid.value.map(Money::from).into(),
        i64::from(paid.exchange_index.0).into(),
    ])
}

/// The venue answers for subaccount 0 where none is named, in some lists; that is not to be mistaken for all.
fn note_subaccount(subaccount: Option<u32>) {
    if subaccount.is_none() {
        tell(format_args!("note: of subaccount 0; --subaccount N shows another"));
    }
}

pub fn balance(args: &BalanceArgs, common: &Common) -> Result<Outcome, Failure> {
    let SubaccountArgs { subaccount } = args.subaccount;
    const COLUMNS: &[(&str, Kind)] = &[
        ("exchange_index", Kind::Int32),
        ("balance", Kind::Money),
        ("portfolio_value", Kind::Money),
        ("updated_ts", Kind::Nanos),
    ];
    note_subaccount(subaccount);
    let Connection { client, runtime } = connect(common)?;
    let query = BalanceQuery { subaccount: subaccount.map(Subaccount), ..BalanceQuery::default() };
    let balance = runtime.block_on(client.balance(&query))?;
    let mut list = crate::commands::rows::List::new(COLUMNS);
    let updated = balance.updated_ts.timestamp().and_then(nanos);
    let worth = Money::from(balance.portfolio_value);
    let mut batches = Vec::new();
    // The sum over all shards names none.
    batches.extend(list.push(&[Cell::Null, balance.balance_dollars.into(), worth.into(), updated.into()]));
    for shard in balance.balance_breakdown.iter().flatten() {
        let index = i64::from(shard.exchange_index.0);
        batches.extend(list.push(&[index.into(), shard.balance.into(), Cell::Null, updated.into()]));
    }
    batches.push(list.finish());
    write(common.format, Rows::of(list.schema(), batches))?;
    Ok(Outcome::Complete)
}

/// Prints the items of all pages, or the first ones.
fn list<T: 'static>(
    common: &Common,
    Wanted { extent, range, kept, live, archive }: Wanted<T>,
    columns: &'static [(&'static str, Kind)],
    wanted: impl Fn(&T) -> bool + Send + 'static,
    key: impl Fn(&T) -> String + Send + 'static,
    row: impl Fn(&T, &mut dyn FnMut(&[Cell<'_>]) -> bool) -> bool + Send + 'static,
) -> Result<Outcome, Failure> {
    let Connection { client, runtime } = connect(common)?;
    let most = if extent.all { usize::MAX } else { ROWS };
    let rows = Rows::made(columns, move |sink| {
        runtime.block_on(async {
            let target = if extent.all { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
            let bar = ProgressBar::with_draw_target(None, target);
            let style = ProgressStyle::with_template("{spinner} {human_pos} rows  {per_sec}  {elapsed}");
            bar.set_style(style.expect("the template is well-formed"));
            if extent.all {
                // Many pages are asked for as fast as this account may.
                client.learn_limits().await?;
            } else {
                note_archived(&client, range, kept).await?;
            }
            let mut items = live(&client);
            let mut archive = Some(archive).filter(|_| extent.all);
            let mut count = 0;
            // Pages shift while the account changes, and a row may stand on two of them, or be archived meanwhile.
            let mut seen = HashSet::new();
            loop {
                let Some(item) = items.next().await else {
                    // Rows only ever move from the live list to the archive: in this order none is missed.
                    let Some(archive) = archive.take() else { break };
                    if archived_before(&client, kept).await?.is_none_or(|before| before <= range.from()) {
                        break;
                    }
                    items = archive(&client);
                    continue;
                };
                let item = item?;
                if !wanted(&item) || !seen.insert(key(&item)) {
                    continue;
                }
                if count == most {
                    tell(format_args!("note: these are the first {ROWS}; --all lists every one"));
                    break;
                }
                count += 1;
                bar.inc(1);
                if !row(&item, &mut |cells| sink.push(cells)) {
                    break;
                }
            }
            bar.finish_and_clear();
            Ok(())
        })
    });
    write(common.format, rows)?;
    Ok(Outcome::Complete)
}

/// What has no archive.
fn nothing<T: Send + 'static>() -> Source<T> {
    Box::new(|_| Box::pin(futures_util::stream::empty()))
}

fn page(extent: Extent) -> Option<u32> {
    Some(if extent.all { PAGE } else { ROWS as u32 + 1 })
}

pub fn positions(args: &PositionsArgs, common: &Common) -> Result<Outcome, Failure> {
    const COLUMNS: &[(&str, Kind)] = &[
        ("ticker", Kind::Text),
        ("position", Kind::Quantity),
        ("market_exposure", Kind::Money),
        ("realized_pnl", Kind::Money),
        ("fees_paid", Kind::Money),
        ("total_traded", Kind::Money),
        ("exchange_index", Kind::Int32),
        ("last_updated_ts", Kind::Nanos),
    ];
    let SubaccountArgs { subaccount } = args.subaccount;
    let query = PositionsQuery {
        ticker: args.market.ticker()?,
        event_ticker: args.event.as_deref().map(Into::into),
        settlement_status: Some(SettlementFilter::from(args.status.as_str())),
        subaccount: subaccount.map(Subaccount),
        limit: page(args.extent),
        ..PositionsQuery::default()
    };
    let archived = HistoricalPositionsQuery {
        ticker: query.ticker.clone(),
        event_ticker: query.event_ticker.clone(),
        subaccount: query.subaccount,
        limit: query.limit,
        ..HistoricalPositionsQuery::default()
    };
    // What is not settled is never archived.
    let kept = if args.status == "unsettled" { Kept::Live } else { Kept::Positions };
    note_subaccount(subaccount);
    let wanted = Wanted {
        extent: args.extent,
        range: Range { start: None, end: None },
        kept,
        live: Box::new(|client| Box::pin(client.all_market_positions(query))),
        archive: Box::new(|client| Box::pin(client.all_historical_positions(archived))),
    };
    let key = |position: &MarketPosition| format!("{} {}", position.exchange_index, position.ticker);
    list(
        common,
        wanted,
        COLUMNS,
        |_| true,
        key,
        |position, push| {
            push(&[
                position.ticker.as_str().into(),
                position.position_fp.into(),
                position.market_exposure_dollars.into(),
                position.realized_pnl_dollars.into(),
                position.fees_paid_dollars.into(),
                position.total_traded_dollars.into(),
                i64::from(position.exchange_index.0).into(),
                nanos(position.last_updated_ts).into(),
            ])
        },
    )
}

pub fn fills(args: &FillsArgs, common: &Common) -> Result<Outcome, Failure> {
    let range = args.range.parse()?;
    let [min_ts, max_ts] = seconds(range);
    let ticker = args.market.ticker()?;
    let subaccount = args.subaccount.subaccount.map(Subaccount);
    let limit = page(args.extent);
    let query = FillsQuery {
        ticker: ticker.clone().into_iter().collect(),
        order_id: args.order.as_deref().map(Into::into),
        min_ts,
        max_ts,
        subaccount,
        limit,
        ..FillsQuery::default()
    };
    let archived =
        HistoricalFillsQuery { ticker, min_ts, max_ts, subaccount, limit, ..HistoricalFillsQuery::default() };
    let wanted = Wanted {
        extent: args.extent,
        range,
        kept: Kept::Fills,
        live: Box::new(|client| Box::pin(client.all_fills(query))),
        archive: Box::new(|client| Box::pin(client.all_historical_fills(archived))),
    };
    let key = |fill: &Fill| format!("{} {}", fill.trade_id, fill.order_id);
    // The archive has no filter for orders.
    let order = args.order.clone();
    let of_order = move |fill: &Fill| order.as_deref().is_none_or(|order| fill.order_id.as_str() == order);
    let within = move |fill: &Fill| within(range, fill_time(fill)) && of_order(fill);
    list(common, wanted, FILLS, within, key, fill_row)
}

pub fn settlements(args: &SettlementsArgs, common: &Common) -> Result<Outcome, Failure> {
    let range = args.range.parse()?;
    let [min_ts, max_ts] = seconds(range);
    let query = SettlementsQuery {
        ticker: args.market.ticker()?,
        event_ticker: args.event.as_deref().map(Into::into),
        min_ts,
        max_ts,
        subaccount: args.subaccount.subaccount.map(Subaccount),
        limit: page(args.extent),
        ..SettlementsQuery::default()
    };
    let wanted = Wanted {
        extent: args.extent,
        range,
        kept: Kept::Live,
        live: Box::new(|client| Box::pin(client.all_settlements(query))),
        archive: nothing(),
    };
    let key = |paid: &Settlement| format!("{} {} {}", paid.exchange_index, paid.ticker, paid.settled_time);
    list(common, wanted, SETTLEMENTS, move |paid| within(range, Some(paid.settled_time)), key, settlement_row)
}

/// Columns of orders.
const ORDERS: &[(&str, Kind)] = &[
    ("created_ts", Kind::Nanos),
    ("ticker", Kind::Text),
    ("status", Kind::Text),
    ("book_side", Kind::Text),
    ("yes_price", Kind::Price),
    ("initial_count", Kind::Quantity),
    ("fill_count", Kind::Quantity),
    ("remaining_count", Kind::Quantity),
    ("fees", Kind::Money),
    ("order_id", Kind::Text),
    ("client_order_id", Kind::Text),
    ("expiration_ts", Kind::Nanos),
    ("last_updated_ts", Kind::Nanos),
    ("order_group_id", Kind::Text),
    ("subaccount", Kind::Int32),
    ("exchange_index", Kind::Int32),
];

/// An order in these columns.
fn order_row(order: &Order, push: &mut dyn FnMut(&[Cell<'_>]) -> bool) -> bool {
    push(&[
        order.created_time.and_then(nanos).into(),
        order.ticker.as_str().into(),
        order.status.as_str().into(),
        order.book_side.as_str().into(),
        order.yes_price_dollars.into(),
        order.initial_count_fp.into(),
        order.fill_count_fp.into(),
        order.remaining_count_fp.into(),
        (order.taker_fees_dollars + order.maker_fees_dollars).into(),
        order.order_id.as_str().into(),
        order.client_order_id.as_ref().map(|id| id.as_str()).into(),
        order.expiration_time.and_then(nanos).into(),
        order.last_update_time.and_then(nanos).into(),
        order.order_group_id.as_ref().map(|id| id.as_str()).into(),
        order.subaccount_number.map(|number| i64::from(number.0)).into(),
        order.exchange_index.map(|index| i64::from(index.0)).into(),
    ])
}

pub fn orders(args: &OrdersArgs, common: &Common) -> Result<Outcome, Failure> {
    let range = args.range.parse()?;
    let [min_ts, max_ts] = seconds(range);
    let ticker = args.market.ticker()?;
    let subaccount = args.subaccount.subaccount.map(Subaccount);
    let limit = page(args.extent);
    let query = OrdersQuery {
        ticker: ticker.clone(),
        event_ticker: args.event.as_deref().map(Into::into).into_iter().collect(),
        status: args.status.as_deref().map(Into::into),
        min_ts,
        max_ts,
        subaccount,
        limit,
        ..OrdersQuery::default()
    };
    // Which of an order's times the archive means is not said: who was placed before the end may have ended after it.
    let archived = HistoricalOrdersQuery { ticker, min_ts, subaccount, limit, ..HistoricalOrdersQuery::default() };
    let (event, status) = (args.event.as_ref().map(|event| format!("{event}-")), args.status.clone());
    // The archive has no filters for events and statuses. A market's name begins with its event's.
    let matches = move |order: &Order| {
        event.as_deref().is_none_or(|event| order.ticker.as_str().starts_with(event))
            && status.as_deref().is_none_or(|status| order.status.as_str() == status)
    };
    let wanted = Wanted {
        extent: args.extent,
        range,
        // What rests is never archived.
        kept: if args.status.as_deref() == Some("resting") { Kept::Live } else { Kept::Orders },
        live: Box::new(|client| Box::pin(client.all_orders(query))),
        archive: Box::new(|client| {
            Box::pin(client.all_historical_orders(archived).try_filter(move |order| std::future::ready(matches(order))))
        }),
    };
    let within = move |order: &Order| within(range, order.created_time);
    list(common, wanted, ORDERS, within, |order| order.order_id.to_string(), order_row)
}
