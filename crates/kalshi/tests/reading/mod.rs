//! A second, independent reading of frames by way of `serde_json::Value`: slow, plain, and what the crate's own readers
//! are held against.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use daybook_book::{Delta, Event, ExchangeTime, Lifecycle, Price, Quantity, Side, Snapshot, TickerUpdate, Trade};
use daybook_kalshi::{ControlKind, Frame};
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

/// The fields of an object that nobody has consumed; a value that `Value` cannot hold stays in raw form.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fields(pub(crate) BTreeMap<String, (Option<Value>, String)>);

impl Fields {
    /// Reads an object; `None` if it is none or names a field twice.
    pub(crate) fn read(text: &str) -> Option<Fields> {
        serde_json::from_str(text).ok()
    }

    /// Removes a field and gives its value, null as absent; `Some(Err)` for what `Value` cannot hold.
    fn take(&mut self, name: &str) -> Option<Result<Value, ()>> {
        let (value, _) = self.0.remove(name)?;
        if value == Some(Value::Null) { None } else { Some(value.ok_or(())) }
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, ()> {
        match self.take(name).transpose()? {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(()),
        }
    }

    fn number<T: TryFrom<i128>>(&mut self, name: &str) -> Result<Option<T>, ()> {
        let Some(value) = self.take(name).transpose()? else { return Ok(None) };
        whole(&value).and_then(|number| T::try_from(number).ok()).map(Some).ok_or(())
    }

    fn decimal<T: std::str::FromStr + PartialEq>(
        &mut self,
        name: &str,
        old: Option<&str>,
        from_old: fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, ()> {
        let new = self.text(name)?.filter(|text| !text.is_empty());
        let new = new.map(|text| text.parse::<T>().map_err(drop)).transpose()?;
        let Some(field) = old.and_then(|old| self.0.remove_entry(old)) else { return Ok(new) };
        let (name, (value, raw)) = field;
        let old = match &value {
            Some(Value::Null) => return Ok(new),
            value => value.as_ref().and_then(from_old),
        };
        if new.is_none() {
            return old.map(Some).ok_or(());
        }
        if old != new {
            self.0.insert(name, (value, raw));
        }
        Ok(new)
    }

    fn price(&mut self, name: &str, old: &str) -> Result<Option<Price>, ()> {
        self.decimal(name, Some(old), cents)
    }

    fn quantity(&mut self, name: &str, old: Option<&str>) -> Result<Option<Quantity>, ()> {
        self.decimal(name, old, contracts)
    }

    fn side(&mut self, name: &str) -> Result<Option<Side>, ()> {
        let kept = self.0.get(name).cloned();
        let Some(text) = self.text(name)? else { return Ok(None) };
        let side = text.parse().ok();
        if side.is_none() && !text.is_empty() {
            self.0.insert(name.to_owned(), kept.ok_or(())?);
        }
        Ok(side)
    }

    fn levels(&mut self, names: [&str; 3]) -> Result<Vec<(Price, Quantity)>, ()> {
        let mut levels = None;
        for name in names {
            let kept = self.0.get(name).cloned();
            let Some(value) = self.take(name) else { continue };
            let read = value.and_then(|value| self::levels(&value).ok_or(()));
            match (&levels, read) {
                (None, read) => levels = Some(read?),
                (Some(levels), read) if read.as_ref() != Ok(levels) => {
                    self.0.insert(name.to_owned(), kept.ok_or(())?);
                }
                _ => {}
            }
        }
        Ok(levels.unwrap_or_default())
    }

    fn ts(&mut self, keep_lone_millis: bool) -> Result<Option<ExchangeTime>, ()> {
        let (kept_ts, kept_ms) = (self.0.get("ts").cloned(), self.0.get("ts_ms").cloned());
        let millis = self.number::<i64>("ts_ms")?;
        let micros_of_millis = millis.map(|millis| millis.checked_mul(1_000).ok_or(())).transpose()?;
        let micros = match self.take("ts").transpose()? {
            Some(Value::String(text)) if !text.is_empty() => {
                let nanos = instant(&text).ok_or(())?;
                let micros = i64::try_from(nanos.div_euclid(1_000)).map_err(drop)?;
                if nanos % 1_000 != 0 {
                    self.0.insert("ts".into(), kept_ts.ok_or(())?);
                }
                if millis.is_some_and(|millis| millis != micros.div_euclid(1_000)) {
                    self.0.insert("ts_ms".into(), kept_ms.ok_or(())?);
                }
                Some(micros)
            }
            None | Some(Value::String(_)) => {
                if keep_lone_millis && millis.is_some() {
                    self.0.insert("ts_ms".into(), kept_ms.ok_or(())?);
                }
                micros_of_millis
            }
            Some(value) => {
                let seconds = i64::try_from(whole(&value).ok_or(())?).map_err(drop)?;
                let micros = seconds.checked_mul(1_000_000).ok_or(())?;
                if millis.is_some_and(|millis| millis.div_euclid(1_000) != seconds) {
                    self.0.insert("ts".into(), kept_ts.ok_or(())?);
                }
                Some(micros_of_millis.unwrap_or(micros))
            }
        };
        Ok(micros.map(ExchangeTime::from_micros))
    }

    fn time(&mut self, ts: Option<ExchangeTime>) -> Result<Option<ExchangeTime>, ()> {
        let kept = self.0.get("time").cloned();
        let Some(text) = self.text("time")?.filter(|text| !text.is_empty()) else { return Ok(ts) };
        let nanos = instant(&text);
        let given = match ts {
            Some(ts) => ts,
            None => ExchangeTime::from_micros(i64::try_from(nanos.ok_or(())?.div_euclid(1_000)).map_err(drop)?),
        };
        let places = text.split_once('.').map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
        let grain = 10i128.pow(9u32.saturating_sub(places as u32));
        let told = nanos.is_some_and(|nanos| {
            let given = i128::from(given.micros()) * 1_000;
            if ts.is_some() { nanos == given - given.rem_euclid(grain) } else { nanos == given }
        });
        if !told {
            self.0.insert("time".into(), kept.ok_or(())?);
        }
        Ok(Some(given))
    }
}

fn whole(value: &Value) -> Option<i128> {
    value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from))
}

