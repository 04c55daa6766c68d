"""A WebSocket client of somebody else's, `kalshi-sdk` by Texas Coding, hears what an exchange sends.

    python3 websocket.py CREDENTIALS SUPPORT

It subscribes to market data and private channels, trades, and finally compares the books that it has kept from
snapshots and deltas with those that REST answers once trading is paused. One line for each channel: what came, and
whether it was read. Exit code 1 if a channel is silent that should not be, if a frame could not be decoded, if a
sequence had a gap, or if a book differs. Exit code 77 without the package.

What this client does that one must know:
- While it waits for a subscription's acknowledgement it throws other frames away, and takes the hole for a loss: each
  channel with sequence numbers has a connection of its own here.
- It cannot read a snapshot that lacks a side, which the venue leaves out if it is empty: the markets have both.
- It gives a connection up when a ticker has no price, which the venue has been seen to spell "" before a market's first
  trade: tickers are taken of markets that have traded.
- `send_initial_snapshot` is sent for books as well, where the venue does not ask for it.
- It cannot read a market, for it demands `liquidity_dollars`, which the venue has sent no more since 2026-10-01.
- Its keys are RSA only.
"""

import asyncio
import collections
import faulthandler
import json
import logging
import sys
import urllib.request
import uuid
from decimal import Decimal

try:
    import kalshi
    from kalshi import KalshiClient, KalshiConfig
    from kalshi.auth import KalshiAuth
    from kalshi.models.orders import CreateOrderV2Request
    from kalshi.ws.client import KalshiWebSocket
except (ImportError, SyntaxError) as error:
    print(error)
    sys.exit(77)

VERSION = "22.4.0"
# So long may a channel that should speak be silent.
PATIENCE = 60


