//! Series.

use daybook_kalshi::rest::series::{
    SeriesAnswer, SeriesFeeChanges, SeriesFeeChangesQuery, SeriesList, SeriesListQuery, SeriesQuery,
};
use serde_json::Map;

use super::{
    answer::{Answer, Refusal},
    request::Request,
};
use crate::venue::Venue;

pub(super) fn list(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: SeriesListQuery = request.query()?;
    let wanted = |row: &&crate::venue::SeriesRow| {
        let record = &row.record;
        let category = query.category.as_ref();
        // A list of tags, any of which will do.
        let tags = query.tags.as_ref();
        let updated = record.last_updated_ts.map_or(0, |at| at.as_second());
        category.is_none_or(|category| *category == record.category || record.categories.contains(category))
            && tags.is_none_or(|tags| tags.split(',').any(|tag| record.tags.iter().any(|own| own == tag.trim())))
            && query.min_updated_ts.is_none_or(|min| updated > min.0)
    };
    let (volume, metadata) =
        (query.include_volume.unwrap_or_default(), query.include_product_metadata.unwrap_or_default());
    let rows = venue.catalogue().series.iter().filter(wanted);
    let series = rows.map(|row| venue.series_record(row, volume, metadata)).collect();
    Ok(Answer::ok(SeriesList { series, extra: Map::new() }))
}

pub(super) fn one(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: SeriesQuery = request.query()?;
    let catalogue = venue.catalogue();
    let id = catalogue.series_id(request.param("series_ticker")).ok_or_else(|| Refusal::not_found("series"))?;
    let series = venue.series_record(catalogue.series(id), query.include_volume.unwrap_or_default(), true);
    Ok(Answer::ok(SeriesAnswer { series, extra: Map::new() }))
}

/// This exchange schedules none.
pub(super) fn fee_changes(_: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    request.query::<SeriesFeeChangesQuery>()?;
    Ok(Answer::ok(SeriesFeeChanges { series_fee_change_arr: Vec::new(), extra: Map::new() }))
}
