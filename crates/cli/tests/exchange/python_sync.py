"""Calls every method of the official SDK `kalshi_python_sync` on an exchange, and prints what came of each.

    python3 python_sync.py CREDENTIALS SUPPORT

CREDENTIALS is what `daybook exchange` wrote; SUPPORT is a JSON object that tells of every operation whether the
exchange claims to answer it. Each method is one line of a table: method, HTTP status, result. Exit code 1 if an
operation that is claimed fails, if its answer cannot be decoded or the SDK drops a part of it, if one that is not
claimed answers anything but 501 with its name, or if a method was not called. Exit code 77 without the SDK.

What the SDK asks for that its documentation does not say:
- `set_kalshi_auth(key_id, private_key_path)` takes the PEM text, not a path; the same text is `configuration.private_key_pem`.
- It signs every request twice, once by the path and once by the URL, and sends the second signature.
- Nothing is tried again after a 429, so that this script does it.
- `upgrade_account_api_usage_level` sends no body and no content type, which the venue refuses of any POST; with
  `_headers={"Content-Type": "application/json"}` it passes.
- It has methods for 118 of the 128 operations: none for the ten of RFQ batches.
- Its transfers between shards lack `client_transfer_id`, which the venue's document of the same version has.
"""

import faulthandler
import inspect
import json
import sys
import time
import urllib.request
import uuid

try:
    import kalshi_python_sync as sdk
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from kalshi_python_sync import api as apis
    from kalshi_python_sync.exceptions import ApiException
    from kalshi_python_sync.models import (
        AcceptBlockTradeProposalRequest, AcceptQuoteRequest, AmendOrderV2Request, ApplySubaccountTransferRequest,
        BatchCancelOrdersV2Request, BatchCreateOrdersV2Request, CreateApiKeyRequest,
        CreateFCMPositionTransferRequest, CreateFCMSubtraderRequest,
        CreateMarketInMultivariateEventCollectionRequest, CreateOrderGroupRequest, CreateOrderV2Request,
        CreateQuoteRequest, CreateRFQRequest, CreateSubaccountRequest, DecreaseOrderV2Request, GenerateApiKeyRequest,
        IntraExchangeInstanceTransferRequest, ProposeBlockTradeRequest, SetTargetBalanceAllocationRequest,
        UpdateFCMEventContractDailyCapRequest, UpdateFCMSubtraderBlockedCategoriesRequest,
        UpdateOrderGroupLimitRequest, UpdateSubaccountNettingRequest,
    )
except ImportError as error:
    print(error)
    sys.exit(77)

VERSION = "3.34.0"
# What is in the venue's document but not in the SDK's models.
UNKNOWN_TO_THE_SDK = {".transfer.client_transfer_id", ".transfers[].client_transfer_id"}


def methods_of(client):
    """Every method of the SDK, bound to a client, by its name."""
    found = {}
    for _, kind in inspect.getmembers(apis, inspect.isclass):
        api = kind(client)
        for name, method in inspect.getmembers(api, inspect.ismethod):
            if name.endswith("_with_http_info"):
                found[name.removesuffix("_with_http_info")] = method
    return found


