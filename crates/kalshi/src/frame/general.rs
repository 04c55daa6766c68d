//! The general reader: every frame, in any key order and spacing, with fields unknown, absent or retired.

use std::borrow::Cow;

use daybook_book::{Delta, Event, ExchangeTime, Lifecycle, Snapshot, TickerUpdate, Trade};

use super::{
    ControlKind, Frame, FrameError,
    fields::{Fields, extra},
};

/// Reads one frame.
pub(super) fn read(frame: &[u8]) -> Result<Frame<'_>, FrameError> {
    let mut envelope = Fields::of_frame(frame)?;
    let position = (envelope.peek_whole("sid"), envelope.peek_whole("seq"));
    read_envelope(&mut envelope, position).map_err(|mut error| {
        (error.sid, error.seq) = position;
        error
    })
}

fn read_envelope<'a>(envelope: &mut Fields<'a>, position: (Option<u32>, Option<u64>)) -> Result<Frame<'a>, FrameError> {
    let frame_type = envelope.required_text("type")?;
    let body: Body = match &*frame_type {
        "orderbook_delta" => delta,
        "orderbook_snapshot" => snapshot,
        "trade" => trade,
        "ticker" => ticker,
        "market_lifecycle_v2" | "event_lifecycle" | "event_fee_update" | "multivariate_market_lifecycle" => {
            return lifecycle(frame_type, envelope);
        }
        "subscribed" | "unsubscribed" | "ok" | "error" => return control(&frame_type, envelope),
        _ => return Ok(Frame::Unknown { frame_type, sid: position.0, seq: position.1 }),
    };
    let (sid, seq, sent_ts) = stamped(envelope)?;
    let mut msg = envelope.required_object("msg")?;
    let event = body(&mut msg)?;
    Ok(Frame::Event { sid, seq, sent_ts, event, extra: extra(envelope, Some(&msg)) })
}

type Body = for<'a> fn(&mut Fields<'a>) -> Result<Event<'a>, FrameError>;

type Stamped = (Option<u32>, Option<u64>, Option<ExchangeTime>);

/// `sid`, `seq` and `sending_ts_ms` of an envelope.
fn stamped(envelope: &mut Fields<'_>) -> Result<Stamped, FrameError> {
    let sid = envelope.whole("sid", "a whole number below 2^32")?;
    let seq = envelope.whole("seq", "a whole number below 2^64")?;
    Ok((sid, seq, envelope.millis("sending_ts_ms")?))
}

fn delta<'a>(msg: &mut Fields<'a>) -> Result<Event<'a>, FrameError> {
    Ok(Event::Delta(Delta {
        ticker: msg.required_text("market_ticker")?,
        market_id: msg.text("market_id")?.unwrap_or_default(),
        clock: msg.whole("clock", "a whole number below 2^64")?,
        price: msg.price("price_dollars", Some("price"))?.ok_or_else(|| msg.missing("price_dollars"))?,
        quantity: msg.quantity("delta_fp", Some("delta"))?.ok_or_else(|| msg.missing("delta_fp"))?,
        side: msg.required_side("side")?,
        ts: msg.exchange_time(true)?,
    }))
}

fn snapshot<'a>(msg: &mut Fields<'a>) -> Result<Event<'a>, FrameError> {
    Ok(Event::Snapshot(Snapshot {
        ticker: msg.required_text("market_ticker")?,
        market_id: msg.text("market_id")?.unwrap_or_default(),
        clock: msg.whole("clock", "a whole number below 2^64")?,
        yes: msg.levels(["yes_dollars_fp", "yes_dollars", "yes"])?,
        no: msg.levels(["no_dollars_fp", "no_dollars", "no"])?,
        ts: msg.exchange_time(true)?,
    }))
}

