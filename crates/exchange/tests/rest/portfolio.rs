//! What an account has, in the venue's units.

use std::time::Duration;

use daybook_exchange::venue::{LiveWindows, MarketChange, Settings};
use daybook_kalshi::{
    Algorithm, Tier,
    rest::{
        markets::{BookSide, MarketResult},
        portfolio::{
            ExchangeInstance, FillsQuery, PositionsQuery, SettlementFilter, SettlementsQuery, ShardTransferRequest,
            SubaccountNettingRequest, SubaccountTransferRequest, TargetAllocationRequest, TargetShare,
        },
        value::{CentiCents, Cents, ExchangeIndex, Subaccount},
    },
};
use futures_util::TryStreamExt;

use crate::exchange::{Venues, count, dollars, order, price, ticker};

const MARKET: &str = "KXHIGHNY-26OCT01-T60";

#[tokio::test]
async fn from_the_first_fill_to_the_settlement() {
    let live = LiveWindows { orders: 3_600, others: 3_600 };
    let venues = Venues::start_with(Settings { live, ..Settings::default() }).await;
    let (yes, no) = (venues.member("100"), venues.member("100"));
    yes.client.create_order(&order(MARKET, BookSide::Bid, "0.40", "10")).await.unwrap();
    let resting = yes.client.resting_order_value().await.unwrap();
    assert_eq!(resting.total_resting_order_value, Cents(400));
    let balance = yes.client.balance(&Default::default()).await.unwrap();
    assert_eq!((balance.balance, balance.portfolio_value), (Cents(9_600), Cents(0)));
    for _ in 0..2 {
        no.client.create_order(&order(MARKET, BookSide::Ask, "0.40", "5")).await.unwrap();
    }

    let fills: Vec<_> =
        no.client.all_fills(FillsQuery { limit: Some(1), ..Default::default() }).try_collect().await.unwrap();
    assert_eq!(fills.len(), 2);
    assert!(fills.iter().all(|fill| fill.is_taker && fill.count_fp == count("5") && fill.book_side == BookSide::Ask));
    let trades = no.client.trades(&Default::default()).await.unwrap().trades;
    assert_eq!(fills[0].trade_id, trades[0].trade_id, "the public trade's");
    let theirs =
        yes.client.fills(&FillsQuery { ticker: vec![ticker(MARKET)], ..Default::default() }).await.unwrap().fills;
    assert_eq!((theirs[0].trade_id.clone(), theirs[0].is_taker), (fills[0].trade_id.clone(), false));
    assert_eq!(theirs[0].fee_cost, dollars("0"), "makers pay nothing under this rule");
    let by_order = FillsQuery { order_id: Some(fills[0].order_id.clone()), ..Default::default() };
    assert_eq!(no.client.fills(&by_order).await.unwrap().fills.len(), 1);

    let positions = yes.client.positions(&PositionsQuery::default()).await.unwrap();
    let position = &positions.market_positions[0];
    assert_eq!((position.position_fp, position.market_exposure_dollars), (count("10"), dollars("4")));
    assert_eq!((position.total_traded_dollars, position.fees_paid_dollars), (dollars("4"), dollars("0")));
    assert_eq!(positions.event_positions[0].event_exposure_dollars, dollars("4"));
    let positions = no.client.positions(&PositionsQuery::default()).await.unwrap();
    assert_eq!(positions.market_positions[0].position_fp, count("-10"));
    assert_eq!(positions.market_positions[0].market_exposure_dollars, dollars("6"));
    let worth = yes.client.balance(&Default::default()).await.unwrap();
    assert_eq!((worth.balance, worth.portfolio_value), (Cents(9_600), Cents(400)));

    let (now, market) = (venues.now(), venues.market(MARKET));
    venues.exchange.venue().change_market(market, MarketChange::Determine(price("0")), now).unwrap();
    venues.wait(Duration::from_secs(60));
    let settled = no.client.settlements(&SettlementsQuery::default()).await.unwrap().settlements;
    assert_eq!((settled.len(), settled[0].market_result.clone()), (1, MarketResult::No));
    assert_eq!((settled[0].no_count_fp, settled[0].yes_count_fp), (count("10"), count("0")));
    assert_eq!((settled[0].revenue, settled[0].value), (Cents(1_000), Some(Cents(0))));
    assert_eq!(settled[0].no_total_cost_dollars, dollars("6"));
    let lost = yes.client.balance(&Default::default()).await.unwrap();
    assert_eq!((lost.balance, lost.portfolio_value), (Cents(9_600), Cents(0)));
    assert!(yes.client.positions(&PositionsQuery::default()).await.unwrap().market_positions.is_empty());
    let of = |status| PositionsQuery { settlement_status: Some(status), ..Default::default() };
    assert_eq!(yes.client.positions(&of(SettlementFilter::Settled)).await.unwrap().market_positions.len(), 1);
    assert_eq!(yes.client.positions(&of(SettlementFilter::All)).await.unwrap().market_positions.len(), 1);

    // What is over becomes history; a settlement does not.
    venues.wait(Duration::from_secs(3_700));
    assert!(no.client.fills(&FillsQuery::default()).await.unwrap().fills.is_empty());
    assert_eq!(no.client.historical_fills(&Default::default()).await.unwrap().fills.len(), 2);
    assert!(no.client.orders(&Default::default()).await.unwrap().orders.is_empty());
    assert_eq!(no.client.historical_orders(&Default::default()).await.unwrap().orders.len(), 2);
    // The event's other markets are not settled, so its positions stay.
    assert!(no.client.historical_positions(&Default::default()).await.unwrap().market_positions.is_empty());
    assert_eq!(no.client.settlements(&SettlementsQuery::default()).await.unwrap().settlements.len(), 1);
    no.client.user_data_timestamp().await.unwrap();
    venues.check_answers();
}

