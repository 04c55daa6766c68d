//! What a reader sees: every line of the ladder, for each state a book can be in.

use proptest::prelude::*;

use super::*;

const AT: i64 = 1_786_399_080_250_000_000;
const WIDE: Screen = Screen { terminal: true, width: Some(80), colour: false, ascii: false };

fn book(yes: &[(&str, &str)], no: &[(&str, &str)]) -> Book {
    let side = |levels: &[(&str, &str)]| -> Vec<(Price, Quantity)> {
        levels.iter().map(|(price, size)| (price.parse().unwrap(), size.parse().unwrap())).collect()
    };
    Book::from_levels(side(yes), side(no)).unwrap()
}

fn normal() -> Book {
    book(
        &[("0.50", "800"), ("0.49", "1250.5"), ("0.48", "12.5"), ("0.45", "2400"), ("0.01", "10000")],
        &[("0.48", "2000"), ("0.47", "230.5"), ("0.44", "1250"), ("0.41", "0.01")],
    )
}

fn view(book: &Book) -> LadderView<'_> {
    LadderView {
        ticker: "KXGOLD15M-26AUG101800-00",
        title: Some("Gold price at 6:00 PM EDT above the price 15 minutes before?"),
        at: AT,
        clock: "exchange",
        book,
        standing: Standing::Exact,
        last_ts: Some(1_786_399_079_982_113),
        last_recv_ts: Some(1_786_399_079_998_431_207),
        last_ordinal: Some(128_330),
        deltas_applied: 1_412,
        depth: None,
    }
}

/// Snapshots are named after what they show, wherever this module lives.
fn check(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn a_normal_book() {
    check("ladder_normal", &render(&view(&normal()), WIDE));
}

#[test]
fn a_normal_book_in_colour() {
    check("ladder_colour", &render(&view(&normal()), Screen { colour: true, ..WIDE }));
}

#[test]
fn a_normal_book_in_ascii() {
    let text = render(&view(&normal()), Screen { ascii: true, ..WIDE });
    assert!(text.is_ascii());
    check("ladder_ascii", &text);
}

#[test]
fn a_narrow_screen_keeps_every_digit() {
    let book = normal();
    let view = LadderView { title: None, ..view(&book) };
    check("ladder_narrow", &render(&view, Screen { width: Some(52), ..WIDE }));
}

#[test]
fn tapered_prices_show_their_tenths() {
    let book = book(&[("0.985", "12345678.5"), ("0.98", "3")], &[("0.0135", "40.25"), ("0.01", "7")]);
    check("ladder_tapered", &render(&view(&book), WIDE));
}

#[test]
fn one_sided_books() {
    let yes = book(&[("0.97", "18.25")], &[]);
    let no = book(&[], &[("0.97", "18.25")]);
    check("ladder_one_sided", &(render(&view(&yes), WIDE) + "\n" + &render(&view(&no), WIDE)));
}

#[test]
fn an_empty_book() {
    let book = Book::new();
    let view = LadderView { last_ts: None, last_recv_ts: None, last_ordinal: None, deltas_applied: 0, ..view(&book) };
    check("ladder_empty", &render(&view, WIDE));
}

#[test]
fn crossed_and_locked_books() {
    let crossed = book(&[("0.53", "10"), ("0.52", "5")], &[("0.4801", "7"), ("0.45", "20")]);
    let locked = book(&[("0.53", "10")], &[("0.47", "7")]);
    check("ladder_crossed", &(render(&view(&crossed), WIDE) + "\n" + &render(&view(&locked), WIDE)));
}

#[test]
fn a_deep_book_with_a_depth_limit() {
    let side = |top: u8, step: i64| {
        (1..=top).filter_map(Price::from_cents).map(move |price| {
            (price, Quantity::from_hundredths(i64::from(price.ten_thousandths()) * 31 % (7_919 * step) + 50))
        })
    };
    let book = Book::from_levels(side(61, 11), side(37, 5)).unwrap();
    check("ladder_deep", &render(&LadderView { depth: Some(6), ..view(&book) }, WIDE));
}

#[test]
fn an_unproven_book() {
    let book = normal();
    let view = LadderView { standing: Standing::Unproven, last_ts: None, depth: Some(2), ..view(&book) };
    check("ladder_unproven", &render(&view, WIDE));
}

#[test]
fn a_book_in_a_gap() {
    let (from, to) = (Some(1_786_398_012_113_000_000), Some(1_786_399_242_500_000_000));
    let standing = Standing::Gap { cause: "sequence jumped from 10412 to 10415", from, to };
    let lasting = Standing::Gap { cause: "disconnected", from, to: None };
    let book = normal();
    let shown = LadderView { standing, depth: Some(1), clock: "received", ..view(&book) };
    let text = render(&shown, WIDE) + "\n" + &render(&LadderView { standing: lasting, ..shown }, WIDE);
    check("ladder_gap", &text);
}

#[test]
fn what_the_venue_says_cannot_steer_the_terminal() {
    let book = Book::new();
    let text = render(&LadderView { title: Some("\x1b]0;owned\x07"), ticker: "A\rB", ..view(&book) }, WIDE);
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
}

proptest! {
    /// Whatever the book: no panic, no line too wide, no level lost, no cell out of its column.
    #[test]
    fn every_book_is_a_table(
        yes in prop::collection::btree_map(0..=10_000_u16, 1..=10_000_000_i64, 0..12),
        no in prop::collection::btree_map(0..=10_000_u16, 1..=10_000_000_i64, 0..12),
        depth in prop::option::of(0..8_usize),
        ascii: bool,
    ) {
        let side = |levels: &std::collections::BTreeMap<u16, i64>| -> Vec<(Price, Quantity)> {
            levels.iter().map(|(price, size)| (Price::from_ten_thousandths(*price).unwrap(), Quantity::from_hundredths(*size))).collect()
        };
        let book = Book::from_levels(side(&yes), side(&no)).unwrap();
        let text = render(&LadderView { depth, ..view(&book) }, Screen { ascii, ..WIDE });
        let shown = depth.unwrap_or(usize::MAX);
        for (word, levels) in [("ask", &no), ("bid", &yes)] {
            let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(word) && !line.contains("none")).collect();
            prop_assert_eq!(lines.len(), levels.len().min(shown));
        }
        let mut widths: Vec<usize> = text.lines().filter(|line| line.starts_with("ask  ") || line.starts_with("bid  "))
            .filter(|line| !line.contains("none")).map(columns).collect();
        widths.dedup();
        prop_assert!(widths.len() <= 1, "{}", text);
        prop_assert!(text.lines().all(|line| columns(line) <= 80), "{}", text);
    }

    #[test]
    fn bars_never_outgrow_their_column(size in 1..=i64::MAX, largest in 1..=i64::MAX, width in 1..40_usize, ascii: bool) {
        let bar = bar(size.min(largest), largest, width, ascii);
        prop_assert!((1..=width).contains(&columns(&bar)), "{}", bar);
    }
}
