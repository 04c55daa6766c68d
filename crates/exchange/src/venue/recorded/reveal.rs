//! What a market of a record is about, told when it was known: a strike is often the result of the market before.

use daybook_book::ExchangeTime;

use crate::{
    engine::MarketId,
    feed::{LifecycleChange, MetadataUpdate, Strike as StrikeFields},
    venue::{Strike, Venue, publish::number},
};

/// What is known of a market when it opens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revealed {
    /// What decides.
    pub strike: Strike,
    /// What YES stands for.
    pub yes_sub_title: String,
    /// What NO stands for, if not the same as YES.
    pub no_sub_title: Option<String>,
    /// The rules.
    pub rules_primary: Option<String>,
    /// More rules.
    pub rules_secondary: String,
    /// The event's title.
    pub title: String,
    /// What sets the event apart within its series.
    pub sub_title: String,
}

impl Venue {
    /// Makes known what a market is about.
    pub fn reveal(&mut self, market: MarketId, revealed: &Revealed, now: ExchangeTime) {
        self.advance(now);
        let now = self.now;
        let row = self.catalogue.market_mut(market);
        (row.strike, row.updated) = (revealed.strike, now);
        row.yes_sub_title = revealed.yes_sub_title.as_str().into();
        let event = row.event;
        let more = row.particulars.get_or_insert_default();
        more.no_sub_title.clone_from(&revealed.no_sub_title);
        more.rules_primary.clone_from(&revealed.rules_primary);
        more.rules_secondary.clone_from(&revealed.rules_secondary);
        let event = self.catalogue.event_mut(event);
        (event.title, event.sub_title) = (revealed.title.as_str().into(), revealed.sub_title.as_str().into());
        event.updated = now;
        if self.record_contents(market).is_some_and(|recorded| recorded.has_lifecycle) {
            return;
        }
        let (strike_type, floor, cap) = revealed.strike.parts();
        let (floor, cap) = (floor.and_then(number), cap.and_then(number));
        let update = MetadataUpdate {
            strike: StrikeFields {
                strike_type: strike_type.as_ref().map(|word| word.as_str()),
                floor_strike: floor.as_ref(),
                cap_strike: cap.as_ref(),
                custom_strike: None,
            },
            yes_sub_title: Some(&revealed.yes_sub_title),
        };
        self.tell_change(market, LifecycleChange::MetadataUpdated(&update), now);
    }
}
