//! What is replayed: markets and a range of an archive.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use daybook_archive::{
    Archive, Clock, Error,
    coverage::Standing,
    entry::Cause,
    replay::{Order, Replay, ReplayEvent, ReplayKind, ReplayOptions},
    schema::Table,
};
use daybook_book::{Delta, Event, ExchangeTime, Price, Side, Snapshot, Trade};

use super::listing::{Documents, Listing};
use crate::{
    engine::MarketId,
    feed::Uuid,
    venue::{CatalogueError, RecordContents, Revealed, Settings, Venue},
};

/// What of an archive is replayed, in nanoseconds of effective time: `start..end`. An open bound is the record's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// First instant.
    pub start: Option<i64>,
    /// First instant after.
    pub end: Option<i64>,
}

/// Why nothing can be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The archive cannot be read, or a market is not in it.
    #[error(transparent)]
    Archive(#[from] Error),
    /// A name that no market of the venue has.
    #[error("{ticker} cannot be listed: {reason}")]
    Ticker {
        /// The name.
        ticker: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A market cannot be listed.
    #[error("a market cannot be listed: {0}")]
    Catalogue(#[from] CatalogueError),
    /// There are no markets, or nothing of them in the range.
    #[error("there is nothing to replay: no market has a record in the range")]
    Nothing,
}

/// Markets and a range of an archive.
pub struct Program {
    archive: Archive,
    markets: Arc<[Market]>,
    /// In nanoseconds.
    start: i64,
    /// In nanoseconds: the first instant after the record, and after the last settlement.
    end: i64,
    /// In nanoseconds: the first instant after the record.
    record_end: i64,
    seed: u64,
}

/// A market that is replayed.
struct Market {
    ticker: String,
    listing: Listing,
    contents: RecordContents,
    /// When its book is not known from and to, in nanoseconds, if anything says so.
    gaps: Vec<(i64, Option<i64>)>,
}

impl Market {
    /// The venue's id of it, as its events carry it.
    fn id(&self) -> String {
        self.contents.id.map(|id| id.to_string()).unwrap_or_default()
    }
}

/// What happens without being an event of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cue {
    /// The record has a gap from here on.
    Lost,
    /// It says again how the book stands.
    Found,
    /// The market opens: what it is about is known.
    Opened,
    /// The result is known: what one YES contract is worth.
    Determined(Price),
}

/// The next thing that happens, and to which market.
pub(super) enum Happening {
    /// An event of the record.
    Recorded(MarketId, Box<Entry>),
    /// A book is not known any more.
    Lost(MarketId),
    /// A gap ends: the book as a snapshot, for where the record itself had none.
    Found(MarketId, Box<Entry>),
    /// What a market is about is known.
    Revealed(MarketId, Box<Revealed>),
    /// The result is known.
    Determined(MarketId, Price),
}

/// An event of the record, and what else its frame said.
pub(super) struct Entry {
    pub(super) event: Event<'static>,
    pub(super) extra: Option<String>,
}

/// All that happens from some instant on, in order.
pub(super) struct Happenings {
    archive: Archive,
    replay: Replay,
    next: Option<ReplayEvent>,
    /// By time, in nanoseconds.
    cues: VecDeque<(i64, MarketId, Cue)>,
    ids: HashMap<Arc<str>, MarketId>,
    /// By number.
    markets: Arc<[Market]>,
}

impl Program {
    /// Reads what there is to replay. `seed` is what the exchange's own identifiers are made with.
    ///
    /// # Errors
    /// A market that is not recorded, a record that cannot be read, or a range without any of it.
    pub fn read(archive: Archive, tickers: &[String], range: Range, seed: u64) -> Result<Program, ProgramError> {
        let documents = Documents::of(&archive)?;
        let mut extents = Vec::with_capacity(tickers.len());
        for ticker in tickers {
            let timeline = archive.timeline(ticker)?.ok_or_else(|| Error::UnknownMarket { ticker: ticker.clone() })?;
            let Some((first, last)) = timeline.extent(Clock::Exchange) else { continue };
            extents.push((ticker, timeline, first, last));
        }
        let first = extents.iter().map(|&(_, _, first, _)| first).min().ok_or(ProgramError::Nothing)?;
        let last = extents.iter().map(|&(_, _, _, last)| last).max().ok_or(ProgramError::Nothing)?;
        let start = range.start.unwrap_or(first);
        let record_end = range.end.unwrap_or(last.saturating_add(1));
        if start >= record_end || start > last || record_end <= first {
            return Err(ProgramError::Nothing);
        }
        let life = archive.lifecycle_events(start, record_end)?;
        let lives: HashSet<&str> = life.iter().filter_map(|announcement| announcement.record.event.ticker()).collect();
        let mut markets = Vec::with_capacity(extents.len());
        for (ticker, timeline, first, last) in extents {
            let listing = documents.listing(ticker, micros(first), micros(last))?;
            let gaps = timeline.gaps(start, record_end.saturating_sub(1), Clock::Exchange).into_iter();
            let gaps = gaps.filter(|gap| gap.cause != Cause::Unproven);
            markets.push(Market {
                contents: RecordContents {
                    id: archive.market_id(ticker)?.as_deref().and_then(Uuid::parse),
                    has_tickers: archive.has_rows(Table::Tickers, ticker)?,
                    has_lifecycle: lives.contains(ticker.as_str()),
                },
                gaps: gaps.map(|gap| (gap.from.unwrap_or(start), gap.to)).collect(),
                ticker: ticker.clone(),
                listing,
            });
        }
        // A range that was left open ends with the last settlement.
        let verdicts = markets.iter().filter_map(|market| market.listing.verdict.map(|(at, _)| nanos(at) + 1_000_000));
        let end = match range.end {
            Some(end) => end,
            None => verdicts.filter(|&at| at >= start).max().unwrap_or(record_end).max(record_end),
        };
        Ok(Program { archive, markets: markets.into(), start, end, record_end, seed })
    }

    /// When it begins.
    pub fn start(&self) -> ExchangeTime {
        micros(self.start)
    }

    /// When it ends.
    pub fn end(&self) -> ExchangeTime {
        // What happens within the last microsecond happens.
        ExchangeTime::from_micros(micros(self.end).micros() + 1)
    }

    /// The markets.
    pub fn tickers(&self) -> impl ExactSizeIterator<Item = &str> {
        self.markets.iter().map(|market| market.ticker.as_str())
    }

    /// Those of which the archive has no document: when they open and close, their prices and results are not known.
    pub fn undescribed(&self) -> impl Iterator<Item = &str> {
        let undescribed = self.markets.iter().filter(|market| market.listing.revealed.is_none());
        undescribed.map(|market| market.ticker.as_str())
    }

    /// The exchange as it stood at an instant of the range, and what happens from then on.
    pub(super) fn stage(&self, at: ExchangeTime) -> Result<(Venue, Happenings), ProgramError> {
        let from = nanos(at).clamp(self.start, self.end);
        let now = micros(from);
        let mut venue = Venue::of_record(Settings { seed: self.seed, start: now, ..Settings::default() });
        let (mut ids, mut cues) = (HashMap::new(), Vec::new());
        for market in self.markets.iter() {
            let id = list(&mut venue, market, now)?;
            ids.insert(market.ticker.as_str().into(), id);
            self.begin(&mut venue, market, id, from)?;
            if let Some(revealed) = &market.listing.revealed {
                let open = nanos(market.listing.market.open);
                if open <= from {
                    venue.reveal(id, revealed, now);
                } else {
                    cues.push((open, id, Cue::Opened));
                }
            }
            for &(lost, found) in &market.gaps {
                cues.push((lost, id, Cue::Lost));
                cues.extend(found.map(|found| (found, id, Cue::Found)));
            }
            if let Some((known, value)) = market.listing.verdict {
                cues.push((nanos(known), id, Cue::Determined(value)));
            }
        }
        cues.retain(|&(at, ..)| from <= at && at <= self.end);
        cues.sort_by_key(|&(at, market, _)| (at, market));
        let replay = self.archive.replay(&ReplayOptions {
            tickers: self.markets.iter().map(|market| market.ticker.clone()).collect(),
            start: from,
            end: self.record_end,
            order: Order::Time,
            trades: true,
            announcements: true,
        })?;
        let (archive, markets) = (self.archive.clone(), Arc::clone(&self.markets));
        Ok((venue, Happenings { archive, replay, next: None, cues: cues.into(), ids, markets }))
    }

    /// What a market has been through before the first instant.
    fn begin(&self, venue: &mut Venue, market: &Market, id: MarketId, from: i64) -> Result<(), ProgramError> {
        let now = micros(from);
        let mut trades = Vec::new();
        self.archive.trades(&market.ticker, i64::MIN, from, |trade| {
            trades.push(trade.clone());
            Ok(std::ops::ControlFlow::Continue(()))
        })?;
        for trade in &trades {
            venue.remember_trade(id, &trade_of(&market.ticker, trade), micros(trade.time()));
        }
        let book = self.archive.book(&market.ticker, from.saturating_sub(1), Clock::Exchange)?;
        if book.standing != Standing::Gap {
            venue.begin_book(id, book.book, book.last_clock, now);
        }
        if let Some((known, value)) = market.listing.verdict
            && nanos(known) < from
        {
            // Refused where it is settled already by its own timer.
            let _ = venue.change_market(id, crate::venue::MarketChange::Determine(value), now);
        }
        Ok(())
    }
}

fn list(venue: &mut Venue, market: &Market, now: ExchangeTime) -> Result<MarketId, ProgramError> {
    let Listing { series, event, market: new, .. } = market.listing.clone();
    // Several markets share them.
    match venue.add_series(series) {
        Ok(_) | Err(CatalogueError::Duplicate(_)) => {}
        Err(error) => return Err(error.into()),
    }
    match venue.add_event(event, now) {
        Ok(_) | Err(CatalogueError::Duplicate(_)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(venue.add_recorded_market(new, market.contents, now)?)
}

impl Happenings {
    /// When the next thing happens, in nanoseconds; none if nothing does any more.
    pub(super) fn next_at(&mut self) -> Result<Option<i64>, Error> {
        if self.next.is_none() {
            self.next = self.replay.next().transpose()?;
        }
        let (recorded, cue) = (self.next.as_ref().map(|event| event.effective), self.cues.front().map(|cue| cue.0));
        Ok(recorded.into_iter().chain(cue).min())
    }

    /// The next thing that happens, and when, in nanoseconds.
    pub(super) fn next(&mut self) -> Result<Option<(i64, Happening)>, Error> {
        let Some(at) = self.next_at()? else { return Ok(None) };
        // A gap begins before what was recorded in it, and ends after what ended it.
        let cue_first = self.cues.front().is_some_and(|&(cue_at, _, cue)| {
            cue_at == at && (cue != Cue::Found || self.next.as_ref().is_none_or(|event| event.effective > at))
        });
        if cue_first && let Some((_, market, cue)) = self.cues.pop_front() {
            let happening = match cue {
                Cue::Lost => Happening::Lost(market),
                Cue::Determined(value) => Happening::Determined(market, value),
                Cue::Opened => {
                    let revealed = self.market(market).listing.revealed.clone();
                    Happening::Revealed(market, revealed.unwrap_or_default().into())
                }
                Cue::Found => self.found(market, at)?,
            };
            return Ok(Some((at, happening)));
        }
        let Some(event) = self.next.take() else { return Ok(None) };
        // What is about no market is told beside any.
        let market = self.ids.get(&event.ticker).copied().unwrap_or(MarketId(0));
        let entry = entry(event, &self.market(market).id());
        Ok(Some((at, Happening::Recorded(market, Box::new(entry)))))
    }

    fn market(&self, market: MarketId) -> &Market {
        &self.markets[market.0 as usize]
    }

    /// The book at the end of a gap.
    fn found(&self, market: MarketId, at: i64) -> Result<Happening, Error> {
        let Market { ticker, .. } = self.market(market);
        let book = self.archive.book(ticker, at, Clock::Exchange)?;
        let event = Event::Snapshot(Snapshot {
            ticker: ticker.clone().into(),
            market_id: self.market(market).id().into(),
            ts: None,
            clock: book.last_clock,
            yes: book.book.levels(Side::Yes).rev().collect(),
            no: book.book.levels(Side::No).rev().collect(),
        });
        Ok(Happening::Found(market, Box::new(Entry { event, extra: None })))
    }
}

/// An event of a replay as the event that it was.
fn entry(replayed: ReplayEvent, market_id: &str) -> Entry {
    let ticker = || replayed.ticker.to_string().into();
    match replayed.kind {
        ReplayKind::Snapshot(keyframe) => {
            let levels = |side| keyframe.book.levels(side).rev().collect();
            let event = Event::Snapshot(Snapshot {
                ticker: ticker(),
                market_id: market_id.to_owned().into(),
                ts: keyframe.ts,
                clock: keyframe.clock,
                yes: levels(Side::Yes),
                no: levels(Side::No),
            });
            Entry { event, extra: None }
        }
        ReplayKind::Delta(delta) => {
            let event = Event::Delta(Delta {
                ticker: ticker(),
                market_id: market_id.to_owned().into(),
                ts: delta.ts,
                clock: delta.clock,
                side: delta.side,
                price: delta.price,
                quantity: delta.quantity,
            });
            Entry { event, extra: None }
        }
        ReplayKind::Trade(trade) => {
            let event = Event::Trade(trade_of(&replayed.ticker, &trade));
            Entry { event: event.into_owned(), extra: trade.extra.clone() }
        }
        ReplayKind::Announcement(record) => {
            Entry { event: record.event, extra: record.extra.map(|extra| extra.into_owned()) }
        }
    }
}

fn trade_of<'a>(ticker: &'a str, trade: &'a daybook_archive::trades::RecordedTrade) -> Trade<'a> {
    let side = |text: &Option<String>| text.as_deref()?.parse::<Side>().ok();
    Trade {
        ticker: ticker.into(),
        trade_id: trade.trade_id.as_str().into(),
        ts: trade.ts.map(ExchangeTime::from_micros),
        yes_price: trade.yes_price,
        no_price: trade.no_price,
        count: trade.count,
        taker_side: side(&trade.taker_side),
        taker_outcome_side: side(&trade.taker_outcome_side),
        taker_book_side: trade.taker_book_side.as_deref().map(Into::into),
        is_block_trade: trade.is_block_trade,
    }
}

fn micros(nanos: i64) -> ExchangeTime {
    ExchangeTime::from_micros(nanos.div_euclid(1_000))
}

fn nanos(time: ExchangeTime) -> i64 {
    time.micros().saturating_mul(1_000)
}
