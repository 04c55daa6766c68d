//! Aligned columns for people. The first batch decides the columns' widths, so a long output streams.
//!
//! Figures stand at the right. Times show what varies: where all times of a column fall on one day, the day is said once,
//! above the rows, and again when it changes. Text is cut where the terminal is too narrow; figures, times, tickers and
//! ids never. What still does not fit is left out from the right and marked with an ellipsis, down to the ticker: a
//! table that has no room for that is wider than the terminal.

use std::iter::repeat_n;

use arrow::datatypes::{Schema, SchemaRef};

use super::{TextRows, cells};
use crate::terminal::{
    screen::{Ink, Painted, Screen, columns, harmless, shorten},
    utc::{DAY_SECONDS, fraction_groups, write_clock, write_date},
};

const GAP: usize = 2;
/// Text is not cut below this where columns can be left out instead.
const LEAST_TEXT: usize = 10;
/// Without a width to fill, longer text is printed whole but not aligned to.
const MOST_TEXT: usize = 40;

/// Writes rows as aligned lines.
pub(super) struct TableRows<'s> {
    schema: &'s Schema,
    screen: Screen,
    /// Empty until the first batch.
    layout: Vec<Shape>,
    hidden: Vec<String>,
    /// The column whose day is announced.
    leader: Option<usize>,
    /// The day announced last.
    day: Option<i64>,
    /// One cell.
    cell: String,
}

/// How one column is shown.
struct Shape {
    width: usize,
    /// What it would like to have.
    natural: usize,
    figure: bool,
    shortenable: bool,
    /// Says what the row is about, as a ticker does: cut, it would be about something else.
    names: bool,
    /// Times are shown without the announced day.
    dayless: bool,
    /// Fractional digits of its times, in groups of three.
    groups: u32,
}

