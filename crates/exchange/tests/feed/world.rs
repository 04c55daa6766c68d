//! A model of the venue behind a hub: books that are changed and published, and users who are connected.

use daybook_book::{Book, ExchangeTime, Price, Quantity, Side, Ticker};
use daybook_exchange::{
    engine::{AccountId, MarketId},
    feed::{self, Books, ConnectionId, Delta, Hub, Limits, Output, Publication, Uuid},
};
use serde_json::{Value, json};

use crate::spec;

pub const START: i64 = 1_786_408_242_445_624;
pub const ANN: AccountId = AccountId(1);
pub const BOB: AccountId = AccountId(2);

/// Every market's book, and its clock.
pub struct Markets(pub Vec<(Book, u64)>);

impl Books for Markets {
    fn clock(&self, market: MarketId) -> Option<u64> {
        Some(self.0[market.0 as usize].1)
    }

    fn levels(&self, market: MarketId, side: Side, level: &mut dyn FnMut(Price, Quantity)) {
        let mut levels: Vec<_> = self.0[market.0 as usize].0.levels(side).collect();
        levels.sort_unstable();
        levels.into_iter().for_each(|(price, size)| level(price, size));
    }

    fn ticker(&self, market: MarketId) -> Option<feed::Ticker> {
        Some(summary(market))
    }
}

/// Some market's summary.
pub fn summary(market: MarketId) -> feed::Ticker {
    feed::Ticker {
        market,
        last: None,
        yes_bid: cents(40),
        yes_ask: cents(52),
        yes_bid_size: contracts(300),
        yes_ask_size: contracts(150),
        last_size: contracts(25),
        volume: contracts(33_896),
        open_interest: contracts(20_422),
        dollar_volume: 16_948,
        dollar_open_interest: 10_211,
        ts: ExchangeTime::from_micros(START),
    }
}

/// A hub and its world, at a time that goes on with every call.
pub struct World {
    pub hub: Hub,
    pub markets: Markets,
    pub now: i64,
}

impl World {
    /// So many markets `M-0`, `M-1`, …, each with a level on either side.
    pub fn new(markets: usize) -> World {
        World::with(markets, Limits::default())
    }

    pub fn with(markets: usize, limits: Limits) -> World {
        let mut hub = Hub::new(limits);
        let book = Book::from_levels([(cents(40), contracts(3))], [(cents(50), contracts(5))]).unwrap();
        for index in 0..markets {
            hub.add_market(MarketId(index as u32), &ticker(index), id(index));
        }
        World { hub, markets: Markets(vec![(book, 7); markets]), now: START }
    }

    pub fn at(&mut self) -> ExchangeTime {
        self.now += 1_000;
        ExchangeTime::from_micros(self.now)
    }

    pub fn connect(&mut self, account: AccountId) -> ConnectionId {
        let at = self.at();
        self.hub.connect(Some(account), at).0
    }

    /// Sends a command as it is, and takes what waits.
    pub fn say(&mut self, connection: ConnectionId, text: &str) -> Vec<Value> {
        let at = self.at();
        self.hub.command(connection, text, &self.markets, at);
        self.take(connection)
    }

    /// The same with a command's parts.
    pub fn ask(&mut self, connection: ConnectionId, id: u64, command: &str, params: Value) -> Vec<Value> {
        self.say(connection, &json!({"id": id, "cmd": command, "params": params}).to_string())
    }

    pub fn subscribe(&mut self, connection: ConnectionId, params: Value) -> Vec<Value> {
        self.ask(connection, 1, "subscribe", params)
    }

    /// Takes what waits: every frame is valid by the venue's document, and the output says rightly what it is about.
    pub fn take(&mut self, connection: ConnectionId) -> Vec<Value> {
        let mut output = Output::new();
        self.hub.drain(connection, &mut output);
        let read = output.frames().map(|frame| {
            let value: Value = serde_json::from_slice(frame.text).unwrap();
            spec::check(&value);
            assert_eq!(u64::from(frame.about.sid), value["sid"].as_u64().unwrap_or(0), "{value}");
            assert_eq!(frame.about.seq, value["seq"].as_u64().unwrap_or(0), "{value}");
            if let Some(market) = frame.about.market {
                let names = [&value["msg"]["market_ticker"], &value["msg"]["ticker"]];
                assert!(names.contains(&&json!(ticker(market.0 as usize).as_str())), "{value}");
            }
            value
        });
        read.collect()
    }

    pub fn publish(&mut self, publication: &Publication<'_>) {
        let at = self.at();
        self.hub.publish(publication, at);
    }

    /// Changes a level, and publishes it.
    pub fn change(&mut self, market: usize, side: Side, price: Price, change: Quantity) {
        let (book, clock) = &mut self.markets.0[market];
        book.apply(side, price, change).unwrap();
        *clock += 1;
        let delta = delta(market, side, price, change, *clock);
        self.publish(&Publication::Delta(delta));
    }
}

/// Nobody's delta.
pub fn delta(market: usize, side: Side, price: Price, change: Quantity, clock: u64) -> Delta<'static> {
    let ts = Some(ExchangeTime::from_micros(START));
    Delta { market: MarketId(market as u32), side, price, change, clock, ts, owner: None, client_order_id: None }
}

pub fn ticker(index: usize) -> Ticker {
    format!("M-{index}").parse().unwrap()
}

pub fn id(index: usize) -> Uuid {
    Uuid(0x1dee_1a13_e9cd_4995_9567_3950_0000_0000 + index as u128)
}

pub fn cents(cents: u8) -> Price {
    Price::from_cents(cents).unwrap()
}

pub fn contracts(contracts: i64) -> Quantity {
    Quantity::from_contracts(contracts).unwrap()
}

/// What a frame is, in short: its type and number.
pub fn kinds(frames: &[Value]) -> Vec<(String, Option<u64>)> {
    frames.iter().map(|frame| (frame["type"].as_str().unwrap().to_owned(), frame["seq"].as_u64())).collect()
}
