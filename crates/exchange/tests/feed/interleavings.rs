//! Whatever the order of commands and changes: a reader that knows nothing but the frames has every book, and misses no
//! number.

use std::collections::{BTreeMap, BTreeSet};

use daybook_book::{ExchangeTime, Side};
use daybook_exchange::{
    engine::{BookSide, MarketId},
    feed::{ConnectionId, Publication, Trade},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{ANN, BOB, World, cents, contracts, id};

const MARKETS: usize = 5;
const CONNECTIONS: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    Subscribe { connection: usize, markets: BTreeSet<usize>, with_trades: bool },
    Update { connection: usize, action: &'static str, markets: BTreeSet<usize> },
    Unsubscribe { connection: usize },
    Change { market: usize, side: Side, cents: u8, contracts: i64 },
    Trade { market: usize },
    Fail { connection: usize },
    Take { connection: usize },
    Reconnect { connection: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let connection = 0..CONNECTIONS;
    let markets = || prop::collection::btree_set(0..MARKETS, 1..4);
    let action = prop::sample::select(vec!["add_markets", "delete_markets", "get_snapshot"]);
    let side = prop::sample::select(vec![Side::Yes, Side::No]);
    prop_oneof![
        3 => (connection.clone(), markets(), any::<bool>())
            .prop_map(|(connection, markets, with_trades)| Step::Subscribe { connection, markets, with_trades }),
        4 => (connection.clone(), action, markets())
            .prop_map(|(connection, action, markets)| Step::Update { connection, action, markets }),
        1 => connection.clone().prop_map(|connection| Step::Unsubscribe { connection }),
        16 => (0..MARKETS, side, 30u8..45, -3i64..9)
            .prop_map(|(market, side, cents, contracts)| Step::Change { market, side, cents, contracts }),
        2 => (0..MARKETS).prop_map(|market| Step::Trade { market }),
        1 => connection.clone().prop_map(|connection| Step::Fail { connection }),
        4 => connection.clone().prop_map(|connection| Step::Take { connection }),
        1 => connection.prop_map(|connection| Step::Reconnect { connection }),
    ]
}

/// Levels by side and price, in ten-thousandths and hundredths.
type Levels = BTreeMap<(bool, i64), i64>;

/// What a client makes of its frames.
#[derive(Default)]
struct Reader {
    seqs: BTreeMap<u64, u64>,
    books: BTreeMap<String, (Levels, u64)>,
    book_sid: Option<u64>,
    channels: BTreeMap<u64, String>,
    yes_price: bool,
}

impl Reader {
    fn read(&mut self, frame: &Value) {
        let (sid, msg) = (frame["sid"].as_u64(), &frame["msg"]);
        if let (Some(sid), Some(seq)) = (sid, frame["seq"].as_u64()) {
            let last = self.seqs.get_mut(&sid).expect("numbers come after the confirmation");
            assert_eq!(seq, *last + 1, "a number is missing: {frame}");
            *last = seq;
        }
        match frame["type"].as_str().unwrap() {
            "subscribed" => {
                let (sid, channel) = (msg["sid"].as_u64().unwrap(), msg["channel"].as_str().unwrap());
                assert!(self.seqs.insert(sid, 0).is_none(), "an id is used again");
                self.channels.insert(sid, channel.to_owned());
                if channel == "orderbook_delta" {
                    assert!(self.books.is_empty());
                    self.book_sid = Some(sid);
                }
            }
            "ok" if self.book_sid == sid => {
                let listed: BTreeSet<&str> =
                    msg["market_tickers"].as_array().unwrap().iter().map(|ticker| ticker.as_str().unwrap()).collect();
                self.books.retain(|ticker, _| listed.contains(ticker.as_str()));
            }
            "ok" => {}
            "unsubscribed" => self.end(sid.unwrap()),
            "error" => {
                if msg["code"] == 10 {
                    self.end(sid.unwrap());
                }
            }
            "orderbook_snapshot" => {
                assert_eq!(self.book_sid, sid);
                let ticker = msg["market_ticker"].as_str().unwrap();
                let mut levels = Levels::new();
                for (key, is_yes) in [("yes_dollars_fp", true), ("no_dollars_fp", false)] {
                    for level in msg[key].as_array().into_iter().flatten() {
                        let old = levels.insert((is_yes, self.price(is_yes, &level[0])), number(&level[1]));
                        assert_eq!(old, None);
                    }
                }
                let clock = msg["clock"].as_u64().unwrap();
                if frame["id"] == 5 && !self.books.contains_key(ticker) {
                    return;
                }
                assert!(self.books.get(ticker).is_none_or(|(_, last)| clock >= *last));
                self.books.insert(ticker.to_owned(), (levels, clock));
            }
            "orderbook_delta" => {
                assert_eq!(self.book_sid, sid);
                let is_yes = msg["side"] == "yes";
                let price = self.price(is_yes, &msg["price_dollars"]);
                let (levels, clock) = self.books.get_mut(msg["market_ticker"].as_str().unwrap()).expect("after a book");
                assert!(msg["clock"].as_u64().unwrap() > *clock, "deltas after a snapshot have higher clocks");
                *clock = msg["clock"].as_u64().unwrap();
                let level = levels.entry((is_yes, price)).or_default();
                *level += number(&msg["delta_fp"]);
                assert!(*level >= 0);
                if *level == 0 {
                    levels.remove(&(is_yes, price));
                }
            }
            "trade" => assert_eq!(self.channels[&sid.unwrap()], "trade"),
            other => panic!("{other}"),
        }
    }

    fn end(&mut self, sid: u64) {
        self.channels.remove(&sid);
        if self.book_sid == Some(sid) {
            self.book_sid = None;
            self.books.clear();
        }
    }

    fn price(&self, is_yes: bool, text: &Value) -> i64 {
        let price = number(text);
        if is_yes || !self.yes_price { price } else { 10_000 - price }
    }
}

/// A decimal's digits.
fn number(text: &Value) -> i64 {
    text.as_str().unwrap().replace('.', "").parse().unwrap()
}

fn truth(world: &World, market: usize) -> Levels {
    let book = &world.markets.0[market].0;
    let side = |side| book.levels(side).map(move |(price, size)| ((side == Side::Yes, price), size));
    let levels = side(Side::Yes).chain(side(Side::No));
    levels.map(|((is_yes, price), size)| ((is_yes, i64::from(price.ten_thousandths())), size.hundredths())).collect()
}

fn tickers(markets: &BTreeSet<usize>) -> Vec<String> {
    markets.iter().map(|market| format!("M-{market}")).collect()
}

fn run(steps: Vec<Step>) {
    let mut world = World::new(MARKETS);
    let connect = |world: &mut World, index: usize| world.connect([ANN, BOB, ANN][index]);
    let mut clients: Vec<(ConnectionId, Reader)> = (0..CONNECTIONS)
        .map(|index| (connect(&mut world, index), Reader { yes_price: index == 2, ..Reader::default() }))
        .collect();
    let mut asked: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); CONNECTIONS];
    let say = |world: &mut World, connection: ConnectionId, command: &str, params: Value| {
        let at = world.at();
        let text = json!({"id": 5, "cmd": command, "params": params}).to_string();
        world.hub.command(connection, &text, &world.markets, at);
    };
    let book_sid = |world: &World, connection: ConnectionId| {
        let held = world.hub.subscriptions(connection);
        held.iter().find(|(channel, ..)| channel.as_str() == "orderbook_delta").map(|&(_, sid, _)| sid)
    };
    for step in steps {
        match step {
            Step::Subscribe { connection, markets, with_trades } => {
                let channels = if with_trades { vec!["orderbook_delta", "trade"] } else { vec!["orderbook_delta"] };
                let params = json!({"channels": channels, "market_tickers": tickers(&markets),
                    "use_yes_price": connection == 2});
                say(&mut world, clients[connection].0, "subscribe", params);
                asked[connection].extend(markets);
            }
            Step::Update { connection, action, markets } => {
                let to = clients[connection].0;
                let Some(sid) = book_sid(&world, to) else { continue };
                let params = json!({"sid": sid, "action": action, "market_tickers": tickers(&markets)});
                say(&mut world, to, "update_subscription", params);
                match action {
                    "add_markets" => asked[connection].extend(markets),
                    "delete_markets" => asked[connection].retain(|market| !markets.contains(market)),
                    _ => {}
                }
            }
            Step::Unsubscribe { connection } => {
                let to = clients[connection].0;
                let sids: Vec<u32> = world.hub.subscriptions(to).iter().map(|&(_, sid, _)| sid).collect();
                say(&mut world, to, "unsubscribe", json!({"sids": sids}));
                asked[connection].clear();
            }
            Step::Change { market, side, cents: price, contracts: change } => {
                let held = world.markets.0[market].0.level(side, cents(price));
                let change = contracts(change).max(daybook_book::Quantity::from_hundredths(-held.hundredths()));
                world.change(market, side, cents(price), change);
            }
            Step::Trade { market } => {
                let ts = ExchangeTime::from_micros(world.now);
                let (market, price) = (MarketId(market as u32), cents(40));
                let (count, taker) = (contracts(1), BookSide::Bid);
                world.publish(&Publication::Trade(Trade {
                    id: id(0),
                    market,
                    price,
                    count,
                    taker,
                    is_block: false,
                    ts,
                }));
            }
            Step::Fail { connection } => {
                let to = clients[connection].0;
                let Some(sid) = book_sid(&world, to) else { continue };
                let at = world.at();
                world.hub.fail_subscription(to, sid, at);
                asked[connection].clear();
            }
            Step::Take { connection } => take(&mut world, &mut clients[connection], &asked[connection]),
            Step::Reconnect { connection } => {
                world.hub.disconnect(clients[connection].0);
                let yes_price = clients[connection].1.yes_price;
                clients[connection] = (connect(&mut world, connection), Reader { yes_price, ..Reader::default() });
                asked[connection].clear();
            }
        }
    }
    for (client, asked) in clients.iter_mut().zip(&asked) {
        take(&mut world, client, asked);
    }
}