fn trade<'a>(msg: &mut Fields<'a>) -> Result<Event<'a>, FrameError> {
    Ok(Event::Trade(Trade {
        ticker: msg.required_text("market_ticker")?,
        // The oldest trades have no id.
        trade_id: msg.text("trade_id")?.unwrap_or_default(),
        yes_price: msg
            .price("yes_price_dollars", Some("yes_price"))?
            .ok_or_else(|| msg.missing("yes_price_dollars"))?,
        no_price: msg.price("no_price_dollars", Some("no_price"))?.ok_or_else(|| msg.missing("no_price_dollars"))?,
        count: msg.quantity("count_fp", Some("count"))?.ok_or_else(|| msg.missing("count_fp"))?,
        taker_side: msg.optional_side("taker_side")?,
        taker_outcome_side: msg.optional_side("taker_outcome_side")?,
        taker_book_side: msg.text("taker_book_side")?.filter(|text| !text.is_empty()),
        is_block_trade: msg.boolean("is_block_trade")?,
        ts: msg.exchange_time(false)?,
    }))
}

fn ticker<'a>(msg: &mut Fields<'a>) -> Result<Event<'a>, FrameError> {
    let ts = msg.exchange_time(false)?;
    Ok(Event::Ticker(TickerUpdate {
        ticker: msg.required_text("market_ticker")?,
        market_id: msg.text("market_id")?.unwrap_or_default(),
        ts: msg.reconcile_time(ts)?,
        price: msg.price("price_dollars", Some("price"))?,
        yes_bid: msg.price("yes_bid_dollars", Some("yes_bid"))?,
        yes_ask: msg.price("yes_ask_dollars", Some("yes_ask"))?,
        yes_bid_size: msg.quantity("yes_bid_size_fp", None)?,
        yes_ask_size: msg.quantity("yes_ask_size_fp", None)?,
        last_trade_size: msg.quantity("last_trade_size_fp", None)?,
        volume: msg.quantity("volume_fp", Some("volume"))?,
        open_interest: msg.quantity("open_interest_fp", Some("open_interest"))?,
        dollar_volume: msg.whole("dollar_volume", "a whole number of dollars")?,
        dollar_open_interest: msg.whole("dollar_open_interest", "a whole number of dollars")?,
    }))
}

fn lifecycle<'a>(channel: Cow<'a, str>, envelope: &mut Fields<'a>) -> Result<Frame<'a>, FrameError> {
    let (sid, seq, sent_ts) = stamped(envelope)?;
    let mut msg = envelope.required_object("msg")?;
    let mut event_ticker = msg.text("event_ticker")?;
    if event_ticker.is_none()
        && let Some(mut metadata) = msg.object("additional_metadata")?
    {
        event_ticker = metadata.text("event_ticker")?;
    }
    let event = Event::Lifecycle(Lifecycle {
        channel,
        event_type: msg.text("event_type")?.unwrap_or_default(),
        ticker: msg.text("market_ticker")?,
        event_ticker,
        ts: msg.exchange_time(false)?,
        payload: Cow::Borrowed(msg.as_str()),
    });
    Ok(Frame::Event { sid, seq, sent_ts, event, extra: extra(envelope, None) })
}

fn control<'a>(frame_type: &str, envelope: &mut Fields<'a>) -> Result<Frame<'a>, FrameError> {
    let (mut sid, seq, _) = stamped(envelope)?;
    let kind = match frame_type {
        "subscribed" => {
            let mut msg = envelope.required_object("msg")?;
            sid = sid.or(msg.whole("sid", "a whole number below 2^32")?);
            ControlKind::Subscribed { channel: msg.text("channel")?.unwrap_or_default() }
        }
        "error" => {
            let mut msg = envelope.required_object("msg")?;
            let code = msg.whole("code", "a whole number")?;
            ControlKind::Error { code, message: msg.text("msg")?.unwrap_or_default() }
        }
        "unsubscribed" => ControlKind::Unsubscribed,
        _ => ControlKind::Ok { markets: envelope.optional_texts("msg", "market_tickers") },
    };
    Ok(Frame::Control { kind, sid, seq })
}
