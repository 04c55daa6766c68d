//! `daybook markets | events | series | settlements`: what is recorded, and what the venue said of it.

use clap::Args;
use daybook_archive::{
    Clock,
    coverage::Standing,
    history::{Field, Histories, Version},
    schema::{ColumnType, Table},
};

use super::{
    Common, Failure, Outcome,
    rows::{Cell, Kind, List, Rows, write},
};
use crate::terminal::output::Format;

/// Which series to list, of those that are known.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  daybook series --series KXBTC15M
  daybook series --history --format json")]
pub struct SeriesArgs {
    /// Only this series'
    #[arg(long, value_name = "TICKER")]
    series: Option<String>,
    /// Every version, not only the one that holds
    #[arg(long)]
    history: bool,
}

/// Which events or settlements to list, of those that are known.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  daybook events --series KXBTC15M
  daybook settlements --history --format csv")]
pub struct EventArgs {
    /// Only this event's
    #[arg(long, value_name = "TICKER")]
    event: Option<String>,
    #[command(flatten)]
    below: SeriesArgs,
}

/// Which markets to list, of those that are recorded or known.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  daybook markets --series KXBTC15M
  daybook markets --status finalized --format csv")]
pub struct MarketArgs {
    /// Only with this status
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    #[command(flatten)]
    below: EventArgs,
}

/// What to list, of any kind of document.
#[derive(Clone, Debug)]
pub struct Filter {
    event: Option<String>,
    series: Option<String>,
    status: Option<String>,
    history: bool,
}

impl From<&SeriesArgs> for Filter {
    fn from(args: &SeriesArgs) -> Filter {
        Filter { event: None, series: args.series.clone(), status: None, history: args.history }
    }
}

impl From<&EventArgs> for Filter {
    fn from(args: &EventArgs) -> Filter {
        Filter { event: args.event.clone(), ..Filter::from(&args.below) }
    }
}

impl From<&MarketArgs> for Filter {
    fn from(args: &MarketArgs) -> Filter {
        Filter { status: args.status.clone(), ..Filter::from(&args.below) }
    }
}

impl Filter {
    /// Whether a document passes. A ticker begins with its event's, which begins with its series'.
    fn pass(&self, ticker: &str, event: Option<&str>, status: Option<&str>) -> bool {
        let below = |ticker: &str, above: &str| {
            ticker.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        let of_event = |wanted: &String| event.map_or_else(|| below(ticker, wanted), |event| event == wanted);
        self.event.as_ref().is_none_or(of_event)
            && self.series.as_ref().is_none_or(|wanted| below(ticker, wanted))
            && self.status.as_ref().is_none_or(|wanted| status == Some(wanted))
    }
}

const MARKETS: &[(&str, Kind)] = &[
    ("ticker", Kind::Text),
    ("standing", Kind::Text),
    ("recorded_from", Kind::Nanos),
    ("recorded_to", Kind::Nanos),
    ("gaps", Kind::Int64),
    ("status", Kind::Text),
    ("result", Kind::Text),
    ("title", Kind::Text),
    ("yes_sub_title", Kind::Text),
    ("event_ticker", Kind::Text),
    ("open_time", Kind::Micros),
    ("close_time", Kind::Micros),
];

/// Lists the markets that are recorded or known from metadata.
pub(super) fn run_markets(args: &MarketArgs, common: &Common) -> Result<Outcome, Failure> {
    let filter = Filter::from(args);
    if filter.history {
        return run_documents(Table::Markets, filter, common);
    }
    let archive = common.open(None)?;
    let histories = archive.versions(Table::Markets)?;
    let mut tickers = archive.tickers()?;
    tickers.extend(histories.versions().map(|version| version.ticker.clone()));
    tickers.sort_unstable();
    tickers.dedup();
    let mut list = List::new(MARKETS);
    let mut batches = Vec::new();
    for ticker in &tickers {
        let version = histories.latest(ticker);
        let text = |column: &str| version.and_then(|version| histories.text(version, column));
        let time = |column: &str| match version.and_then(|version| histories.field(version, column)) {
            Some(Field::Time(time)) => *time,
            _ => None,
        };
        let (event, status) = (text("event_ticker"), text("status"));
        if !filter.pass(ticker, event.as_deref(), status.as_deref()) {
            continue;
        }
        let timeline = archive.timeline(ticker)?;
        let extent = timeline.as_ref().and_then(|timeline| timeline.extent(Clock::Exchange));
        let standings = || timeline.iter().flat_map(|timeline| timeline.intervals()).map(|interval| interval.standing);
        let gaps = standings().filter(|standing| *standing == Standing::Gap).count() as u64;
        let best = standings().filter(|standing| *standing != Standing::Gap).max().or_else(|| standings().max());
        batches.extend(list.push(&[
            ticker.as_str().into(),
            best.map(Standing::as_str).into(),
            extent.map(|(from, _)| from).into(),
            extent.map(|(_, to)| to).into(),
            extent.map(|_| gaps).into(),
            status.as_deref().into(),
            text("result").as_deref().into(),
            text("title").as_deref().into(),
            text("yes_sub_title").as_deref().into(),
            event.as_deref().into(),
            time("open_time").into(),
            time("close_time").into(),
        ]));
    }
    batches.push(list.finish());
    write(common.format, Rows::of(list.schema(), batches))?;
    Ok(Outcome::Complete)
}

/// Lists the versions of one kind of document.
pub(super) fn run_documents(table: Table, filter: impl Into<Filter>, common: &Common) -> Result<Outcome, Failure> {
    let filter = filter.into();
    let archive = common.open(None)?;
    let histories = archive.versions(table)?;
    let columns: Vec<(&str, Kind)> = table
        .columns()
        .iter()
        // On a screen the whole document would bury the rest.
        .filter(|column| common.format != Format::Table || !matches!(column.name, "raw" | "digest"))
        .map(|column| {
            let kind = match column.kind {
                ColumnType::Timestamp => Kind::Micros,
                _ if matches!(column.name, "raw" | "price_ranges") => Kind::Json,
                _ => Kind::Text,
            };
            (column.name, kind)
        })
        .collect();
    let mut list = List::new(&columns);
    let mut batches = Vec::new();
    for version in histories.versions() {
        let text = |column: &str| histories.text(version, column);
        let holds = version.valid_to.is_none();
        let passes = filter.pass(&version.ticker, text("event_ticker").as_deref(), text("status").as_deref());
        if passes && (holds || filter.history) {
            batches.extend(list.push(&cells(&histories, version, &columns)));
        }
    }
    batches.push(list.finish());
    write(common.format, Rows::of(list.schema(), batches))?;
    Ok(Outcome::Complete)
}

fn cells<'a>(histories: &Histories, version: &'a Version, columns: &[(&str, Kind)]) -> Vec<Cell<'a>> {
    columns
        .iter()
        .map(|(name, _)| match *name {
            "ticker" => version.ticker.as_str().into(),
            "valid_from" => version.valid_from.into(),
            "valid_to" => version.valid_to.into(),
            "digest" => version.digest.as_str().into(),
            "raw" => version.raw.as_str().into(),
            name => match histories.field(version, name) {
                Some(Field::Text(text)) => text.as_deref().into(),
                Some(Field::Time(time)) => (*time).into(),
                None => Cell::Null,
            },
        })
        .collect()
}
