//! A model of the venue: the truth of every book, and what one connection is sent of it, as the protocol describes.
//! It does no I/O; tests and benchmarks put it behind a socket or drive it by hand.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write,
};

use daybook_book::{Book, BookDigest, Price, Quantity, Side};
use rand::{Rng, rngs::SmallRng};
use serde_json::{Value, json};

/// Every market's book, and its clock.
#[derive(Default)]
pub struct Venue {
    pub books: HashMap<String, (Book, u64)>,
    names: Vec<String>,
}

/// One change of one level.
#[derive(Clone, Debug)]
pub struct Change {
    pub market: String,
    pub side: Side,
    pub price: Price,
    pub quantity: Quantity,
    pub clock: u64,
    /// The book after it.
    pub after: BookDigest,
}

impl Venue {
    /// So many markets, `prefix` and a number, each with a few levels.
    pub fn new(prefix: &str, markets: usize, random: &mut SmallRng) -> Venue {
        let mut venue = Venue::default();
        for index in 0..markets {
            let mut level = |cents: u8| (Price::from_cents(cents).unwrap(), quantity(random.random_range(1..100_000)));
            let book = Book::from_levels([level(40), level(41)], [level(50), level(52)]).unwrap();
            venue.names.push(format!("{prefix}-{index}"));
            venue.books.insert(format!("{prefix}-{index}"), (book, 1));
        }
        venue
    }

    /// One action of the exchange: changes a level or a few of some market.
    pub fn act(&mut self, random: &mut SmallRng) -> Vec<Change> {
        let market = self.names[random.random_range(0..self.names.len())].clone();
        self.books.get_mut(&market).unwrap().1 += random.random_range(1..5);
        let count = if random.random_bool(0.2) { random.random_range(2..4) } else { 1 };
        (0..count).map(|_| self.change(&market, random)).collect()
    }

    /// Every clock begins anew, as across maintenance.
    #[allow(dead_code, reason = "called by the state machine's tests")]
    pub fn reset_clocks(&mut self) {
        self.books.values_mut().for_each(|(_, clock)| *clock = 1);
    }

    /// Changes one level of this market at its present clock.
    fn change(&mut self, market: &str, random: &mut SmallRng) -> Change {
        let (book, clock) = self.books.get_mut(market).unwrap();
        let side = if random.random() { Side::Yes } else { Side::No };
        let price = Price::from_cents(random.random_range(30..60)).unwrap();
        let held = book.level(side, price);
        let size = if held.is_zero() || random.random_bool(0.5) { random.random_range(1..100_000) } else { 0 };
        let mut change = quantity(size - held.hundredths());
        if change.is_zero() {
            change = quantity(1);
        }
        book.apply(side, price, change).unwrap();
        Change { market: market.to_owned(), side, price, quantity: change, clock: *clock, after: book.digest() }
    }
}

fn quantity(hundredths: i64) -> Quantity {
    Quantity::from_hundredths(hundredths)
}

/// One subscription on one connection.
struct Subscription {
    channel: String,
    /// `None`: everything.
    markets: Option<BTreeSet<String>>,
    seq: u64,
    skip_ack: bool,
    /// Indices, underlyings or market ids.
    listed: Option<BTreeSet<String>>,
}

/// What the venue knows of one connection.
#[derive(Default)]
pub struct Link {
    subscriptions: BTreeMap<u32, Subscription>,
    next_sid: u32,
    /// Whether to remember every book at every number.
    pub remembers: bool,
    truths: HashMap<(u32, String), Vec<(u64, BookDigest)>>,
    /// Snapshots of added markets come before the acknowledgement.
    pub snapshots_first: bool,
    /// Commands taken so far.
    pub commands: u64,
    /// Tickers that make the venue refuse a command.
    pub refused: BTreeSet<String>,
    /// The most markets of one subscription.
    pub market_limit: Option<usize>,
    /// The indices or underlyings that it tells of.
    pub available: Vec<String>,
    /// Snapshots that are asked for are read at once, and sent when [`Link::release`] says so: what changes meanwhile
    /// is sent before them.
    pub crosses: bool,
    under_way: Vec<(u32, String)>,
}

