//! Candlesticks: what happened to a market in each minute, hour and day.

use std::collections::VecDeque;

use daybook_book::{ExchangeTime, Money, Price, Quantity};

const MICROS_PER_MINUTE: i64 = 60_000_000;

/// How a figure moved in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub open: Price,
    pub low: Price,
    pub high: Price,
    pub close: Price,
}

impl Range {
    /// It did not.
    pub(crate) fn at(price: Price) -> Range {
        Range { open: price, low: price, high: price, close: price }
    }

    fn move_to(&mut self, price: Price) {
        self.low = self.low.min(price);
        self.high = self.high.max(price);
        self.close = price;
    }

    fn then(&mut self, later: &Range) {
        self.low = self.low.min(later.low);
        self.high = self.high.max(later.high);
        self.close = later.close;
    }
}

/// One period in which something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candle {
    /// Minutes since the Unix epoch at which it ends.
    pub end: u32,
    pub bid: Range,
    pub ask: Range,
    /// None without trades.
    pub price: Option<Range>,
    pub volume: Quantity,
    /// Price × quantity of the trades.
    pub spent: Money,
    pub open_interest: Quantity,
    /// The last trade's price before the period.
    pub previous: Option<Price>,
}

impl Candle {
    fn then(&mut self, later: &Candle) {
        self.bid.then(&later.bid);
        self.ask.then(&later.ask);
        match (&mut self.price, &later.price) {
            (Some(price), Some(later)) => price.then(later),
            (price @ None, later) => *price = *later,
            (Some(_), None) => {}
        }
        self.volume = sum(self.volume, later.volume);
        self.spent += later.spent;
        self.open_interest = later.open_interest;
    }

    /// The last trade's price at its end.
    pub(crate) fn last_price(&self) -> Option<Price> {
        self.price.map(|price| price.close).or(self.previous)
    }
}

fn sum(a: Quantity, b: Quantity) -> Quantity {
    Quantity::from_hundredths(a.hundredths().saturating_add(b.hundredths()))
}

/// The length of a period, in minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Period {
    Minute,
    Hour,
    Day,
}

impl Period {
    pub(crate) const fn minutes(self) -> u32 {
        match self {
            Period::Minute => 1,
            Period::Hour => 60,
            Period::Day => 1_440,
        }
    }

    /// The end of the period of this length that the minute belongs to. An end belongs to the period that it ends.
    fn end_of(self, minute: u32) -> u32 {
        minute.div_ceil(self.minutes()) * self.minutes()
    }
}

/// How many candlesticks of a length are kept per market.
const MINUTES_KEPT: usize = 24 * 60;
const HOURS_KEPT: usize = 24 * 60;

/// What a market's candlesticks are made of: where the book and the last trade stand now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Now {
    pub bid: Price,
    pub ask: Price,
    pub open_interest: Quantity,
    pub last_price: Option<Price>,
}

/// The candlesticks of one market. Periods in which nothing happened have none.
#[derive(Debug)]
pub(crate) struct Candles {
    /// The minute that is not over yet.
    current: Candle,
    minutes: VecDeque<Candle>,
    hours: VecDeque<Candle>,
    days: VecDeque<Candle>,
}

/// The minute that a time belongs to, by its end: minutes since the epoch, rounded up.
pub(crate) fn minute_end(at: ExchangeTime) -> u32 {
    let minutes = at.micros().div_euclid(MICROS_PER_MINUTE) + i64::from(at.micros().rem_euclid(MICROS_PER_MINUTE) > 0);
    u32::try_from(minutes).unwrap_or(0)
}

impl Candles {
    /// Of a market of which `before` was the state until now.
    pub(crate) fn new(at: ExchangeTime, before: Now) -> Candles {
        Candles {
            current: opening(minute_end(at), before),
            minutes: VecDeque::new(),
            hours: VecDeque::new(),
            days: VecDeque::new(),
        }
    }