fn cents(value: &Value) -> Option<Price> {
    Price::from_cents(u8::try_from(whole(value)?).ok()?)
}

fn contracts(value: &Value) -> Option<Quantity> {
    Quantity::from_contracts(i64::try_from(whole(value)?).ok()?)
}

fn levels(value: &Value) -> Option<Vec<(Price, Quantity)>> {
    let level = |level: &Value| {
        let [price, size] = &**level.as_array()? else { return None };
        let price = price.as_str().map_or_else(|| cents(price), |text| text.parse().ok())?;
        let size = size.as_str().map_or_else(|| contracts(size), |text| text.parse().ok())?;
        Some((price, size))
    };
    value.as_array()?.iter().map(level).collect()
}

/// Nanoseconds since the epoch. The shape is checked here, the calendar is jiff's.
fn instant(text: &str) -> Option<i128> {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c.to_ascii_uppercase() }).collect();
    let (date, rest) = shape.split_at_checked(19)?;
    let zone = rest.strip_prefix('.').map_or(rest, |rest| rest.trim_start_matches('9'));
    let places = (rest.len() - zone.len()).checked_sub(1);
    let date_fits = date == "9999-99-99T99:99:99" || date == "9999-99-99 99:99:99";
    let zone_fits = matches!(zone, "Z" | "+99:99" | "-99:99");
    if !date_fits || !zone_fits || places.is_some_and(|places| !(1..=9).contains(&places)) {
        return None;
    }
    if &text[17..19] == "60" || (zone != "Z" && &text[text.len() - 5..text.len() - 3] > "23") {
        return None;
    }
    Some(text.parse::<jiff::Timestamp>().ok()?.as_nanosecond())
}

