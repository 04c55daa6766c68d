//! Steering a replay.

use std::sync::Arc;

use axum::{Json, body::Bytes, extract::State};
use daybook_book::ExchangeTime;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Refusal, body};
use crate::{
    replay::{Control, Progress, Speed},
    rest::Exchange,
};

/// An instant: RFC 3339, or microseconds since the Unix epoch.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Instant {
    Micros(i64),
    Text(String),
}

/// A speed as text, or as a number.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Pace {
    Text(String),
    Number(serde_json::Number),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplayBody {
    paused: Option<bool>,
    speed: Option<Pace>,
    seek: Option<Instant>,
}

pub(super) async fn progress(State(exchange): State<Arc<Exchange>>) -> Result<Json<Value>, Refusal> {
    Ok(told(control(&exchange)?.progress()))
}

pub(super) async fn steer(State(exchange): State<Arc<Exchange>>, bytes: Bytes) -> Result<Json<Value>, Refusal> {
    let control = control(&exchange)?;
    let asked: ReplayBody = body(&bytes)?;
    // Nothing is done unless all of it can be.
    let speed = asked.speed.map(|pace| match pace {
        Pace::Text(text) => text.parse::<Speed>(),
        Pace::Number(number) => number.to_string().parse(),
    });
    let speed = speed.transpose().map_err(Refusal::bad)?;
    if let Some(to) = asked.seek.map(instant).transpose()? {
        control.jump(to).map_err(Refusal::bad)?;
    }
    if let Some(speed) = speed {
        control.set_speed(speed);
    }
    if let Some(paused) = asked.paused {
        control.pause(paused);
    }
    // Who asked for a seek finds it done.
    Ok(told(control.settled().await))
}

fn control(exchange: &Exchange) -> Result<&Arc<Control>, Refusal> {
    exchange.replay().ok_or_else(|| Refusal::not_found("this exchange replays nothing".to_owned()))
}

fn instant(asked: Instant) -> Result<ExchangeTime, Refusal> {
    match asked {
        Instant::Micros(micros) => Ok(ExchangeTime::from_micros(micros)),
        Instant::Text(text) => match text.parse::<jiff::Timestamp>() {
            Ok(at) => Ok(ExchangeTime::from_micros(at.as_microsecond())),
            Err(error) => Err(Refusal::bad(format!("seek {text:?}: {error}; expected RFC 3339 or microseconds"))),
        },
    }
}

fn told(progress: Progress) -> Json<Value> {
    let Progress { phase, paused, speed, now, events, impossible, beginnings } = progress;
    let time = jiff::Timestamp::from_microsecond(now.micros()).map(|at| at.to_string()).unwrap_or_default();
    Json(json!({
        "phase": phase.as_str(),
        "paused": paused,
        "speed": speed.to_string(),
        "now": time,
        "now_us": now.micros(),
        "events": events,
        "impossible": impossible,
        "beginnings": beginnings,
    }))
}
