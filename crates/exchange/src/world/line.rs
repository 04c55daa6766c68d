//! The lines of a synthetic world: each is one sequence of events, one after the other, with their markets.

use daybook_book::{ExchangeTime, Ticker, TickerError};
use daybook_kalshi::rest::{
    events::CollateralReturn,
    markets::{ComboLeg, OutcomeSide},
    series::{FeeType, Series},
    value::{EventTicker, ExchangeIndex, SeriesTicker},
};
use jiff::{SignedDuration, Timestamp, tz::Offset};

use crate::venue::{NewEvent, NewMarket, Particulars, Strike, series_record};

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// What a line's events are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Whether a price is higher after a quarter of an hour; one market.
    QuarterHour,
    /// Above which thresholds a price stands at the full hour; up to 40 markets.
    Hourly,
    /// In which band a city's highest temperature of the day falls; 6 markets.
    Temperature,
    /// Who wins a game; 2 markets.
    Game,
    /// How high a rate is set; 10 markets.
    Rate,
    /// One of many outcomes of a question that stays open for months; up to 20 markets.
    Question,
    /// Several outcomes at once; 1 market.
    Combo,
}

/// One sequence of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub kind: Kind,
    /// Which of its kind.
    pub number: u32,
    /// How many markets each event has.
    pub markets: u32,
}

/// An event of a line, and its markets.
pub(super) struct Round {
    pub event: NewEvent,
    pub markets: Vec<NewMarket>,
    /// When trading closes.
    pub close: ExchangeTime,
}

/// Tickers of assets; the further ones are made up.
const ASSETS: [&str; 12] = ["BTC", "ETH", "SOL", "XRP", "DOGE", "BNB", "HYPE", "LTC", "ADA", "AVAX", "LINK", "DOT"];
const CITIES: [&str; 20] = [
    "NY", "CHI", "LAX", "MIA", "AUS", "DEN", "PHIL", "HOU", "PHX", "SEA", "BOS", "ATL", "DC", "DAL", "SFO", "LV",
    "MIN", "NOLA", "OKC", "SATX",
];
const LEAGUES: [&str; 4] = ["NBA", "NHL", "NFL", "MLB"];
const TEAMS: [&str; 24] = [
    "ATL", "BOS", "BKN", "CHI", "CLE", "DAL", "DEN", "DET", "HOU", "IND", "LA", "MEM", "MIA", "MIL", "MIN", "NY",
    "OKC", "ORL", "PHI", "PHX", "POR", "SAC", "TOR", "WAS",
];
const SUBJECTS: [&str; 16] = [
    "ALBUM", "AWARD", "BILL", "CABINET", "CEO", "CHART", "COURT", "ELECTION", "FILM", "IPO", "LAUNCH", "MENTION",
    "NOMINEE", "RECORD", "TREATY", "VISIT",
];

impl Kind {
    /// How long a line's events last, in microseconds.
    fn lasts(self) -> i64 {
        match self {
            Kind::QuarterHour => 15 * MINUTE,
            Kind::Hourly => HOUR,
            Kind::Temperature => DAY,
            Kind::Game => 3 * HOUR,
            Kind::Rate => 30 * DAY,
            Kind::Question => 90 * DAY,
            Kind::Combo => 6 * HOUR,
        }
    }

    /// The venue's label of the price grid.
    fn structure(self) -> &'static str {
        match self {
            Kind::QuarterHour => "deci_cent",
            Kind::Hourly | Kind::Temperature => "linear_cent",
            Kind::Game => "center_half_edge_deci_cent",
            Kind::Rate | Kind::Question => "tapered_deci_cent",
            Kind::Combo => "center_deci_edge_centi_cent",
        }
    }

    /// Its shard where there are four, as the venue splits them.
    fn shard(self) -> i32 {
        match self {
            Kind::Temperature | Kind::Rate | Kind::Question => 0,
            Kind::Combo => 1,
            Kind::QuarterHour | Kind::Hourly => 2,
            Kind::Game => 3,
        }
    }

    /// Whether at most one of an event's markets ends as YES; otherwise each threshold that is met does.
    pub(super) fn is_exclusive(self) -> bool {
        !matches!(self, Kind::Hourly | Kind::Rate)
    }
}

