//! One market's book as a ladder for people: asks above, bids below, the spread between, and how far to trust it.
//!
//! The venue has bids only; a bid for NO at `p` is shown as an ask of YES at `1 − p`, with the NO price at the right.
//! Cents are what traders say, decimal dollars what programs need: both are shown, neither is rounded.

use std::fmt::{self, Write as _};

use daybook_book::{Book, Depth, Money, Price, Quantity, Side};

use crate::terminal::{
    screen::{Ink, Painted, Screen, columns, harmless, shorten, thousands},
    utc::print_utc,
};

/// Wider than this, lines are no longer read as lines.
const WIDEST: usize = 100;
/// Without a known width.
const USUAL: usize = 80;
const LONGEST_BAR: usize = 32;

/// A book at an instant, with what is known about it.
#[derive(Clone, Copy, Debug)]
pub struct LadderView<'a> {
    /// The market.
    pub ticker: &'a str,
    /// What the market is about.
    pub title: Option<&'a str>,
    /// The instant asked for: nanoseconds since the Unix epoch.
    pub at: i64,
    /// The clock that the instant is on: `exchange` or `received`.
    pub clock: &'a str,
    /// The book then.
    pub book: &'a Book,
    /// Whether it is proven.
    pub standing: Standing<'a>,
    /// Exchange time of the last event in it, if it had one: microseconds since the Unix epoch.
    pub last_ts: Option<i64>,
    /// Received time of the last event in it: nanoseconds since the Unix epoch. `None`: no event yet.
    pub last_recv_ts: Option<i64>,
    /// Ordinal of the last event in it.
    pub last_ordinal: Option<u64>,
    /// Deltas applied to the keyframe.
    pub deltas_applied: u64,
    /// Levels shown of each side, the best first; `None` for all.
    pub depth: Option<usize>,
}

/// How complete the record is at the instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    /// Inside coverage.
    Exact,
    /// Recorded, but completeness cannot be shown.
    Unproven,
    /// Not covered.
    Gap {
        /// Why.
        cause: &'a str,
        /// When it began: nanoseconds since the Unix epoch.
        from: Option<i64>,
        /// When it ended; `None` while it lasts.
        to: Option<i64>,
    },
}

/// The ladder as lines of text, each ended. The width is the screen's, at most 100 columns, or 80 where it is unknown; on
/// narrow screens the bars go first, and below some 60 columns lines overflow rather than lose digits.
pub fn render(view: &LadderView<'_>, screen: Screen) -> String {
    let mut out = String::new();
    Ladder::new(view, screen).write(&mut out).expect("a String takes what is written to it");
    out
}

/// The characters to draw with.
struct Glyphs {
    cent: char,
    rule: &'static str,
    dot: &'static str,
    none: &'static str,
    more: &'static str,
}

const UNICODE: Glyphs = Glyphs { cent: '¢', rule: "─", dot: " · ", none: "–", more: "…" };
const ASCII: Glyphs = Glyphs { cent: 'c', rule: "-", dot: " | ", none: "-", more: "..." };

/// A ladder being laid out.
struct Ladder<'a> {
    view: &'a LadderView<'a>,
    screen: Screen,
    glyphs: Glyphs,
    asks: Shown,
    bids: Shown,
    /// Decimals of the cents: as many as the finest price shown has.
    cent_places: usize,
    cents: usize,
    size: usize,
    total: usize,
    bar: usize,
    /// The size that fills a bar.
    largest: i64,
    line: usize,
}

/// The levels of one side that are shown, best first, and what is left of it.
struct Shown {
    levels: Vec<Depth>,
    more: usize,
    more_size: i64,
    /// The price of the last level, shown or not, on this side.
    last: Option<Price>,
}

impl Shown {
    fn new(book: &Book, side: Side, depth: usize) -> Shown {
        let all = book.cumulative(side);
        let levels: Vec<Depth> = all.clone().take(depth).collect();
        let shown = levels.last().map_or(0, |level| level.cumulative.hundredths());
        Shown {
            more: book.len(side) - levels.len(),
            more_size: book.total(side).hundredths() - shown,
            last: book.levels(side).next_back().map(|(price, _)| price),
            levels,
        }
    }
}

