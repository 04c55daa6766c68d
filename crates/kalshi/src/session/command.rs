//! What can be asked of the venue over a session, and the text that asks it.

use daybook_book::Ticker;
use serde_json::{Map, Value, json};

use super::{Channel, channel::Listing};
use crate::rest::value::MarketId;

/// What to subscribe to: a channel, and how much of it.
///
/// ```
/// # use daybook_kalshi::{Channel, Subscription};
/// let books = Subscription::new(Channel::OrderbookDelta).markets(["KXHIGHNY-26AUG11-T88".parse()?]);
/// let every_trade = Subscription::new(Channel::Trade);
/// # Ok::<(), daybook_book::TickerError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    pub(crate) channel: Channel,
    /// `None`: everything the channel has.
    pub(crate) markets: Option<Vec<Ticker>>,
    pub(crate) params: Map<String, Value>,
}

impl Subscription {
    /// The whole channel. Order books have no whole: name [`markets`](Subscription::markets).
    pub fn new(channel: Channel) -> Subscription {
        Subscription { channel, markets: channel.carries_books().then(Vec::new), params: Map::new() }
    }

    /// Only these markets, in addition to those named before. Without effect on a channel that takes none.
    #[must_use]
    pub fn markets(mut self, markets: impl IntoIterator<Item = Ticker>) -> Subscription {
        if self.channel.takes_markets() {
            self.markets.get_or_insert_default().extend(markets);
        }
        self
    }

    /// On the ticker channel: begin with each market's present figures (`send_initial_snapshot`).
    #[must_use]
    pub fn initial_snapshot(self) -> Subscription {
        self.param("send_initial_snapshot", json!(true))
    }

    /// On the communications channel: requests for quotes of one's own only (`user_filter`).
    #[must_use]
    pub fn own_only(self) -> Subscription {
        self.param("user_filter", json!("self"))
    }

    /// On the communications channel: the part `key` of `factor` (1 to 100) equal parts.
    #[must_use]
    pub fn shard(self, key: u32, factor: u32) -> Subscription {
        self.param("shard_factor", json!(factor)).param("shard_key", json!(key))
    }

    /// On the CF Benchmarks channels: these indices, in addition to those named before; `all` for every one
    /// (`index_ids`). Without effect on other channels. Where the channel is subscribed to already, they are added
    /// (`subscribe_indices`).
    #[must_use]
    pub fn indices<'a>(self, indices: impl IntoIterator<Item = &'a str>) -> Subscription {
        self.list("index_ids", indices)
    }

    /// On the Pyth channel: these underlyings, in addition to those named before; `all` for every one
    /// (`underlying_tickers`). Without effect on other channels. Where the channel is subscribed to already, they are
    /// added (`subscribe_underlyings`).
    #[must_use]
    pub fn underlyings<'a>(self, underlyings: impl IntoIterator<Item = &'a str>) -> Subscription {
        self.list("underlying_tickers", underlyings)
    }

    /// On the ticker channel: the markets with these ids only (`market_ids`), in addition to those named before, and
    /// instead of any named by ticker. Without effect on other channels. All ids go over the first connection and in
    /// one command: for thousands of markets use tickers.
    #[must_use]
    pub fn market_ids<'a>(mut self, ids: impl IntoIterator<Item = &'a MarketId>) -> Subscription {
        if self.channel == Channel::Ticker {
            self.markets = None;
        }
        self.list("market_ids", ids.into_iter().map(MarketId::as_str))
    }

    /// Adds to the list that limits the channel, if it is of this name.
    fn list<'a>(mut self, key: &str, names: impl IntoIterator<Item = &'a str>) -> Subscription {
        if self.channel.listing().is_some_and(|listing| listing.key == key) {
            let listed = self.params.entry(key).or_insert_with(|| json!([]));
            for name in names.into_iter().map(Value::from) {
                if let Value::Array(listed) = &mut *listed
                    && !listed.contains(&name)
                {
                    listed.push(name);
                }
            }
        }
        self
    }

    fn param(mut self, name: &str, value: Value) -> Subscription {
        self.params.insert(name.to_owned(), value);
        self
    }
}

