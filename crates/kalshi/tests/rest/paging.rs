//! Streams over pages, from a venue that tells the pages.

use std::{
    collections::BTreeSet,
    fmt::Debug,
    sync::atomic::{AtomicUsize, Ordering},
};

use daybook_kalshi::rest::{
    communications::{BlockTradeProposalsQuery, QuotesQuery, RfqBatchesQuery, RfqsQuery},
    events::{EventFeeChangesQuery, EventsQuery, MultivariateEventsQuery},
    fcm::{FcmFillsQuery, FcmOrdersQuery, FcmPositionsQuery},
    historical::{
        HistoricalFillsQuery, HistoricalMarketsQuery, HistoricalOrdersQuery, HistoricalPositionsQuery,
        HistoricalTradesQuery,
    },
    incentives::IncentiveProgramsQuery,
    markets::{MarketsQuery, TradesQuery},
    milestones::MilestonesQuery,
    multivariate::CollectionsQuery,
    orders::OrdersQuery,
    portfolio::{
        DepositsQuery, FillsQuery, PositionsQuery, SettlementsQuery, ShardTransfersQuery, SubaccountTransfersQuery,
        WithdrawalsQuery,
    },
    structured_targets::StructuredTargetsQuery,
    value::Cursor,
};
use daybook_kalshi::{Client, Error, ErrorKind, rest};
use futures_util::{Stream, StreamExt, stream::BoxStream};

use crate::{spec::Spec, venue::Venue};

/// A stream of items as they look from inside.
type Texts = BoxStream<'static, Result<String, Error>>;

fn texts<T: Debug>(items: impl Stream<Item = Result<T, Error>> + Send + Unpin + 'static) -> Texts {
    items.map(|item| item.map(|item| format!("{item:?}"))).boxed()
}

/// Every method that follows pages.
fn streams() -> Vec<fn(Client) -> Texts> {
    vec![
        |client| texts(client.all_markets(MarketsQuery::default())),
        |client| texts(client.all_trades(TradesQuery::default())),
        |client| texts(client.all_events(EventsQuery::default())),
        |client| texts(client.all_multivariate_events(MultivariateEventsQuery::default())),
        |client| texts(client.all_event_fee_changes(EventFeeChangesQuery::default())),
        |client| texts(client.all_market_positions(PositionsQuery::default())),
        |client| texts(client.all_event_positions(PositionsQuery::default())),
        |client| texts(client.all_fills(FillsQuery::default())),
        |client| texts(client.all_settlements(SettlementsQuery::default())),
        |client| texts(client.all_deposits(DepositsQuery::default())),
        |client| texts(client.all_withdrawals(WithdrawalsQuery::default())),
        |client| texts(client.all_subaccount_transfers(SubaccountTransfersQuery::default())),
        |client| texts(client.all_shard_transfers(ShardTransfersQuery::default())),
        |client| texts(client.all_orders(OrdersQuery::default())),
        |client| texts(client.all_historical_fills(HistoricalFillsQuery::default())),
        |client| texts(client.all_historical_orders(HistoricalOrdersQuery::default())),
        |client| texts(client.all_historical_positions(HistoricalPositionsQuery::default())),
        |client| texts(client.all_historical_trades(HistoricalTradesQuery::default())),
        |client| texts(client.all_historical_markets(HistoricalMarketsQuery::default())),
        |client| texts(client.all_structured_targets(StructuredTargetsQuery::default())),
        |client| texts(client.all_milestones(MilestonesQuery::new(5u32))),
        |client| texts(client.all_collections(CollectionsQuery::default())),
        |client| texts(client.all_incentive_programs(IncentiveProgramsQuery::default())),
        |client| texts(client.all_fcm_fills(FcmFillsQuery::default())),
        |client| texts(client.all_fcm_orders(FcmOrdersQuery::default())),
        |client| texts(client.all_fcm_positions(FcmPositionsQuery::default())),
        |client| texts(client.all_rfqs(RfqsQuery::default())),
        |client| texts(client.all_quotes(QuotesQuery::default())),
        |client| texts(client.all_rfq_batches(RfqBatchesQuery::default())),
        |client| texts(client.all_block_trade_proposals(BlockTradeProposalsQuery::default())),
    ]
}

