//! Live books of the markets named on the command line, best bids first:
//! `cargo run -p daybook-kalshi --example live_books -- prod KXHIGHNY-26AUG11-T88 …`.
//!
//! Credentials come from `KALSHI_API_KEY_ID` and `KALSHI_PRIVATE_KEY_PATH`; instead of `prod` say `demo` or a base URL.

use daybook_book::{Side, Ticker};
use daybook_kalshi::{BookStream, BookUpdate, Credentials, Environment};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let environment: Environment = arguments.next().ok_or("usage: live_books ENVIRONMENT TICKER…")?.parse()?;
    let tickers = arguments.map(|text| text.parse()).collect::<Result<Vec<Ticker>, _>>()?;
    let credentials = Credentials::from_process_env()?.ok_or("set KALSHI_API_KEY_ID and KALSHI_PRIVATE_KEY_PATH")?;

    let mut books = BookStream::open(environment, credentials, tickers)?;
    while let Some(update) = books.next().await? {
        match update {
            BookUpdate::Live { ticker, book } | BookUpdate::Changed { ticker, book } => {
                let best = |side| book.best_bid(side).map(|(price, size)| format!("{size} at {price}"));
                let [yes, no] = [Side::Yes, Side::No].map(|side| best(side).unwrap_or_else(|| "nothing".to_owned()));
                println!("{}: yes {yes}, no {no}", ticker.as_str());
            }
            BookUpdate::Stale { ticker, cause } => println!("{}: stale, {}", ticker.as_str(), cause.as_str()),
            BookUpdate::Refused { ticker, reason } => println!("{}: refused, {reason}", ticker.as_str()),
        }
    }
    Ok(())
}
