//! The exchange itself: whether it trades, when it does, and how fresh the account's data is.

use crate::{
    client::{Call, Client, Error},
    rest::value::{ExchangeIndex, Timestamp, operations, record},
};

operations! {
    GET_EXCHANGE_STATUS = Get "/exchange/status" "GetExchangeStatus" public Read;
    GET_EXCHANGE_SCHEDULE = Get "/exchange/schedule" "GetExchangeSchedule" public Read;
    GET_USER_DATA_TIMESTAMP = Get "/exchange/user_data_timestamp" "GetUserDataTimestamp" public Read;
}

record! {
    /// What may be done right now. The flags at the top are those of shard 0. Schema `ExchangeStatus`.
    pub struct ExchangeStatus {
        /// Whether anything at all may change state, transfers and new users included.
        pub exchange_active: bool,
        /// Whether orders are taken.
        pub trading_active: bool,
        /// Whether money may move between shards.
        pub intra_exchange_transfers_active: Option<bool>,
        /// When the exchange is expected back, during a maintenance; may be put off.
        pub exchange_estimated_resume_time: Option<Timestamp>,
        /// The same for every shard; absent when the venue cannot tell.
        pub exchange_index_statuses: Option<Vec<ShardStatus>>,
    }
}

record! {
    /// What may be done on one shard. Schema `ExchangeIndexStatus`.
    pub struct ShardStatus {
        /// The shard.
        pub exchange_index: ExchangeIndex,
        /// What is traded there.
        pub description: String,
        /// Whether anything at all may change state.
        pub exchange_active: bool,
        /// Whether orders are taken.
        pub trading_active: bool,
        /// Whether money may move to and from it.
        pub intra_exchange_transfers_active: bool,
    }
}

record! {
    /// The envelope of a [`Schedule`]. Schema `GetExchangeScheduleResponse`.
    pub struct ScheduleAnswer {
        /// The schedule.
        pub schedule: Schedule,
    }
}

record! {
    /// When the exchange is open. Hours are New York's. Schema `Schedule`.
    pub struct Schedule {
        /// The weekly hours, by the period in which they hold.
        pub standard_hours: Vec<WeeklySchedule>,
        /// When it may be down besides.
        pub maintenance_windows: Vec<MaintenanceWindow>,
    }
}

record! {
    /// The hours of every day of the week, as long as they hold. Schema `WeeklySchedule`.
    pub struct WeeklySchedule {
        /// From when on they hold.
        pub start_time: Timestamp,
        /// Until when they hold.
        pub end_time: Timestamp,
        /// Sessions on Monday.
        pub monday: Vec<DailySession>,
        /// Sessions on Tuesday.
        pub tuesday: Vec<DailySession>,
        /// Sessions on Wednesday.
        pub wednesday: Vec<DailySession>,
        /// Sessions on Thursday.
        pub thursday: Vec<DailySession>,
        /// Sessions on Friday.
        pub friday: Vec<DailySession>,
        /// Sessions on Saturday.
        pub saturday: Vec<DailySession>,
        /// Sessions on Sunday.
        pub sunday: Vec<DailySession>,
    }
}

record! {
    /// One session of a day. Schema `DailySchedule`.
    pub struct DailySession {
        /// When it opens: `HH:MM` in New York.
        pub open_time: String,
        /// When it closes: `HH:MM` in New York.
        pub close_time: String,
    }
}

record! {
    /// A planned maintenance. Schema `MaintenanceWindow`.
    pub struct MaintenanceWindow {
        /// When it begins.
        pub start_datetime: Timestamp,
        /// When it ends.
        pub end_datetime: Timestamp,
    }
}

record! {
    /// How fresh the account's data is. Schema `GetUserDataTimestampResponse`.
    pub struct UserDataTimestamp {
        /// Reads of orders, fills and positions show at least what had happened by then.
        pub as_of_time: Timestamp,
    }
}

impl Client {
    /// What may be done right now. Operation `GetExchangeStatus`.
    ///
    /// The venue tells it with 500, 503 and 504 too, so that an exchange that is down is an answer, not an error.
    pub async fn exchange_status(&self) -> Result<ExchangeStatus, Error> {
        let call = Call::new(&GET_EXCHANGE_STATUS).accept_status(500).accept_status(503).accept_status(504);
        self.call(call).await
    }

    /// When the exchange is open. Operation `GetExchangeSchedule`.
    pub async fn exchange_schedule(&self) -> Result<Schedule, Error> {
        Ok(self.call::<ScheduleAnswer>(Call::new(&GET_EXCHANGE_SCHEDULE)).await?.schedule)
    }

    /// How fresh the account's orders, fills and positions are: reads lag writes. Operation `GetUserDataTimestamp`.
    pub async fn user_data_timestamp(&self) -> Result<UserDataTimestamp, Error> {
        self.call(Call::new(&GET_USER_DATA_TIMESTAMP)).await
    }
}