/// Reads a frame.
pub(crate) fn read(frame: &[u8]) -> Result<Frame<'static>, ()> {
    let text = std::str::from_utf8(frame).map_err(drop)?;
    let mut envelope = Fields::read(text).ok_or(())?;
    let position = |name: &str| whole(envelope.0.get(name)?.0.as_ref()?);
    let unknown = (
        position("sid").and_then(|sid| u32::try_from(sid).ok()),
        position("seq").and_then(|seq| u64::try_from(seq).ok()),
    );
    let kind = envelope.text("type")?.ok_or(())?;
    let known = [
        "orderbook_delta",
        "orderbook_snapshot",
        "trade",
        "ticker",
        "market_lifecycle_v2",
        "event_lifecycle",
        "event_fee_update",
        "multivariate_market_lifecycle",
        "subscribed",
        "unsubscribed",
        "ok",
        "error",
    ];
    if !known.contains(&&*kind) {
        return Ok(Frame::Unknown { frame_type: Cow::Owned(kind), sid: unknown.0, seq: unknown.1 });
    }
    let mut sid = envelope.number::<u32>("sid")?;
    let seq = envelope.number::<u64>("seq")?;
    let sent_ts = envelope.number::<i64>("sending_ts_ms")?;
    let sent_ts = sent_ts.map(|millis| millis.checked_mul(1_000).ok_or(())).transpose()?;
    let sent_ts = sent_ts.map(ExchangeTime::from_micros);
    let raw_msg = envelope.0.remove("msg").filter(|(value, _)| *value != Some(Value::Null)).map(|(_, raw)| raw);
    let msg = || raw_msg.as_deref().and_then(Fields::read).ok_or(());
    let control = match &*kind {
        "subscribed" => {
            let mut msg = msg()?;
            let in_msg = msg.number("sid")?;
            sid = sid.or(in_msg);
            Some(ControlKind::Subscribed { channel: Cow::Owned(msg.text("channel")?.unwrap_or_default()) })
        }
        "error" => {
            let mut msg = msg()?;
            let code = msg.number("code")?;
            Some(ControlKind::Error { code, message: Cow::Owned(msg.text("msg")?.unwrap_or_default()) })
        }
        "unsubscribed" => Some(ControlKind::Unsubscribed),
        "ok" => {
            let list = raw_msg.as_deref().and_then(Fields::read).and_then(|mut msg| msg.take("market_tickers"));
            let list = list.and_then(Result::ok).and_then(|list| serde_json::from_value::<Vec<String>>(list).ok());
            Some(ControlKind::Ok { markets: list.map(|list| list.into_iter().map(Cow::Owned).collect()) })
        }
        _ => None,
    };
    if let Some(kind) = control {
        return Ok(Frame::Control { kind, sid, seq });
    }
    let mut msg = msg()?;
    let event = event(&kind, &mut msg, &raw_msg.clone().unwrap_or_default())?;
    let rest = if matches!(event, Event::Lifecycle(_)) { Fields::default() } else { msg };
    Ok(Frame::Event { sid, seq, sent_ts, event, extra: extra(envelope, rest) })
}