/// Trades of which only the identifier says something.
fn page(trades: &[&str], cursor: &str) -> String {
    let trades: Vec<_> = trades
        .iter()
        .map(|id| {
            format!(
                r#"{{"trade_id": "{id}", "ticker": "KXFIXTURE-1", "count_fp": "1.00", "yes_price_dollars": "0.5000",
                    "no_price_dollars": "0.5000", "taker_outcome_side": "yes", "taker_book_side": "bid",
                    "created_time": "2026-10-01T15:00:00Z", "is_block_trade": false}}"#
            )
        })
        .collect();
    format!(r#"{{"trades": [{}]{cursor}}}"#, trades.join(","))
}

/// What the stream of trades gives: identifiers, and `!` before an error.
async fn walk(venue: &Venue, query: TradesQuery) -> Vec<String> {
    let items = venue.client.all_trades(query);
    items.map(|item| item.map_or_else(|error| format!("! {error}"), |trade| trade.trade_id.to_string())).collect().await
}

/// Answers with these pages, one after the other.
async fn telling(pages: Vec<(u16, String)>) -> Venue {
    let next = AtomicUsize::new(0);
    Venue::start(move |_| pages[next.fetch_add(1, Ordering::Relaxed)].clone()).await
}

#[tokio::test]
async fn items_come_in_order_until_there_is_no_cursor() {
    for end in ["", r#", "cursor": null"#, r#", "cursor": """#] {
        let venue = telling(vec![
            (200, page(&["a", "b"], r#", "cursor": "one=&""#)),
            // An empty page is no end.
            (200, page(&[], r#", "cursor": "two""#)),
            (200, page(&["c"], end)),
        ])
        .await;
        let query = TradesQuery { limit: Some(2), ..TradesQuery::default() };
        assert_eq!(walk(&venue, query).await, ["a", "b", "c"]);
        let queries: Vec<_> = venue.take_requests().into_iter().map(|request| request.query).collect();
        assert_eq!(queries, ["limit=2", "limit=2&cursor=one%3D%26", "limit=2&cursor=two"]);
    }
}

#[tokio::test]
async fn pages_are_asked_for_when_they_are_needed() {
    let venue = telling(vec![(200, page(&["a", "b"], r#", "cursor": "one""#)), (200, page(&["c"], ""))]).await;
    let mut trades = venue.client.all_trades(TradesQuery::default());
    assert_eq!(venue.take_requests().len(), 0);
    for (asked, id) in [(1, "a"), (0, "b"), (1, "c")] {
        assert_eq!(trades.next().await.unwrap().unwrap().trade_id.as_str(), id);
        assert_eq!(venue.take_requests().len(), asked);
    }
    assert!(trades.next().await.is_none());
}

#[tokio::test]
async fn a_cursor_that_comes_twice_is_an_error() {
    let (one, two) = (r#", "cursor": "one""#, r#", "cursor": "two""#);
    for (start, pages, ids, repeated) in [
        // The same page over and over; a longer circle; back to where the caller began.
        (None, vec![(200, page(&["a"], one)), (200, page(&["b"], one))], vec!["a", "b"], "one"),
        (
            None,
            vec![(200, page(&["a"], one)), (200, page(&["b"], two)), (200, page(&["c"], one))],
            vec!["a", "b", "c"],
            "one",
        ),
        (Some("two"), vec![(200, page(&["a"], one)), (200, page(&["b"], two))], vec!["a", "b"], "two"),
    ] {
        let venue = telling(pages.clone()).await;
        let query = TradesQuery { cursor: start.map(Into::into), ..TradesQuery::default() };
        let mut items = walk(&venue, query).await;
        let error = items.pop().unwrap();
        assert!(error.starts_with("! GetTrades") && error.contains(&format!("{repeated:?}")), "{error}");
        assert_eq!(items, ids);
        assert_eq!(venue.take_requests().len(), pages.len());
    }
}

#[tokio::test]
async fn an_error_ends_the_stream() {
    let broken = r#"{"trades": [{}], "cursor": "two"}"#.to_owned();
    for (status, body) in [(404, r#"{"error": {"code": "not_found"}}"#.to_owned()), (200, broken)] {
        let venue = telling(vec![(200, page(&["a"], r#", "cursor": "one""#)), (status, body)]).await;
        let items = walk(&venue, TradesQuery::default()).await;
        assert_eq!((items.len(), &*items[0], &items[1][..1]), (2, "a", "!"));
    }
}

#[tokio::test]
async fn an_error_tells_at_which_page_it_came_and_where_to_go_on() {
    let odd = |next| format!(r#"{{"trades": [{{"trade_id": null}}]{next}}}"#);
    let refused = r#"{"error": {"code": "internal"}}"#.to_owned();
    let (one, two) = (r#", "cursor": "one""#, r#", "cursor": "two""#);
    let first = || (200, page(&["a"], one));
    for (pages, cursor, next, told) in [
        (vec![first(), (200, odd(two))], Some("one"), Some("two"), r#"of cursor "one"; the page after it"#),
        (vec![(200, odd(one))], None, Some("one"), "at the first page; the page after it has the cursor \"one\""),
        (vec![first(), (200, odd(""))], Some("one"), None, r#"at the page of cursor "one" ["#),
        (vec![first(), (200, odd(r#", "cursor": """#))], Some("one"), None, r#"at the page of cursor "one" ["#),
        (vec![first(), (200, "<html>".to_owned())], Some("one"), None, r#"at the page of cursor "one" ["#),
        (vec![first(), (500, refused)], Some("one"), None, r#"at the page of cursor "one" ["#),
        (vec![first(), first()], Some("one"), None, r#"at the page of cursor "one" ["#),
    ] {
        let venue = telling(pages).await;
        let items: Vec<_> = venue.client.all_trades(TradesQuery::default()).collect().await;
        let Some(Err(error)) = items.last() else { panic!("{items:?}") };
        let place = error.page().unwrap();
        assert_eq!(place.cursor.as_ref().map(Cursor::as_str), cursor, "{error}");
        assert_eq!(place.next.as_ref().map(Cursor::as_str), next, "{error}");
        assert!(error.to_string().contains(told), "{error}");
    }
    // The page that cannot be read is stepped over.
    let venue = telling(vec![first(), (200, odd(two)), (200, page(&["b"], ""))]).await;
    let error = venue.client.all_trades(TradesQuery::default()).filter_map(async |item| item.err());
    let error = Box::pin(error).next().await.unwrap();
    let query = TradesQuery { cursor: error.page().unwrap().next.clone(), ..TradesQuery::default() };
    assert_eq!(walk(&venue, query).await, ["b"]);
    assert_eq!(venue.take_requests().last().unwrap().query, "cursor=two");
}

/// Every stream, against a venue that tells one item per page and always the same cursor.
#[tokio::test]
async fn every_paged_operation_has_a_stream() {
    let Some(spec) = Spec::load() else { return };
    let paged: BTreeSet<_> = spec
        .operations
        .iter()
        .filter(|operation| operation.parameters.iter().any(|(name, ..)| name == "cursor"))
        .map(|operation| operation.id.clone())
        .collect();
    let answers: Vec<_> = spec
        .operations
        .iter()
        .map(|operation| {
            let answer = operation.answer.as_ref().map(|schema| spec.instance(schema, true).to_string());
            (operation.path.clone(), operation.method.clone(), answer.unwrap_or_default())
        })
        .collect();
    let venue = Venue::start(move |request| {
        let path = request.path.trim_start_matches("/trade-api/v2");
        let found = answers.iter().find(|(wanted, method, _)| wanted == path && *method == request.method);
        (200, found.unwrap_or_else(|| panic!("{request:?}")).2.clone())
    })
    .await;
    let mut streamed = BTreeSet::new();
    for stream in streams() {
        let items: Vec<_> = stream(venue.client.clone()).collect().await;
        let [Ok(first), Ok(second), Err(error)] = &items[..] else { panic!("{items:?}") };
        assert_eq!(first, second);
        assert!(matches!(error.kind(), ErrorKind::RepeatedCursor { .. }), "{error}");
        let requests = venue.take_requests();
        let [first, second] = &requests[..] else { panic!("{requests:?}") };
        let cursor = second.query.strip_prefix(&first.query).unwrap().trim_start_matches('&');
        assert!(["cursor=cursor-of-a-test", "cursor=next_cursor-of-a-test"].contains(&cursor), "{cursor}");
        let operation = rest::operations().find(|operation| operation.id == error.operation().id).unwrap();
        assert!(first.path.ends_with(operation.path));
        streamed.insert(operation.id.to_owned());
    }
    assert_eq!(streamed, paged);
}
