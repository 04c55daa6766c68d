//! The venue's own description of an event and its markets, shaped as `GET /events/{event_ticker}` answers it and
//! wrapped as a recorder keeps it.

use serde_json::{Map, Number, Value, json};

use crate::calendar::{DAY, MICROSECOND, MILLISECOND, SECOND, eastern, rfc3339};
use crate::catalog::{CENT, Event, Question, Strike};
use crate::dice::{Dice, Stream};
use crate::frame_text::{write_price, write_quantity};
use crate::order::Side;
use crate::world::{CERTAIN, Market, World};

/// The document of one event of `world` as fetched at `fetched_at` (ns), after the recording.
pub(crate) fn document(world: &World, event: usize, fetched_at: i64) -> Value {
    let of = &world.events[event];
    let markets = world.markets.iter().filter(|market| market.event == event);
    let markets: Vec<Value> = markets.map(|market| describe_market(market, of, fetched_at)).collect();
    json!({
        "fetched_at_ms": fetched_at / MILLISECOND,
        "response": { "event": describe_event(of), "markets": markets },
        "status": 200,
        "url": format!("https://external-api.kalshi.com/trade-api/v2/events/{}", of.ticker),
    })
}

/// What differs between the kinds of series.
struct Kind {
    category: &'static str,
    /// The venue's shard, 0 unless it runs one for the category.
    exchange_index: u32,
    exclusive: bool,
    product: Value,
    source: (&'static str, &'static str),
    title: String,
    sub_title: String,
}

fn kind(event: &Event) -> Kind {
    let date = eastern(event.occurs, "%b %-d, %Y");
    match &event.series.question {
        Question::QuarterHour { coin, .. } => Kind {
            category: "Crypto",
            exchange_index: 2,
            exclusive: false,
            product: json!({ "cadence": "fifteen_min" }),
            source: ("Synthetic index", "https://example.com/index"),
            title: format!("{coin}, next 15 minutes"),
            sub_title: format!(
                "{} - {} EDT to {} EDT",
                eastern(event.close, "%b %-d"),
                eastern(event.open, "%-I:%M%p"),
                eastern(event.close, "%-I:%M%p")
            ),
        },
        Question::Above { coin, .. } => Kind {
            category: "Crypto",
            exchange_index: 2,
            exclusive: false,
            product: json!({ "cadence": "daily" }),
            source: ("Synthetic index", "https://example.com/index"),
            title: format!("{coin} price on {date}"),
            sub_title: format!("{date} at {} EDT", eastern(event.close, "%-I%p")),
        },
        Question::HighTemperature { city, .. } => Kind {
            category: "Climate and Weather",
            exchange_index: 0,
            exclusive: true,
            product: Value::Null,
            source: ("Synthetic weather station", "https://example.com/weather"),
            title: format!("Warmest reading in {city} on {date}"),
            sub_title: format!("On {date}"),
        },
        Question::Game { sport, .. } => Kind {
            category: "Sports",
            exchange_index: 3,
            exclusive: true,
            product: json!({ "competition": sport, "competition_scope": "Game" }),
            source: ("Synthetic league", "https://example.com/league"),
            title: format!("{sport} game, {date}"),
            sub_title: format!(
                "{} ({})",
                event.ticker.rsplit('-').next().unwrap_or_default(),
                eastern(event.occurs, "%b %-d")
            ),
        },
    }
}

fn describe_event(event: &Event) -> Value {
    let kind = kind(event);
    json!({
        "available_on_brokers": true,
        "category": kind.category,
        "collateral_return_type": if kind.exclusive { "MECNET" } else { "" },
        "event_ticker": event.ticker,
        "exchange_index": kind.exchange_index,
        "last_updated_ts": "0001-01-01T00:00:00Z",
        "mutually_exclusive": kind.exclusive,
        "product_metadata": kind.product,
        "series_ticker": event.series.ticker,
        "settlement_sources": [{ "name": kind.source.0, "url": kind.source.1 }],
        "strike_date": rfc3339(event.occurs),
        "strike_period": "",
        "sub_title": kind.sub_title,
        "title": kind.title,
    })
}

