//! Learning from the venue how much it allows this account.

use super::{Client, Error};
use crate::{
    limit::{BucketLimit, Costs, Limits, Tier},
    rest::account,
};

/// What the venue allows an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LearnedLimits {
    /// The usage tier in the venue's words; see [`Tier`].
    pub usage_tier: String,
    /// The account's budgets.
    pub limits: Limits,
    /// What operations cost.
    pub costs: Costs,
}

impl From<account::BucketLimit> for BucketLimit {
    fn from(bucket: account::BucketLimit) -> BucketLimit {
        BucketLimit { refill_rate: bucket.refill_rate, capacity: bucket.bucket_capacity }
    }
}

impl Client {
    /// Asks the venue for the account's budgets (`GetAccountApiLimits`) and for what operations cost
    /// (`GetAccountEndpointCosts`), and has the limiter go by both. Needs credentials; costs two reads.
    ///
    /// # Errors
    /// When either cannot be had; the limiter goes on as before.
    pub async fn learn_limits(&self) -> Result<LearnedLimits, Error> {
        let limits = self.api_limits().await?;
        let costs = self.endpoint_costs().await?;
        // The balance's budget is not told, but goes with the tier. Of a tier that we do not know, the least is sure.
        let balance = limits.usage_tier.parse().unwrap_or(Tier::Basic).balance();
        let learned = LearnedLimits {
            limits: Limits { read: limits.read.into(), write: limits.write.into(), balance },
            usage_tier: limits.usage_tier,
            costs: costs
                .endpoint_costs
                .into_iter()
                .fold(Costs::flat(costs.default_cost), |costs, own| costs.with(&own.method, &own.path, own.cost)),
        };
        self.limiter().set_limits(learned.limits);
        self.limiter().set_costs(learned.costs.clone());
        tracing::info!(
            usage_tier = %learned.usage_tier,
            read = learned.limits.read.refill_rate,
            write = learned.limits.write.refill_rate,
            "the account's rate limits are known"
        );
        Ok(learned)
    }
}
