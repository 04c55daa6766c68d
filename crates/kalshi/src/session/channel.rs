//! The venue's channels: what each is called, and which promises its numbering makes.

use std::fmt;

/// A channel that can be subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// Order books: snapshots and the changes after them.
    OrderbookDelta,
    /// Headline figures of markets.
    Ticker,
    /// Public trades.
    Trade,
    /// Own fills; private.
    Fill,
    /// Own positions; private.
    MarketPositions,
    /// Own orders; private.
    UserOrders,
    /// The lives of markets and events.
    MarketLifecycle,
    /// The same for combinations.
    MultivariateMarketLifecycle,
    /// Requests for quotes, and quotes; private.
    Communications,
    /// Own order groups; private.
    OrderGroupUpdates,
    /// CF Benchmarks indices, about once a second.
    CfBenchmarks,
    /// The same, five times a second.
    CfBenchmarks5Hz,
    /// Pyth prices.
    Pyth,
}

/// How a subscription is limited to what it lists: the parameter, and the actions that change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    /// The parameter's name.
    pub(crate) key: &'static str,
    /// The action that adds to it.
    pub(crate) add: &'static str,
    /// The action that takes from it.
    pub(crate) remove: &'static str,
    /// The action that asks what there is to list, if it can be asked.
    pub(crate) ask: Option<&'static str>,
    /// Without the parameter the subscription is to everything, not to nothing.
    pub(crate) none_is_all: bool,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Channel; 13] = [
        Channel::OrderbookDelta,
        Channel::Ticker,
        Channel::Trade,
        Channel::Fill,
        Channel::MarketPositions,
        Channel::UserOrders,
        Channel::MarketLifecycle,
        Channel::MultivariateMarketLifecycle,
        Channel::Communications,
        Channel::OrderGroupUpdates,
        Channel::CfBenchmarks,
        Channel::CfBenchmarks5Hz,
        Channel::Pyth,
    ];

    /// The venue's name for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Channel::OrderbookDelta => "orderbook_delta",
            Channel::Ticker => "ticker",
            Channel::Trade => "trade",
            Channel::Fill => "fill",
            Channel::MarketPositions => "market_positions",
            Channel::UserOrders => "user_orders",
            Channel::MarketLifecycle => "market_lifecycle_v2",
            Channel::MultivariateMarketLifecycle => "multivariate_market_lifecycle",
            Channel::Communications => "communications",
            Channel::OrderGroupUpdates => "order_group_updates",
            Channel::CfBenchmarks => "cfbenchmarks_value",
            Channel::CfBenchmarks5Hz => "cfbenchmarks_value_5hz",
            Channel::Pyth => "pyth_value",
        }
    }

    /// The channel of this name.
    pub fn from_name(name: &str) -> Option<Channel> {
        Channel::ALL.into_iter().find(|channel| channel.as_str() == name)
    }

    /// Whether its frames are numbered, so that a loss shows. The others are numbered by nothing: what is lost there
    /// without the connection breaking cannot be noticed.
    pub const fn is_sequenced(self) -> bool {
        !matches!(self, Channel::Ticker | Channel::Fill | Channel::MarketPositions | Channel::UserOrders)
    }

    /// Whether a subscription can be limited to markets by ticker.
    pub const fn takes_markets(self) -> bool {
        matches!(
            self,
            Channel::OrderbookDelta
                | Channel::Ticker
                | Channel::Trade
                | Channel::Fill
                | Channel::MarketPositions
                | Channel::UserOrders
        )
    }

    /// What a subscription can be limited by besides tickers, if anything.
    pub(crate) const fn listing(self) -> Option<Listing> {
        match self {
            Channel::Ticker => Some(Listing {
                key: "market_ids",
                add: "add_markets",
                remove: "delete_markets",
                ask: None,
                none_is_all: true,
            }),
            Channel::CfBenchmarks | Channel::CfBenchmarks5Hz => Some(Listing {
                key: "index_ids",
                add: "subscribe_indices",
                remove: "unsubscribe_indices",
                ask: Some("indexlist"),
                none_is_all: false,
            }),
            Channel::Pyth => Some(Listing {
                key: "underlying_tickers",
                add: "subscribe_underlyings",
                remove: "unsubscribe_underlyings",
                ask: Some("underlying_list"),
                none_is_all: false,
            }),
            _ => None,
        }
    }

    /// Whether a frame of this type tells what there is to list: it is called as the channel and the action are.
    pub(crate) fn is_told_by(self, frame_type: &str) -> bool {
        let action = frame_type.strip_prefix(self.as_str()).and_then(|rest| rest.strip_prefix('_'));
        action.is_some() && self.listing().is_some_and(|listing| listing.ask == action)
    }

    /// Whether it carries books, whose truth depends on every frame since a snapshot.
    pub(crate) const fn carries_books(self) -> bool {
        matches!(self, Channel::OrderbookDelta)
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_survives_its_name() {
        for channel in Channel::ALL {
            assert_eq!(Channel::from_name(channel.as_str()), Some(channel));
        }
        assert_eq!(Channel::from_name("ticker_v2"), None);
    }
}
