//! What is traded: series as the venue has them, and the events and markets they list on given days.

use crate::calendar::{DAY, QUARTER_HOUR, SECOND, eastern_midnight, eastern_ticker};
use crate::dice::Dice;

/// Price step of a whole-cent market, in ten-thousandths of a dollar.
pub(crate) const CENT: u16 = 100;
/// Price step of a tenth-of-a-cent market.
pub(crate) const DECI_CENT: u16 = 10;

const HOUR: i64 = 3_600 * SECOND;

/// What the markets of a series ask.
#[derive(Debug)]
pub(crate) enum Question {
    /// Is the coin higher in fifteen minutes? One market per window.
    QuarterHour { coin: &'static str, price_cents: i64 },
    /// Is the coin above a threshold this afternoon? Forty markets per day.
    Above { coin: &'static str, price_cents: i64, step_cents: i64 },
    /// Which band does the day's highest temperature fall in? Six markets per day.
    HighTemperature { city: &'static str, usual: i64 },
    /// Who wins? Two markets per game.
    Game { sport: &'static str, teams: &'static [(&'static str, &'static str)] },
}

/// A series of the venue.
#[derive(Debug)]
pub(crate) struct Series {
    /// Its ticker.
    pub(crate) ticker: &'static str,
    /// What its markets ask.
    pub(crate) question: Question,
    /// Price step of its markets, in ten-thousandths of a dollar.
    pub(crate) step: u16,
}

/// When a market pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Strike {
    /// At least so many cents.
    AtLeastCents(i64),
    /// Above so many cents.
    AboveCents(i64),
    /// Below so many degrees.
    BelowDegrees(i64),
    /// Between two numbers of degrees, both included.
    BetweenDegrees(i64, i64),
    /// Above so many degrees.
    AboveDegrees(i64),
    /// This team wins.
    Winner(&'static str),
}

/// A market to be listed.
#[derive(Debug)]
pub(crate) struct Listing {
    /// The market's ticker.
    pub(crate) ticker: String,
    /// When it pays.
    pub(crate) strike: Strike,
    /// Its probability at the start, in millionths.
    pub(crate) probability: i32,
}

/// An event with its markets.
#[derive(Debug)]
pub(crate) struct Event {
    /// Its series.
    pub(crate) series: &'static Series,
    /// Its ticker.
    pub(crate) ticker: String,
    /// When its markets open.
    pub(crate) open: i64,
    /// When its markets close.
    pub(crate) close: i64,
    /// The moment or day that it is about.
    pub(crate) occurs: i64,
}

const BASEBALL: &[(&str, &str)] = &[
    ("NYY", "New York Y"),
    ("BOS", "Boston"),
    ("LAD", "Los Angeles D"),
    ("SF", "San Francisco"),
    ("CHC", "Chicago C"),
    ("STL", "St. Louis"),
    ("HOU", "Houston"),
    ("SEA", "Seattle"),
    ("ATL", "Atlanta"),
    ("PHI", "Philadelphia"),
];
const BASKETBALL: &[(&str, &str)] = &[
    ("BOS", "Boston"),
    ("LAL", "Los Angeles L"),
    ("DEN", "Denver"),
    ("OKC", "Oklahoma City"),
    ("NYK", "New York"),
    ("MIL", "Milwaukee"),
    ("MIA", "Miami"),
    ("GSW", "Golden State"),
];
const WOMENS_BASKETBALL: &[(&str, &str)] = &[
    ("LV", "Las Vegas"),
    ("NYL", "New York"),
    ("MIN", "Minnesota"),
    ("IND", "Indiana"),
    ("SEA", "Seattle"),
    ("PHX", "Phoenix"),
];
const FOOTBALL: &[(&str, &str)] = &[
    ("KC", "Kansas City"),
    ("BUF", "Buffalo"),
    ("PHI", "Philadelphia"),
    ("DAL", "Dallas"),
    ("SF", "San Francisco"),
    ("DET", "Detroit"),
    ("BAL", "Baltimore"),
    ("GB", "Green Bay"),
];

const fn quarter_hour(ticker: &'static str, coin: &'static str, price_cents: i64) -> Series {
    Series { ticker, question: Question::QuarterHour { coin, price_cents }, step: CENT }
}

const fn above(ticker: &'static str, coin: &'static str, price_cents: i64, step_cents: i64) -> Series {
    Series { ticker, question: Question::Above { coin, price_cents, step_cents }, step: DECI_CENT }
}

const fn high(ticker: &'static str, city: &'static str, usual: i64) -> Series {
    Series { ticker, question: Question::HighTemperature { city, usual }, step: CENT }
}

const fn game(ticker: &'static str, sport: &'static str, teams: &'static [(&'static str, &'static str)]) -> Series {
    Series { ticker, question: Question::Game { sport, teams }, step: DECI_CENT }
}

/// The series, in the order in which they are drawn on: one event of each, then the next of each, and so on.
pub(crate) static SERIES: [Series; 18] = [
    quarter_hour("KXBTC15M", "Bitcoin", 11_843_217),
    high("KXHIGHNY", "New York City", 86),
    game("KXMLBGAME", "Baseball", BASEBALL),
    quarter_hour("KXETH15M", "Ethereum", 461_874),
    high("KXHIGHCHI", "Chicago", 83),
    game("KXNBAGAME", "Basketball", BASKETBALL),
    quarter_hour("KXSOL15M", "Solana", 19_432),
    above("KXBTCD", "Bitcoin", 11_843_217, 25_000),
    high("KXHIGHMIA", "Miami", 91),
    game("KXWNBAGAME", "Basketball", WOMENS_BASKETBALL),
    quarter_hour("KXXRP15M", "XRP", 325),
    high("KXHIGHLAX", "Los Angeles", 78),
    game("KXNFLGAME", "Football", FOOTBALL),
    quarter_hour("KXDOGE15M", "Dogecoin", 24),
    high("KXHIGHDEN", "Denver", 88),
    above("KXETHD", "Ethereum", 461_874, 2_000),
    high("KXHIGHAUS", "Austin", 99),
    high("KXHIGHPHIL", "Philadelphia", 87),
];

impl Series {
    /// The events whose markets follow each other in one place: all windows of a fifteen-minute series between `start`
    /// and `end`, and nothing in later rounds; for every other series the event of this `round`, open throughout.
    pub(crate) fn events(&'static self, round: i64, start: i64, end: i64) -> Vec<Event> {
        let day = eastern_midnight(end) + round * DAY;
        match &self.question {
            Question::QuarterHour { .. } if round > 0 => Vec::new(),
            Question::QuarterHour { .. } => {
                let first = start - start.rem_euclid(QUARTER_HOUR);
                let opens = (0..).map(|window| first + window * QUARTER_HOUR).take_while(|&open| open < end);
                opens.map(|open| self.window(open)).collect()
            }
            Question::Above { .. } => vec![self.event(day + 41 * HOUR, "%y%b%d%H", start, day + 41 * HOUR)],
            Question::HighTemperature { .. } => {
                vec![self.event(day + 23 * HOUR, "%y%b%d", start, day + 25 * HOUR - 60 * SECOND)]
            }
            Question::Game { teams, .. } => {
                let games = teams.len() as i64 / 2;
                let day = day - round * DAY + round / games * DAY;
                let (away, home) = self.pairing(round);
                let mut event = self.event(day + 19 * HOUR, "%y%b%d", start, day + 14 * DAY);
                event.ticker += &format!("{}{}", teams[away].0, teams[home].0);
                vec![event]
            }
        }
    }

    fn event(&'static self, occurs: i64, date: &str, start: i64, close: i64) -> Event {
        let ticker = format!("{}-{}", self.ticker, eastern_ticker(occurs, date));
        // Trading began the day before at 10:00, or long enough before the recording.
        let open = (eastern_midnight(occurs) - 14 * HOUR).min(eastern_midnight(start) - 14 * HOUR);
        Event { series: self, ticker, open, close, occurs }
    }

    fn window(&'static self, open: i64) -> Event {
        let close = open + QUARTER_HOUR;
        let ticker = format!("{}-{}", self.ticker, eastern_ticker(close, "%y%b%d%H%M"));
        Event { series: self, ticker, open, close, occurs: close }
    }

    /// Away and home team of a round's game: within a day every team plays once, and the pairs change daily.
    fn pairing(&self, round: i64) -> (usize, usize) {
        let Question::Game { teams, .. } = &self.question else { return (0, 0) };
        let (count, round) = (teams.len(), round.unsigned_abs() as usize);
        let (day, game) = (round / (count / 2), round % (count / 2));
        ((day + game) % count, (day + count - 1 - game) % count)
    }
}

impl Event {
    /// The markets of this event; `round` is the one that it was made in.
    pub(crate) fn listings(&self, round: i64, dice: &mut Dice) -> Vec<Listing> {
        let list = |suffix: String, strike, probability: i64| Listing {
            ticker: format!("{}-{suffix}", self.ticker),
            strike,
            probability: probability.clamp(10_000, 990_000) as i32,
        };
        match &self.series.question {
            Question::QuarterHour { price_cents, .. } => {
                let target = price_cents + dice.within(-price_cents / 400, price_cents / 400 + 1);
                let minute = eastern_ticker(self.close, "%M");
                vec![list(minute, Strike::AtLeastCents(target), dice.within(400_000, 600_000))]
            }
            Question::Above { price_cents, step_cents, .. } => {
                let lowest = price_cents / step_cents * step_cents - 20 * step_cents - 1;
                let strikes = (0..40).map(|place| (place, lowest + place * step_cents));
                strikes
                    .map(|(place, cents)| {
                        let suffix = format!("T{}.{:02}", cents / 100, cents % 100);
                        list(suffix, Strike::AboveCents(cents), 980_000 - place * 24_600)
                    })
                    .collect()
            }
            Question::HighTemperature { usual, .. } => {
                let low = usual + dice.within(-6, 3) - 4;
                let bands = (0..4).map(|band| low + 2 * band);
                let between = bands.zip([150_000, 330_000, 290_000, 130_000]).map(|(floor, probability)| {
                    list(format!("B{floor}.5"), Strike::BetweenDegrees(floor, floor + 1), probability)
                });
                let mut listings = vec![list(format!("T{low}"), Strike::BelowDegrees(low), 60_000)];
                listings.extend(between);
                listings.push(list(format!("T{}", low + 7), Strike::AboveDegrees(low + 7), 40_000));
                listings
            }
            Question::Game { teams, .. } => {
                let (away, home) = self.series.pairing(round);
                let probability = dice.within(250_000, 750_000);
                let winner =
                    |team: usize, probability| list(teams[team].0.into(), Strike::Winner(teams[team].1), probability);
                vec![winner(away, probability), winner(home, 1_000_000 - probability)]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::parse;
    use crate::dice::Stream;
    use std::collections::HashSet;

    #[test]
    fn tickers_look_like_the_venues_and_never_repeat() {
        let start = parse("2026-08-12T14:30:10Z").unwrap();
        let mut dice = Dice::new(1, Stream::World, 0);
        let (mut seen, mut first_round) = (HashSet::new(), Vec::new());
        for round in 0..200 {
            for series in &SERIES {
                for event in series.events(round, start, start + 1_000 * SECOND) {
                    assert!(event.ticker.starts_with(series.ticker));
                    for listing in event.listings(round, &mut dice) {
                        assert!(listing.ticker.starts_with(&event.ticker));
                        if round == 0 {
                            first_round.push(listing.ticker.clone());
                        }
                        assert!(seen.insert(listing.ticker.clone()), "{} twice", listing.ticker);
                    }
                }
            }
        }
        assert_eq!(first_round[..2], ["KXBTC15M-26AUG121045-45", "KXBTC15M-26AUG121100-00"]);
        assert!(first_round.contains(&"KXMLBGAME-26AUG12NYYPHI-PHI".to_owned()), "{first_round:?}");
        assert!(first_round[2].starts_with("KXHIGHNY-26AUG12-T"), "{}", first_round[2]);
        assert!(seen.iter().any(|ticker| ticker.starts_with("KXBTCD-26AUG1317-T1")));
        assert!(seen.len() > 20_000);
    }

    #[test]
    fn only_windows_close_inside_a_recording() {
        let start = parse("2026-08-12T23:50:00Z").unwrap();
        let end = start + 9 * HOUR;
        for round in 0..3 {
            for series in &SERIES {
                let events = series.events(round, start, end);
                let window = matches!(series.question, Question::QuarterHour { .. });
                assert!(window || events.iter().all(|event| event.close > end && event.open < start));
                assert!(events.windows(2).all(|pair| pair[0].close == pair[1].open), "windows follow each other");
                assert!(!window || round > 0 || events.last().is_some_and(|last| last.close >= end));
            }
        }
    }
}