impl<'s> TableRows<'s> {
    pub(super) fn new(schema: &'s SchemaRef, screen: Screen) -> TableRows<'s> {
        TableRows {
            schema,
            screen,
            layout: Vec::new(),
            hidden: Vec::new(),
            leader: None,
            day: None,
            cell: String::new(),
        }
    }

    /// The names of the columns there was no room for.
    pub(super) fn into_hidden(self) -> Vec<String> {
        self.hidden
    }

    /// Decides the layout by the rows at hand, and prints the heading.
    fn start(&mut self, batch: &[cells::Column<'_>], rows: usize, out: &mut Vec<u8>) {
        let fields = self.schema.fields();
        self.layout = fields.iter().map(|field| Shape::new(field)).collect();
        for (at, column) in batch.iter().enumerate() {
            let mut days = (0..rows).filter_map(|row| column.time(row)).map(|time| day_of(time.0));
            if let Some(first) = days.next()
                && self.day.is_none_or(|day| day == first)
                && days.all(|day| day == first)
            {
                self.day = Some(first);
                self.leader.get_or_insert(at);
                self.layout[at].dayless = true;
            }
            let groups = (0..rows).filter_map(|row| column.time(row)).map(|time| fraction_groups(time.1)).max();
            self.layout[at].groups = groups.unwrap_or(0);
        }
        for (at, column) in batch.iter().enumerate() {
            let mut widest = self.layout[at].natural;
            for row in 0..rows {
                self.set_cell(at, column, row);
                widest = widest.max(columns(&self.cell));
            }
            self.layout[at].natural = widest;
        }
        self.fit();
        // Columns go from the right and the leader is the first of its kind: without it no day is left unsaid.
        if self.leader.is_some_and(|leader| leader >= self.layout.len()) {
            (self.leader, self.day) = (None, None);
        }
        self.heading(out);
    }

    /// Shares out the width.
    fn fit(&mut self) {
        let total = |layout: &[Shape]| layout.iter().map(|shape| shape.width + GAP).sum::<usize>().saturating_sub(GAP);
        let most = self.screen.width.unwrap_or(MOST_TEXT);
        for shape in &mut self.layout {
            shape.width = if shape.shortenable { shape.natural.min(most) } else { shape.natural };
        }
        let Some(width) = self.screen.width else { return };
        while total(&self.layout) > width {
            let cut = self.layout.iter_mut().filter(|shape| shape.shortenable && shape.width > LEAST_TEXT);
            let Some(widest) = cut.max_by_key(|shape| shape.width) else { break };
            widest.width -= 1;
        }
        // Room for the mark of what is left out, once something is.
        let mut room = width;
        let named = self.layout.iter().position(|shape| shape.names).map_or(1, |at| at + 1);
        while total(&self.layout) > room && self.layout.len() > named {
            self.layout.pop();
            self.hidden.insert(0, self.schema.field(self.layout.len()).name().clone());
            room = width.saturating_sub(GAP);
        }
        // What the columns left out have freed goes to the texts that were cut.
        let mut free = room.saturating_sub(total(&self.layout));
        for shape in &mut self.layout {
            let more = free.min(shape.natural - shape.width);
            shape.width += more;
            free -= more;
        }
    }

    fn heading(&mut self, out: &mut Vec<u8>) {
        if let Some(day) = self.day {
            self.announce(day, out);
        }
        let (names, rules): (Vec<_>, Vec<_>) = (self.layout.iter().enumerate())
            .map(|(at, shape)| {
                let rule = if self.screen.ascii { "-" } else { "─" };
                (harmless(self.schema.field(at).name()).into_owned(), rule.repeat(shape.width))
            })
            .unzip();
        for (cells, ink) in [(names, Ink::Bold), (rules, Ink::Dim)] {
            for (at, text) in cells.into_iter().enumerate() {
                self.cell = text;
                self.put_cell(at, ink, out);
            }
            if ink == Ink::Bold && !self.hidden.is_empty() {
                out.extend_from_slice(if self.screen.ascii { " >" } else { " …" }.as_bytes());
            }
            out.push(b'\n');
        }
    }

    fn announce(&mut self, day: i64, out: &mut Vec<u8>) {
        self.day = Some(day);
        let mut date = Vec::new();
        write_date(&mut date, day);
        date.extend_from_slice(b" UTC");
        let line = Painted(String::from_utf8_lossy(&date), Ink::Dim, self.screen.colour);
        out.extend_from_slice(format!("{line}\n").as_bytes());
    }

    /// Leaves one value in `self.cell`.
    fn set_cell(&mut self, at: usize, column: &cells::Column<'_>, row: usize) {
        let mut text = std::mem::take(&mut self.cell).into_bytes();
        text.clear();
        let shape = &self.layout[at];
        if let Some((seconds, nanos)) = column.time(row) {
            if !shape.dayless || self.day != Some(day_of(seconds)) {
                write_date(&mut text, day_of(seconds));
                text.push(b' ');
            }
            write_clock(&mut text, seconds.rem_euclid(DAY_SECONDS), nanos, shape.groups.max(fraction_groups(nanos)));
            text.push(b'Z');
        } else if column.is_null(row) {
            text.extend_from_slice(if self.screen.ascii { "-" } else { "–" }.as_bytes());
        } else {
            column.text(row, &mut text);
        }
        let text = String::from_utf8(text).expect("every value is printed as UTF-8");
        self.cell = if column.is_plain() { text } else { harmless(&text).into_owned() };
    }

    /// Prints `self.cell`, aligned.
    fn put_cell(&self, at: usize, ink: Ink, out: &mut Vec<u8>) {
        let shape = &self.layout[at];
        let cut = self.screen.width.is_some() && (shape.shortenable || ink == Ink::Bold);
        let text = if cut { shorten(&self.cell, shape.width, self.screen.ascii) } else { self.cell.as_str().into() };
        let padding = repeat_n(b' ', shape.width.saturating_sub(columns(&text)));
        let last = at + 1 == self.layout.len();
        if shape.figure {
            out.extend(padding.clone());
        }
        out.extend_from_slice(Painted(&text, ink, self.screen.colour).to_string().as_bytes());
        if !shape.figure && !last {
            out.extend(padding);
        }
        if !last {
            out.extend(repeat_n(b' ', GAP));
        }
    }
}

impl TextRows for TableRows<'_> {
    fn start_batch(&mut self, batch: &[cells::Column<'_>], rows: usize, out: &mut Vec<u8>) {
        if self.layout.is_empty() && rows > 0 {
            self.start(batch, rows, out);
        }
    }

    fn row(&mut self, batch: &[cells::Column<'_>], row: usize, out: &mut Vec<u8>) {
        if let Some((seconds, _)) = self.leader.and_then(|leader| batch[leader].time(row))
            && self.day != Some(day_of(seconds))
        {
            self.announce(day_of(seconds), out);
        }
        for (at, column) in batch.iter().enumerate().take(self.layout.len()) {
            self.set_cell(at, column, row);
            self.put_cell(at, if column.is_null(row) { Ink::Dim } else { Ink::Plain }, out);
        }
        out.push(b'\n');
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if self.layout.is_empty() {
            self.start(&[], 0, out);
        }
    }

    /// People are told on stderr.
    fn break_off(&mut self, _: &str, _: &mut Vec<u8>) {}
}

impl Shape {
    fn new(field: &arrow::datatypes::Field) -> Shape {
        Shape {
            width: 0,
            natural: columns(&harmless(field.name())),
            figure: cells::is_figure(field.data_type()),
            shortenable: cells::is_shortenable(field.data_type()) && !is_identifier(field.name()),
            names: field.name().ends_with("ticker"),
            dayless: false,
            groups: 0,
        }
    }
}

/// Whether a column of this name holds tickers or ids.
fn is_identifier(name: &str) -> bool {
    name.ends_with("ticker") || name == "id" || name.ends_with("_id")
}

fn day_of(seconds: i64) -> i64 {
    seconds.div_euclid(DAY_SECONDS)
}
