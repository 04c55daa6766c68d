//! Collections from which combo markets are made.

use crate::{
    client::{Call, Client, Error, RetrySafety},
    rest::{
        markets::{Market, OutcomeSide, PriceLevelStructure, PriceRange},
        paging::{Items, items, pages},
        value::{
            CollectionTicker, Cursor, EventTicker, ExchangeIndex, Query, SeriesTicker, Timestamp, body, open_enum,
            operations, query, record,
        },
    },
};
use daybook_book::Ticker;

operations! {
    GET_MULTIVARIATE_EVENT_COLLECTIONS = Get "/multivariate_event_collections"
        "GetMultivariateEventCollections" public Read;
    GET_MULTIVARIATE_EVENT_COLLECTION = Get "/multivariate_event_collections/{collection_ticker}"
        "GetMultivariateEventCollection" public Read;
    CREATE_MARKET_IN_MULTIVARIATE_EVENT_COLLECTION = Post "/multivariate_event_collections/{collection_ticker}"
        "CreateMarketInMultivariateEventCollection" signed Read;
}

pages! {
    GET_MULTIVARIATE_EVENT_COLLECTIONS(CollectionsQuery) = CollectionsPage { multivariate_contracts: Collection };
}

record! {
    /// A page of collections. Schema `GetMultivariateEventCollectionsResponse`.
    pub struct CollectionsPage {
        /// The collections.
        pub multivariate_contracts: Vec<Collection>,
        /// Where the next page begins; none on the last.
        pub cursor: Option<Cursor>,
    }
}

record! {
    /// The envelope of a [`Collection`]. Schema `GetMultivariateEventCollectionResponse`.
    pub struct CollectionAnswer {
        /// The collection.
        pub multivariate_contract: Collection,
    }
}

record! {
    /// A collection: which markets can be combined, and how. Schema `MultivariateEventCollection`.
    pub struct Collection {
        /// Its name.
        pub collection_ticker: CollectionTicker,
        /// The series that its combos belong to.
        pub series_ticker: SeriesTicker,
        /// The shard that they trade on.
        pub exchange_index: Option<ExchangeIndex>,
        /// Its title.
        pub title: String,
        /// What it is, in short.
        pub description: String,
        /// From when on combos can be made.
        pub open_date: Timestamp,
        /// Until when.
        pub close_date: Timestamp,
        /// The events whose markets can be combined.
        pub associated_events: Vec<AssociatedEvent>,
        /// Deprecated by the venue in favour of `associated_events`.
        pub associated_event_tickers: Vec<EventTicker>,
        /// Whether the order of the legs matters.
        pub is_ordered: bool,
        /// Deprecated by the venue in favour of `associated_events`.
        pub is_single_market_per_event: bool,
        /// Deprecated by the venue in favour of `associated_events`.
        pub is_all_yes: bool,
        /// The fewest legs.
        pub size_min: u32,
        /// The most legs.
        pub size_max: u32,
        /// How the legs decide the combo, in the venue's words.
        pub functional_description: String,
        /// The venue's label for the price grid of new combos.
        pub price_level_structure: Option<PriceLevelStructure> = "",
        /// The grid itself.
        pub price_ranges: Vec<PriceRange>,
    }
}

record! {
    /// How an event's markets can be combined. Schema `AssociatedEvent`.
    pub struct AssociatedEvent {
        /// The event.
        pub ticker: EventTicker,
        /// Whether YES is the only side that can be a leg.
        pub is_yes_only: bool,
        /// The most legs from this event; no limit without.
        pub size_max: Option<u32>,
        /// The fewest legs from this event; no limit without.
        pub size_min: Option<u32>,
        /// Who quotes on it.
        pub active_quoters: Vec<String>,
    }
}

body! {
    /// A leg to combine. Schema `TickerPair`.
    pub struct ComboLegChoice {
        /// The market.
        pub market_ticker: Ticker,
        /// Its event.
        pub event_ticker: EventTicker,
        /// The outcome.
        pub side: OutcomeSide,
    }
}

body! {
    /// A combo to make, or to find if it has been made before. Schema
    /// `CreateMarketInMultivariateEventCollectionRequest`.
    pub struct CreateCombo {
        /// Its legs.
        pub selected_markets: Vec<ComboLegChoice>,
    }
    optional {
        /// With [`ComboCreated::market`].
        pub with_market_payload: Option<bool>,
    }
}

record! {
    /// A combo, made or found. Schema `CreateMarketInMultivariateEventCollectionResponse`.
    pub struct ComboCreated {
        /// Its event.
        pub event_ticker: EventTicker,
        /// Its market.
        pub market_ticker: Ticker,
        /// The market; only where the request asked for it.
        pub market: Option<Market>,
    }
}

query! {
    /// Which collections. Query of operation `GetMultivariateEventCollections`.
    pub struct CollectionsQuery {}
    optional {
        /// Only in this state.
        pub status: Option<CollectionFilter>,
        /// Only those that can combine this event's markets.
        pub associated_event_ticker: Option<EventTicker>,
        /// Only of this series.
        pub series_ticker: Option<SeriesTicker>,
        /// Items per page, 1 to 200.
        pub limit: Option<u32>,
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
    }
}

open_enum! {
    /// The states of a collection.
    pub enum CollectionFilter {
        /// Not open yet.
        Unopened = "unopened",
        /// Combos can be made.
        Open = "open",
        /// No longer.
        Closed = "closed",
    }
}

impl Client {
    /// A page of collections. Operation `GetMultivariateEventCollections`.
    pub async fn collections(&self, query: &CollectionsQuery) -> Result<CollectionsPage, Error> {
        self.call(query.add_to(Call::new(&GET_MULTIVARIATE_EVENT_COLLECTIONS))).await
    }

    /// All collections that the query names. Pages of [`collections`](Client::collections), from `query.cursor` on.
    pub fn all_collections(&self, query: CollectionsQuery) -> Items<Collection> {
        items(self, query)
    }

    /// One collection. Operation `GetMultivariateEventCollection`.
    pub async fn collection(&self, collection_ticker: &CollectionTicker) -> Result<Collection, Error> {
        Ok(self
            .call::<CollectionAnswer>(
                Call::new(&GET_MULTIVARIATE_EVENT_COLLECTION).path("collection_ticker", collection_ticker),
            )
            .await?
            .multivariate_contract)
    }

    /// Makes a combo, or finds it: the same legs always give the same market. At most 5,000 a week. Operation
    /// `CreateMarketInMultivariateEventCollection`.
    pub async fn create_combo(
        &self,
        collection_ticker: &CollectionTicker,
        body: &CreateCombo,
    ) -> Result<ComboCreated, Error> {
        self.call(
            Call::new(&CREATE_MARKET_IN_MULTIVARIATE_EVENT_COLLECTION)
                .path("collection_ticker", collection_ticker)
                .body(body)
                .retry(RetrySafety::Idempotent),
        )
        .await
    }
}
