//! What an answer to a command says beyond its [frame](crate::Frame): which command, which markets.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The parts of a control frame that concern the command it answers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The command.
    pub(crate) id: Option<u64>,
    /// In an error: the markets at fault, where named.
    pub(crate) markets: Vec<String>,
    /// In the answer to `list_subscriptions`: channels and their subscriptions; `None` if it is no such list.
    pub(crate) listed: Option<Vec<(String, u32)>>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    msg: Option<&'a RawValue>,
}

/// What there is to list on a channel, and the command that asked.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Available {
    pub(crate) id: Option<u64>,
    msg: AvailableNames,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct AvailableNames {
    /// `null` is none; a missing key is not.
    #[serde(alias = "underlying_tickers", deserialize_with = "Option::deserialize")]
    index_ids: Option<Vec<String>>,
}

impl Available {
    /// Reads a frame [of this type](crate::Channel::is_told_by).
    pub(crate) fn read(frame: &[u8]) -> Option<Available> {
        serde_json::from_slice(frame).ok()
    }

    pub(crate) fn names(self) -> Vec<String> {
        self.msg.index_ids.unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct ErrorMessage {
    market_ticker: Option<String>,
    market_tickers: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Listed {
    channel: String,
    sid: u32,
}

impl Answer {
    /// Reads a frame that [`Frame::parse`](crate::Frame::parse) took for a control frame; what is absent stays empty.
    pub(crate) fn read(frame: &[u8], is_error: bool) -> Answer {
        let Ok(Envelope { id, msg }) = serde_json::from_slice(frame) else { return Answer::default() };
        let mut answer = Answer { id, ..Answer::default() };
        let Some(msg) = msg else { return answer };
        if is_error {
            if let Ok(error) = serde_json::from_str::<ErrorMessage>(msg.get()) {
                answer.markets = error.market_tickers.unwrap_or_default();
                answer.markets.extend(error.market_ticker);
            }
        } else if msg.get().starts_with('[')
            && let Ok(listed) = serde_json::from_str::<Vec<Listed>>(msg.get())
        {
            answer.listed = Some(listed.into_iter().map(|listed| (listed.channel, listed.sid)).collect());
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_kind() {
        let list = br#"{"id":3,"type":"ok","msg":[{"channel":"ticker","sid":2}]}"#;
        assert_eq!(
            Answer::read(list, false),
            Answer { id: Some(3), listed: Some(vec![("ticker".into(), 2)]), ..Answer::default() }
        );
        let error = br#"{"id":4,"type":"error","msg":{"code":26,"msg":"m","market_ticker":"A"}}"#;
        assert_eq!(Answer::read(error, true), Answer { id: Some(4), markets: vec!["A".into()], ..Answer::default() });
        assert_eq!(Answer::read(br#"{"sid":1,"type":"ok"}"#, false), Answer::default());
        assert_eq!(Answer::read(br#"{"id":9,"type":"ok","msg":{}}"#, false).id, Some(9));
        let names = |frame: &str| Available::read(frame.as_bytes()).map(|available| (available.id, available.names()));
        let both = Some((Some(2), vec!["A".to_owned(), "B".to_owned()]));
        assert_eq!(names(r#"{"id":2,"sid":1,"seq":1,"msg":{"index_ids":["A","B"]}}"#), both);
        assert_eq!(names(r#"{"id":2,"sid":1,"seq":1,"msg":{"underlying_tickers":["A","B"]}}"#), both);
        assert_eq!(names(r#"{"sid":1,"seq":1,"msg":{"index_ids":null}}"#), Some((None, vec![])));
        assert_eq!(names(r#"{"id":2,"sid":1,"seq":1,"msg":{}}"#), None);
    }
}