impl Line {
    /// Lines that have so many markets together: of every kind where there is room, most of them questions in the end.
    pub(super) fn plan(markets: u32, combos: bool) -> Vec<Line> {
        use Kind::{Combo, Game, Hourly, QuarterHour, Question, Rate, Temperature};
        // Of a kind: the markets of an event, and how many lines there are of it at most.
        let cycle = [
            (QuarterHour, 1, ASSETS.len() as u32),
            (Game, 2, u32::MAX),
            (Temperature, 6, CITIES.len() as u32),
            (Hourly, 40, ASSETS.len() as u32),
            (Rate, 10, 4),
            (Question, 20, u32::MAX),
            (Combo, 1, if combos { u32::MAX } else { 0 }),
            (Game, 2, u32::MAX),
            (Combo, 1, if combos { u32::MAX } else { 0 }),
            (Question, 20, u32::MAX),
        ];
        let (mut lines, mut left) = (Vec::new(), markets);
        let mut begun: hashbrown::HashMap<Kind, u32> = hashbrown::HashMap::new();
        while left > 0 {
            for (kind, size, most) in cycle {
                let number = begun.entry(kind).or_default();
                if *number < most && left > 0 {
                    let markets = size.min(left);
                    lines.push(Line { kind, number: *number, markets });
                    *number += 1;
                    left -= markets;
                }
            }
        }
        lines
    }

