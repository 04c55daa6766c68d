//! Orders: placed, filled, changed, cancelled, in batches and in groups.

use daybook_exchange::venue::Settings;
use daybook_kalshi::rest::{
    markets::{BookSide, OutcomeSide},
    order_groups::{CreateOrderGroup, OrderGroupLimit, OrderGroupPlace},
    orders::{
        AmendOrder, CancelAllOrdersQuery, CancelOrder, CancelOrders, CreateOrders, DecreaseOrder, OrderStatus,
        OrdersQuery, TimeInForce,
    },
    value::{ExchangeIndex, Subaccount, UnixSeconds},
};
use futures_util::TryStreamExt;

use crate::exchange::{START, Venues, count, dollars, order, price, ticker};

const MARKET: &str = "KXHIGHNY-26OCT01-T60";

#[tokio::test]
async fn an_orders_life() {
    let venues = Venues::start().await;
    let (maker, taker) = (venues.member("100"), venues.member("100"));
    let mut bid = order(MARKET, BookSide::Bid, "0.40", "10");
    bid.client_order_id = Some("first".into());
    let created = maker.client.create_order(&bid).await.unwrap();
    assert_eq!((created.fill_count, created.remaining_count), (count("0"), count("10")));
    assert_eq!((created.average_fill_price, created.ts_ms.0), (None, START * 1_000));
    let id = created.order_id;

    let resting = maker.client.order(&id).await.unwrap();
    assert_eq!((resting.status.clone(), resting.outcome_side.clone()), (OrderStatus::Resting, OutcomeSide::Yes));
    assert_eq!((resting.yes_price_dollars, resting.no_price_dollars), (price("0.40"), price("0.60")));
    assert_eq!(resting.client_order_id.as_ref().unwrap().as_str(), "first");
    assert_eq!(maker.client.queue_position(&id).await.unwrap(), count("0"));
    assert!(taker.client.order(&id).await.unwrap_err().is_not_found(), "it is another's");
    assert!(taker.client.cancel_order(&id, &Default::default()).await.unwrap_err().is_not_found());

    let sold = taker.client.create_order(&order(MARKET, BookSide::Ask, "0.35", "4")).await.unwrap();
    assert_eq!((sold.fill_count, sold.remaining_count), (count("4"), count("0")));
    assert_eq!(sold.average_fill_price, Some(dollars("0.40")));
    // 0.07 × 4 × 0.4 × 0.6 = 0.0672, and cash is in cents: 1.60 − 0.0672 rounds down to 1.53.
    assert_eq!(sold.average_fee_paid, Some(dollars("0.0175")));
    let filled = maker.client.order(&id).await.unwrap();
    assert_eq!((filled.fill_count_fp, filled.remaining_count_fp), (count("4"), count("6")));
    assert_eq!(filled.maker_fill_cost_dollars, dollars("1.60"));

    let mut amend = AmendOrder::new(ticker(MARKET), BookSide::Bid, price("0.40"), count("8"));
    let amended = maker.client.amend_order(&id, &Default::default(), &amend).await.unwrap();
    assert_eq!((amended.remaining_count, amended.fill_count), (Some(count("4")), Some(count("0"))));
    amend.expiration_time = Some(UnixSeconds(START + 600));
    amend.updated_client_order_id = Some("renamed".into());
    let amended = maker.client.amend_order(&id, &Default::default(), &amend).await.unwrap();
    assert_eq!((amended.remaining_count, amended.fill_count), (None, None), "its size is what it was");
    assert_eq!(amended.client_order_id.unwrap().as_str(), "renamed");
    amend.ticker = ticker("KXHIGHNY-26OCT01-T70");
    let error = maker.client.amend_order(&id, &Default::default(), &amend).await.unwrap_err();
    assert!(error.has_code("order_ticker_mismatch"), "{error}");

    // Without a ticker the first shard is looked at, which is the only one.
    let decrease = DecreaseOrder { reduce_by: Some(count("1.50")), ..Default::default() };
    let decreased = maker.client.decrease_order(&id, &Default::default(), &decrease).await.unwrap();
    assert_eq!(decreased.remaining_count, count("2.50"));
    let both = DecreaseOrder { reduce_to: Some(count("1")), ..decrease };
    assert_eq!(maker.client.decrease_order(&id, &Default::default(), &both).await.unwrap_err().status(), Some(400));

    let canceled = maker.client.cancel_order(&id, &Default::default()).await.unwrap();
    assert_eq!((canceled.reduced_by, canceled.client_order_id.unwrap().as_str()), (count("2.50"), "renamed"));
    let error = maker.client.cancel_order(&id, &Default::default()).await.unwrap_err();
    assert!(error.is_not_found() && error.has_code("not_found"), "{error}");
    let gone = maker.client.order(&id).await.unwrap();
    assert_eq!((gone.status, gone.remaining_count_fp), (OrderStatus::Canceled, count("0")));
    assert!(maker.client.queue_position(&id).await.unwrap_err().is_not_found());
    venues.check_answers();
}

