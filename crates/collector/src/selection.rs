//! Which markets are recorded.

/// Every market of these series and events; all that there are if none is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Series tickers.
    pub series: Vec<String>,
    /// Event tickers.
    pub events: Vec<String>,
    /// Combos too (`KXMVE…`).
    pub combos: bool,
}

/// What the tickers of combos begin with.
const COMBO: &str = "KXMVE";

impl Selection {
    /// Whether everything is recorded, but for combos perhaps.
    pub fn is_everything(&self) -> bool {
        self.series.is_empty() && self.events.is_empty()
    }

    /// Whether a market whose event is not known may belong to it, by the venue's way to make tickers:
    /// `SERIES-EVENTPART-MARKETPART`.
    pub fn may_hold(&self, ticker: &str) -> bool {
        let begins = |with: &String| ticker.strip_prefix(with.as_str()).is_some_and(|rest| rest.starts_with('-'));
        let named = self.is_everything() || self.series.iter().chain(&self.events).any(begins);
        named && (self.combos || !ticker.starts_with(COMBO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickers_are_told_by_whole_parts() {
        let series = |name: &str| Selection { series: vec![name.to_owned()], ..Selection::default() };
        assert!(series("KXHIGHNY").may_hold("KXHIGHNY-26NOV22-T60"));
        assert!(!series("KXHIGH").may_hold("KXHIGHNY-26NOV22-T60"));
        let event = Selection { events: vec!["KXHIGHNY-26NOV22".to_owned()], ..Selection::default() };
        assert!(event.may_hold("KXHIGHNY-26NOV22-T60") && !event.may_hold("KXHIGHNY-26NOV23-T60"));
        let all = Selection::default();
        assert!(all.may_hold("A-B") && !all.may_hold("KXMVECROSS-1-2"));
        assert!(Selection { combos: true, ..all }.may_hold("KXMVECROSS-1-2"));
    }
}
