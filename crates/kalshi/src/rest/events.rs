//! Events: questions with one market for every answer.

use daybook_book::Ticker;
use serde_json::{Map, Value};

use crate::{
    client::{Call, Client, Error},
    rest::{
        markets::Market,
        milestones::Milestone,
        paging::{Items, items, pages},
        series::{FeeType, SettlementSource},
        value::{
            CollectionTicker, Cursor, Decimal, EventTicker, ExchangeIndex, FeeChangeId, Query, SeriesTicker, Timestamp,
            UnixSeconds, open_enum, operations, query, record,
        },
    },
};

operations! {
    GET_EVENTS = Get "/events" "GetEvents" public Read;
    GET_MULTIVARIATE_EVENTS = Get "/events/multivariate" "GetMultivariateEvents" public Read;
    GET_EVENT_FEE_CHANGES = Get "/events/fee_changes" "GetEventFeeChanges" public Read;
    GET_EVENT = Get "/events/{event_ticker}" "GetEvent" public Read;
    GET_EVENT_METADATA = Get "/events/{event_ticker}/metadata" "GetEventMetadata" public Read;
}

pages! {
    GET_EVENTS(EventsQuery) = EventsPage { events: Event };
    GET_MULTIVARIATE_EVENTS(MultivariateEventsQuery) = MultivariateEventsPage { events: Event };
    GET_EVENT_FEE_CHANGES(EventFeeChangesQuery) = EventFeeChangesPage { event_fee_changes: EventFeeChange };
}

record! {
    /// A page of events. Combo events are not among them. Schema `GetEventsResponse`.
    pub struct EventsPage {
        /// The events.
        pub events: Vec<Event>,
        /// Milestones of the events; only where the query asked for them.
        pub milestones: Option<Vec<Milestone>>,
        /// Where the next page begins; none on the last.
        pub cursor: Option<Cursor>,
    }
}

record! {
    /// A page of combo events. Schema `GetMultivariateEventsResponse`.
    pub struct MultivariateEventsPage {
        /// The events.
        pub events: Vec<Event>,
        /// Where the next page begins; none on the last.
        pub cursor: Option<Cursor>,
    }
}

record! {
    /// An event, and its markets beside it. Schema `GetEventResponse`.
    pub struct EventAnswer {
        /// The event.
        pub event: Event,
        /// Its markets, unless the query put them inside the event.
        pub markets: Vec<Market>,
    }
}

record! {
    /// An event. Schema `EventData`.
    pub struct Event {
        /// Its name.
        pub event_ticker: EventTicker,
        /// The series that it belongs to.
        pub series_ticker: SeriesTicker,
        /// What sets it apart within the series.
        pub sub_title: String,
        /// Its title.
        pub title: String,
        /// How collateral is netted over its markets.
        pub collateral_return_type: Option<CollateralReturn> = "",
        /// Whether at most one of its markets can end as YES.
        pub mutually_exclusive: bool,
        /// Deprecated by the venue in favour of the series' category.
        pub category: Option<String>,
        /// The day that it is about.
        pub strike_date: Option<Timestamp>,
        /// The period that it is about.
        pub strike_period: Option<String>,
        /// Its markets; only where the query asked for them.
        pub markets: Option<Vec<Market>>,
        /// What the venue notes about it for its own use.
        pub product_metadata: Option<Map<String, Value>>,
        /// Who is believed about the outcome.
        pub settlement_sources: Vec<SettlementSource>,
        /// When its description last changed.
        pub last_updated_ts: Option<Timestamp>,
        /// How fees are computed, if not as in the series.
        pub fee_type_override: Option<FeeType>,
        /// The fees' multiplier, if not the series'.
        pub fee_multiplier_override: Option<Decimal>,
        /// The shard that its markets trade on.
        pub exchange_index: Option<ExchangeIndex>,
    }
}

open_enum! {
    /// How collateral is netted over the markets of an event.
    pub enum CollateralReturn {
        /// At most one market can end as YES.
        Mecnet = "MECNET",
        /// By direction.
        Direcnet = "DIRECNET",
    }
}

record! {
    /// A page of scheduled changes of events' fees. Schema `GetEventFeeChangesResponse`.
    pub struct EventFeeChangesPage {
        /// The changes.
        pub event_fee_changes: Vec<EventFeeChange>,
        /// Where the next page begins; none on the last.
        pub cursor: Option<Cursor>,
    }
}

record! {
    /// One scheduled change of an event's fees. Schema `EventFeeChange`.
    pub struct EventFeeChange {
        /// Its identifier.
        pub id: FeeChangeId,
        /// The event.
        pub event_ticker: EventTicker,
        /// Its series.
        pub series_ticker: SeriesTicker,
        /// How fees will be computed; none for as in the series.
        pub fee_type_override: Option<FeeType> = null,
        /// The fees' multiplier; none for the series'.
        pub fee_multiplier_override: Option<Decimal> = null,
        /// From when on.
        pub scheduled_ts: Timestamp,
    }
}

