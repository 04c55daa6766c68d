//! What is to go wrong: rules, as configuration and as a flag's short form.

use daybook_kalshi::Channel;
use serde::{Deserialize, Serialize};

use super::{Class, Kind};

/// What is to go wrong, and the seed of all chance in it.
///
/// # Short form
/// [`parse`](Plan::parse) reads rules apart by commas, each `KIND=WHEN` and then options, each after a colon:
///
/// | when | meaning |
/// | --- | --- |
/// | `5` | 5 of 1,000, at random |
/// | `2%` | the same as `20` |
/// | `1/200` | each 200th, exactly |
/// | `30s` | one every 30 seconds (`ms`, `s`, `m`, `h`) |
/// | `@10s@1m` | one 10 seconds and one a minute after the plan was set |
///
/// | option | meaning |
/// | --- | --- |
/// | `channel=`, `market=`, `connection=`, `operation=` | the target; in a market `*` is any text |
/// | `for=2s` | how long it lasts |
/// | `amount=3` | how much |
/// | `limit=10` | at most so often |
///
/// `seed=7` stands as a rule does. Text that begins with `{` is JSON.
///
/// ```
/// use daybook_exchange::faults::{Kind, Plan};
/// let plan = Plan::parse("seed=7,drop=5:channel=orderbook_delta:limit=10,http_429=30s:for=2s")?;
/// assert_eq!((plan.seed, plan.rules.len(), plan.rules[1].kind), (7, 2, Kind::TooManyRequests));
/// # Ok::<(), daybook_exchange::faults::PlanError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What chance comes from.
    #[serde(default)]
    pub seed: u64,
    /// Asked in this order: the first that strikes is what happens.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What happens.
    pub kind: Kind,
    /// When.
    pub when: When,
    /// To what.
    #[serde(default, skip_serializing_if = "Target::is_everything")]
    pub target: Target,
    /// How long it lasts, in milliseconds; see [`Kind::lasts_ms`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_ms: Option<u64>,
    /// How much it is; see [`Kind::amounts_to`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<i64>,
    /// How often it strikes at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// When a rule strikes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// At random, so many of a thousand that match.
    PerThousand(u32),
    /// Each so many-th that matches.
    Every(u64),
    /// The next that matches after each so many milliseconds.
    EveryMs(u64),
    /// The next that matches after each of these times, in milliseconds since the plan was set; ascending.
    AtMs(Vec<u64>),
}

/// What a rule is limited to. Nothing said is no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Frames and subscriptions of this channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Frames about markets of this name, in which `*` is any text; for `halt`, those markets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market: Option<String>,
    /// The WebSocket of this number: they are counted from 1 as they are opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<u64>,
    /// Requests for this operation, by the name of the venue's document, or `WebSocket` for the handshake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

/// Something that is asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passing<'a> {
    /// Of a frame or subscription.
    pub channel: Option<Channel>,
    /// The ticker of the market that a frame is about.
    pub market: Option<&'a str>,
    /// The number of the connection.
    pub connection: Option<u64>,
    /// The operation of a request.
    pub operation: Option<&'a str>,
}

impl Target {
    /// Whether it is no limit.
    pub fn is_everything(&self) -> bool {
        *self == Target::default()
    }

    /// Whether this is meant.
    pub fn matches(&self, passing: &Passing<'_>) -> bool {
        let same =
            |wanted: &Option<String>, found: Option<&str>| wanted.as_deref().is_none_or(|wanted| found == Some(wanted));
        same(&self.channel, passing.channel.map(Channel::as_str))
            && same(&self.operation, passing.operation)
            && self.connection.is_none_or(|wanted| passing.connection == Some(wanted))
            && self.market.as_deref().is_none_or(|wanted| passing.market.is_some_and(|found| is_like(wanted, found)))
    }
}

