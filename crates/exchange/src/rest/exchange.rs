//! The exchange itself: whether it trades, when it does, and how fresh what an account reads is.

use daybook_kalshi::rest::{
    exchange::{
        DailySession, ExchangeStatus, Schedule, ScheduleAnswer, ShardStatus, UserDataTimestamp, WeeklySchedule,
    },
    value::Timestamp,
};
use serde_json::Map;

use super::{
    answer::{Answer, Refusal},
    request::Request,
};
use crate::venue::{Venue, index, timestamp};

pub(super) fn status(venue: &mut Venue, _: &Request<'_>) -> Result<Answer, Refusal> {
    let status = venue.status();
    let shards = (0..venue.shards()).map(|shard| ShardStatus {
        exchange_index: index(shard as u8),
        description: venue.shard_words(shard).to_owned(),
        exchange_active: status.active,
        trading_active: status.active && status.trading[shard],
        intra_exchange_transfers_active: status.active && status.transfers,
        extra: Map::new(),
    });
    Ok(Answer::ok(ExchangeStatus {
        exchange_active: status.active,
        trading_active: status.active && status.trading[0],
        intra_exchange_transfers_active: Some(status.active && status.transfers),
        exchange_estimated_resume_time: status.resumes.map(timestamp),
        exchange_index_statuses: Some(shards.collect()),
        extra: Map::new(),
    }))
}

/// Around the clock but for the venue's weekly maintenance, Thursday from three to five.
pub(super) fn schedule(_: &mut Venue, _: &Request<'_>) -> Result<Answer, Refusal> {
    let session = |open: &str, close: &str| DailySession {
        open_time: open.to_owned(),
        close_time: close.to_owned(),
        extra: Map::new(),
    };
    let all_day = || vec![session("00:00", "24:00")];
    let hours = WeeklySchedule {
        start_time: Timestamp::UNIX_EPOCH,
        // The last instant that every client's calendar knows.
        end_time: Timestamp::from_second(253_402_300_799).unwrap_or(Timestamp::MAX),
        monday: all_day(),
        tuesday: all_day(),
        wednesday: all_day(),
        thursday: vec![session("00:00", "03:00"), session("05:00", "24:00")],
        friday: all_day(),
        saturday: all_day(),
        sunday: all_day(),
        extra: Map::new(),
    };
    let schedule = Schedule { standard_hours: vec![hours], maintenance_windows: Vec::new(), extra: Map::new() };
    Ok(Answer::ok(ScheduleAnswer { schedule, extra: Map::new() }))
}

/// Here nothing lags.
pub(super) fn user_data_timestamp(_: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    Ok(Answer::ok(UserDataTimestamp { as_of_time: timestamp(request.now), extra: Map::new() }))
}