record! {
    /// How an event is shown. Schema `GetEventMetadataResponse`.
    pub struct EventMetadata {
        /// Its image.
        pub image_url: String,
        /// The image of its main market.
        pub featured_image_url: Option<String>,
        /// How its markets are shown.
        pub market_details: Vec<MarketMetadata>,
        /// Who is believed about the outcome.
        pub settlement_sources: Vec<SettlementSource>,
        /// The competition that it belongs to.
        pub competition: Option<String>,
        /// Its part of the competition.
        pub competition_scope: Option<String>,
    }
}

record! {
    /// How a market is shown. Schema `MarketMetadata`.
    pub struct MarketMetadata {
        /// The market.
        pub market_ticker: Ticker,
        /// Its image.
        pub image_url: String,
        /// Its colour.
        pub color_code: String,
    }
}

query! {
    /// Which events. Query of operation `GetEvents`.
    pub struct EventsQuery {}
    optional {
        /// Items per page, 1 to 200; 200 without.
        pub limit: Option<u32>,
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
        /// With [`Event::markets`].
        pub with_nested_markets: Option<bool>,
        /// With [`EventsPage::milestones`].
        pub with_milestones: Option<bool>,
        /// Only events of which some market is in this state.
        pub status: Option<EventFilter>,
        /// Only of this series.
        pub series_ticker: Option<SeriesTicker>,
        /// Only these.
        pub tickers: Vec<EventTicker> = comma,
        /// Only events of which some market closes after this.
        pub min_close_ts: Option<UnixSeconds>,
        /// Only those whose description changed after this.
        pub min_updated_ts: Option<UnixSeconds>,
    }
}

open_enum! {
    /// The states by which events are asked for; one market in it is enough.
    pub enum EventFilter {
        /// Not open yet.
        Unopened = "unopened",
        /// Trading.
        Open = "open",
        /// Past the close and not settled.
        Closed = "closed",
        /// Settled.
        Settled = "settled",
    }
}

query! {
    /// Which combo events. Query of operation `GetMultivariateEvents`.
    pub struct MultivariateEventsQuery {}
    optional {
        /// Items per page, 1 to 200; 100 without.
        pub limit: Option<u32>,
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
        /// Only of this series; not together with `collection_ticker`.
        pub series_ticker: Option<SeriesTicker>,
        /// Only made from this collection.
        pub collection_ticker: Option<CollectionTicker>,
        /// Only these.
        pub tickers: Vec<EventTicker> = comma,
        /// With [`Event::markets`].
        pub with_nested_markets: Option<bool>,
    }
}

query! {
    /// Which changes of fees. Query of operation `GetEventFeeChanges`.
    pub struct EventFeeChangesQuery {}
    optional {
        /// Only of this event.
        pub event_ticker: Option<EventTicker>,
        /// Items per page, 1 to 1000; 100 without.
        pub limit: Option<u32>,
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
    }
}

query! {
    /// What to tell about an event. Query of operation `GetEvent`.
    pub struct EventQuery {}
    optional {
        /// Without markets. Does not go with `with_nested_markets`.
        pub exclude_markets: Option<bool>,
        /// With the markets inside the event and not beside it.
        pub with_nested_markets: Option<bool>,
    }
}

impl Client {
    /// A page of events, combos excepted. Operation `GetEvents`.
    pub async fn events(&self, query: &EventsQuery) -> Result<EventsPage, Error> {
        self.call(query.add_to(Call::new(&GET_EVENTS))).await
    }

    /// All events that the query names, combos excepted. Milestones are left out: they belong to pages. Pages of
    /// [`events`](Client::events), from `query.cursor` on.
    pub fn all_events(&self, query: EventsQuery) -> Items<Event> {
        items(self, query)
    }

    /// A page of combo events. Operation `GetMultivariateEvents`.
    pub async fn multivariate_events(&self, query: &MultivariateEventsQuery) -> Result<MultivariateEventsPage, Error> {
        self.call(query.add_to(Call::new(&GET_MULTIVARIATE_EVENTS))).await
    }

    /// All combo events that the query names. Pages of [`multivariate_events`](Client::multivariate_events), from
    /// `query.cursor` on.
    pub fn all_multivariate_events(&self, query: MultivariateEventsQuery) -> Items<Event> {
        items(self, query)
    }

    /// A page of scheduled changes of events' fees. Operation `GetEventFeeChanges`.
    pub async fn event_fee_changes(&self, query: &EventFeeChangesQuery) -> Result<EventFeeChangesPage, Error> {
        self.call(query.add_to(Call::new(&GET_EVENT_FEE_CHANGES))).await
    }

    /// All scheduled changes of events' fees that the query names. Pages of
    /// [`event_fee_changes`](Client::event_fee_changes), from `query.cursor` on.
    pub fn all_event_fee_changes(&self, query: EventFeeChangesQuery) -> Items<EventFeeChange> {
        items(self, query)
    }

    /// One event with its markets. Operation `GetEvent`.
    pub async fn event(&self, event_ticker: &EventTicker, query: &EventQuery) -> Result<EventAnswer, Error> {
        self.call(query.add_to(Call::new(&GET_EVENT).path("event_ticker", event_ticker))).await
    }

    /// How an event is shown. Operation `GetEventMetadata`.
    pub async fn event_metadata(&self, event_ticker: &EventTicker) -> Result<EventMetadata, Error> {
        self.call(Call::new(&GET_EVENT_METADATA).path("event_ticker", event_ticker)).await
    }
}