const UNSEQUENCED: [&str; 4] = ["ticker", "fill", "market_positions", "user_orders"];
const CHANNELS: [&str; 12] = [
    "orderbook_delta",
    "ticker",
    "trade",
    "fill",
    "market_positions",
    "user_orders",
    "market_lifecycle_v2",
    "communications",
    "order_group_updates",
    "cfbenchmarks_value",
    "cfbenchmarks_value_5hz",
    "pyth_value",
];
/// What a list parameter is called, and the actions on it.
const LISTS: [(&str, &str, &str); 3] = [
    ("market_ids", "add_markets", "delete_markets"),
    ("index_ids", "subscribe_indices", "unsubscribe_indices"),
    ("underlying_tickers", "subscribe_underlyings", "unsubscribe_underlyings"),
];

impl Link {
    pub fn new() -> Link {
        Link { next_sid: 1, ..Link::default() }
    }

    /// Carries a command out; gives the frames that answer it.
    pub fn command(&mut self, venue: &Venue, text: &str) -> Vec<String> {
        self.commands += 1;
        let Ok(command) = serde_json::from_str::<Value>(text) else {
            return vec![error(None, None, None, 1, "Unable to process message")];
        };
        let id = command["id"].as_u64();
        let params = &command["params"];
        match command["cmd"].as_str() {
            Some("subscribe") => self.subscribe(venue, id, params),
            Some("unsubscribe") => {
                let sids: Vec<u32> = serde_json::from_value(params["sids"].clone()).unwrap_or_default();
                sids.into_iter().map(|sid| self.unsubscribe(id, sid)).collect()
            }
            Some("update_subscription") => self.update(venue, id, params),
            Some("list_subscriptions") => {
                let list: Vec<Value> = self
                    .subscriptions
                    .iter()
                    .map(|(sid, subscription)| json!({"channel": subscription.channel, "sid": sid}))
                    .collect();
                vec![json!({"id": id, "type": "ok", "msg": list}).to_string()]
            }
            _ => vec![error(id, None, None, 5, "Unknown command")],
        }
    }

    fn subscribe(&mut self, venue: &Venue, id: Option<u64>, params: &Value) -> Vec<String> {
        let Ok(channels) = serde_json::from_value::<Vec<String>>(params["channels"].clone()) else {
            return vec![error(id, None, None, 3, "Channels required")];
        };
        let markets: Option<BTreeSet<String>> =
            serde_json::from_value(params["market_tickers"].clone()).unwrap_or(None);
        let mut frames = Vec::new();
        for channel in channels {
            if !CHANNELS.contains(&channel.as_str()) {
                frames.push(error(id, None, None, 8, "Unknown channel name"));
                continue;
            }
            if channel == "orderbook_delta" && markets.as_ref().is_none_or(BTreeSet::is_empty) {
                frames.push(error(id, None, None, 14, "Market Ticker required"));
                continue;
            }
            if let Some(refusal) = self.refusal(id, None, 0, markets.iter().flatten()) {
                frames.push(refusal);
                continue;
            }
            let open = self.subscriptions.iter().find(|(_, subscription)| subscription.channel == channel);
            if let Some((&sid, _)) = open {
                // Known to be open: new tickers are added, and nothing is said of those that were there.
                let added: Vec<String> = markets.iter().flatten().cloned().collect();
                frames.extend(self.add(venue, id, sid, added));
                continue;
            }
            let sid = self.next_sid;
            self.next_sid += 1;
            let skip_ack = params["skip_ticker_ack"] == true;
            let listed = LISTS.iter().find_map(|(key, ..)| strings(&params[*key]));
            self.subscriptions.insert(
                sid,
                Subscription { channel: channel.clone(), markets: markets.clone(), seq: 0, skip_ack, listed },
            );
            frames.push(json!({"type": "subscribed", "id": id, "msg": {"channel": channel, "sid": sid}}).to_string());
            if channel == "orderbook_delta" {
                for market in markets.iter().flatten() {
                    frames.extend(self.snapshot(venue, None, sid, market));
                }
            }
        }
        frames
    }