fn describe_market(market: &Market, event: &Event, fetched_at: i64) -> Value {
    let mut dice = Dice::new(market.close.unsigned_abs(), Stream::World, market.clock);
    let over = market.close <= fetched_at;
    let outcome = over.then(|| market.probability() >= CERTAIN / 2);
    let settled_at = market.close + 5 * SECOND + dice.within(0, SECOND);
    let updated_at = if over { settled_at + dice.within(20, 90) * MILLISECOND } else { market.open };
    let (words, strikes) = strike(market, outcome);
    let kind = kind(event);
    let [(yes_bid, yes_bid_size), (no_bid, no_bid_size)] = [top(market, Side::Yes), top(market, Side::No)];
    let last = price(market.last_price);
    let mut fields = Map::new();
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("can_close_early", json!(true));
    set("close_time", json!(rfc3339(market.close)));
    set("created_time", json!(rfc3339(market.open - 2 * DAY - dice.within(0, 9 * SECOND) - MICROSECOND)));
    set("event_ticker", json!(event.ticker));
    set("exchange_index", json!(kind.exchange_index));
    set("expected_expiration_time", json!(rfc3339(event.occurs + 300 * SECOND)));
    set("expiration_time", json!(rfc3339(market.close + 7 * DAY)));
    set("expiration_value", json!(words.expiration_value));
    set("last_price_dollars", json!(last));
    set("latest_expiration_time", json!(rfc3339(market.close + 7 * DAY)));
    set("liquidity_dollars", json!("0.0000"));
    set("market_type", json!("binary"));
    set("no_ask_dollars", json!(price(10_000 - yes_bid)));
    set("no_bid_dollars", json!(price(no_bid)));
    set("no_sub_title", json!(words.no));
    set("notional_value_dollars", json!("1.0000"));
    set("occurrence_datetime", json!(rfc3339(event.occurs + 300 * SECOND)));
    set("open_interest_fp", json!(quantity(market.open_interest)));
    set("open_time", json!(rfc3339(market.open)));
    set("previous_price_dollars", json!(last));
    set("previous_yes_ask_dollars", json!(price(10_000 - no_bid)));
    set("previous_yes_bid_dollars", json!(price(yes_bid)));
    set("price_level_structure", json!(if market.step == CENT { "linear_cent" } else { "deci_cent" }));
    set("price_ranges", json!([{ "end": "1.0000", "start": "0.0000", "step": price(market.step) }]));
    set("result", json!(outcome.map_or("", |yes| if yes { "yes" } else { "no" })));
    set("rules_primary", json!(words.rules));
    set("rules_secondary", json!("A synthetic market: it exists in this repository only and pays nobody."));
    set("settlement_timer_seconds", json!(1));
    if let Some(yes) = outcome {
        set("settlement_ts", json!(rfc3339(settled_at)));
        set("settlement_value_dollars", json!(if yes { "1.0000" } else { "0.0000" }));
    }
    let status = if over {
        "finalized"
    } else if market.open <= fetched_at {
        "active"
    } else {
        "initialized"
    };
    set("status", json!(status));
    set("ticker", json!(market.ticker));
    set("title", json!(words.title));
    set("updated_time", json!(rfc3339(updated_at)));
    set("volume_24h_fp", json!(quantity(if over { 0 } else { market.volume })));
    set("volume_fp", json!(quantity(market.volume)));
    set("yes_ask_dollars", json!(price(10_000 - no_bid)));
    set("yes_ask_size_fp", json!(quantity(no_bid_size)));
    set("yes_bid_dollars", json!(price(yes_bid)));
    set("yes_bid_size_fp", json!(quantity(yes_bid_size)));
    set("yes_sub_title", json!(words.yes));
    fields.extend(strikes);
    // The venue sorts its keys.
    fields.sort_keys();
    Value::Object(fields)
}

struct Words {
    title: String,
    yes: String,
    no: String,
    rules: String,
    expiration_value: String,
}

/// The texts of a market, and the fields that say when it pays.
fn strike(market: &Market, outcome: Option<bool>) -> (Words, Map<String, Value>) {
    let words = |title: String, condition: String| Words {
        rules: format!("Pays YES if {condition}; otherwise NO."),
        yes: title.clone(),
        no: title.clone(),
        title,
        expiration_value: String::new(),
    };
    let (mut words, strikes) = match &market.strike {
        Strike::AtLeastCents(cents) => (
            words(
                format!("Target price: ${}", dollars(*cents)),
                format!("the index closes at ${} or higher", dollars(*cents)),
            ),
            json!({ "strike_type": "greater_or_equal", "floor_strike": number(&dollars(*cents)),
                    "custom_strike": { "round_digits": "2" } }),
        ),
        Strike::AboveCents(cents) => (
            words(format!("Above ${}", dollars(*cents)), format!("the index closes above ${}", dollars(*cents))),
            json!({ "strike_type": "greater", "floor_strike": number(&dollars(*cents)) }),
        ),
        Strike::BelowDegrees(cap) => (
            words(format!("{}° or below", cap - 1), format!("the warmest reading is below {cap}°")),
            json!({ "strike_type": "less", "cap_strike": cap }),
        ),
        Strike::BetweenDegrees(floor, cap) => (
            words(format!("{floor}° to {cap}°"), format!("the warmest reading is {floor}° to {cap}°")),
            json!({ "strike_type": "between", "floor_strike": floor, "cap_strike": cap }),
        ),
        Strike::AboveDegrees(floor) => (
            words(format!("{}° or above", floor + 1), format!("the warmest reading is above {floor}°")),
            json!({ "strike_type": "greater", "floor_strike": floor }),
        ),
        Strike::Winner(team) => (
            words(format!("{team} to win"), format!("{team} wins the game")),
            json!({ "strike_type": "structured", "custom_strike": { "team": team } }),
        ),
    };
    if let (Some(yes), Strike::AtLeastCents(cents)) = (outcome, &market.strike) {
        let apart = 1 + i64::from((market.probability() - CERTAIN / 2).abs()) * cents / 400_000_000;
        words.expiration_value = dollars(if yes { cents + apart } else { cents - apart });
    }
    let Value::Object(strikes) = strikes else { unreachable!("json! of braces is an object") };
    (words, strikes)
}

/// Best bid of a side and what rests there; zeros if the side is empty.
fn top(market: &Market, side: Side) -> (u16, i64) {
    let mut levels = Vec::new();
    market.orders.levels(side, &mut levels);
    levels.last().copied().unwrap_or((0, 0))
}

fn dollars(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn number(text: &str) -> Number {
    serde_json::from_str(text).expect("digits, a point and two digits are a JSON number")
}

fn price(price: u16) -> String {
    text(|out| write_price(out, price))
}

fn quantity(hundredths: i64) -> String {
    text(|out| write_quantity(out, hundredths))
}

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    out.into_iter().map(char::from).collect()
}
