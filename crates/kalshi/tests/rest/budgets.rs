//! Which of the venue's buckets each call is paid from.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use daybook_book::{Price, Quantity, Ticker};
use daybook_kalshi::{
    BucketLevel, BucketName, Budget, Client, Observer,
    rest::{
        self,
        markets::BookSide,
        order_groups::{CreateOrderGroup, OrderGroupPlace},
        orders::{
            AmendOrder, AmendOrderQuery, CancelOrderQuery, CreateOrder, DecreaseOrder, DecreaseOrderQuery,
            SelfTradePrevention, TimeInForce,
        },
        value::ExchangeIndex,
    },
};

use crate::{calls::cases, venue::Venue};

#[derive(Default)]
struct Paid(Mutex<Vec<String>>);

impl Observer for Paid {
    fn bucket_level(&self, level: &BucketLevel) {
        self.0.lock().unwrap().push(level.bucket.to_string());
    }
}

impl Paid {
    fn take(&self) -> Vec<String> {
        let mut paid = std::mem::take(&mut *self.0.lock().unwrap());
        paid.sort();
        paid
    }
}

async fn venue() -> (Venue, Arc<Paid>) {
    let paid = Arc::new(Paid::default());
    let observer = paid.clone();
    let venue = Venue::start_with(|_| (200, "{}".to_owned()), |builder| builder.observer(observer)).await;
    (venue, paid)
}

/// Every call of [`cases`] that can name a shard names 2.
#[tokio::test]
async fn every_operation_is_paid_from_its_bucket() {
    let (venue, paid) = venue().await;
    let budgets: BTreeMap<_, _> = rest::operations().map(|operation| (operation.id, operation.budget)).collect();
    for case in cases() {
        let _ = (case.run)(venue.client.clone()).await;
        let expected = match (budgets[case.operation], case.operation) {
            (Budget::Balance, _) => BucketName::Balance,
            (Budget::Read, _) => BucketName::Read,
            // Batches, and what names no shard.
            (_, "BatchCreateOrdersV2" | "BatchCancelOrdersV2" | "CancelAllOrders" | "AcceptBlockTradeProposal") => {
                BucketName::Write
            }
            // Whatever has to do with quotes.
            (_, operation) if operation.contains("RFQ") || operation.contains("Quote") => BucketName::ShardWrite(1),
            _ => BucketName::ShardWrite(2),
        };
        assert_eq!(paid.take(), [expected.to_string()], "{}", case.operation);
    }
    let writes = budgets.values().filter(|budget| **budget == Budget::Write).count();
    assert_eq!((budgets.len(), writes), (128, 28));
}

#[tokio::test]
async fn a_write_that_names_no_shard_is_paid_from_all_or_from_shard_0() {
    let (venue, paid) = venue().await;
    let client: &Client = &venue.client;
    let all = ["write", "write of shard 1", "write of shard 2", "write of shard 3"];
    let ticker: Ticker = "KXFIXTURE-1".parse().unwrap();
    let (size, price) = (Quantity::from_hundredths(100), Price::ZERO);

    // The venue finds the shard by the ticker that is always there.
    let tif = TimeInForce::GoodTillCanceled;
    let order = CreateOrder::new(ticker.clone(), BookSide::Bid, size, price, tif, SelfTradePrevention::Maker);
    let _ = client.create_order(&order).await;
    assert_eq!(paid.take(), all);
    let _ = client.create_order(&CreateOrder { exchange_index: Some(ExchangeIndex::AUTO), ..order.clone() }).await;
    assert_eq!(paid.take(), all);
    let _ = client.create_order(&CreateOrder { exchange_index: Some(ExchangeIndex(0)), ..order }).await;
    assert_eq!(paid.take(), ["write"]);
    let amend = AmendOrder::new(ticker.clone(), BookSide::Bid, price, size);
    let _ = client.amend_order(&"o".into(), &AmendOrderQuery::default(), &amend).await;
    assert_eq!(paid.take(), all);

    // Here it can be left out, and then it is shard 0.
    for (market_ticker, expected) in [(None, &all[..1]), (Some(ticker), &all[..])] {
        let query = CancelOrderQuery { market_ticker: market_ticker.clone(), ..CancelOrderQuery::default() };
        let _ = client.cancel_order(&"o".into(), &query).await;
        assert_eq!(paid.take(), expected);
        let decrease = DecreaseOrder { market_ticker, ..DecreaseOrder::default() };
        let _ = client.decrease_order(&"o".into(), &DecreaseOrderQuery::default(), &decrease).await;
        assert_eq!(paid.take(), expected);
    }

    // A group lives on shard 0 unless another is named.
    let _ = client.create_order_group(&CreateOrderGroup::default()).await;
    let _ = client.reset_order_group(&"g".into(), &OrderGroupPlace::default()).await;
    assert_eq!(paid.take(), ["write", "write"]);
}