#[tokio::test]
async fn batches_tell_of_each_order() {
    let venues = Venues::start().await;
    let member = venues.member("100");
    let mut bad = order(MARKET, BookSide::Bid, "0.405", "1");
    bad.client_order_id = Some("off the grid".into());
    let orders = vec![
        order(MARKET, BookSide::Bid, "0.40", "1"),
        bad,
        order("KXHIGHNY-26OCT01-T70", BookSide::Ask, "0.955", "2"),
    ];
    let created = member.client.create_orders(&CreateOrders::new(orders)).await.unwrap().orders;
    assert_eq!(created.iter().map(|order| order.error.is_some()).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(created[1].error.as_ref().unwrap().code.as_deref(), Some("invalid_price"));
    assert_eq!(created[1].client_order_id.as_ref().unwrap().as_str(), "off the grid");

    let positions = member.client.queue_positions(&Default::default()).await.unwrap();
    assert_eq!(positions.len(), 2);
    let resting = OrdersQuery { status: Some(OrderStatus::Resting), limit: Some(1), ..Default::default() };
    let resting: Vec<_> = member.client.all_orders(resting).try_collect().await.unwrap();
    assert_eq!(resting.len(), 2);
    let of_event = OrdersQuery { event_ticker: vec!["KXHIGHNY-26OCT02".into()], ..Default::default() };
    assert!(member.client.orders(&of_event).await.unwrap().orders.is_empty());

    let first = created[0].order_id.clone().unwrap();
    let items = vec![CancelOrder::new(first.clone()), CancelOrder::new(first)];
    let canceled = member.client.cancel_orders(&CancelOrders::new(items)).await.unwrap().orders;
    assert_eq!((canceled[0].reduced_by, canceled[0].error.is_some()), (count("1"), false));
    assert_eq!((canceled[1].reduced_by, canceled[1].error.is_some()), (count("0"), true));
    member.client.cancel_all_orders(&CancelAllOrdersQuery::default()).await.unwrap();
    let left = OrdersQuery { status: Some(OrderStatus::Resting), ..Default::default() };
    assert!(member.client.orders(&left).await.unwrap().orders.is_empty());
    venues.check_answers();
}

#[tokio::test]
async fn groups_hold_their_orders() {
    let venues = Venues::start().await;
    let member = venues.member("100");
    let (client, place) = (&member.client, OrderGroupPlace::default());
    let body = CreateOrderGroup { contracts_limit: Some(5), ..Default::default() };
    let id = client.create_order_group(&body).await.unwrap().order_group_id;
    let mut bid = order(MARKET, BookSide::Bid, "0.40", "10");
    bid.order_group_id = Some(id.clone());
    let resting = client.create_order(&bid).await.unwrap().order_id;
    let group = client.order_group(&id, &Default::default()).await.unwrap();
    assert_eq!((group.orders, group.contracts_limit_fp), (vec![resting.clone()], Some(count("5"))));
    client.trigger_order_group(&id, &place).await.unwrap();
    assert_eq!(client.order(&resting).await.unwrap().status, OrderStatus::Canceled);
    let error = client.create_order(&bid).await.unwrap_err();
    assert!(error.has_code("order_group_triggered"), "{error}");
    client.reset_order_group(&id, &place).await.unwrap();
    client.create_order(&bid).await.unwrap();
    let limit = OrderGroupLimit { contracts_limit_fp: Some(count("7.50")), ..Default::default() };
    client.set_order_group_limit(&id, &place, &limit).await.unwrap();
    // More than the limit trades: the rest is cancelled.
    let other = venues.member("100");
    other.client.create_order(&order(MARKET, BookSide::Ask, "0.40", "8")).await.unwrap();
    assert!(client.order_group(&id, &Default::default()).await.unwrap().orders.is_empty());
    let groups = client.order_groups(&Default::default()).await.unwrap().order_groups.unwrap();
    assert_eq!(groups.iter().map(|group| group.contracts_limit_fp).collect::<Vec<_>>(), [Some(count("7.50"))]);
    client.delete_order_group(&id, &place).await.unwrap();
    assert!(client.order_group(&id, &Default::default()).await.unwrap_err().is_not_found());
    let none = CreateOrderGroup::default();
    assert_eq!(client.create_order_group(&none).await.unwrap_err().status(), Some(400));
    venues.check_answers();
}

#[tokio::test]
async fn subaccounts_and_shards_trade_apart() {
    let shards = vec!["Other".to_owned(), "Exotics".to_owned()];
    let venues = Venues::start_with(Settings { shards, ..Settings::default() }).await;
    {
        // A series of the second shard.
        let (now, mut venue) = (venues.now(), venues.exchange.venue());
        let mut record = crate::exchange::series("KXCRYPTO");
        record.exchange_index = Some(ExchangeIndex(1));
        venue.add_series(record).unwrap();
        let event = daybook_exchange::venue::NewEvent {
            ticker: "KXCRYPTO-1".into(),
            series: "KXCRYPTO".into(),
            title: "Crypto".to_owned(),
            sub_title: String::new(),
            collateral_return: None,
            strike_date: None,
        };
        venue.add_event(event, now).unwrap();
        let close = daybook_book::ExchangeTime::from_micros(now.micros() + 3_600_000_000);
        let market = daybook_exchange::venue::NewMarket::new(ticker("KXCRYPTO-1-A"), "KXCRYPTO-1".into(), now, close);
        venue.add_market(market, now).unwrap();
    }
    let member = venues.member("100");
    let client = &member.client;
    assert_eq!(client.create_subaccount(&Default::default()).await.unwrap(), Subaccount(1));
    let mut bid = order("KXCRYPTO-1-A", BookSide::Bid, "0.40", "10");
    let found = client.create_order(&bid).await.unwrap().order_id;
    bid.exchange_index = Some(ExchangeIndex(1));
    let named = client.create_order(&bid).await.unwrap().order_id;
    bid.exchange_index = Some(ExchangeIndex(0));
    assert!(client.create_order(&bid).await.unwrap_err().is_not_found());
    // An order's identifier does not say where it is.
    assert!(client.cancel_order(&found, &Default::default()).await.unwrap_err().is_not_found());
    let by_ticker = daybook_kalshi::rest::orders::CancelOrderQuery {
        market_ticker: Some(ticker("KXCRYPTO-1-A")),
        ..Default::default()
    };
    client.cancel_order(&found, &by_ticker).await.unwrap();
    let by_index =
        daybook_kalshi::rest::orders::CancelOrderQuery { exchange_index: Some(ExchangeIndex(1)), ..Default::default() };
    client.cancel_order(&named, &by_index).await.unwrap();
    let on_second = OrdersQuery { exchange_index: Some(ExchangeIndex(1)), ..Default::default() };
    assert_eq!(client.orders(&on_second).await.unwrap().orders.len(), 2);

    let mut bid = order(MARKET, BookSide::Bid, "0.40", "10");
    bid.subaccount = Some(Subaccount(1));
    let error = client.create_order(&bid).await.unwrap_err();
    assert!(error.has_code("insufficient_balance"), "{error}");
    bid.subaccount = Some(Subaccount(7));
    assert!(client.create_order(&bid).await.unwrap_err().is_not_found(), "it is not open");
    venues.check_answers();
}

#[tokio::test]
async fn what_does_not_rest() {
    let venues = Venues::start().await;
    let (maker, taker) = (venues.member("100"), venues.member("100"));
    maker.client.create_order(&order(MARKET, BookSide::Ask, "0.60", "3")).await.unwrap();
    let mut ioc = order(MARKET, BookSide::Bid, "0.60", "5");
    ioc.time_in_force = TimeInForce::ImmediateOrCancel;
    let taken = taker.client.create_order(&ioc).await.unwrap();
    assert_eq!((taken.fill_count, taken.remaining_count), (count("3"), count("0")));
    assert_eq!(taker.client.order(&taken.order_id).await.unwrap().status, OrderStatus::Canceled);
    // An order that expires is gone when its time has come.
    let mut soon = order(MARKET, BookSide::Bid, "0.40", "1");
    soon.expiration_time = Some(UnixSeconds(START + 60));
    let soon = taker.client.create_order(&soon).await.unwrap().order_id;
    venues.wait(std::time::Duration::from_secs(60));
    assert_eq!(taker.client.order(&soon).await.unwrap().status, OrderStatus::Canceled);
    // While the exchange pauses orders are refused, cancels are not.
    let rests = taker.client.create_order(&order(MARKET, BookSide::Bid, "0.40", "1")).await.unwrap().order_id;
    let mut asks = order(MARKET, BookSide::Bid, "0.41", "1");
    asks.cancel_order_on_pause = Some(true);
    let asks = taker.client.create_order(&asks).await.unwrap().order_id;
    let now = venues.now();
    assert!(venues.exchange.venue().set_trading(0, false, now));
    assert!(!taker.client.exchange_status().await.unwrap().trading_active);
    let error = taker.client.create_order(&order(MARKET, BookSide::Bid, "0.40", "1")).await.unwrap_err();
    assert!(error.has_code("EXCHANGE_PAUSED"), "{error}");
    assert_eq!(taker.client.order(&asks).await.unwrap().status, OrderStatus::Canceled);
    taker.client.cancel_order(&rests, &Default::default()).await.unwrap();
    venues.check_answers();
}
