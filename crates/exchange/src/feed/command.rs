//! Commands as clients write them.

use std::borrow::Cow;

use daybook_kalshi::Channel;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::ErrorCode;

/// A command that is well formed; what it names may not exist.
#[derive(Debug, PartialEq)]
pub(super) enum Command<'a> {
    Subscribe { channels: Vec<Channel>, params: Params<'a> },
    Unsubscribe { sids: Vec<u64> },
    Update { sid: u64, action: Cow<'a, str>, params: Params<'a> },
    List,
}

/// The parameters that commands share.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Params<'a> {
    #[serde(borrow)]
    channels: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    market_ticker: Option<Text<'a>>,
    #[serde(borrow)]
    market_tickers: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    market_id: Option<Text<'a>>,
    #[serde(borrow)]
    market_ids: Option<Vec<Text<'a>>>,
    pub(super) send_initial_snapshot: Option<bool>,
    pub(super) skip_ticker_ack: Option<bool>,
    pub(super) use_yes_price: Option<bool>,
    #[serde(borrow)]
    user_filter: Option<Text<'a>>,
    shard_factor: Option<i64>,
    shard_key: Option<i64>,
    #[serde(borrow)]
    index_ids: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    underlying_tickers: Option<Vec<Text<'a>>>,
    sid: Option<u64>,
    sids: Option<Vec<u64>>,
    #[serde(borrow)]
    action: Option<Text<'a>>,
}

/// A string, borrowed from the command unless it has escapes.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    id: Option<i64>,
    #[serde(borrow, default)]
    cmd: Option<Text<'a>>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

/// Which markets a command names.
pub(super) struct Markets<'p, 'a> {
    pub(super) tickers: &'p [Text<'a>],
    pub(super) ids: &'p [Text<'a>],
}

impl<'a> Command<'a> {
    /// Reads a message: the id to answer with, if it has one, and the command or why it is none.
    pub(super) fn read(text: &'a str) -> (Option<u64>, Result<Command<'a>, ErrorCode>) {
        let Ok(envelope) = serde_json::from_str::<Envelope<'a>>(text) else {
            return (None, Err(ErrorCode::UnableToProcess));
        };
        match envelope.id.map(u64::try_from) {
            Some(Err(_)) => (None, Err(ErrorCode::UnableToProcess)),
            Some(Ok(0)) | None => (None, Command::of(&envelope)),
            Some(Ok(id)) => (Some(id), Command::of(&envelope)),
        }
    }

    fn of(envelope: &Envelope<'a>) -> Result<Command<'a>, ErrorCode> {
        let name = envelope.cmd.as_ref().map_or("", Text::as_str);
        match name {
            "list_subscriptions" => return Ok(Command::List),
            "subscribe" | "unsubscribe" | "update_subscription" => {}
            _ => return Err(ErrorCode::UnknownCommand),
        }
        let params = envelope.params.ok_or(ErrorCode::ParamsRequired)?;
        let mut params: Params<'a> = serde_json::from_str(params.get()).map_err(|_| ErrorCode::InvalidParameter)?;
        match name {
            "subscribe" => {
                let names = params.channels.take().filter(|names| !names.is_empty());
                let channels = names.ok_or(ErrorCode::ChannelsRequired)?.into_iter();
                let channel = |name: Text<'_>| Channel::from_name(name.as_str()).ok_or(ErrorCode::UnknownChannel);
                Ok(Command::Subscribe { channels: channels.map(channel).collect::<Result<_, _>>()?, params })
            }
            "unsubscribe" => {
                let sids = params.sids.filter(|sids| !sids.is_empty()).ok_or(ErrorCode::SidsRequired)?;
                Ok(Command::Unsubscribe { sids })
            }
            _ => {
                let sid = match (params.sid, params.sids.as_deref()) {
                    (Some(sid), None) | (None, Some(&[sid])) => sid,
                    _ => return Err(ErrorCode::ExactlyOneSid),
                };
                let action = params.action.take().ok_or(ErrorCode::ActionRequired)?.0;
                Ok(Command::Update { sid, action, params })
            }
        }
    }
}

impl<'a> Params<'a> {
    /// The markets that are named, by ticker or by id.
    ///
    /// # Errors
    /// More than one of the four ways of naming them is used.
    pub(super) fn markets(&self) -> Result<Markets<'_, 'a>, ErrorCode> {
        let ways = [
            self.market_ticker.is_some(),
            self.market_tickers.is_some(),
            self.market_id.is_some(),
            self.market_ids.is_some(),
        ];
        if ways.into_iter().filter(|&used| used).count() > 1 {
            return Err(ErrorCode::InvalidParameter);
        }
        Ok(Markets {
            tickers: self.market_tickers.as_deref().unwrap_or(self.market_ticker.as_slice()),
            ids: self.market_ids.as_deref().unwrap_or(self.market_id.as_slice()),
        })
    }

    /// The tickers of the list, and only of the list.
    pub(super) fn listed_tickers(&self) -> &[Text<'a>] {
        self.market_tickers.as_deref().unwrap_or_default()
    }

    /// What a channel of indices is limited to.
    pub(super) fn listed(&self, channel: Channel) -> &[Text<'a>] {
        match channel {
            Channel::CfBenchmarks | Channel::CfBenchmarks5Hz => self.index_ids.as_deref().unwrap_or_default(),
            Channel::Pyth => self.underlying_tickers.as_deref().unwrap_or_default(),
            _ => &[],
        }
    }

    /// Whether only own requests for quotes are wanted.
    ///
    /// # Errors
    /// It is neither empty nor `self`.
    pub(super) fn own_only(&self) -> Result<bool, ErrorCode> {
        match self.user_filter.as_ref().map_or("", Text::as_str) {
            "" => Ok(false),
            "self" => Ok(true),
            _ => Err(ErrorCode::InvalidParameter),
        }
    }

    /// Which of how many shards is wanted.
    ///
    /// # Errors
    /// The errors 19 to 22.
    pub(super) fn shard(&self) -> Result<Option<(u64, u64)>, ErrorCode> {
        let key = self.shard_key;
        match self.shard_factor {
            None if key.is_some() => Err(ErrorCode::ShardFactorRequired),
            None => Ok(None),
            Some(..=0) => Err(ErrorCode::ShardFactorTooSmall),
            Some(101..) => Err(ErrorCode::ShardFactorTooLarge),
            Some(factor) => match key.unwrap_or(0) {
                key if (0..factor).contains(&key) => Ok(Some((factor.unsigned_abs(), key.unsigned_abs()))),
                _ => Err(ErrorCode::ShardKeyOutOfRange),
            },
        }
    }
}