    fn refusal<'a>(
        &self,
        id: Option<u64>,
        sid: Option<(u32, u64)>,
        held: usize,
        markets: impl Iterator<Item = &'a String> + Clone,
    ) -> Option<String> {
        if markets.clone().any(|market| self.refused.contains(market)) {
            return Some(error(id, sid.map(|(sid, _)| sid), sid.map(|(_, seq)| seq), 11, "Invalid parameter"));
        }
        if self.market_limit.is_some_and(|limit| held + markets.count() > limit) {
            let text = "Subscription market limit exceeded";
            return Some(error(id, sid.map(|(sid, _)| sid), sid.map(|(_, seq)| seq), 26, text));
        }
        None
    }

    fn unsubscribe(&mut self, id: Option<u64>, sid: u32) -> String {
        match self.subscriptions.remove(&sid) {
            Some(mut subscription) => {
                let seq = subscription.number();
                json!({"id": id, "sid": sid, "seq": seq, "type": "unsubscribed"}).to_string()
            }
            None => error(id, None, None, 7, "Unknown subscription ID"),
        }
    }

    fn update(&mut self, venue: &Venue, id: Option<u64>, params: &Value) -> Vec<String> {
        let Some(sid) = params["sid"].as_u64().and_then(|sid| u32::try_from(sid).ok()) else {
            return vec![error(id, None, None, 12, "Exactly one subscription ID is required")];
        };
        if !self.subscriptions.contains_key(&sid) {
            return vec![error(id, None, None, 7, "Unknown subscription ID")];
        }
        let markets: Vec<String> = serde_json::from_value(params["market_tickers"].clone()).unwrap_or_default();
        if let Some(frame) = self.relist(id, sid, params) {
            return vec![frame];
        }
        if let Some(frame) = self.tell_available(id, sid, params) {
            return vec![frame];
        }
        match params["action"].as_str() {
            Some("add_markets") => {
                let held = self.subscriptions[&sid].markets.as_ref().map_or(0, BTreeSet::len);
                if self.refusal(id, None, held, markets.iter()).is_some() {
                    let seq = self.subscriptions.get_mut(&sid).unwrap().number();
                    return self.refusal(id, seq.map(|seq| (sid, seq)), held, markets.iter()).into_iter().collect();
                }
                self.add(venue, id, sid, markets)
            }
            Some("delete_markets") => {
                let subscription = self.subscriptions.get_mut(&sid).unwrap();
                for market in &markets {
                    subscription.markets.as_mut().map(|held| held.remove(market));
                }
                vec![subscription.ok(id, sid)]
            }
            Some("get_snapshot") if self.crosses => {
                self.under_way.extend(markets.iter().filter_map(|market| Some((sid, render(venue, id, sid, market)?))));
                Vec::new()
            }
            Some("get_snapshot") => markets.iter().filter_map(|market| self.snapshot(venue, id, sid, market)).collect(),
            _ => vec![error(id, None, None, 13, "Unsupported action")],
        }
    }

    /// Changes indices, underlyings or market ids; `None` if that is not what is asked.
    fn relist(&mut self, id: Option<u64>, sid: u32, params: &Value) -> Option<String> {
        let action = params["action"].as_str()?;
        let (key, add, _) = *LISTS.iter().find(|(_, add, remove)| [*add, *remove].contains(&action))?;
        let Some(names) = strings(&params[key]) else {
            return (key != "market_ids").then(|| error(id, None, None, 24, "Index IDs required"));
        };
        let seq = self.subscriptions[&sid].seq + 1;
        if names.iter().any(|name| self.refused.contains(name)) {
            let seq = self.subscriptions.get_mut(&sid)?.number().map(|_| seq);
            return Some(error(id, Some(sid), seq, 11, "Invalid parameter"));
        }
        let subscription = self.subscriptions.get_mut(&sid)?;
        let listed = subscription.listed.get_or_insert_default();
        if action == add {
            listed.extend(names);
        } else {
            listed.retain(|name| !names.contains(name));
        }
        let listed = json!({ (key): subscription.listed });
        let seq = subscription.number();
        Some(json!({"id": id, "sid": sid, "seq": seq, "type": "ok", "msg": listed}).to_string())
    }

    /// What there is to list; `None` if that is not what is asked.
    fn tell_available(&mut self, id: Option<u64>, sid: u32, params: &Value) -> Option<String> {
        let action = params["action"].as_str()?;
        let subscription = self.subscriptions.get_mut(&sid)?;
        let key = match (action, subscription.channel.as_str()) {
            ("indexlist", "cfbenchmarks_value" | "cfbenchmarks_value_5hz") => "index_ids",
            ("underlying_list", "pyth_value") => "underlying_tickers",
            _ => return None,
        };
        let frame_type = format!("{}_{action}", subscription.channel);
        let (names, seq) = (json!({ (key): self.available }), subscription.number());
        Some(json!({"type": frame_type, "id": id, "sid": sid, "seq": seq, "msg": names}).to_string())
    }

    /// The last number of a channel's subscription.
    #[allow(dead_code, reason = "asked by the tests over sockets")]
    pub fn last_seq(&self, channel: &str) -> u64 {
        self.subscriptions.values().find(|subscription| subscription.channel == channel).map_or(0, |held| held.seq)
    }

    /// What a channel's subscription lists.
    #[allow(dead_code, reason = "asked by the tests over sockets")]
    pub fn listed(&self, channel: &str) -> Option<Vec<&str>> {
        let of = self.subscriptions.values().find(|subscription| subscription.channel == channel)?;
        Some(of.listed.as_ref()?.iter().map(String::as_str).collect())
    }

    fn add(&mut self, venue: &Venue, id: Option<u64>, sid: u32, markets: Vec<String>) -> Vec<String> {
        let subscription = self.subscriptions.get_mut(&sid).unwrap();
        let mut new = Vec::new();
        for market in markets {
            if subscription.markets.get_or_insert_default().insert(market.clone()) {
                new.push(market);
            }
        }
        let of_books = subscription.channel == "orderbook_delta";
        let mut frames = Vec::new();
        if !self.snapshots_first {
            frames.push(self.subscriptions.get_mut(&sid).unwrap().ok(id, sid));
        }
        if of_books {
            for market in &new {
                frames.extend(self.snapshot(venue, None, sid, market));
            }
        }
        if self.snapshots_first {
            frames.push(self.subscriptions.get_mut(&sid).unwrap().ok(id, sid));
        }
        frames
    }

    /// The market's book as a frame; none for a market that does not exist.
    fn snapshot(&mut self, venue: &Venue, id: Option<u64>, sid: u32, market: &str) -> Option<String> {
        let frame = render(venue, id, sid, market)?;
        let subscription = self.subscriptions.get_mut(&sid)?;
        let carried = subscription.markets.as_ref().is_some_and(|markets| markets.contains(market));
        let seq = subscription.number()?;
        // A snapshot of what is not carried is true when it is written, and never again.
        if carried {
            self.remember(sid, market, seq, || venue.books[market].0.digest());
        }
        Some(frame.replacen(UNNUMBERED, &seq.to_string(), 1))
    }

    /// Sends the snapshots that were read before.
    #[allow(dead_code, reason = "called by the state machine's tests")]
    pub fn release(&mut self) -> Vec<String> {
        let mut frames = Vec::new();
        for (sid, frame) in std::mem::take(&mut self.under_way) {
            let seq = self.subscriptions.get_mut(&sid).and_then(Subscription::number);
            frames.extend(seq.map(|seq| frame.replacen(UNNUMBERED, &seq.to_string(), 1)));
        }
        frames
    }

    /// Tells the connection of a change, if it wants to know.
    pub fn publish(&mut self, change: &Change) -> Option<String> {
        let (&sid, subscription) = self.subscriptions.iter_mut().find(|(_, subscription)| {
            subscription.channel == "orderbook_delta"
                && subscription.markets.as_ref().is_some_and(|markets| markets.contains(&change.market))
        })?;
        let seq = subscription.number()?;
        self.remember(sid, &change.market, seq, || change.after);
        let Change { market, side, price, quantity, clock, .. } = change;
        Some(format!(
            r#"{{"type":"orderbook_delta","sid":{sid},"seq":{seq},"msg":{{"market_ticker":"{market}","market_id":"m","clock":{clock},"price_dollars":"{price}","delta_fp":"{quantity}","side":"{side}","ts":"2026-10-15T12:00:00.123456Z","ts_ms":1792065600123}}}}"#
        ))
    }

    /// Sends a message of any other channel to its subscription.
    pub fn say(&mut self, channel: &str, frame_type: &str, msg: &str) -> Option<String> {
        let (sid, subscription) =
            self.subscriptions.iter_mut().find(|(_, subscription)| subscription.channel == channel)?;
        let seq = subscription.number().map(|seq| format!("\"seq\":{seq},")).unwrap_or_default();
        Some(format!(r#"{{"type":"{frame_type}","sid":{sid},{seq}"msg":{msg}}}"#))
    }

    /// Ends a subscription with a terminal error.
    pub fn fail(&mut self, channel: &str, code: i64) -> Option<String> {
        let sid = self.sid(channel)?;
        let seq = self.subscriptions.remove(&sid)?.number();
        Some(error(None, Some(sid), seq, code, "Subscription buffer overflow"))
    }

    /// Forgets every subscription without a word.
    pub fn forget(&mut self) {
        self.subscriptions.clear();
    }

    pub fn sid(&self, channel: &str) -> Option<u32> {
        self.subscriptions.iter().find(|(_, subscription)| subscription.channel == channel).map(|(&sid, _)| sid)
    }

    /// How many markets a channel's subscription carries.
    #[allow(dead_code, reason = "asked by the tests over sockets")]
    pub fn carried(&self, channel: &str) -> usize {
        let of = |subscription: &Subscription| subscription.markets.as_ref().map_or(0, BTreeSet::len);
        self.subscriptions.values().filter(|subscription| subscription.channel == channel).map(of).sum()
    }

    /// The market's book when the frame of this number was written.
    #[allow(dead_code, reason = "asked by the state machine's tests")]
    pub fn truth_at(&self, sid: u32, market: &str, seq: u64) -> Option<BookDigest> {
        let truths = self.truths.get(&(sid, market.to_owned()))?;
        let after = truths.partition_point(|&(at, _)| at <= seq);
        Some(truths[after.checked_sub(1)?].1)
    }

    fn remember(&mut self, sid: u32, market: &str, seq: u64, digest: impl FnOnce() -> BookDigest) {
        if self.remembers {
            self.truths.entry((sid, market.to_owned())).or_default().push((seq, digest()));
        }
    }
}

impl Subscription {
    /// The next number, on a channel that has numbers.
    fn number(&mut self) -> Option<u64> {
        if UNSEQUENCED.contains(&self.channel.as_str()) {
            return None;
        }
        self.seq += 1;
        Some(self.seq)
    }

    fn ok(&mut self, id: Option<u64>, sid: u32) -> String {
        let seq = self.number();
        let mut ok = json!({"id": id, "sid": sid, "seq": seq, "type": "ok"});
        if !self.skip_ack {
            ok["msg"] = json!({"market_tickers": self.markets});
        }
        ok.to_string()
    }
}

/// What stands for the number of a frame that has none yet.
const UNNUMBERED: &str = "{number}";

/// A market's book as a frame that is still to be numbered; none for a market that does not exist.
fn render(venue: &Venue, id: Option<u64>, sid: u32, market: &str) -> Option<String> {
    let (book, clock) = venue.books.get(market)?;
    let id = id.map(|id| format!("\"id\":{id},")).unwrap_or_default();
    let mut frame = format!(
        r#"{{"type":"orderbook_snapshot",{id}"sid":{sid},"seq":{UNNUMBERED},"msg":{{"market_ticker":"{market}","market_id":"m","clock":{clock}"#
    );
    for (side, name) in [(Side::Yes, "yes_dollars_fp"), (Side::No, "no_dollars_fp")] {
        // The key of an empty side is absent.
        let mut separator = "[";
        for (price, size) in book.levels(side).rev() {
            if separator == "[" {
                write!(frame, ",\"{name}\":").unwrap();
            }
            write!(frame, "{separator}[\"{price}\",\"{size}\"]").unwrap();
            separator = ",";
        }
        if separator == "," {
            frame.push(']');
        }
    }
    frame.push_str("}}");
    Some(frame)
}

fn strings(value: &Value) -> Option<BTreeSet<String>> {
    serde_json::from_value(value.clone()).ok()
}

fn error(id: Option<u64>, sid: Option<u32>, seq: Option<u64>, code: i64, message: &str) -> String {
    let mut frame = json!({"type": "error", "msg": {"code": code, "msg": message}});
    for (name, value) in [("id", id), ("sid", sid.map(u64::from)), ("seq", seq)] {
        if let Some(value) = value {
            frame[name] = json!(value);
        }
    }
    frame.to_string()
}
