//! The truth about books, for whoever judges a recorder.

use std::sync::Arc;

use axum::{
    extract::{Path, Query, State},
    http::header,
    response::{IntoResponse, Response},
};
use daybook_book::{Book, Price, Quantity, Side};
use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::{rest::Exchange, venue::TrueBook};

/// A book, best levels first, as `daybook book --format json` writes them.
#[derive(Debug, Serialize)]
struct Record<'a> {
    ticker: &'a str,
    status: &'static str,
    clock: u64,
    at_us: i64,
    known: bool,
    yes: Vec<[String; 2]>,
    no: Vec<[String; 2]>,
    digest: String,
}

impl<'a> From<TrueBook<'a>> for Record<'a> {
    fn from(truth: TrueBook<'a>) -> Record<'a> {
        let TrueBook { ticker, state, clock, at, is_known, book } = truth;
        let side = |side| {
            let mut levels: Vec<(Price, Quantity)> = Book::levels(&book, side).collect();
            levels.sort_unstable_by(|a, b| b.cmp(a));
            levels.into_iter().map(|(price, size)| [price.to_string(), size.to_string()]).collect()
        };
        Record {
            ticker,
            status: state.as_str(),
            clock,
            at_us: at.micros(),
            known: is_known,
            yes: side(Side::Yes),
            no: side(Side::No),
            digest: book.digest().to_string(),
        }
    }
}

fn line(record: &Record<'_>, text: &mut Vec<u8>) {
    serde_json::to_writer(&mut *text, record).expect("a record of texts and numbers can be written to memory");
    text.push(b'\n');
}

pub(super) async fn one(
    State(exchange): State<Arc<Exchange>>,
    Path(ticker): Path<String>,
) -> Result<Response, Refusal> {
    let venue = exchange.venue();
    let truth = venue.market_id(&ticker).and_then(|market| venue.true_book(market));
    let truth = truth.ok_or_else(|| Refusal::not_found(format!("there is no market {ticker}")))?;
    let mut text = Vec::new();
    line(&truth.into(), &mut text);
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

#[derive(Debug, Deserialize)]
pub(super) struct Which {
    #[serde(default)]
    resting: bool,
}

pub(super) async fn all(State(exchange): State<Arc<Exchange>>, Query(which): Query<Which>) -> Response {
    let mut text = Vec::new();
    // Nothing changes meanwhile: that is what makes it one instant.
    let venue = exchange.venue();
    for truth in venue.true_books() {
        if !which.resting || !truth.book.is_empty() {
            line(&truth.into(), &mut text);
        }
    }
    drop(venue);
    ([(header::CONTENT_TYPE, "application/x-ndjson")], text).into_response()
}
