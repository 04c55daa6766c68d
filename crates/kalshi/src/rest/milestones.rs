//! Milestones: games, releases and votes that events are about.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    client::{Call, Client, Error},
    rest::{
        paging::{Items, items, pages},
        value::{Cursor, EventTicker, MilestoneId, Query, Timestamp, UnixSeconds, operations, query, record},
    },
};

operations! {
    GET_MILESTONES = Get "/milestones" "GetMilestones" public Read;
    GET_MILESTONE = Get "/milestones/{milestone_id}" "GetMilestone" public Read;
}

pages! {
    GET_MILESTONES(MilestonesQuery) = MilestonesPage { milestones: Milestone };
}

record! {
    /// A page of milestones. Schema `GetMilestonesResponse`.
    pub struct MilestonesPage {
        /// The milestones.
        pub milestones: Vec<Milestone>,
        /// Where the next page begins; none on the last.
        pub cursor: Option<Cursor>,
    }
}

record! {
    /// The envelope of a [`Milestone`]. Schema `GetMilestoneResponse`.
    pub struct MilestoneAnswer {
        /// The milestone.
        pub milestone: Milestone,
    }
}

record! {
    /// Something that happens, and that events are about. Schema `Milestone`.
    pub struct Milestone {
        /// Its identifier.
        pub id: MilestoneId,
        /// Its category.
        pub category: String,
        /// What it is: `football_game`, `political_race`, …
        pub kind as "type": String,
        /// When it begins.
        pub start_date: Timestamp,
        /// When it ends.
        pub end_date: Option<Timestamp>,
        /// Events that have to do with it.
        pub related_event_tickers: Vec<EventTicker>,
        /// Its title.
        pub title: String,
        /// How it is announced.
        pub notification_message: String,
        /// Its identifier where the data come from.
        pub source_id: Option<String>,
        /// Its identifiers, by source.
        pub source_ids: Option<BTreeMap<String, String>>,
        /// More about it, in a shape that depends on what it is. Lags what happens.
        pub details: Map<String, Value>,
        /// Events that it decides.
        pub primary_event_tickers: Vec<EventTicker>,
        /// When its description last changed.
        pub last_updated_ts: Timestamp,
    }
}

query! {
    /// Which milestones. Query of operation `GetMilestones`.
    pub struct MilestonesQuery {
        /// Items per page, 1 to 500; the venue insists on it.
        pub limit: u32,
    }
    optional {
        /// Only those that begin at this time or later.
        pub minimum_start_date: Option<Timestamp>,
        /// Only of this category.
        pub category: Option<String>,
        /// Only of this competition.
        pub competition: Option<String>,
        /// Only with this identifier where the data come from.
        pub source_id: Option<String>,
        /// Only of this kind.
        pub kind as "type": Option<String>,
        /// Only those that have to do with this event.
        pub related_event_ticker: Option<EventTicker>,
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
        /// Only those whose description changed after this.
        pub min_updated_ts: Option<UnixSeconds>,
    }
}

impl Client {
    /// A page of milestones. Operation `GetMilestones`.
    pub async fn milestones(&self, query: &MilestonesQuery) -> Result<MilestonesPage, Error> {
        self.call(query.add_to(Call::new(&GET_MILESTONES))).await
    }

    /// All milestones that the query names. Pages of [`milestones`](Client::milestones), from `query.cursor` on.
    pub fn all_milestones(&self, query: MilestonesQuery) -> Items<Milestone> {
        items(self, query)
    }

    /// One milestone. Operation `GetMilestone`.
    pub async fn milestone(&self, milestone_id: &MilestoneId) -> Result<Milestone, Error> {
        Ok(self.call::<MilestoneAnswer>(Call::new(&GET_MILESTONE).path("milestone_id", milestone_id)).await?.milestone)
    }
}
