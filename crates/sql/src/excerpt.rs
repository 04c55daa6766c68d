//! Where in a query something is, and names that were perhaps meant.

use std::fmt;

use datafusion::{
    common::{Span, utils::datafusion_strsim::levenshtein},
    sql::sqlparser::{
        dialect::GenericDialect,
        tokenizer::{Token, Tokenizer},
    },
};

/// Characters of a long line that are shown on each side of a place.
const CONTEXT: usize = 60;

/// A place in the text of a query. As text it is `line 1, column 8` with the line itself and a mark below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: u32,
    /// Character in the line, from 1.
    pub column: u32,
    /// The line and the mark.
    excerpt: Box<str>,
}

impl Place {
    /// `width` characters at this line and column; `None` when the text has no such line.
    pub(crate) fn new(sql: &str, line: usize, column: usize, width: usize) -> Option<Place> {
        // Control characters would shift the mark.
        let text: Vec<char> =
            sql.lines().nth(line.checked_sub(1)?)?.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let at = column.checked_sub(1)?.min(text.len());
        let (from, to) = (at.saturating_sub(CONTEXT), (at + CONTEXT).min(text.len()));
        let width = width.clamp(1, (to - at).max(1));
        let cut_left = if from > 0 { "…" } else { "" };
        let cut_right = if to < text.len() { "…" } else { "" };
        let shown: String = text[from..to].iter().collect();
        let indent = " ".repeat(at - from + cut_left.chars().count());
        let excerpt = format!("  {cut_left}{}{cut_right}\n  {indent}{}", shown.trim_end(), "^".repeat(width));
        let (line, column) = (u32::try_from(line).ok()?, u32::try_from(column).ok()?);
        Some(Place { line, column, excerpt: excerpt.into() })
    }

    /// The place that the SQL planner names.
    pub(crate) fn of_span(sql: &str, span: Span) -> Option<Place> {
        let number = |number: u64| usize::try_from(number).ok();
        let (line, column) = (number(span.start.line)?, number(span.start.column)?);
        let end = if span.end.line == span.start.line { number(span.end.column)? } else { column + 1 };
        Place::new(sql, line, column, end.saturating_sub(column))
    }

    /// The first place where a name is written.
    pub(crate) fn of_name(sql: &str, name: &str) -> Option<Place> {
        let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().ok()?;
        let found = tokens.iter().find(|token| match &token.token {
            Token::Word(word) => {
                word.value == name || (word.quote_style.is_none() && word.value.to_lowercase() == name)
            }
            Token::SingleQuotedString(text) => text == name,
            _ => false,
        })?;
        Place::of_span(sql, Span::try_from_sqlparser_span(found.span)?)
    }

    /// Takes the place off the end of a message of the SQL parser, which writes ` at Line: 1, Column: 8` or, of the
    /// end of the text, nothing.
    pub(crate) fn split_off(sql: &str, message: &str) -> (String, Option<Place>) {
        let split = message.rsplit_once(" at Line: ").and_then(|(said, place)| {
            let (line, column) = place.split_once(", Column: ")?;
            Some((said.to_owned(), line.trim().parse().ok()?, column.trim().parse().ok()?))
        });
        match split {
            Some((said, line, column)) => (said, Place::new(sql, line, column, 1)),
            None if message.ends_with("found: EOF") => {
                let (lines, last) = (sql.lines().count(), sql.lines().last().unwrap_or_default());
                (message.replace("found: EOF", "found the end"), Place::new(sql, lines, last.chars().count() + 1, 1))
            }
            None => (message.to_owned(), None),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " (line {}, column {})\n{}", self.line, self.column, self.excerpt)
    }
}

/// Those of `names` that `name` may be a misspelling of, the likeliest first, at most three.
pub(crate) fn near<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let name = name.to_lowercase();
    let allowed = (name.chars().count() / 3).max(1);
    let mut found: Vec<(usize, &str)> = names
        .into_iter()
        .filter_map(|candidate| {
            let lower = candidate.to_lowercase();
            let distance = levenshtein(&name, &lower);
            let contains = name.len() > 2 && (lower.contains(&name) || name.contains(&lower));
            (distance <= allowed || contains).then_some((distance, candidate))
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().take(3).map(|(_, candidate)| candidate.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stands_below_the_place() {
        let sql = "SELECT *\nFROM\tdeltaz WHERE 1 = 1";
        let place = Place::of_name(sql, "deltaz").unwrap();
        assert_eq!(place.to_string(), " (line 2, column 6)\n  FROM deltaz WHERE 1 = 1\n       ^^^^^^");
    }

    #[test]
    fn long_lines_are_cut_on_both_sides() {
        let sql = format!("SELECT {} oops {}", "a, ".repeat(100), "b ".repeat(100));
        let shown = Place::of_name(&sql, "oops").unwrap().to_string();
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[1].starts_with("  …") && lines[1].ends_with('…'), "{shown}");
        let mark = lines[2].chars().position(|c| c == '^').unwrap();
        assert_eq!(lines[1].chars().skip(mark).take(4).collect::<String>(), "oops");
    }

    #[test]
    fn a_place_past_the_end_is_still_shown() {
        assert_eq!(Place::new("SELECT", 1, 99, 1).unwrap().to_string(), " (line 1, column 99)\n  SELECT\n        ^");
        assert_eq!(Place::new("SELECT", 7, 1, 1), None);
    }

    #[test]
    fn misspellings_find_the_name() {
        let names = ["deltas", "trades", "tickers", "coverage", "current_coverage"];
        assert_eq!(near("delta", names), ["deltas"]);
        assert_eq!(near("TRADEZ", names), ["trades"]);
        assert_eq!(near("coverage", names), ["coverage", "current_coverage"]);
        assert!(near("orders", names).is_empty());
    }
}
