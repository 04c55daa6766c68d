//! A consumer of facts that does what the documentation of `Fact` says, and nothing else.

use std::collections::HashMap;

use daybook_book::{Book, Event, Ticker};

use super::session::{Fact, GapCause};

/// One market as the facts tell it.
#[derive(Default)]
pub struct Market {
    pub book: Book,
    pub trusted: bool,
    /// Deltas that did not fit while it was trusted: never to happen.
    pub misfits: u32,
}

/// Every market as the facts tell it.
#[derive(Default)]
pub struct Folded {
    pub markets: HashMap<String, Market>,
    pub gaps: Vec<GapCause>,
    pub facts: Vec<Fact<'static>>,
    /// Whether to keep all facts but events.
    pub keeps: bool,
}

impl Folded {
    pub fn take(&mut self, fact: Fact<'_>) {
        match &fact {
            Fact::Event(record) => {
                if let (Some(ticker), Event::Delta(_) | Event::Snapshot(_)) = (record.event.ticker(), &record.event) {
                    if !self.markets.contains_key(ticker) {
                        self.markets.insert(ticker.to_owned(), Market::default());
                    }
                    let market = self.markets.get_mut(ticker).unwrap();
                    if market.book.apply_event(&record.event).is_err() && market.trusted {
                        market.misfits += 1;
                    }
                }
            }
            Fact::GapClosed(closed) => {
                if let Some(ticker) = &closed.market {
                    self.markets.entry(ticker.as_str().to_owned()).or_default().trusted = true;
                }
            }
            Fact::GapOpened(gap) => {
                self.gaps.push(gap.cause);
                self.distrust(&gap.markets);
            }
            Fact::MarketsRemoved { markets, .. } => self.distrust(markets),
            _ => {}
        }
        if self.keeps && !matches!(fact, Fact::Event(_)) {
            self.facts.push(fact.into_owned());
        }
    }

    fn distrust(&mut self, markets: &[Ticker]) {
        for ticker in markets {
            if let Some(market) = self.markets.get_mut(ticker.as_str()) {
                market.trusted = false;
            }
        }
    }

    pub fn trusted(&self) -> usize {
        self.markets.values().filter(|market| market.trusted).count()
    }
}