/// Whether a text is what a pattern describes, in which `*` is any text.
pub(super) fn is_like(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let tail = parts.pop().unwrap_or_default();
    for part in parts {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(tail)
}

/// Why a plan is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// It is not the JSON of a plan.
    #[error("the fault plan is not valid JSON: {0}")]
    Json(String),
    /// A rule of the short form is none.
    #[error("fault rule `{rule}`: {reason}")]
    Short {
        /// The rule's text.
        rule: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A rule contradicts itself.
    #[error("fault rule {number} ({kind}): {reason}", kind = .kind.as_str())]
    Rule {
        /// Which, from 1.
        number: usize,
        /// What it is about.
        kind: Kind,
        /// What is wrong with it.
        reason: String,
    },
}

impl Plan {
    /// Reads the short form, or JSON.
    ///
    /// # Errors
    /// With the rule, and what is wrong with it.
    pub fn parse(text: &str) -> Result<Plan, PlanError> {
        let text = text.trim();
        let plan = if text.starts_with('{') {
            serde_json::from_str(text).map_err(|error| PlanError::Json(error.to_string()))?
        } else {
            Plan::parse_short(text)?
        };
        plan.check()?;
        Ok(plan)
    }

    fn parse_short(text: &str) -> Result<Plan, PlanError> {
        let mut plan = Plan::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let wrong = |reason| PlanError::Short { rule: part.to_owned(), reason };
            match part.strip_prefix("seed=") {
                Some(seed) => plan.seed = number(seed).map_err(wrong)?,
                None => plan.rules.push(rule(part).map_err(wrong)?),
            }
        }
        Ok(plan)
    }

    /// Whether every rule can be followed.
    ///
    /// # Errors
    /// With the first that cannot.
    pub fn check(&self) -> Result<(), PlanError> {
        self.rules.iter().enumerate().try_for_each(|(index, rule)| {
            rule.check().map_err(|reason| PlanError::Rule { number: index + 1, kind: rule.kind, reason })
        })
    }
}

impl Rule {
    /// A rule without target, limit, or anything else.
    pub fn new(kind: Kind, when: When) -> Rule {
        Rule { kind, when, target: Target::default(), for_ms: None, amount: None, limit: None }
    }

    /// How long it lasts, in milliseconds.
    pub(super) fn lasts_ms(&self) -> Option<u64> {
        self.for_ms.or(self.kind.lasts_ms())
    }

    pub(super) fn amounts_to(&self) -> i64 {
        self.amount.or(self.kind.amounts_to()).unwrap_or(0)
    }

    fn check(&self) -> Result<(), String> {
        let class = self.kind.class();
        match &self.when {
            When::PerThousand(1..=1_000) if class != Class::Exchange => {}
            When::Every(1..) if class != Class::Exchange => {}
            When::PerThousand(1..=1_000) | When::Every(1..) => {
                return Err("it strikes by the time: say `every_ms` or `at_ms` (short: `30s`, `@10s`)".to_owned());
            }
            When::EveryMs(1..) => {}
            When::AtMs(times) if !times.is_empty() && times.is_sorted() => {}
            When::AtMs(_) => return Err("`at_ms` needs times in ascending order".to_owned()),
            When::PerThousand(rate) => return Err(format!("{rate} of 1000 is no rate: say 1 to 1000")),
            When::Every(_) | When::EveryMs(_) => return Err("every 0 is never: leave the rule away".to_owned()),
        }
        self.check_strike()
    }

