//! Structured targets: the things, people and teams that strikes name.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    client::{Call, Client, Error},
    rest::{
        paging::{Items, items, pages},
        value::{Cursor, Query, StructuredTargetId, Timestamp, operations, query, record},
    },
};

operations! {
    GET_STRUCTURED_TARGETS = Get "/structured_targets" "GetStructuredTargets" public Read;
    GET_STRUCTURED_TARGET = Get "/structured_targets/{structured_target_id}" "GetStructuredTarget" public Read;
}

pages! {
    GET_STRUCTURED_TARGETS(StructuredTargetsQuery) =
        StructuredTargetsPage { structured_targets.unwrap_or_default: StructuredTarget };
}

record! {
    /// A page of structured targets. Schema `GetStructuredTargetsResponse`.
    pub struct StructuredTargetsPage {
        /// The targets.
        pub structured_targets: Option<Vec<StructuredTarget>>,
        /// Where the next page begins; none on the last.
        pub cursor: Option<Cursor>,
    }
}

record! {
    /// The envelope of a [`StructuredTarget`]. Schema `GetStructuredTargetResponse`.
    pub struct StructuredTargetAnswer {
        /// The target.
        pub structured_target: Option<StructuredTarget>,
    }
}

record! {
    /// Something that a strike can name. Schema `StructuredTarget`.
    pub struct StructuredTarget {
        /// Its identifier.
        pub id: Option<StructuredTargetId>,
        /// Its name.
        pub name: Option<String>,
        /// What it is.
        pub kind as "type": Option<String>,
        /// More about it, in a shape that depends on what it is.
        pub details: Option<Map<String, Value>>,
        /// Its identifier where the data come from.
        pub source_id: Option<String>,
        /// Its identifiers, by source.
        pub source_ids: Option<BTreeMap<String, String>>,
        /// When its description last changed.
        pub last_updated_ts: Option<Timestamp>,
    }
}

query! {
    /// Which structured targets. Query of operation `GetStructuredTargets`.
    pub struct StructuredTargetsQuery {}
    optional {
        /// Only these.
        pub ids: Vec<StructuredTargetId>,
        /// Only of this kind.
        pub kind as "type": Option<String>,
        /// Only of this competition.
        pub competition: Option<String>,
        /// Items per page, 1 to 2000; 100 without.
        pub page_size: Option<u32>,
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
    }
}

impl Client {
    /// A page of structured targets. Operation `GetStructuredTargets`.
    pub async fn structured_targets(&self, query: &StructuredTargetsQuery) -> Result<StructuredTargetsPage, Error> {
        self.call(query.add_to(Call::new(&GET_STRUCTURED_TARGETS))).await
    }

    /// All structured targets that the query names. Pages of [`structured_targets`](Client::structured_targets), from
    /// `query.cursor` on.
    pub fn all_structured_targets(&self, query: StructuredTargetsQuery) -> Items<StructuredTarget> {
        items(self, query)
    }

    /// One structured target; none if the venue answers without it. Operation `GetStructuredTarget`.
    pub async fn structured_target(
        &self,
        structured_target_id: &StructuredTargetId,
    ) -> Result<Option<StructuredTarget>, Error> {
        Ok(self
            .call::<StructuredTargetAnswer>(
                Call::new(&GET_STRUCTURED_TARGET).path("structured_target_id", structured_target_id),
            )
            .await?
            .structured_target)
    }
}
