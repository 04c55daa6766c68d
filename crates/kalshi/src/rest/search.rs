//! What there is to search for.

use std::collections::BTreeMap;

use crate::{
    client::{Call, Client, Error},
    rest::value::{operations, record},
};

operations! {
    GET_TAGS_FOR_SERIES_CATEGORIES = Get "/search/tags_by_categories" "GetTagsForSeriesCategories" public Read;
    GET_FILTERS_FOR_SPORTS = Get "/search/filters_by_sport" "GetFiltersForSports" public Read;
}

record! {
    /// The envelope of the tags by category. Schema `GetTagsForSeriesCategoriesResponse`.
    pub struct CategoryTags {
        /// Tags by category; none where the venue says `null`.
        pub tags_by_categories: BTreeMap<String, Vec<String>>,
    }
}

record! {
    /// By what sports markets can be narrowed down. Schema `GetFiltersBySportsResponse`.
    pub struct SportFilters {
        /// By sport.
        pub filters_by_sports: BTreeMap<String, SportFilter>,
        /// The sports in the order in which to show them.
        pub sport_ordering: Vec<String>,
    }
}

record! {
    /// By what the markets of a sport can be narrowed down. Schema `SportFilterDetails`.
    pub struct SportFilter {
        /// Parts of the sport.
        pub scopes: Vec<String>,
        /// Competitions, each with its parts.
        pub competitions: BTreeMap<String, ScopeList>,
    }
}

record! {
    /// The parts of a competition. Schema `ScopeList`.
    pub struct ScopeList {
        /// The parts.
        pub scopes: Vec<String>,
    }
}

impl Client {
    /// Tags of series by category. Operation `GetTagsForSeriesCategories`.
    pub async fn tags_by_category(&self) -> Result<BTreeMap<String, Vec<String>>, Error> {
        Ok(self.call::<CategoryTags>(Call::new(&GET_TAGS_FOR_SERIES_CATEGORIES)).await?.tags_by_categories)
    }

    /// By what sports markets can be narrowed down. Operation `GetFiltersForSports`.
    pub async fn sport_filters(&self) -> Result<SportFilters, Error> {
        self.call(Call::new(&GET_FILTERS_FOR_SPORTS)).await
    }
}