/// `subscribe` to a channel, for these markets or for all.
pub(crate) fn subscribe(id: u64, channel: Channel, params: &Map<String, Value>, markets: Option<&[Ticker]>) -> String {
    let mut all = Map::new();
    all.insert("channels".into(), json!([channel.as_str()]));
    if let Some(markets) = markets {
        all.insert("market_tickers".into(), markets.iter().map(Ticker::as_str).collect());
    }
    if channel.takes_markets() {
        // With 100,000 markets, each acknowledgement would otherwise list them all again.
        all.insert("skip_ticker_ack".into(), json!(true));
    }
    if channel.carries_books() {
        // The venue announced that the default will flip.
        all.insert("use_yes_price".into(), json!(false));
    }
    all.extend(params.clone());
    command(id, "subscribe", Some(Value::Object(all)))
}

/// `update_subscription` with `action` for these markets.
pub(crate) fn update(id: u64, sid: u32, action: &str, markets: &[Ticker]) -> String {
    let markets: Value = markets.iter().map(Ticker::as_str).collect();
    command(id, "update_subscription", Some(json!({"sid": sid, "action": action, "market_tickers": markets})))
}

/// `update_subscription` that adds to what limits the subscription, or takes from it.
pub(crate) fn relist(id: u64, sid: u32, listing: Listing, add: bool, names: &[Value]) -> String {
    let action = if add { listing.add } else { listing.remove };
    command(id, "update_subscription", Some(json!({"sid": sid, "action": action, (listing.key): names})))
}

/// `update_subscription` that changes nothing and asks what there is to list.
pub(crate) fn available(id: u64, sid: u32, action: &str) -> String {
    command(id, "update_subscription", Some(json!({"sid": sid, "action": action})))
}

/// `unsubscribe`.
pub(crate) fn unsubscribe(id: u64, sid: u32) -> String {
    command(id, "unsubscribe", Some(json!({"sids": [sid]})))
}

/// `list_subscriptions`.
pub(crate) fn list(id: u64) -> String {
    command(id, "list_subscriptions", None)
}

fn command(id: u64, name: &str, params: Option<Value>) -> String {
    let mut command = json!({"id": id, "cmd": name});
    if let Some(params) = params {
        command["params"] = params;
    }
    command.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_spelled_as_the_venue_reads_them() {
        let a = ["A".parse().unwrap()];
        assert_eq!(
            subscribe(1, Channel::OrderbookDelta, &Map::new(), Some(&a)),
            r#"{"id":1,"cmd":"subscribe","params":{"channels":["orderbook_delta"],"market_tickers":["A"],"skip_ticker_ack":true,"use_yes_price":false}}"#
        );
        let filtered = Subscription::new(Channel::Communications).own_only().shard(2, 10).markets(a.clone());
        assert_eq!(filtered.markets, None);
        assert_eq!(
            subscribe(2, Channel::Communications, &filtered.params, None),
            r#"{"id":2,"cmd":"subscribe","params":{"channels":["communications"],"user_filter":"self","shard_factor":10,"shard_key":2}}"#
        );
        assert_eq!(
            update(3, 7, "get_snapshot", &a),
            r#"{"id":3,"cmd":"update_subscription","params":{"sid":7,"action":"get_snapshot","market_tickers":["A"]}}"#
        );
        let listing = Channel::Pyth.listing().unwrap();
        assert_eq!(
            relist(6, 7, listing, false, &[json!("Metal.XPT/USD")]),
            r#"{"id":6,"cmd":"update_subscription","params":{"sid":7,"action":"unsubscribe_underlyings","underlying_tickers":["Metal.XPT/USD"]}}"#
        );
        assert_eq!(
            available(8, 7, listing.ask.unwrap()),
            r#"{"id":8,"cmd":"update_subscription","params":{"sid":7,"action":"underlying_list"}}"#
        );
        assert_eq!(unsubscribe(4, 7), r#"{"id":4,"cmd":"unsubscribe","params":{"sids":[7]}}"#);
        let twice =
            Subscription::new(Channel::CfBenchmarks).indices(["BRTI"]).indices(["ETH", "BRTI"]).underlyings(["X"]);
        assert_eq!(Value::Object(twice.params), json!({"index_ids": ["BRTI", "ETH"]}));
        let ids = Subscription::new(Channel::Ticker).markets(a.clone()).market_ids([&"m".into()]);
        assert_eq!((ids.markets, Value::Object(ids.params)), (None, json!({"market_ids": ["m"]})));
        assert_eq!(list(5), r#"{"id":5,"cmd":"list_subscriptions"}"#);
    }
}