/// Reads what waits; then the reader has every book that was asked for, and no other.
fn take(world: &mut World, (connection, reader): &mut (ConnectionId, Reader), asked: &BTreeSet<usize>) {
    world.take(*connection).iter().for_each(|frame| reader.read(frame));
    let has: BTreeMap<String, &Levels> =
        reader.books.iter().map(|(name, (levels, _))| (name.clone(), levels)).collect();
    let truths: Vec<(String, Levels)> =
        asked.iter().map(|&market| (format!("M-{market}"), truth(world, market))).collect();
    assert_eq!(has, truths.iter().map(|(name, levels)| (name.clone(), levels)).collect());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn readers_have_every_book_and_miss_no_number(steps in prop::collection::vec(step(), 1..150)) {
        run(steps);
    }
}

/// The same calls give the same bytes.
#[test]
fn the_same_calls_give_the_same_bytes() {
    let bytes = || {
        let mut world = World::new(3);
        let clients = [world.connect(ANN), world.connect(BOB)];
        for connection in clients {
            let at = world.at();
            let command =
                r#"{"cmd":"subscribe","params":{"channels":["orderbook_delta"],"market_tickers":["M-1","M-2"]}}"#;
            world.hub.command(connection, command, &world.markets, at);
        }
        (0..100).for_each(|step| world.change(step % 3, Side::Yes, cents(40), contracts(1)));
        clients.map(|connection| {
            let mut output = daybook_exchange::feed::Output::new();
            world.hub.drain(connection, &mut output);
            output
        })
    };
    assert_eq!(bytes(), bytes());
}