    /// The best bid or offer has changed.
    pub(crate) fn quoted(&mut self, at: ExchangeTime, bid: Price, ask: Price) {
        self.reach(at);
        self.current.bid.move_to(bid);
        self.current.ask.move_to(ask);
    }

    /// The best bid and offer are known for the first time: what stood for them until now has no part in the period.
    pub(crate) fn quotes_begin(&mut self, at: ExchangeTime, bid: Price, ask: Price) {
        self.reach(at);
        (self.current.bid, self.current.ask) = (Range::at(bid), Range::at(ask));
    }

    /// A trade has happened.
    pub(crate) fn traded(&mut self, at: ExchangeTime, price: Price, count: Quantity) {
        self.reach(at);
        match &mut self.current.price {
            Some(range) => range.move_to(price),
            none => *none = Some(Range::at(price)),
        }
        self.current.volume = sum(self.current.volume, count);
        self.current.spent += Money::of(price, count);
    }

    /// Contracts that are open have become more or fewer.
    pub(crate) fn opened(&mut self, at: ExchangeTime, open_interest: Quantity) {
        self.reach(at);
        self.current.open_interest = open_interest;
    }

    /// Begins another minute if the current one is over.
    fn reach(&mut self, at: ExchangeTime) {
        let end = minute_end(at);
        if end <= self.current.end {
            return;
        }
        let over = self.current;
        let now = Now {
            bid: over.bid.close,
            ask: over.ask.close,
            open_interest: over.open_interest,
            last_price: over.last_price(),
        };
        self.current = opening(end, now);
        merge(&mut self.hours, over, Period::Hour, HOURS_KEPT);
        merge(&mut self.days, over, Period::Day, usize::MAX);
        keep(&mut self.minutes, over, MINUTES_KEPT);
    }

    /// Those that end from `start` to `end` (minutes since the epoch), oldest first.
    pub(crate) fn between(&self, period: Period, start: u32, end: u32) -> Vec<Candle> {
        self.all(period).into_iter().filter(|candle| (start..=end).contains(&candle.end)).collect()
    }

    /// The newest that ends before `start`.
    pub(crate) fn before(&self, period: Period, start: u32) -> Option<Candle> {
        self.all(period).into_iter().rev().find(|candle| candle.end < start)
    }

    fn all(&self, period: Period) -> VecDeque<Candle> {
        let mut all = match period {
            Period::Minute => self.minutes.clone(),
            Period::Hour => self.hours.clone(),
            Period::Day => self.days.clone(),
        };
        merge(&mut all, self.current, period, usize::MAX);
        all
    }

    /// Contracts traded in the 24 hours before, to the hour.
    pub(crate) fn volume_of_a_day(&self, now: ExchangeTime) -> Quantity {
        let since = minute_end(now).saturating_sub(Period::Day.minutes());
        let hours = self.hours.iter().rev().take_while(|candle| candle.end > since);
        let mut volume = hours.fold(Quantity::ZERO, |volume, candle| sum(volume, candle.volume));
        // The current minute is in no hour yet.
        if self.current.end > since {
            volume = sum(volume, self.current.volume);
        }
        volume
    }

    /// How it stood a day ago; none where nothing had happened by then, or it is not kept.
    pub(crate) fn a_day_ago(&self, now: ExchangeTime) -> Option<Candle> {
        let then = minute_end(now).saturating_sub(Period::Day.minutes());
        let of = |candles: &VecDeque<Candle>| candles.iter().rev().find(|candle| candle.end <= then).copied();
        if self.current.end <= then { Some(self.current) } else { of(&self.minutes).or_else(|| of(&self.hours)) }
    }
}

/// A period's beginning.
fn opening(end: u32, now: Now) -> Candle {
    Candle {
        end,
        bid: Range::at(now.bid),
        ask: Range::at(now.ask),
        price: None,
        volume: Quantity::ZERO,
        spent: Money::ZERO,
        open_interest: now.open_interest,
        previous: now.last_price,
    }
}