class Heard(logging.Handler):
    """What the client complains of: gaps, frames that it cannot read, connections that were lost."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.complaints = []

    def emit(self, record):
        cause = f" ({record.exc_info[1]})" if record.exc_info else ""
        self.complaints.append(record.getMessage() + cause)


def admin(url, path, body):
    request = urllib.request.Request(url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


class Stream:
    """The messages of one subscription, counted by type, the last of each kept."""

    def __init__(self, channel, messages):
        self.channel = channel
        self.types = collections.Counter()
        self.last = {}
        self.task = asyncio.create_task(self.read(messages))

    async def read(self, messages):
        async for message in messages:
            self.types[message.type] += 1
            self.last[message.type] = message

    async def has(self, **wanted):
        """Waits until so many messages of each type have come; False if they do not."""
        for _ in range(PATIENCE * 10):
            if self.task.done():
                return False
            if all(self.types[name] >= count for name, count in wanted.items()):
                return True
            await asyncio.sleep(0.1)
        return False


def levels(side):
    return sorted((Decimal(level.price), Decimal(level.quantity)) for level in side)


async def main():
    faulthandler.dump_traceback_later(300, exit=True)
    with open(sys.argv[1]) as file:
        up = json.load(file)
    if kalshi.__version__ != VERSION:
        print(f"kalshi-sdk {kalshi.__version__} is not the version that is meant, {VERSION}")
        sys.exit(77)
    heard = Heard()
    logging.getLogger("kalshi.ws").addHandler(heard)
    auth = KalshiAuth.from_key_path(up["key_id"], up["private_key_path"])
    config = KalshiConfig(base_url=up["rest_url"], ws_base_url=up["ws_url"], allow_unknown_host=True)
    rest = KalshiClient(auth=auth, config=config)
    failures = 0

    def tell(what, result, failed=False):
        nonlocal failures
        failures += failed
        print(f"{what:<34} {'FAILED: ' if failed else ''}{result}", flush=True)

    with urllib.request.urlopen(up["rest_url"] + "/markets?status=open&limit=1000&mve_filter=exclude") as response:
        markets = json.load(response)["markets"]
    both = [m for m in markets if "0.2" < m["yes_bid_dollars"] and m["yes_ask_dollars"] < "0.8"]
    # Those that close last: nothing happens to them by itself meanwhile.
    both.sort(key=lambda market: (market["close_time"], Decimal(market["volume_fp"])), reverse=True)
    tickers = [market["ticker"] for market in both[:10]]
    paused = both[10]["ticker"]
    traded_already = [market["ticker"] for market in markets if market["volume_fp"] != "0.00"]

    # Somebody else's orders at both ends: no book ever lacks a side, and whoever takes two contracts gets them.
    other = admin(up["admin_url"], "/accounts", {"tier": "premier"})
    with KalshiClient(auth=KalshiAuth.from_pem(other["key_id"], other["private_key"]), config=config) as maker:
        for ticker in tickers:
            for side, price in (("bid", "0.01"), ("ask", "0.99")):
                maker.orders.create_v2(
                    request=CreateOrderV2Request(
                        ticker=ticker, client_order_id=str(uuid.uuid4()), side=side, count="10", price=price,
                        time_in_force="good_till_canceled", self_trade_prevention_type="taker_at_cross",
                    )
                )

    sockets = [KalshiWebSocket(auth=auth, config=config) for _ in range(5)]
    async with (
        sockets[0].connect() as private,
        sockets[1].connect() as traded,
        sockets[2].connect() as booked,
        sockets[3].connect() as lives,
        sockets[4].connect() as combos,
    ):
        streams = [
            Stream("ticker", await private.subscribe_ticker(tickers=traded_already, maxsize=100_000)),
            Stream("fill", await private.subscribe_fill()),
            Stream("user_orders", await private.subscribe_user_orders()),
            Stream("market_positions", await private.subscribe_market_positions()),
            Stream("trade", await traded.subscribe_trade(maxsize=100_000)),
            Stream("market_lifecycle_v2", await lives.subscribe_market_lifecycle()),
            Stream("multivariate_market_lifecycle", await combos.subscribe_multivariate_lifecycle()),
            Stream("orderbook_delta", await booked.subscribe_orderbook_delta(tickers=tickers, maxsize=100_000)),
        ]
        heard_of = {stream.channel: stream for stream in streams}

        # The own orders come after the subscriptions, so that each of them must be told.
        order = rest.orders.create_v2(
            request=CreateOrderV2Request(
                ticker=tickers[0], client_order_id=str(uuid.uuid4()), side="bid", count="2", price="0.99",
                time_in_force="immediate_or_cancel", self_trade_prevention_type="taker_at_cross",
            )
        )
        tell("an order", f"{order.fill_count} filled at {order.average_fill_price}", order.fill_count != 2)
        # And a market that is paused and goes on.
        admin(up["admin_url"], f"/markets/{paused}", {"action": "pause"})
        admin(up["admin_url"], f"/markets/{paused}", {"action": "resume"})

        expected = {
            "orderbook_delta": {"orderbook_snapshot": len(tickers), "orderbook_delta": 20},
            "ticker": {"ticker": 10},
            "trade": {"trade": 3},
            "fill": {"fill": 1},
            "user_orders": {"user_order": 1},
            "market_positions": {"market_position": 1},
            "market_lifecycle_v2": {"market_lifecycle_v2": 2},
        }
        complete = {channel: await heard_of[channel].has(**counts) for channel, counts in expected.items()}

        mine = heard_of["fill"].last.get("fill")
        tell("the fill", "is that of the order", mine is None or mine.msg.order_id != order.order_id)

        # Nothing changes a book any more: what the client has kept must become what REST says.
        admin(up["admin_url"], "/exchange", {"trading_active": False})
        for ticker in tickers:
            for _ in range(50):
                truth, kept = rest.markets.orderbook(ticker), booked._orderbook_mgr.get(ticker)
                same = kept and all(levels(getattr(kept, side)) == levels(getattr(truth, side)) for side in ("yes", "no"))
                if same:
                    break
                await asyncio.sleep(0.2)
            shown = f"{len(truth.yes)} YES and {len(truth.no)} NO levels, as REST says"
            tell(f"book {ticker}", shown if same else f"kept {kept}, REST {truth}", not same)
        for stream in streams:
            counts = ", ".join(f"{count} {name}" for name, count in sorted(stream.types.items())) or "nothing"
            problem = stream.task.done() and stream.task.exception()
            if problem or not complete.get(stream.channel, True):
                tell(stream.channel, f"{counts}; {problem or expected.get(stream.channel)}", failed=True)
            else:
                tell(stream.channel, f"ok: {counts}")
    for complaint in heard.complaints:
        tell("the client complains", complaint[:400], failed=True)
    print(f"{len(streams)} channels, {failures} failures")
    sys.exit(1 if failures else 0)


asyncio.run(main())