def plain(value):
    """A decoded answer as JSON. The models' own `to_dict` is of no use: it leaves lists within lists out if empty."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if hasattr(value, "actual_instance"):
        return plain(value.actual_instance)
    fields = getattr(type(value), "model_fields", None)
    return {field.alias or name: plain(getattr(value, name)) for name, field in fields.items()} if fields else value


def dropped(sent, kept, at=""):
    """Where the decoded answer lacks what was sent."""
    if isinstance(sent, dict) and isinstance(kept, dict):
        for key, value in sent.items():
            if value is None:
                continue
            if key not in kept:
                yield f"{at}.{key}"
            else:
                yield from dropped(value, kept[key], f"{at}.{key}")
    elif isinstance(sent, list) and isinstance(kept, list):
        if len(sent) != len(kept):
            yield f"{at}[]"
        for pair in zip(sent, kept):
            yield from dropped(*pair, f"{at}[]")


class Calls:
    """What was called with what result."""

    def __init__(self, client, support):
        self.methods = methods_of(client)
        self.claims = {name.lower(): (name, claimed) for name, claimed in support.items()}
        self.called = set()
        self.failures = 0

    def tell(self, name, status, result, failed=False):
        self.failures += failed
        print(f"{name:<50} {status:>4}  {'FAILED: ' if failed else ''}{result}", flush=True)

    def __call__(self, name, *args, refused=None, show=None, methods=None, **kwargs):
        """Calls a method; gives its decoded answer. `refused` is the status that is right here, if it is an error."""
        self.called.add(name)
        operation, claimed = self.claims.get(name.replace("_", ""), (None, None))
        if operation is None:
            return self.tell(name, "-", "is none of the venue's operations", failed=True)
        for _ in range(100):
            try:
                response = (methods or self.methods)[name](*args, **kwargs)
            except ApiException as error:
                if error.status == 429:
                    time.sleep(0.2)
                    continue
                body = (error.body or "").strip()
                if not claimed and error.status == 501 and operation in body:
                    return self.tell(name, 501, "not implemented, as it says")
                if claimed and refused == error.status:
                    return self.tell(name, error.status, "ok: refused, as it should be here")
                return self.tell(name, error.status, body[:300], failed=True)
            except Exception as error:  # Whatever the SDK makes of an answer that it cannot read.
                return self.tell(name, "-", f"{type(error).__name__}: {error}"[:600], failed=True)
            break
        else:
            return self.tell(name, 429, "still too many requests after 20 s", failed=True)
        status, answer = response.status_code, response.data
        if not claimed or refused is not None:
            return self.tell(name, status, f"answered, but should be refused ({refused or 501})", failed=True)
        if response.raw_data:
            try:
                lost = sorted(set(dropped(json.loads(response.raw_data), plain(answer))) - UNKNOWN_TO_THE_SDK)
            except ValueError as error:
                return self.tell(name, status, f"no JSON: {error}", failed=True)
            if lost:
                self.tell(name, status, f"the SDK knows no {', '.join(lost)[:300]}", failed=True)
                return answer
        self.tell(name, status, f"ok{f': {show(answer)}' if show else ''}")
        return answer

    def check(self, what, holds):
        """Something that must hold among answers."""
        self.tell(f"  {what}", "", "ok" if holds else "does not hold", failed=not holds)


def client_of(url, key_id, pem):
    configuration = sdk.Configuration(host=url)
    configuration.api_key_id = key_id
    configuration.private_key_pem = pem
    return sdk.KalshiClient(configuration)


def admin(url, path, body):
    """A request to the exchange's own surface, which is not the venue's."""
    request = urllib.request.Request(url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def until(seconds, ask):
    """Asks until the answer is true, or for so many seconds."""
    end = time.monotonic() + seconds
    while not (answer := ask()) and time.monotonic() < end:
        time.sleep(0.5)
    return answer


def market_data(call, market, event, series, candle_market):
    call("get_exchange_status", show=lambda a: f"active {a.exchange_active}, trading {a.trading_active}")
    call("get_exchange_schedule")
    call("get_user_data_timestamp")
    call("get_series_fee_changes", show_historical=True)
    call("get_series_list", include_volume=True, include_product_metadata=True, show=lambda a: f"{len(a.series)} series")
    call("get_series", series, include_volume=True)
    call("get_events", limit=5, with_nested_markets=True, with_milestones=True, status="open",
         show=lambda a: f"{len(a.events)} events, {sum(len(e.markets) for e in a.events)} markets")
    call("get_event", event, with_nested_markets=True)
    call("get_event", event, show=lambda a: f"{len(a.markets)} markets beside it")
    call("get_event_metadata", event)
    call("get_event_fee_changes", limit=10)
    call("get_event_forecast_percentiles_history", event, series, [5000], 0, int(time.time()), 60, refused=404)
    call("get_multivariate_events", limit=3, with_nested_markets=True, show=lambda a: f"{len(a.events)} events")
    call("get_market", market)
    call("get_market_orderbook", market, depth=5,
         show=lambda a: f"{len(a.orderbook_fp.yes_dollars)} YES, {len(a.orderbook_fp.no_dollars)} NO levels")
    call("get_market_orderbooks", [market, candle_market], show=lambda a: f"{len(a.orderbooks)} books")
    trades = call("get_trades", limit=2, show=lambda a: f"{len(a.trades)} trades")
    if trades and trades.cursor:
        more = call("get_trades", limit=2, cursor=trades.cursor)
        ids = lambda page: {trade.trade_id for trade in page.trades}
        call.check("the second page has other trades", more and not ids(trades) & ids(more))
    call("get_tags_for_series_categories")
    call("get_filters_for_sports")
    call("get_structured_targets", page_size=10)
    call("get_structured_target", str(uuid.uuid4()), refused=404)
    call("get_milestones", limit=10)
    call("get_milestone", str(uuid.uuid4()), refused=404)
    call("get_live_data", "football_game", str(uuid.uuid4()), refused=404)
    call("get_live_data_by_milestone", str(uuid.uuid4()), refused=404)
    call("get_live_datas", [str(uuid.uuid4())])
    call("get_game_stats", str(uuid.uuid4()), refused=404)
    call("get_event_live_data", event, refused=404)
    call("get_weather_index", "nyc", refused=404)
    call("get_weather_index_calibrations", "nyc", refused=404)
    call("get_multivariate_event_collections", limit=10)
    call("get_multivariate_event_collection", "KXMVENONE-R", refused=404)
    call("get_incentive_programs", limit=10)


def candles(call, market, event, series):
    end = int(time.time()) + 60
    range_ = (end - 3600, end, 1)
    call("get_market_candlesticks", series, market, *range_, include_latest_before_start=True,
         show=lambda a: f"{len(a.candlesticks)} candlesticks")
    call("get_market_candlesticks_by_event", event, series, *range_,
         show=lambda a: f"{sum(map(len, a.market_candlesticks))} candlesticks of {len(a.market_tickers)} markets")
    call("batch_get_market_candlesticks", market, *range_, include_latest_before_start=True,
         show=lambda a: f"{len(a.markets)} markets")


def historical(call, market):
    """Months must pass until anything is history: lists are empty, and a market of today is none of it."""
    call("get_historical_cutoff")
    call("get_historical_markets", limit=10)
    call("get_historical_market", market, refused=404)
    call("get_market_candlesticks_historical", market, 0, 60, 1, refused=404)
    call("get_trades_historical", limit=10)
    call("get_fills_historical", limit=10)
    call("get_historical_orders", limit=10)
    call("get_historical_positions", limit=10)


def order(market, price, count="10", side="bid", **more):
    rest = {"time_in_force": "good_till_canceled", "self_trade_prevention_type": "taker_at_cross"} | more
    return CreateOrderV2Request(ticker=market, side=side, count=count, price=price, **rest)


def orders(call, market, shard):
    mine = str(uuid.uuid4())
    made = call("create_order_v2", order(market, "0.01", client_order_id=mine, post_only=True, exchange_index=shard,
                                         expiration_time=int(time.time()) + 3600))
    call("create_order_v2", order(market, "0.01", client_order_id=mine, exchange_index=shard), refused=409)
    call("create_order_v2", order(market, "0.01", count="0"), refused=400)
    call("create_order_v2", order("KXNONE-1", "0.01"), refused=404)
    if not made:
        return
    one = call("get_order", made.order_id, show=lambda a: f"{a.order.status.value} {a.order.remaining_count_fp}")
    call.check("the order is the one that was made",
               one and one.order.client_order_id == mine and one.order.remaining_count_fp == "10.00")
    call("get_orders", ticker=market, status="resting", show=lambda a: f"{len(a.orders)} orders")
    call("get_order_queue_position", made.order_id, show=lambda a: f"{a.queue_position_fp} ahead")
    call("get_order_queue_positions", market_tickers=market, show=lambda a: f"{len(a.queue_positions)} orders")
    call("get_portfolio_resting_order_total_value")
    call("amend_order_v2", made.order_id,
         AmendOrderV2Request(ticker=market, side="bid", price="0.02", count="8", client_order_id=mine,
                             updated_client_order_id=str(uuid.uuid4()), exchange_index=shard))
    call("decrease_order_v2", made.order_id, DecreaseOrderV2Request(reduce_by="3", market_ticker=market))
    one = call("get_order", made.order_id)
    call.check("amended and decreased", one and one.order.remaining_count_fp == "5.00")
    call("cancel_order_v2", made.order_id, market_ticker=market, show=lambda a: f"{a.reduced_by} taken back")
    call("cancel_order_v2", made.order_id, market_ticker=market, refused=404)
    batch = call("batch_create_orders_v2",
                 BatchCreateOrdersV2Request(orders=[order(market, "0.01"), order(market, "0.02"),
                                                    order(market, "0.99", post_only=True)]),
                 show=lambda a: f"{sum(o.order_id is not None for o in a.orders)} of {len(a.orders)} orders")
    ids = [one.order_id for one in batch.orders if one.order_id] if batch else []
    call.check("the third would have crossed", len(ids) == 2 and batch.orders[2].error is not None)
    inner = [{"order_id": one, "market_ticker": market} for one in [*ids, str(uuid.uuid4())]]
    gone = call("batch_cancel_orders_v2", BatchCancelOrdersV2Request.from_dict({"orders": inner}))
    call.check("two are cancelled, a third is unknown", gone and [o.reduced_by for o in gone.orders] == ["10.00", "10.00", "0.00"])
    call("create_order_v2", order(market, "0.01"))
    call("cancel_all_orders")
    left = call("get_orders", status="resting")
    call.check("nothing rests any more", left and not left.orders)


def groups(call, market, shard):
    made = call("create_order_group", CreateOrderGroupRequest(contracts_limit=10, exchange_index=shard))
    if not made:
        return
    group = made.order_group_id
    call("get_order_groups", show=lambda a: f"{len(a.order_groups)} groups")
    member = call("create_order_v2", order(market, "0.01", order_group_id=group, exchange_index=shard))
    one = call("get_order_group", group)
    call.check("the order is in its group", one and member and one.orders == [member.order_id])
    call("update_order_group_limit", group, UpdateOrderGroupLimitRequest(contracts_limit_fp="20"), exchange_index=shard)
    call("trigger_order_group", group, exchange_index=shard)
    one = call("get_order", member.order_id) if member else None
    call.check("the trigger has cancelled it", one and one.order.status.value == "canceled")
    call("reset_order_group", group, exchange_index=shard)
    call("delete_order_group", group, exchange_index=shard)


def portfolio(call, fill):
    call("get_balance", show=lambda a: f"{a.balance} cents")
    found = call("get_fills", limit=10, show=lambda a: f"{len(a.fills)} fills")
    call.check("the fill is there", found and {f.order_id for f in found.fills} == {fill.order_id}
               and sum(float(f.count_fp) for f in found.fills) == 2)
    call("get_positions", limit=10, show=lambda a: f"{len(a.market_positions)} of markets, {len(a.event_positions)} of events")
    call("get_deposits", limit=10, show=lambda a: f"{len(a.deposits)} deposits")
    call("get_withdrawals", limit=10)
    made = call("create_subaccount", CreateSubaccountRequest(exchange_index=0))
    number = made.subaccount_number if made else 1
    call("apply_subaccount_transfer",
         ApplySubaccountTransferRequest(client_transfer_id=uuid.uuid4(), from_subaccount=0, to_subaccount=number,
                                        amount_cents=12_345))
    call("get_subaccount_balances", show=lambda a: f"{len(a.subaccount_balances)} balances")
    call("get_subaccount_transfers", limit=10, show=lambda a: f"{len(a.transfers)} transfers")
    call("update_subaccount_netting", UpdateSubaccountNettingRequest(subaccount_number=number, enabled=True))
    call("get_subaccount_netting")
    made = call("intra_exchange_instance_transfer",
                IntraExchangeInstanceTransferRequest(client_transfer_id=uuid.uuid4(), source="event_contract",
                                                     destination="event_contract", amount=1_000_000,
                                                     source_exchange_shard=0, destination_exchange_shard=2))
    call("get_intra_exchange_instance_transfers", limit=10, show=lambda a: f"{len(a.transfers)} transfers")
    call("get_intra_exchange_instance_transfer", str(made.transfer_id) if made else str(uuid.uuid4()))
    call("set_target_balance_allocation",
         SetTargetBalanceAllocationRequest.from_dict({"allocations": [{"exchange_index": 0, "percent": 60},
                                                                      {"exchange_index": 2, "percent": 40}]}))
    call("get_target_balance_allocation", show=lambda a: f"{len(a.allocations)} shards")


def account(call, url):
    call("get_account_api_limits", show=lambda a: f"{a.usage_tier}, {a.read.refill_rate} tokens a second")
    call("get_account_endpoint_costs", show=lambda a: f"{len(a.endpoint_costs)} costs")
    call("get_account_api_usage_level_volume_progress")
    call("upgrade_account_api_usage_level", refused=400)
    call("upgrade_account_api_usage_level", _headers={"Content-Type": "application/json"})
    call("get_account_api_limits", show=lambda a: f"{a.usage_tier}, {a.read.refill_rate} tokens a second")
    call("get_api_keys", show=lambda a: f"{len(a.api_keys)} keys")
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(serialization.Encoding.PEM,
                                               serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption()).decode()
    made = call("create_api_key", CreateApiKeyRequest(name="brought", public_key=public, scopes=["read"]))
    if made:
        brought = methods_of(client_of(url, made.api_key_id, pem))
        call("get_account_api_limits", methods=brought, show=lambda _: "signed with Ed25519")
        call("cancel_all_orders", methods=brought, refused=403)
        call("delete_api_key", made.api_key_id)
        call("get_account_api_limits", methods=brought, refused=401)
    for kind in ["rsa", "ed25519"]:
        made = call("generate_api_key", GenerateApiKeyRequest(name=f"made {kind}", key_type=kind))
        if made:
            methods = methods_of(client_of(url, made.api_key_id, made.private_key))
            call("get_positions", methods=methods, show=lambda _: f"signed with the generated {kind} key")


def refused(call, market, event):
    """Operations that this exchange may not have; what is asked for does not exist either."""
    one, two = str(uuid.uuid4()), str(uuid.uuid4())
    call("get_communications_id")
    call("get_block_trade_proposals")
    call("propose_block_trade",
         ProposeBlockTradeRequest(buyer_user_id=one, seller_user_id=two, market_ticker=market, price_centi_cents=5_000,
                                  centicount=100, maker_side="yes", expiration_ts="2030-01-01T00:00:00Z"))
    call("accept_block_trade_proposal", one, AcceptBlockTradeProposalRequest())
    call("get_rfqs")
    call("create_rfq", CreateRFQRequest(market_ticker=market, contracts_fp="10", rest_remainder=False))
    call("get_rfq", one)
    call("delete_rfq", one)
    call("get_rfq_quote", one, two)
    call("delete_rfq_quote", one, two)
    call("accept_rfq_quote", one, two, AcceptQuoteRequest(accepted_side="yes"))
    call("confirm_rfq_quote", one, two)
    call("get_quotes", quote_creator_user_id=one)
    call("create_quote", CreateQuoteRequest(rfq_id=one, yes_bid="0.40", no_bid="0.50", rest_remainder=False))
    call("get_quote", one)
    call("delete_quote", one)
    call("accept_quote", one, AcceptQuoteRequest(accepted_side="no"))
    call("confirm_quote", one)
    pair = {"market_ticker": market, "event_ticker": event, "side": "yes"}
    call("create_market_in_multivariate_event_collection", "KXMVENONE-R",
         CreateMarketInMultivariateEventCollectionRequest.from_dict({"selected_markets": [pair]}))
    call("get_fcm_fills")
    call("get_fcm_orders", subtrader_id=one)
    call("get_fcm_positions", subtrader_id=one)
    call("list_fcm_subtraders")
    call("create_fcm_subtrader", CreateFCMSubtraderRequest(subtrader_suffix="a1"))
    call("get_fcm_event_contract_daily_cap", subtrader_id=one)
    call("update_fcm_event_contract_daily_cap", UpdateFCMEventContractDailyCapRequest(subtrader_id=one, limit="100.00"))
    call("delete_fcm_event_contract_daily_cap", one)
    call("get_fcm_subtrader_blocked_categories", one)
    call("update_fcm_subtrader_blocked_categories",
         UpdateFCMSubtraderBlockedCategoriesRequest(subtrader_id=one, category="Sports", blocked=True))
    call("create_fcm_position_transfer",
         CreateFCMPositionTransferRequest(source_subtrader_id=one, target_subtrader_id=two, market_ticker=market,
                                          position_centicount=100, price_centicents=5_000))


def main():
    # Whatever does not answer, nobody waits for it for ever.
    faulthandler.dump_traceback_later(300, exit=True)
    with open(sys.argv[1]) as file:
        up = json.load(file)
    with open(sys.argv[2]) as file:
        support = json.load(file)
    with open(up["private_key_path"]) as file:
        pem = file.read()
    if sdk.__version__ != VERSION:
        print(f"kalshi_python_sync {sdk.__version__} is not the version that is meant, {VERSION}")
        sys.exit(77)
    call = Calls(client_of(up["rest_url"], up["key_id"], pem), support)

    # One market to trade on, with a bid that is well above where the orders below rest, and with an ask.
    page = call("get_markets", limit=1000, status="open", mve_filter="exclude", show=lambda a: f"{len(a.markets)} markets")
    liquid = [m for m in page.markets if "0.30" <= m.yes_bid_dollars and m.yes_ask_dollars < "0.90"]
    # The latest to close, since nothing may happen to it by itself meanwhile.
    traded = max(liquid, key=lambda m: (m.close_time, float(m.volume_fp)))
    event = call("get_event", traded.event_ticker).event
    market, shard = traded.ticker, traded.exchange_index
    # And one that is settled at once, on the exchange's own surface: its timer runs while the rest is done.
    lasting = [m for m in liquid if m.ticker != market and m.close_time.timestamp() > time.time() + 60]
    settled = min(lasting, key=lambda m: (m.settlement_timer_seconds, m.ticker))
    # Another account's order makes sure that there is something to take.
    other = admin(up["admin_url"], "/accounts", {"key_type": "ed25519"})
    other = methods_of(client_of(up["rest_url"], other["key_id"], other["private_key"]))
    call("create_order_v2", order(settled.ticker, "0.98", side="ask"), methods=other, show=lambda _: "another account's")
    take = lambda ticker: order(ticker, "0.99", count="2", time_in_force="immediate_or_cancel")
    fill = call("create_order_v2", take(settled.ticker), show=lambda a: f"{a.fill_count} at {a.average_fill_price}")
    call.check("two contracts are bought", fill and fill.fill_count == "2.00")
    admin(up["admin_url"], f"/markets/{settled.ticker}", {"action": "determine", "value": "1.0000"})

    market_data(call, market, event.event_ticker, event.series_ticker, settled.ticker)
    orders(call, market, shard)
    groups(call, market, shard)
    account(call, up["rest_url"])
    portfolio(call, fill)
    historical(call, market)
    candles(call, market, event.event_ticker, event.series_ticker)
    refused(call, market, event.event_ticker)
    quiet = call.methods["get_settlements"]
    until(90, lambda: quiet(limit=10).data.settlements)
    found = call("get_settlements", limit=10, show=lambda a: f"{len(a.settlements)} settlements")
    call.check("two contracts paid a dollar each", found and [s.revenue for s in found.settlements] == [200])

    missed = sorted(set(call.methods) - call.called)
    print(f"{len(call.called)} of {len(call.methods)} methods called, {call.failures} failures")
    if missed:
        print("not called: " + ", ".join(missed))
    sys.exit(1 if missed or call.failures else 0)


main()