fn event(kind: &str, msg: &mut Fields, raw_msg: &str) -> Result<Event<'static>, ()> {
    let mut text = |name: &str| msg.text(name).map(|text| text.map(Cow::Owned));
    if !matches!(kind, "orderbook_delta" | "orderbook_snapshot" | "trade" | "ticker") {
        let mut event_ticker = text("event_ticker")?;
        let (event_type, ticker) = (text("event_type")?.unwrap_or_default(), text("market_ticker")?);
        if event_ticker.is_none()
            && let Some((value, raw)) = msg.0.get("additional_metadata")
            && *value != Some(Value::Null)
        {
            event_ticker = Fields::read(raw).ok_or(())?.text("event_ticker")?.map(Cow::Owned);
        }
        let payload = Cow::Owned(raw_msg.to_owned());
        let channel = Cow::Owned(kind.to_owned());
        return Ok(Event::Lifecycle(Lifecycle {
            channel,
            event_type,
            ticker,
            event_ticker,
            ts: msg.ts(false)?,
            payload,
        }));
    }
    let ticker: Cow<'static, str> = text("market_ticker")?.ok_or(())?;
    if kind == "trade" {
        return Ok(Event::Trade(Trade {
            ticker,
            trade_id: text("trade_id")?.unwrap_or_default(),
            taker_book_side: text("taker_book_side")?.filter(|side| !side.is_empty()),
            yes_price: msg.price("yes_price_dollars", "yes_price")?.ok_or(())?,
            no_price: msg.price("no_price_dollars", "no_price")?.ok_or(())?,
            count: msg.quantity("count_fp", Some("count"))?.ok_or(())?,
            taker_side: msg.side("taker_side")?,
            taker_outcome_side: msg.side("taker_outcome_side")?,
            is_block_trade: match msg.take("is_block_trade").transpose()? {
                None => None,
                Some(value) => Some(value.as_bool().ok_or(())?),
            },
            ts: msg.ts(false)?,
        }));
    }
    let market_id: Cow<'static, str> = text("market_id")?.unwrap_or_default();
    Ok(match kind {
        "orderbook_delta" => Event::Delta(Delta {
            ticker,
            market_id,
            clock: msg.number("clock")?,
            price: msg.price("price_dollars", "price")?.ok_or(())?,
            quantity: msg.quantity("delta_fp", Some("delta"))?.ok_or(())?,
            side: msg.text("side")?.ok_or(())?.parse().map_err(drop)?,
            ts: msg.ts(true)?,
        }),
        "orderbook_snapshot" => Event::Snapshot(Snapshot {
            ticker,
            market_id,
            clock: msg.number("clock")?,
            yes: msg.levels(["yes_dollars_fp", "yes_dollars", "yes"])?,
            no: msg.levels(["no_dollars_fp", "no_dollars", "no"])?,
            ts: msg.ts(true)?,
        }),
        _ => {
            let ts = msg.ts(false)?;
            Event::Ticker(TickerUpdate {
                ticker,
                market_id,
                ts: msg.time(ts)?,
                price: msg.price("price_dollars", "price")?,
                yes_bid: msg.price("yes_bid_dollars", "yes_bid")?,
                yes_ask: msg.price("yes_ask_dollars", "yes_ask")?,
                yes_bid_size: msg.quantity("yes_bid_size_fp", None)?,
                yes_ask_size: msg.quantity("yes_ask_size_fp", None)?,
                last_trade_size: msg.quantity("last_trade_size_fp", None)?,
                volume: msg.quantity("volume_fp", Some("volume"))?,
                open_interest: msg.quantity("open_interest_fp", Some("open_interest"))?,
                dollar_volume: msg.number("dollar_volume")?,
                dollar_open_interest: msg.number("dollar_open_interest")?,
            })
        }
    })
}

fn extra(envelope: Fields, msg: Fields) -> Option<Cow<'static, str>> {
    let mut out: Vec<(String, String)> = Vec::new();
    for (name, (_, raw)) in &envelope.0 {
        let mut renamed = name.clone();
        while msg.0.contains_key(&renamed) || (renamed != *name && envelope.0.contains_key(&renamed)) {
            renamed = format!("envelope.{renamed}");
        }
        out.push((renamed, raw.clone()));
    }
    out.extend(msg.0.into_iter().map(|(name, (_, raw))| (name, raw)));
    let fields: Vec<String> = out.iter().map(|(name, raw)| format!("{}:{raw}", Value::from(name.as_str()))).collect();
    (!fields.is_empty()).then(|| Cow::Owned(format!("{{{}}}", fields.join(","))))
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Fields, M::Error> {
                let mut fields = BTreeMap::new();
                while let Some(name) = map.next_key::<String>()? {
                    let raw: Box<RawValue> = map.next_value()?;
                    let value = serde_json::from_str(raw.get()).ok();
                    if fields.insert(name, (value, raw.get().to_owned())).is_some() {
                        return Err(M::Error::custom("repeated"));
                    }
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}