impl<'a> Ladder<'a> {
    fn new(view: &'a LadderView<'a>, screen: Screen) -> Ladder<'a> {
        let depth = view.depth.unwrap_or(usize::MAX);
        let (bids, asks) = (Shown::new(view.book, Side::Yes, depth), Shown::new(view.book, Side::No, depth));
        let levels = || bids.levels.iter().chain(&asks.levels);
        // A price and its complement have as many decimals.
        let cent_places = levels().map(|level| places(level.price)).max().unwrap_or(0);
        let widest =
            |text: fn(&Depth) -> Quantity| levels().map(|level| contracts(text(level)).len()).max().unwrap_or(0);
        let cents = if cent_places == 0 { 4 } else { 5 + cent_places };
        let (size, total) = (widest(|level| level.size).max(8), widest(|level| level.cumulative).max(8));
        let largest = levels().map(|level| level.size.hundredths()).max().unwrap_or(1);
        // `ask`, cents, dollars, size, total, NO dollars and the gaps between them, without the bar.
        let fixed = 3 + 2 + cents + 2 + 6 + 2 + size + 2 + total + 2 + 6;
        let room = screen.width.unwrap_or(USUAL).min(WIDEST).saturating_sub(fixed + 2).min(LONGEST_BAR);
        let bar = if room < 4 { 0 } else { room };
        let line = fixed + if bar == 0 { 0 } else { bar + 2 };
        let glyphs = if screen.ascii { ASCII } else { UNICODE };
        Ladder { view, screen, glyphs, asks, bids, cent_places, cents, size, total, bar, largest, line }
    }

    fn paint<T: fmt::Display>(&self, text: T, ink: Ink) -> Painted<T> {
        Painted(text, ink, self.screen.colour)
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        self.heading(out)?;
        self.left_over(out, &self.asks, Price::complement)?;
        for level in self.asks.levels.iter().rev() {
            self.level(out, level, Side::No)?;
        }
        // Before its first event nobody knows whether the book is empty.
        let known = self.view.standing == Standing::Exact || self.view.last_recv_ts.is_some();
        if self.asks.levels.is_empty() && self.asks.more == 0 {
            let text = if known { "ask  none: nobody bids for NO" } else { "ask  not known" };
            writeln!(out, "{}", self.paint(text, Ink::Red))?;
        }
        self.spread(out)?;
        for level in &self.bids.levels {
            self.level(out, level, Side::Yes)?;
        }
        if self.bids.levels.is_empty() && self.bids.more == 0 {
            let text = if known { "bid  none: nobody bids for YES" } else { "bid  not known" };
            writeln!(out, "{}", self.paint(text, Ink::Green))?;
        }
        self.left_over(out, &self.bids, |price| price)?;
        self.footer(out)
    }

    fn heading(&self, out: &mut String) -> fmt::Result {
        let width = self.screen.width.unwrap_or(USUAL).min(WIDEST);
        writeln!(out, "{}", self.paint(harmless(self.view.ticker), Ink::Bold))?;
        if let Some(title) = self.view.title {
            writeln!(out, "{}", shorten(&harmless(title), width, self.screen.ascii))?;
        }
        writeln!(out, "at {}, {} clock\n", print_utc(self.view.at), harmless(self.view.clock))?;
        let (price, size, total) = (3 + 2 + self.cents + 2 + 6, 2 + self.size, self.gap_and_bar() + 2 + self.total);
        let titles = format!("{:>price$}{:>size$}{:>total$}{:>8}", "YES", "size", "total", "NO");
        writeln!(out, "{}", self.paint(titles, Ink::Dim))
    }

    const fn gap_and_bar(&self) -> usize {
        if self.bar == 0 { 0 } else { self.bar + 2 }
    }

    fn level(&self, out: &mut String, level: &Depth, side: Side) -> fmt::Result {
        let (word, ink, yes) = match side {
            Side::Yes => ("bid", Ink::Green, level.price),
            Side::No => ("ask", Ink::Red, level.price.complement()),
        };
        let price = format!("{:>1$}  {yes}", self.cents_of(yes), self.cents);
        write!(out, "{}  {}", self.paint(word, Ink::Dim), self.paint(price, ink))?;
        write!(out, "  {:>1$}", contracts(level.size), self.size)?;
        if self.bar > 0 {
            let bar = bar(level.size.hundredths(), self.largest, self.bar, self.screen.ascii);
            let padding = self.bar - columns(&bar);
            write!(out, "  {}{:padding$}", self.paint(bar, ink), "")?;
        }
        let rest = format!("{:>1$}  {2}", contracts(level.cumulative), self.total, yes.complement());
        writeln!(out, "  {}", self.paint(rest, Ink::Dim))
    }

    /// The line for the levels beyond the depth asked for.
    fn left_over(&self, out: &mut String, side: &Shown, yes: fn(Price) -> Price) -> fmt::Result {
        let (1.., Some(last)) = (side.more, side.last) else { return Ok(()) };
        let levels = if side.more == 1 { "level" } else { "levels" };
        let size = contracts(Quantity::from_hundredths(side.more_size));
        let text = format!("     {} {} more {levels} to {}, {size} contracts", self.glyphs.more, side.more, yes(last));
        writeln!(out, "{}", self.paint(text, Ink::Dim))
    }

    /// The line between the sides: spread, middle, and what it costs to buy either side.
    fn spread(&self, out: &mut String) -> fmt::Result {
        let book = self.view.book;
        let money = |money: Option<Money>| money.map_or(self.glyphs.none.to_owned(), dollars);
        let ask = |side| book.best_ask(side).map_or(self.glyphs.none.to_owned(), |(price, _)| price.to_string());
        let (spread, ink) = match book.spread() {
            Some(spread) if book.is_crossed() => (format!("CROSSED by {}", dollars(Money::ZERO - spread)), Ink::Yellow),
            Some(_) if book.is_locked() => ("LOCKED".to_owned(), Ink::Yellow),
            spread => (format!("spread {}", money(spread)), Ink::Dim),
        };
        let parts = [
            spread,
            format!("mid {}", money(book.mid(Side::Yes))),
            format!("buy YES {}", ask(Side::Yes)),
            format!("buy NO {}", ask(Side::No)),
        ];
        let text = format!("{} {}", self.glyphs.rule.repeat(3), parts.join(self.glyphs.dot));
        let rest = match self.line.saturating_sub(columns(&text) + 1) {
            0 => String::new(),
            rest => format!(" {}", self.glyphs.rule.repeat(rest)),
        };
        writeln!(out, "{}", self.paint(format!("{text}{rest}"), ink))
    }

    fn footer(&self, out: &mut String) -> fmt::Result {
        out.push('\n');
        let book = self.view.book;
        if book.is_crossed() {
            self.remark(
                out,
                "crossed",
                Ink::Yellow,
                "the best bids exceed one dollar together: they should have traded",
            )?;
        } else if book.is_locked() {
            self.remark(out, "locked", Ink::Yellow, "the best bids add up to one dollar: they should have traded")?;
        }
        match self.view.standing {
            Standing::Exact => self.remark(out, "exact", Ink::Green, "the record is complete up to this instant")?,
            Standing::Unproven => {
                self.remark(
                    out,
                    "unproven",
                    Ink::Yellow,
                    "no loss is known, but nothing shows that the record is complete",
                )?;
            }
            Standing::Gap { cause, from, to } => {
                let time = |time: Option<i64>, open: &str| time.map_or(open.to_owned(), print_utc);
                let interval = format!("{} to {}", time(from, "the beginning"), time(to, "now"));
                let so = if self.view.last_recv_ts.is_some() { ": the book may be wrong" } else { "" };
                self.remark(out, "gap", Ink::Red, &format!("{}{so}", harmless(cause)))?;
                self.remark(out, "", Ink::Plain, &interval)?;
            }
        }
        let Some(recv_ts) = self.view.last_recv_ts else {
            return self.remark(out, "last event", Ink::Plain, "none yet");
        };
        let received = print_utc(recv_ts);
        let times = match self.view.last_ts.map(|micros| print_utc(micros.saturating_mul(1_000))) {
            // The same day need not be read twice.
            Some(ts) if ts[..10] == received[..10] => format!("{ts}, received {}", &received[11..]),
            Some(ts) => format!("{ts}, received {received}"),
            None => format!("received {received}"),
        };
        self.remark(out, "last event", Ink::Plain, &times)?;
        let ordinal = self.view.last_ordinal.map_or(String::new(), |ordinal| format!("ordinal {ordinal}, "));
        let (count, deltas) =
            (self.view.deltas_applied, if self.view.deltas_applied == 1 { "delta" } else { "deltas" });
        self.remark(out, "", Ink::Plain, &format!("{ordinal}{} {deltas} after the keyframe", thousands(count)))
    }

    fn remark(&self, out: &mut String, label: &str, ink: Ink, text: &str) -> fmt::Result {
        writeln!(out, "{}  {text}", self.paint(format_args!("{label:<10}"), ink))
    }

    /// `48¢`, `48.25¢`.
    fn cents_of(&self, price: Price) -> String {
        let value = price.ten_thousandths();
        let (cents, cent) = (value / 100, self.glyphs.cent);
        match self.cent_places {
            0 => format!("{cents}{cent}"),
            1 => format!("{cents}.{}{cent}", value % 100 / 10),
            _ => format!("{cents}.{:02}{cent}", value % 100),
        }
    }
}

