//! Replay: the events of many markets as one stream, in the order they arrived or in order of time.
//!
//! Each market's stream is in order already, so the streams are merged through a heap. Only a slice of each is in memory:
//! the more markets, the smaller the slices.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashSet, VecDeque},
    ops::ControlFlow,
    sync::Arc,
};

use daybook_book::{EffectiveTime, Event, EventRecord, ReceivedTime};

use crate::{
    Announcement, Clock, Error, archive::Archive, market::Keyframe, tail::DeltaRow, timeline::Span,
    trades::RecordedTrade,
};

/// Events in memory over all markets, about.
const EVENTS_IN_MEMORY: usize = 1 << 20;

/// In which order events come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Order {
    /// As they arrived at the recorder: by ordinal.
    #[default]
    Arrival,
    /// By effective time; equal times by ordinal.
    Time,
}

/// What is replayed.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// Markets.
    pub tickers: Vec<String>,
    /// First instant, in nanoseconds of effective time.
    pub start: i64,
    /// First instant after, in nanoseconds of effective time.
    pub end: i64,
    /// The order.
    pub order: Order,
    /// Whether trades come along.
    pub trades: bool,
    /// Whether ticker updates and lifecycle events come along; of the latter those of the markets and of their events.
    pub announcements: bool,
}

/// One event of a replay.
#[derive(Clone, Debug)]
pub struct ReplayEvent {
    /// The market; empty where it is about an event.
    pub ticker: Arc<str>,
    /// Arrival order.
    pub ordinal: u64,
    /// Effective time in nanoseconds; of a trade or an announcement, its own time.
    pub effective: i64,
    /// What happened.
    pub kind: ReplayKind,
}

/// What a replayed event is.
#[derive(Clone, Debug)]
pub enum ReplayKind {
    /// The venue stated the whole book.
    Snapshot(Box<Keyframe>),
    /// The venue changed one level.
    Delta(DeltaRow),
    /// A public trade.
    Trade(Box<RecordedTrade>),
    /// A ticker update or a lifecycle event.
    Announcement(Box<EventRecord<'static>>),
}

/// A merged stream of events.
pub struct Replay {
    archive: Archive,
    cursors: Vec<Cursor>,
    heap: BinaryHeap<Reverse<(i64, u64, usize)>>,
    order: Order,
    slice: usize,
    failed: bool,
}

struct Cursor {
    ticker: Arc<str>,
    spans: VecDeque<Span>,
    /// Where the span being read stands; `None` before its first event.
    place: Option<Place>,
    buffer: VecDeque<ReplayEvent>,
    start: i64,
    end: i64,
}

struct Place {
    after: Option<u64>,
    /// The last ordinal that may lie in the span.
    until: Option<u64>,
    effective: i64,
    recv_max: i64,
    snapshots: VecDeque<Keyframe>,
}

impl Archive {
    /// Begins a replay.
    ///
    /// # Errors
    /// A market that is not recorded; damaged or missing files.
    pub fn replay(&self, options: &ReplayOptions) -> Result<Replay, Error> {
        let mut replay = Replay {
            archive: self.clone(),
            cursors: Vec::with_capacity(options.tickers.len()),
            heap: BinaryHeap::with_capacity(options.tickers.len()),
            order: options.order,
            slice: (EVENTS_IN_MEMORY / options.tickers.len().max(1)).clamp(64, 65_536),
            failed: false,
        };
        for ticker in &options.tickers {
            let shared: Arc<str> = ticker.as_str().into();
            let timeline = self.timeline(ticker)?.ok_or_else(|| Error::UnknownMarket { ticker: ticker.clone() })?;
            let mut spans = timeline.spans();
            if options.order == Order::Arrival {
                spans.sort_by_key(|span| span.first_ordinal);
            }
            replay.add(Cursor {
                ticker: shared.clone(),
                spans: spans.into(),
                place: None,
                buffer: VecDeque::new(),
                start: options.start,
                end: options.end,
            })?;
            if options.trades {
                let mut trades = VecDeque::new();
                self.trades(ticker, options.start, options.end, |trade| {
                    trades.push_back(ReplayEvent {
                        ticker: shared.clone(),
                        ordinal: trade.ordinal,
                        effective: trade.time(),
                        kind: ReplayKind::Trade(Box::new(trade.clone())),
                    });
                    Ok(ControlFlow::Continue(()))
                })?;
                if options.order == Order::Arrival {
                    trades.make_contiguous().sort_by_key(|trade| trade.ordinal);
                }
                replay.add(Cursor::of(shared.clone(), trades))?;
            }
            if options.announcements {
                let updates = self.ticker_updates(ticker, options.start, options.end)?;
                replay.announce(shared, updates)?;
            }
        }
        if options.announcements {
            let mut events = self.lifecycle_events(options.start, options.end)?;
            let concerned = Concerned::of(&options.tickers);
            events.retain(|announcement| concerned.holds(&announcement.record.event));
            replay.announce("".into(), events)?;
        }
        Ok(replay)
    }
}

/// The markets of a replay, and whatever their events may be called.
struct Concerned<'a> {
    tickers: HashSet<&'a str>,
    /// What a market's ticker begins with, up to any of its hyphens.
    beginnings: HashSet<&'a str>,
}

