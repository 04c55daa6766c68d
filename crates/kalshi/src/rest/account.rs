//! What the account may ask for, and how often.

use daybook_book::Quantity;

use crate::{
    client::{Call, Client, Error},
    rest::{
        portfolio::ExchangeInstance,
        value::{UnixSeconds, operations, record},
    },
};

operations! {
    GET_ACCOUNT_API_LIMITS = Get "/account/limits" "GetAccountApiLimits" signed Read;
    UPGRADE_ACCOUNT_API_USAGE_LEVEL = Post "/account/api_usage_level/upgrade" "UpgradeAccountApiUsageLevel" signed Read;
    GET_ACCOUNT_API_USAGE_LEVEL_VOLUME_PROGRESS = Get "/account/api_usage_level/volume_progress"
        "GetAccountApiUsageLevelVolumeProgress" signed Read;
    GET_ACCOUNT_ENDPOINT_COSTS = Get "/account/endpoint_costs" "GetAccountEndpointCosts" public Read;
}

record! {
    /// How often the account may ask. Schema `GetAccountApiLimitsResponse`.
    pub struct ApiLimits {
        /// The tier: `basic`, `advanced`, `expert`, …
        pub usage_tier: String,
        /// The budget for reads.
        pub read: BucketLimit,
        /// The budget for writes.
        pub write: BucketLimit,
        /// Why it has the tier.
        pub grants: Vec<UsageGrant>,
    }
}

record! {
    /// A budget. Schema `BucketLimit`.
    pub struct BucketLimit {
        /// Tokens per second.
        pub refill_rate: u64,
        /// The most tokens that can be saved up.
        pub bucket_capacity: u64,
    }
}

record! {
    /// A grant of a tier. Schema `ApiUsageLevelGrant`.
    pub struct UsageGrant {
        /// The exchange that it is for.
        pub exchange_instance: ExchangeInstance,
        /// The tier.
        pub level: String,
        /// When it ends; never without.
        pub expires_ts: Option<UnixSeconds>,
        /// `volume` if it was earned, `manual` if it was given.
        pub source: String,
    }
}

record! {
    /// How far the account is from the tiers that volume earns. Schema `GetAccountApiUsageLevelVolumeProgressResponse`.
    pub struct VolumeProgress {
        /// As last computed.
        pub volume_progress: Vec<UsageProgress>,
    }
}

record! {
    /// The account's volume, and what the tiers need. Schema `AccountApiUsageLevelVolumeProgress`.
    pub struct UsageProgress {
        /// When it was computed.
        pub computed_ts: UnixSeconds,
        /// Contracts traded in the 30 days before.
        pub trailing_30d_volume_fp: Quantity,
        /// What each tier needs.
        pub goals: Vec<UsageGoal>,
    }
}

record! {
    /// What a tier needs. Schema `AccountApiUsageLevelVolumeGoal`.
    pub struct UsageGoal {
        /// The tier.
        pub level: String,
        /// Contracts to get it.
        pub earn_volume_goal_fp: Quantity,
        /// Contracts to keep it.
        pub keep_volume_goal_fp: Quantity,
    }
}

record! {
    /// What calls cost. Schema `GetAccountEndpointCostsResponse`.
    pub struct EndpointCosts {
        /// Tokens for an operation that is not listed.
        pub default_cost: u64,
        /// The others.
        pub endpoint_costs: Vec<EndpointCost>,
    }
}

record! {
    /// What one operation costs. Schema `EndpointTokenCost`.
    pub struct EndpointCost {
        /// The HTTP method.
        pub method: String,
        /// The path.
        pub path: String,
        /// Tokens.
        pub cost: u64,
    }
}

impl Client {
    /// The account's tier and budgets. Operation `GetAccountApiLimits`.
    pub async fn api_limits(&self) -> Result<ApiLimits, Error> {
        self.call(Call::new(&GET_ACCOUNT_API_LIMITS)).await
    }

    /// Moves the account from the basic to the advanced tier. It must have placed an order through the API lately.
    /// Operation `UpgradeAccountApiUsageLevel`.
    pub async fn upgrade_api_usage_level(&self) -> Result<(), Error> {
        self.done(Call::new(&UPGRADE_ACCOUNT_API_USAGE_LEVEL)).await
    }

    /// How far the account is from the tiers that volume earns. Operation `GetAccountApiUsageLevelVolumeProgress`.
    pub async fn usage_volume_progress(&self) -> Result<Vec<UsageProgress>, Error> {
        Ok(self.call::<VolumeProgress>(Call::new(&GET_ACCOUNT_API_USAGE_LEVEL_VOLUME_PROGRESS)).await?.volume_progress)
    }

    /// What calls cost: the authority on it. Operation `GetAccountEndpointCosts`.
    pub async fn endpoint_costs(&self) -> Result<EndpointCosts, Error> {
        self.call(Call::new(&GET_ACCOUNT_ENDPOINT_COSTS)).await
    }
}
