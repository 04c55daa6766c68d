//! What happens in the world while markets trade: games, prices, weather.

use serde_json::{Map, Value};

use crate::{
    client::{Call, Client, Error},
    rest::{
        value::{EventTicker, MilestoneId, Query, operations, query, record},
        weather::{WeatherCalibrations, WeatherIndex, WeatherQuery},
    },
};

operations! {
    GET_LIVE_DATA_BY_MILESTONE = Get "/live_data/milestone/{milestone_id}" "GetLiveDataByMilestone" public Read;
    GET_LIVE_DATA = Get "/live_data/{type}/milestone/{milestone_id}" "GetLiveData" public Read;
    GET_LIVE_DATAS = Get "/live_data/batch" "GetLiveDatas" public Read;
    GET_GAME_STATS = Get "/live_data/milestone/{milestone_id}/game_stats" "GetGameStats" public Read;
    GET_EVENT_LIVE_DATA = Get "/live_data/events/{event_ticker}" "GetEventLiveData" public Read;
    GET_WEATHER_INDEX = Get "/live_data/weather/{city}" "GetWeatherIndex" public Read;
    GET_WEATHER_INDEX_CALIBRATIONS = Get "/live_data/weather/{city}/calibrations"
        "GetWeatherIndexCalibrations" public Read;
}

record! {
    /// The envelope of [`LiveData`]. Schema `GetLiveDataResponse`.
    pub struct LiveDataAnswer {
        /// The data.
        pub live_data: LiveData,
    }
}

record! {
    /// The data of several milestones. Schema `GetLiveDatasResponse`.
    pub struct LiveDataList {
        /// One per milestone.
        pub live_datas: Vec<LiveData>,
    }
}

record! {
    /// What is known about a milestone right now. Schema `LiveData`.
    pub struct LiveData {
        /// The kind of data, on which the shape of `details` depends.
        pub kind as "type": String,
        /// The data.
        pub details: Map<String, Value>,
        /// The milestone.
        pub milestone_id: MilestoneId,
    }
}

record! {
    /// The envelope of [`EventLiveData`]. Schema `GetEventLiveDataResponse`.
    pub struct EventLiveDataAnswer {
        /// The data.
        pub live_data: EventLiveData,
    }
}

record! {
    /// What is known about an event's subject right now. Schema `EventLiveData`.
    pub struct EventLiveData {
        /// The kind of data, on which the shape of `details` depends.
        pub kind as "type": String,
        /// The data.
        pub details: Map<String, Value>,
        /// Whether the event is over and this is how it ended; crypto only.
        pub is_historical: Option<bool>,
        /// The range of time that a chart shows at first: `15min`, `1h`.
        pub default_range: Option<String>,
        /// The ranges of time that a chart offers.
        pub range_options: Option<Vec<String>>,
    }
}

record! {
    /// What happened in a game. Schema `GetGameStatsResponse`.
    pub struct GameStats {
        /// Play by play; absent where nobody tells it.
        pub pbp: Option<PlayByPlay>,
    }
}

record! {
    /// A game, play by play. Schema `PlayByPlay`.
    pub struct PlayByPlay {
        /// Its periods.
        pub periods: Option<Vec<GamePeriod>>,
    }
}

record! {
    /// A period of a game. Schema `PlayByPlay`, an item of `periods`.
    pub struct GamePeriod {
        /// What happened, in the shape of the sport.
        pub events: Option<Vec<Map<String, Value>>>,
    }
}

query! {
    /// How much to tell about a milestone. Query of operations `GetLiveDataByMilestone`, `GetLiveData`.
    pub struct LiveDataQuery {}
    optional {
        /// With every player's figures.
        pub include_player_stats: Option<bool>,
    }
}

query! {
    /// Which milestones: at most 100. Query of operation `GetLiveDatas`.
    pub struct LiveDataListQuery {
        /// The milestones.
        pub milestone_ids: Vec<MilestoneId> = repeated,
    }
    optional {
        /// With every player's figures.
        pub include_player_stats: Option<bool>,
    }
}

query! {
    /// How much to tell about an event's subject. Query of operation `GetEventLiveData`.
    pub struct EventLiveDataQuery {}
    optional {
        /// The range of time of the chart: one of [`EventLiveData::range_options`].
        pub range: Option<String>,
    }
}

impl Client {
    /// What is known about a milestone right now. Operation `GetLiveDataByMilestone`.
    pub async fn live_data(&self, milestone_id: &MilestoneId, query: &LiveDataQuery) -> Result<LiveData, Error> {
        Ok(self
            .call::<LiveDataAnswer>(
                query.add_to(Call::new(&GET_LIVE_DATA_BY_MILESTONE).path("milestone_id", milestone_id)),
            )
            .await?
            .live_data)
    }

    /// The same by an older path, which names the kind of data too. Operation `GetLiveData`.
    pub async fn live_data_of_kind(
        &self,
        kind: &str,
        milestone_id: &MilestoneId,
        query: &LiveDataQuery,
    ) -> Result<LiveData, Error> {
        Ok(self
            .call::<LiveDataAnswer>(
                query.add_to(Call::new(&GET_LIVE_DATA).path("type", kind).path("milestone_id", milestone_id)),
            )
            .await?
            .live_data)
    }

    /// What is known about several milestones right now. Operation `GetLiveDatas`.
    pub async fn live_data_list(&self, query: &LiveDataListQuery) -> Result<Vec<LiveData>, Error> {
        Ok(self.call::<LiveDataList>(query.add_to(Call::new(&GET_LIVE_DATAS))).await?.live_datas)
    }

    /// What happened in a game. Operation `GetGameStats`.
    pub async fn game_stats(&self, milestone_id: &MilestoneId) -> Result<GameStats, Error> {
        self.call(Call::new(&GET_GAME_STATS).path("milestone_id", milestone_id)).await
    }

    /// What is known about an event's subject right now. Operation `GetEventLiveData`.
    pub async fn event_live_data(
        &self,
        event_ticker: &EventTicker,
        query: &EventLiveDataQuery,
    ) -> Result<EventLiveData, Error> {
        Ok(self
            .call::<EventLiveDataAnswer>(
                query.add_to(Call::new(&GET_EVENT_LIVE_DATA).path("event_ticker", event_ticker)),
            )
            .await?
            .live_data)
    }

    /// A city's weather index, minute by minute. Operation `GetWeatherIndex`.
    pub async fn weather_index(&self, city: &str, query: &WeatherQuery) -> Result<WeatherIndex, Error> {
        self.call(query.add_to(Call::new(&GET_WEATHER_INDEX).path("city", city))).await
    }

    /// How a city's weather index is computed, now and before. Operation `GetWeatherIndexCalibrations`.
    pub async fn weather_calibrations(&self, city: &str) -> Result<WeatherCalibrations, Error> {
        self.call(Call::new(&GET_WEATHER_INDEX_CALIBRATIONS).path("city", city)).await
    }
}