impl<'a> Concerned<'a> {
    fn of(tickers: &'a [String]) -> Concerned<'a> {
        let beginnings = tickers.iter().flat_map(|ticker| ticker.match_indices('-').map(|(at, _)| &ticker[..at]));
        Concerned { tickers: tickers.iter().map(String::as_str).collect(), beginnings: beginnings.collect() }
    }

    /// Whether a lifecycle event is about one of the markets, or about an event of one of them.
    fn holds(&self, event: &Event<'_>) -> bool {
        let Event::Lifecycle(lifecycle) = event else { return false };
        match (&lifecycle.ticker, &lifecycle.event_ticker) {
            (Some(market), _) => self.tickers.contains(&**market),
            (None, Some(event)) => self.beginnings.contains(&**event),
            (None, None) => false,
        }
    }
}

impl Replay {
    /// Adds announcements, of the market named or of those that they name themselves.
    fn announce(&mut self, ticker: Arc<str>, announcements: Vec<Announcement>) -> Result<(), Error> {
        let mut events: VecDeque<ReplayEvent> = announcements
            .into_iter()
            .map(|announcement| ReplayEvent {
                ticker: announcement.record.event.ticker().map_or_else(|| ticker.clone(), Into::into),
                ordinal: announcement.ordinal,
                effective: announcement.time(),
                kind: ReplayKind::Announcement(Box::new(announcement.record)),
            })
            .collect();
        if self.order == Order::Arrival {
            events.make_contiguous().sort_by_key(|event| event.ordinal);
        }
        self.add(Cursor::of(ticker, events))
    }

    fn add(&mut self, mut cursor: Cursor) -> Result<(), Error> {
        cursor.fill(&self.archive, self.slice)?;
        let at = self.cursors.len();
        self.cursors.push(cursor);
        self.queue(at);
        Ok(())
    }

    fn queue(&mut self, at: usize) {
        if let Some(event) = self.cursors[at].buffer.front() {
            let key = match self.order {
                Order::Arrival => 0,
                Order::Time => event.effective,
            };
            self.heap.push(Reverse((key, event.ordinal, at)));
        }
    }
}

impl Iterator for Replay {
    type Item = Result<ReplayEvent, Error>;

    fn next(&mut self) -> Option<Result<ReplayEvent, Error>> {
        if self.failed {
            return None;
        }
        let Reverse((_, _, at)) = self.heap.pop()?;
        let event = self.cursors[at].buffer.pop_front()?;
        if self.cursors[at].buffer.is_empty()
            && let Err(error) = self.cursors[at].fill(&self.archive, self.slice)
        {
            self.failed = true;
            return Some(Err(error));
        }
        self.queue(at);
        Some(Ok(event))
    }
}

impl Cursor {
    /// Of events that are all in memory.
    fn of(ticker: Arc<str>, buffer: VecDeque<ReplayEvent>) -> Cursor {
        Cursor { ticker, spans: VecDeque::new(), place: None, buffer, start: 0, end: 0 }
    }

    /// Reads the next slice of the market's events.
    fn fill(&mut self, archive: &Archive, slice: usize) -> Result<(), Error> {
        while self.buffer.is_empty() {
            let Some(span) = self.spans.front().copied() else { return Ok(()) };
            let (from, to) = (span.from.max(self.start), span.to.min(self.end.saturating_sub(1)));
            if from > to || self.read(archive, span, from, to, slice)? {
                self.spans.pop_front();
                self.place = None;
            }
        }
        Ok(())
    }

    /// Reads on in a span; true when it is read to its end.
    fn read(&mut self, archive: &Archive, span: Span, from: i64, to: i64, slice: usize) -> Result<bool, Error> {
        let (ticker, connection) = (self.ticker.clone(), span.connection);
        archive.sources(&ticker, |sources| {
            let mut place = match self.place.take() {
                Some(place) => place,
                None => {
                    let base = sources.base(&ticker, connection, from)?;
                    Place {
                        after: base.as_ref().map(|base| base.ordinal),
                        effective: base.as_ref().map_or(i64::MIN, |base| base.effective),
                        recv_max: base.as_ref().map_or(i64::MIN, |base| base.recv_max),
                        snapshots: sources.snapshots(&ticker, connection, from, to)?.into(),
                        until: sources.keyframes_around(&ticker, connection, to, Clock::Exchange)?.1,
                    }
                }
            };
            let buffer = &mut self.buffer;
            let snapshot_event = |keyframe: Keyframe| ReplayEvent {
                ticker: ticker.clone(),
                ordinal: keyframe.ordinal,
                effective: keyframe.effective,
                kind: ReplayKind::Snapshot(Box::new(keyframe)),
            };
            let mut ended = false;
            let flow = sources.each_delta(
                &ticker,
                connection,
                (place.after, place.until),
                crate::reconstruct::DELTA_COLUMNS,
                |delta, _| {
                    while place.snapshots.front().is_some_and(|snapshot| snapshot.ordinal < delta.ordinal) {
                        if let Some(snapshot) = place.snapshots.pop_front() {
                            place.effective = place.effective.max(snapshot.effective);
                            place.recv_max = place.recv_max.max(snapshot.recv_max);
                            buffer.push_back(snapshot_event(snapshot));
                        }
                    }
                    let recv_ts = ReceivedTime::from_nanos(delta.recv_ts);
                    place.effective = EffectiveTime::from_nanos(place.effective).after(delta.ts, recv_ts).nanos();
                    place.recv_max = place.recv_max.max(delta.recv_ts);
                    place.after = Some(delta.ordinal);
                    if place.effective > to {
                        ended = true;
                        return Ok(ControlFlow::Break(()));
                    }
                    if place.effective >= from {
                        buffer.push_back(ReplayEvent {
                            ticker: ticker.clone(),
                            ordinal: delta.ordinal,
                            effective: place.effective,
                            kind: ReplayKind::Delta(*delta),
                        });
                    }
                    Ok(if buffer.len() >= slice { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
                },
            )?;
            let done = ended || flow.is_continue();
            if done {
                buffer.extend(place.snapshots.drain(..).map(snapshot_event));
            } else {
                self.place = Some(place);
            }
            Ok(done)
        })
    }
}