    /// Its place in a list of words.
    fn word<'a>(&self, words: &[&'a str]) -> &'a str {
        words[self.number as usize % words.len()]
    }

    /// The name of its series, which several lines may share.
    pub(super) fn series(&self) -> String {
        match self.kind {
            Kind::QuarterHour => format!("KX{}15M", self.word(&ASSETS)),
            Kind::Hourly => format!("KX{}D", self.word(&ASSETS)),
            Kind::Temperature => format!("KXHIGH{}", self.word(&CITIES)),
            Kind::Game => format!("KX{}GAME", self.word(&LEAGUES)),
            Kind::Rate => format!("KX{}RATE", self.word(&["FED", "ECB", "BOE", "BOJ"])),
            Kind::Question => format!("KX{}", self.word(&SUBJECTS)),
            Kind::Combo => "KXMVECROSSCATEGORY".to_owned(),
        }
    }

    /// The record of its series, on one of so many shards.
    pub(super) fn series_record(&self, shards: usize) -> Series {
        let (category, frequency) = match self.kind {
            Kind::QuarterHour => ("Crypto", "fifteen_min"),
            Kind::Hourly => ("Crypto", "hourly"),
            Kind::Temperature => ("Climate and Weather", "daily"),
            Kind::Game => ("Sports", "custom"),
            Kind::Rate => ("Economics", "monthly"),
            Kind::Question => ("Politics", "custom"),
            Kind::Combo => ("Exotics", "custom"),
        };
        Series {
            title: format!("Synthetic {}", self.series().trim_start_matches("KX")),
            fee_type: if self.kind == Kind::Combo { FeeType::QuadraticWithComboMakerFees } else { FeeType::Quadratic },
            exchange_index: Some(ExchangeIndex(if shards >= 4 { self.kind.shard() } else { 0 })),
            ..series_record(&self.series(), category, frequency)
        }
    }

    /// The event that trades at a time. Lines of one kind do not all begin together where the venue's do not.
    pub(super) fn round(&self, at: ExchangeTime) -> Result<Round, TickerError> {
        let lasts = self.kind.lasts();
        let stagger = match self.kind {
            Kind::Game | Kind::Combo | Kind::Question | Kind::Rate => {
                i64::from(self.number).wrapping_mul(7 * MINUTE + 11_000_000).rem_euclid(lasts)
            }
            Kind::QuarterHour | Kind::Hourly | Kind::Temperature => 0,
        };
        let number = (at.micros() - stagger).div_euclid(lasts);
        let open = ExchangeTime::from_micros(number * lasts + stagger);
        let close = ExchangeTime::from_micros(open.micros() + lasts);
        let series = self.series();
        let name = self.event(&series, close);
        let event = NewEvent {
            ticker: EventTicker::from(name.as_str()),
            series: SeriesTicker::from(series),
            title: format!("Synthetic event {name}"),
            sub_title: format!("closes {}", Self::stamp(close, "%b %d, %H:%M")),
            collateral_return: (self.kind.is_exclusive() && self.markets > 1).then_some(CollateralReturn::Mecnet),
            strike_date: matches!(self.kind, Kind::Temperature | Kind::Rate).then_some(close),
        };
        let market = |index| {
            let (suffix, title, strike) = self.outcome(index, close);
            let ticker = Ticker::new(&format!("{name}-{suffix}"))?;
            let mut market = NewMarket::new(ticker, event.ticker.clone(), open, close);
            market.yes_sub_title = title;
            market.structure = self.kind.structure();
            market.strike = strike;
            market.settlement_timer_seconds = if self.kind == Kind::QuarterHour { 10 } else { 60 };
            if self.kind == Kind::Combo {
                market.particulars = Some(Box::new(self.legs(at)?));
            }
            Ok(market)
        };
        let markets = (0..self.markets).map(market).collect::<Result<_, TickerError>>()?;
        Ok(Round { event, markets, close })
    }

    fn stamp(time: ExchangeTime, format: &str) -> String {
        let time = Timestamp::from_duration(SignedDuration::from_micros(time.micros())).unwrap_or(Timestamp::MAX);
        Offset::UTC.to_datetime(time).strftime(format).to_string()
    }

    /// `SERIES-EVENTPART`.
    fn event(&self, series: &str, close: ExchangeTime) -> String {
        let date = |format| Self::stamp(close, format).to_uppercase();
        match self.kind {
            Kind::QuarterHour => format!("{series}-{}", date("%y%b%d%H%M")),
            Kind::Hourly => format!("{series}-{}", date("%y%b%d%H")),
            Kind::Temperature => format!("{series}-{}", date("%y%b%d")),
            Kind::Game => {
                let (home, guest) = self.teams();
                // The same pair meets again under another number, as in a double-header.
                let again = self.number as usize / (LEAGUES.len() * TEAMS.len() * (TEAMS.len() - 1));
                let again = if again == 0 { String::new() } else { format!("G{}", again + 1) };
                format!("{series}-{}{home}{guest}{again}", date("%y%b%d%H"))
            }
            Kind::Rate => format!("{series}-{}", date("%y%b%d")),
            Kind::Question => format!("{series}-{}-{}", date("%y%b"), self.number / SUBJECTS.len() as u32 + 1),
            Kind::Combo => format!("{series}-S{}{:07X}", date("%Y%m%d%H%M"), self.number),
        }
    }

    fn teams(&self) -> (&'static str, &'static str) {
        let pair = self.number as usize / LEAGUES.len() % (TEAMS.len() * (TEAMS.len() - 1));
        let (home, other) = (pair / (TEAMS.len() - 1), pair % (TEAMS.len() - 1));
        (TEAMS[home], TEAMS[other + usize::from(other >= home)])
    }

    /// What a market's ticker ends with, what its YES stands for, and what decides.
    fn outcome(&self, index: u32, close: ExchangeTime) -> (String, String, Strike) {
        let step = i64::from(index);
        match self.kind {
            Kind::QuarterHour => (Self::stamp(close, "%M"), "Up".to_owned(), Strike::None),
            Kind::Hourly => {
                // 1 250 apart, one cent below the round number.
                let cents = (60_000 + i64::from(self.number) * 500 + step * 1_250) * 100 - 1;
                let text = format!("{}.{:02}", cents / 100, cents % 100);
                (format!("T{text}"), format!("${text} or above"), Strike::Greater(cents * 100))
            }
            Kind::Temperature => {
                let low = 40 + i64::from(self.number) + 2 * step;
                match index {
                    0 => (format!("T{low}"), format!("below {low}°"), Strike::Less(low * 10_000)),
                    5 => (format!("T{}", low - 1), format!("above {}°", low - 1), Strike::Greater((low - 1) * 10_000)),
                    _ => (
                        format!("B{}.5", low - 2),
                        format!("{}° to {}°", low - 2, low - 1),
                        Strike::Between((low - 2) * 10_000, (low - 1) * 10_000),
                    ),
                }
            }
            Kind::Game => {
                let (home, guest) = self.teams();
                let team = if index == 0 { home } else { guest };
                (team.to_owned(), team.to_owned(), Strike::None)
            }
            Kind::Rate => {
                let hundredths = 200 + 25 * step;
                let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
                (format!("T{text}"), format!("above {text} %"), Strike::Greater(hundredths * 100))
            }
            Kind::Question => (format!("A{:02}", index + 1), format!("Answer {}", index + 1), Strike::None),
            Kind::Combo => ("C".to_owned(), "all legs".to_owned(), Strike::None),
        }
    }

    /// A combo's legs: two to four games, or where the world has fewer those that there are.
    fn legs(&self, at: ExchangeTime) -> Result<Particulars, TickerError> {
        let mut legs = Vec::new();
        for leg in 0..2 + self.number % 3 {
            let game = Line { kind: Kind::Game, number: self.number.wrapping_add(leg), markets: 2 };
            let round = game.round(at)?;
            let market = &round.markets[(self.number + leg) as usize % 2];
            legs.push(ComboLeg {
                event_ticker: Some(round.event.ticker.clone()),
                market_ticker: Some(market.ticker.clone()),
                side: Some(OutcomeSide::Yes),
                yes_settlement_value_dollars: None,
                extra: serde_json::Map::new(),
            });
        }
        Ok(Particulars { collection: Some("KXMVECROSSCATEGORY-R".into()), legs, ..Particulars::default() })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// 2026-11-22 10:31:07 UTC.
    const AT: ExchangeTime = ExchangeTime::from_micros(1_795_343_467_000_000);

    #[test]
    fn a_plan_has_as_many_markets_as_asked_and_no_ticker_twice() {
        for markets in [1, 10, 137, 20_000] {
            let lines = Line::plan(markets, true);
            let mut tickers = BTreeSet::new();
            for line in &lines {
                let round = line.round(AT).unwrap();
                assert!(round.close > AT && round.markets.iter().all(|market| market.open <= AT), "{line:?}");
                for market in round.markets {
                    assert!(
                        tickers.insert(market.ticker.as_str().to_owned()),
                        "{} is there twice",
                        market.ticker.as_str()
                    );
                }
            }
            assert_eq!(tickers.len(), markets as usize);
        }
    }

    #[test]
    fn names_look_like_the_venues() {
        let lines = Line::plan(90, true);
        let first = |kind| {
            let line = lines.iter().find(|line| line.kind == kind).unwrap();
            line.round(AT).unwrap().markets.last().unwrap().ticker.as_str().to_owned()
        };
        insta::assert_snapshot!(
            [Kind::QuarterHour, Kind::Game, Kind::Temperature, Kind::Hourly, Kind::Rate, Kind::Question, Kind::Combo]
                .map(first)
                .join("\n"),
            @"
        KXBTC15M-26NOV221045-45
        KXNBAGAME-26NOV2212ATLBOS-BOS
        KXHIGHNY-26NOV23-T49
        KXBTCD-26NOV2211-T108749.99
        KXFEDRATE-26DEC03-T4.25
        KXALBUM-26DEC-1-A20
        KXMVECROSSCATEGORY-S2026112212000000000-C
        "
        );
    }

    #[test]
    fn the_next_round_begins_where_one_ends() {
        for line in Line::plan(200, true) {
            let round = line.round(AT).unwrap();
            let next = line.round(round.close).unwrap();
            assert_eq!(next.markets[0].open, round.close);
            assert_ne!(next.event.ticker, round.event.ticker);
        }
    }
}