#[tokio::test]
async fn money_moves_between_pockets() {
    let shards = vec!["Other".to_owned(), "Exotics".to_owned()];
    let venues = Venues::start_with(Settings { shards, ..Settings::default() }).await;
    let member = venues.member("100");
    let client = &member.client;
    client.create_subaccount(&Default::default()).await.unwrap();
    let id = "0b54a6c2-0d5c-4f0c-9a53-1d6a6f1b2c3d";
    let transfer = SubaccountTransferRequest::new(id, Subaccount(0), Subaccount(1), Cents(1_050));
    client.transfer_between_subaccounts(&transfer).await.unwrap();
    client.transfer_between_subaccounts(&transfer).await.unwrap();
    let more = SubaccountTransferRequest::new(
        "0b54a6c2-0d5c-4f0c-9a53-1d6a6f1b2c3e",
        Subaccount(1),
        Subaccount(0),
        Cents(9_999),
    );
    let error = client.transfer_between_subaccounts(&more).await.unwrap_err();
    assert!(error.has_code("insufficient_balance"), "{error}");
    let balances = client.subaccount_balances().await.unwrap();
    let of = |sub: u32, shard: i32| {
        let found = balances.iter().find(|balance| {
            (balance.subaccount_number, balance.exchange_index) == (Subaccount(sub), ExchangeIndex(shard))
        });
        found.unwrap().balance
    };
    assert_eq!([of(0, 0), of(1, 0), of(0, 1), of(1, 1)], ["89.50", "10.50", "100", "0"].map(dollars));
    let transfers: Vec<_> = client.all_subaccount_transfers(Default::default()).try_collect().await.unwrap();
    assert_eq!(transfers.iter().map(|transfer| transfer.amount_cents).collect::<Vec<_>>(), [Cents(1_050)]);

    let exchange = ExchangeInstance::EventContract;
    let mut across = ShardTransferRequest::new(exchange.clone(), exchange, CentiCents(12_345));
    across.destination_exchange_shard = Some(ExchangeIndex(1));
    across.client_transfer_id = Some("0b54a6c2-0d5c-4f0c-9a53-1d6a6f1b2c3f".into());
    let id = client.transfer_between_shards(&across).await.unwrap();
    assert_eq!(client.transfer_between_shards(&across).await.unwrap_err().status(), Some(409));
    let made = client.shard_transfer(&id).await.unwrap();
    assert_eq!((made.amount, made.destination_exchange_shard), (dollars("1.2345"), ExchangeIndex(1)));
    assert_eq!(client.shard_transfers(&Default::default()).await.unwrap().transfers, [made]);
    let balance = client.balance(&Default::default()).await.unwrap();
    assert_eq!(balance.balance_dollars, dollars("189.50"));
    assert_eq!(balance.balance_breakdown.unwrap()[1].balance, dollars("101.2345"));

    let deposits = client.deposits(&Default::default()).await.unwrap().deposits;
    assert_eq!(deposits.iter().map(|deposit| deposit.amount_cents).collect::<Vec<_>>(), [Cents(10_000); 2]);
    assert!(client.withdrawals(&Default::default()).await.unwrap().withdrawals.is_empty());
    client.set_subaccount_netting(&SubaccountNettingRequest::new(Subaccount(1), true)).await.unwrap();
    let netting = client.subaccount_netting().await.unwrap();
    assert_eq!(netting.iter().map(|netting| netting.enabled).collect::<Vec<_>>(), [false, false, true, true]);
    let share = |shard, percent: u32| TargetShare::new(ExchangeIndex(shard), percent);
    let body = TargetAllocationRequest::new(vec![share(0, 60), share(1, 30)]);
    assert_eq!(client.set_target_balance_allocation(&body).await.unwrap_err().status(), Some(400));
    let body = TargetAllocationRequest::new(vec![share(0, 60), share(1, 40)]);
    client.set_target_balance_allocation(&body).await.unwrap();
    let allocation = client.target_balance_allocation().await.unwrap();
    assert_eq!(allocation.allocations.iter().map(|share| share.percent).collect::<Vec<_>>(), [60, 40]);
    venues.check_answers();
}

#[tokio::test]
async fn the_lowest_tier_opens_no_subaccounts() {
    let venues = Venues::start().await;
    let member = venues.member_on(Tier::Basic, Algorithm::Ed25519, "1");
    assert!(member.client.create_subaccount(&Default::default()).await.unwrap_err().is_forbidden());
}
