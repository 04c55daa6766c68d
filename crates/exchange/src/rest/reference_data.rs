//! What markets are about, of which this exchange knows nothing but the tags of its series: lists are empty, single
//! things are not found.

use std::collections::BTreeMap;

use daybook_kalshi::rest::{
    incentives::{IncentiveProgramsPage, IncentiveProgramsQuery},
    live_data::{LiveDataList, LiveDataListQuery},
    milestones::{MilestonesPage, MilestonesQuery},
    multivariate::{CollectionsPage, CollectionsQuery},
    search::{CategoryTags, SportFilters},
    structured_targets::{StructuredTargetsPage, StructuredTargetsQuery},
};
use serde_json::Map;

use super::{
    answer::{Answer, Refusal},
    page::{Limit, Page, wire},
    request::Request,
};
use crate::venue::Venue;

const MILESTONES: Limit = Limit::new(1, 500, 100);
const TARGETS: Limit = Limit::new(1, 2_000, 100);
const COLLECTIONS: Limit = Limit::new(1, 200, 200);
const INCENTIVES: Limit = Limit::new(1, 10_000, 100);

/// The tags of the series of each category.
pub(super) fn tags_by_categories(venue: &mut Venue, _: &Request<'_>) -> Result<Answer, Refusal> {
    let mut tags_by_categories = BTreeMap::<String, Vec<String>>::new();
    for row in &venue.catalogue().series {
        let tags = tags_by_categories.entry(row.record.category.clone()).or_default();
        for tag in &row.record.tags {
            if !tags.contains(tag) {
                tags.push(tag.clone());
            }
        }
    }
    Ok(Answer::ok(CategoryTags { tags_by_categories, extra: Map::new() }))
}

pub(super) fn filters_by_sport(_: &mut Venue, _: &Request<'_>) -> Result<Answer, Refusal> {
    Ok(Answer::ok(SportFilters { filters_by_sports: BTreeMap::new(), sport_ordering: Vec::new(), extra: Map::new() }))
}

pub(super) fn milestone(_: &mut Venue, _: &Request<'_>) -> Result<Answer, Refusal> {
    Err(Refusal::not_found("milestone"))
}

pub(super) fn milestones(_: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: MilestonesQuery = request.query()?;
    Page::read(request, Some(query.limit), MILESTONES, query.cursor.as_ref())?;
    Ok(Answer::ok(MilestonesPage { milestones: Vec::new(), cursor: wire(None), extra: Map::new() }))
}

pub(super) fn live_datas(_: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    request.query::<LiveDataListQuery>()?;
    Ok(Answer::ok(LiveDataList { live_datas: Vec::new(), extra: Map::new() }))
}

pub(super) fn event_live_data(_: &mut Venue, _: &Request<'_>) -> Result<Answer, Refusal> {
    Err(Refusal::not_found("live data"))
}

pub(super) fn weather(_: &mut Venue, _: &Request<'_>) -> Result<Answer, Refusal> {
    Err(Refusal::not_found("city"))
}

pub(super) fn structured_targets(_: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: StructuredTargetsQuery = request.query()?;
    Page::read(request, query.page_size, TARGETS, query.cursor.as_ref())?;
    Ok(Answer::ok(StructuredTargetsPage { structured_targets: Some(Vec::new()), cursor: None, extra: Map::new() }))
}

pub(super) fn structured_target(_: &mut Venue, _: &Request<'_>) -> Result<Answer, Refusal> {
    Err(Refusal::not_found("structured target"))
}

pub(super) fn collections(_: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: CollectionsQuery = request.query()?;
    Page::read(request, query.limit, COLLECTIONS, query.cursor.as_ref())?;
    Ok(Answer::ok(CollectionsPage { multivariate_contracts: Vec::new(), cursor: wire(None), extra: Map::new() }))
}

pub(super) fn collection(_: &mut Venue, _: &Request<'_>) -> Result<Answer, Refusal> {
    Err(Refusal::not_found("multivariate event collection"))
}

pub(super) fn incentive_programs(_: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: IncentiveProgramsQuery = request.query()?;
    Page::read(request, query.limit, INCENTIVES, query.cursor.as_ref())?;
    Ok(Answer::ok(IncentiveProgramsPage { incentive_programs: Vec::new(), next_cursor: None, extra: Map::new() }))
}
