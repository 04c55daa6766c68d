//! Incentive programs: rewards for liquidity and volume.

use daybook_book::{Quantity, Ticker};

use crate::{
    client::{Call, Client, Error},
    rest::{
        paging::{Items, items, pages},
        value::{
            CentiCents, Cursor, IncentiveProgramId, MarketId, Query, Timestamp, open_enum, operations, query, record,
        },
    },
};

operations! {
    GET_INCENTIVE_PROGRAMS = Get "/incentive_programs" "GetIncentivePrograms" public Read;
}

pages! {
    GET_INCENTIVE_PROGRAMS(IncentiveProgramsQuery) =
        IncentiveProgramsPage { incentive_programs: IncentiveProgram, next_cursor };
}

record! {
    /// A page of incentive programs. Schema `GetIncentiveProgramsResponse`.
    pub struct IncentiveProgramsPage {
        /// The programs.
        pub incentive_programs: Vec<IncentiveProgram>,
        /// Where the next page begins; none on the last.
        pub next_cursor: Option<Cursor>,
    }
}

record! {
    /// A program for one market. Schema `IncentiveProgram`.
    pub struct IncentiveProgram {
        /// Its identifier.
        pub id: IncentiveProgramId,
        /// The market's identifier.
        pub market_id: MarketId,
        /// The market.
        pub market_ticker: Ticker,
        /// What is rewarded.
        pub incentive_type: IncentiveKind,
        /// The same in words.
        pub incentive_description: String,
        /// When it begins.
        pub start_date: Timestamp,
        /// When it ends.
        pub end_date: Timestamp,
        /// What is paid over the whole of it.
        pub period_reward: CentiCents,
        /// Whether it has been paid.
        pub paid_out: bool,
        /// By how much orders further from the best price count less, in hundredths of a percent.
        pub discount_factor_bps: Option<i32>,
        /// The size that is wanted in the book.
        pub target_size_fp: Option<Quantity>,
        /// The most that one account gets.
        pub max_reward_per_account: Option<CentiCents>,
    }
}

open_enum! {
    /// What is rewarded.
    pub enum IncentiveKind {
        /// Resting orders.
        Liquidity = "liquidity",
        /// Trades.
        Volume = "volume",
        /// Makers' trades of margined contracts.
        MarginMakerVolume = "margin_maker_volume",
        /// Takers' trades of margined contracts.
        MarginTakerVolume = "margin_taker_volume",
    }
}

query! {
    /// Which programs. Query of operation `GetIncentivePrograms`.
    pub struct IncentiveProgramsQuery {}
    optional {
        /// Only in this state.
        pub status: Option<IncentiveStatus>,
        /// Only of this kind.
        pub kind as "type": Option<IncentiveFilter>,
        /// Only with this description.
        pub incentive_description: Option<String>,
        /// Items per page, 1 to 10,000.
        pub limit: Option<u32>,
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
    }
}

open_enum! {
    /// The states of a program.
    pub enum IncentiveStatus {
        /// Any.
        All = "all",
        /// Running.
        Active = "active",
        /// Not begun.
        Upcoming = "upcoming",
        /// Over.
        Closed = "closed",
        /// Paid.
        PaidOut = "paid_out",
    }
}

open_enum! {
    /// The kinds by which programs are asked for.
    pub enum IncentiveFilter {
        /// Any.
        All = "all",
        /// Resting orders.
        Liquidity = "liquidity",
        /// Trades.
        Volume = "volume",
        /// Makers' trades of margined contracts.
        MarginMakerVolume = "margin_maker_volume",
        /// Takers' trades of margined contracts.
        MarginTakerVolume = "margin_taker_volume",
    }
}

impl Client {
    /// A page of programs. Operation `GetIncentivePrograms`.
    pub async fn incentive_programs(&self, query: &IncentiveProgramsQuery) -> Result<IncentiveProgramsPage, Error> {
        self.call(query.add_to(Call::new(&GET_INCENTIVE_PROGRAMS))).await
    }

    /// All programs that the query names. Pages of [`incentive_programs`](Client::incentive_programs), from
    /// `query.cursor` on.
    pub fn all_incentive_programs(&self, query: IncentiveProgramsQuery) -> Items<IncentiveProgram> {
        items(self, query)
    }
}