/// Adds a minute to the period of this length that it belongs to.
fn merge(candles: &mut VecDeque<Candle>, minute: Candle, period: Period, kept: usize) {
    let end = period.end_of(minute.end);
    match candles.back_mut().filter(|candle| candle.end == end) {
        Some(candle) => candle.then(&minute),
        None => keep(candles, Candle { end, ..minute }, kept),
    }
}

fn keep(candles: &mut VecDeque<Candle>, candle: Candle, kept: usize) {
    if candles.len() >= kept {
        candles.pop_front();
    }
    candles.push_back(candle);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cents(cents: u8) -> Price {
        Price::from_cents(cents).unwrap()
    }

    fn contracts(count: i64) -> Quantity {
        Quantity::from_contracts(count).unwrap()
    }

    fn at(seconds: i64) -> ExchangeTime {
        ExchangeTime::from_micros(seconds * 1_000_000)
    }

    const START: Now = Now { bid: Price::ZERO, ask: Price::ONE, open_interest: Quantity::ZERO, last_price: None };

    #[test]
    fn minutes_fold_into_hours_and_the_end_belongs_to_its_period() {
        let mut candles = Candles::new(at(1), START);
        candles.quoted(at(1), cents(40), cents(45));
        candles.traded(at(30), cents(45), contracts(10));
        candles.quoted(at(60), cents(41), cents(46));
        candles.traded(at(61), cents(41), contracts(30));
        candles.opened(at(61), contracts(40));
        candles.traded(at(3_600), cents(46), contracts(1));
        candles.traded(at(3_601), cents(50), contracts(2));

        let minutes = candles.between(Period::Minute, 0, u32::MAX);
        assert_eq!(minutes.iter().map(|candle| candle.end).collect::<Vec<_>>(), [1, 2, 60, 61]);
        assert_eq!(minutes[0].bid, Range { open: Price::ZERO, low: Price::ZERO, high: cents(41), close: cents(41) });
        assert_eq!((minutes[0].price, minutes[0].previous), (Some(Range::at(cents(45))), None));
        assert_eq!((minutes[1].bid, minutes[1].previous), (Range::at(cents(41)), Some(cents(45))));

        let hours = candles.between(Period::Hour, 0, u32::MAX);
        assert_eq!(hours.iter().map(|candle| candle.end).collect::<Vec<_>>(), [60, 120]);
        assert_eq!(hours[0].price, Some(Range { open: cents(45), low: cents(41), high: cents(46), close: cents(46) }));
        assert_eq!((hours[0].volume, hours[0].open_interest), (contracts(41), contracts(40)));
        assert_eq!((hours[1].previous, hours[1].volume), (Some(cents(46)), contracts(2)));

        let days = candles.between(Period::Day, 0, u32::MAX);
        assert_eq!(days.iter().map(|candle| (candle.end, candle.volume)).collect::<Vec<_>>(), [(1_440, contracts(43))]);
        assert_eq!(candles.before(Period::Minute, 60).unwrap().end, 2);
    }

    #[test]
    fn a_day_later() {
        // Ten days after the epoch, before which there is nothing.
        let at = |seconds: i64| at(864_000 + seconds);
        let mut candles = Candles::new(at(0), START);
        candles.quoted(at(10), cents(40), cents(45));
        candles.traded(at(10), cents(45), contracts(10));
        candles.traded(at(50_000), cents(30), contracts(7));
        assert_eq!(candles.volume_of_a_day(at(50_000)), contracts(17));
        assert_eq!(candles.a_day_ago(at(50_000)), None);
        assert_eq!(candles.volume_of_a_day(at(90_000)), contracts(7));
        assert_eq!(candles.a_day_ago(at(90_000)).unwrap().last_price(), Some(cents(45)));
        assert_eq!(candles.volume_of_a_day(at(200_000)), Quantity::ZERO);
        assert_eq!(candles.a_day_ago(at(200_000)).unwrap().last_price(), Some(cents(30)));
    }
}