/// Decimals that a price has in cents.
const fn places(price: Price) -> usize {
    match price.ten_thousandths() {
        value if value.is_multiple_of(100) => 0,
        value if value.is_multiple_of(10) => 1,
        _ => 2,
    }
}

/// `1,234.50`.
fn contracts(quantity: Quantity) -> String {
    let value = quantity.hundredths();
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", thousands(value.unsigned_abs() / 100), value.unsigned_abs() % 100)
}

/// Four decimals, five where there is half a ten-thousandth: a middle has no finer ones.
fn dollars(money: Money) -> String {
    let text = money.to_string();
    let least = text.find('.').map_or(text.len(), |point| point + 5);
    let kept = text.trim_end_matches('0').len().max(least.min(text.len()));
    text[..kept].to_owned()
}

/// A bar of at most `width` columns, in eighths; something where there is something.
fn bar(size: i64, largest: i64, width: usize, ascii: bool) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (i128::from(size) * width as i128 * 8 / i128::from(largest.max(1))).max(1) as usize;
    match (ascii, eighths / 8, eighths % 8) {
        (true, 0, 0..4) => ".".to_owned(),
        (true, full, rest) => "#".repeat(full + usize::from(rest >= 4)),
        (false, full, rest) => "█".repeat(full) + EIGHTHS[rest],
    }
}

#[cfg(test)]
mod tests;