    /// What does not depend on when.
    pub(super) fn check_strike(&self) -> Result<(), String> {
        let (class, name) = (self.kind.class(), self.kind.as_str());
        let target = &self.target;
        let of_feed = matches!(class, Class::Frame | Class::Subscription);
        for (given, fits, what) in [
            (target.channel.is_some(), of_feed, "channel"),
            (target.market.is_some(), of_feed || self.kind == Kind::Halt, "market"),
            (target.connection.is_some(), of_feed || class == Class::Connection, "connection"),
            (target.operation.is_some(), class == Class::Request, "operation"),
        ] {
            if given && !fits {
                return Err(format!("{name} has no {what}"));
            }
        }
        if let Some(channel) = &target.channel
            && !Channel::ALL.iter().any(|known| known.as_str() == channel)
        {
            let known: Vec<_> = Channel::ALL.iter().map(|channel| channel.as_str()).collect();
            return Err(format!("there is no channel `{channel}`: it is one of {}", known.join(", ")));
        }
        if let Some(operation) = &target.operation
            && operation != super::HANDSHAKE
            && !daybook_kalshi::rest::operations().any(|known| known.id == operation)
        {
            return Err(format!("there is no operation `{operation}`: say one of the venue's, such as GetMarkets"));
        }
        if target.operation.as_deref() == Some(super::HANDSHAKE)
            && matches!(self.kind, Kind::Stale | Kind::MalformedAnswer)
        {
            return Err(format!("{name} is of an answer's body, and a handshake has none"));
        }
        if self.for_ms.is_some() && self.kind.lasts_ms().is_none() {
            return Err(format!("{name} does not last: it takes no duration"));
        }
        match (self.amount, self.kind) {
            (Some(_), kind) if kind.amounts_to().is_none() => Err(format!("{name} has no amount")),
            (Some(..=0), Kind::Gap | Kind::Trickle) => Err(format!("the amount of {name} is at least 1")),
            (Some(1_000_001..), Kind::Gap) => Err("the amount of gap is at most 1000000".to_owned()),
            _ => Ok(()),
        }
    }
}

fn rule(text: &str) -> Result<Rule, String> {
    let mut parts = text.split(':');
    let (name, when) = parts.next().and_then(|part| part.split_once('=')).ok_or("it is not of the form KIND=WHEN")?;
    let kind = Kind::from_name(name).ok_or_else(|| {
        let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("there is no fault `{name}`: it is one of {}", known.join(", "))
    })?;
    let mut rule = Rule::new(kind, parse_when(when)?);
    for option in parts {
        let (key, value) = option.split_once('=').ok_or_else(|| format!("`{option}` is not of the form KEY=VALUE"))?;
        match key {
            "channel" => rule.target.channel = Some(value.to_owned()),
            "market" => rule.target.market = Some(value.to_owned()),
            "connection" => rule.target.connection = Some(number(value)?),
            "operation" => rule.target.operation = Some(value.to_owned()),
            "for" => rule.for_ms = Some(duration_ms(value)?),
            "amount" => {
                rule.amount = Some(value.parse().map_err(|_| format!("amount `{value}` is not a whole number"))?);
            }
            "limit" => rule.limit = Some(number(value)?),
            _ => {
                let known = "channel, market, connection, operation, for, amount or limit";
                return Err(format!("there is no option `{key}`: it is {known}"));
            }
        }
    }
    Ok(rule)
}

fn parse_when(text: &str) -> Result<When, String> {
    if let Some(times) = text.strip_prefix('@') {
        return Ok(When::AtMs(times.split('@').map(duration_ms).collect::<Result<_, _>>()?));
    }
    if let Some(every) = text.strip_prefix("1/") {
        return Ok(When::Every(number(every)?));
    }
    if let Some(percent) = text.strip_suffix('%') {
        let percent: u32 = percent.parse().map_err(|_| format!("`{text}` is not a whole percentage"))?;
        return Ok(When::PerThousand(percent.saturating_mul(10)));
    }
    if text.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(rate) = text.parse()
    {
        return Ok(When::PerThousand(rate));
    }
    duration_ms(text).map(When::EveryMs).map_err(|_| {
        format!("`{text}` does not say when: say 5 (of 1000), 2%, 1/200 (each 200th), 30s (every 30 s) or @10s (then)")
    })
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is not a whole number from 0"))
}

fn duration_ms(text: &str) -> Result<u64, String> {
    let unit = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(unit);
    let factor = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(format!("`{text}` is no duration: say such as 250ms, 2s, 5m or 1h")),
    };
    let count: Option<u64> = digits.parse().ok();
    count
        .and_then(|count| count.checked_mul(factor))
        .ok_or_else(|| format!("`{text}` is no duration: it needs a number"))
}

#[cfg(test)]
mod tests;
