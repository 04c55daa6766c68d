// Calls the official SDK `kalshi-typescript` on an exchange, and prints what came of each call.
//
//     node typescript.cjs CREDENTIALS SUPPORT
//
// Arguments, table and exit codes are those of python_sync.py, except that some methods are left alone, which are named
// at the end: what they do is the same for every client. The SDK is found by NODE_PATH or in a node_modules above.
//
// What the SDK does that one must know:
// - It decodes nothing: an answer is the JSON as it came. So what is read from answers is checked here by hand.
// - Every API object adds its signature to axios' one global instance, so that the last one's key signs all requests.
//   Two accounts in one program need an axios instance each.
// - Its RSA keys only: an Ed25519 key is given to RSA-PSS, which Node refuses.
// - `upgradeAccountApiUsageLevel` sends no body, and axios takes the content type away from a request without one.

'use strict';

const fs = require('node:fs');
const { randomUUID } = require('node:crypto');

const VERSION = '3.30.0';
const missing = (why) => { console.log(why); process.exit(77); };
let sdk;
let axios;
try {
    const home = require.resolve('kalshi-typescript');
    const { version } = JSON.parse(fs.readFileSync(require.resolve('kalshi-typescript/package.json')));
    if (version !== VERSION) missing(`kalshi-typescript ${version} is not the version that is meant, ${VERSION}`);
    sdk = require('kalshi-typescript');
    axios = require(require.resolve('axios', { paths: [home] }));
} catch (error) {
    missing(error.message.split('\n')[0]);
}
// Whatever does not answer, nobody waits for it for ever.
setTimeout(() => { console.log('nothing more after 300 s'); process.exit(1); }, 300_000).unref();

const [credentials, support] = process.argv.slice(2).map((file) => JSON.parse(fs.readFileSync(file)));
const claims = new Map(Object.entries(support).map(([name, claimed]) => [name.toLowerCase(), { name, claimed }]));

/** Every method of the SDK, bound, by its name. */
function methodsOf(key) {
    const configuration = new sdk.Configuration({ ...key, basePath: credentials.rest_url });
    const client = (axios.default ?? axios).create();
    const methods = new Map();
    for (const [name, kind] of Object.entries(sdk)) {
        if (!name.endsWith('Api')) continue;
        const api = new kind(configuration, undefined, client);
        for (const method of Object.getOwnPropertyNames(kind.prototype)) {
            if (method !== 'constructor') methods.set(method, api[method].bind(api));
        }
    }
    return methods;
}

const methods = methodsOf({ apiKey: credentials.key_id, privateKeyPath: credentials.private_key_path });
const called = new Set();
let failures = 0;

function tell(name, status, result, failed = false) {
    failures += failed ? 1 : 0;
    console.log(`${name.padEnd(50)} ${String(status).padStart(4)}  ${failed ? 'FAILED: ' : ''}${result}`);
}

function check(what, holds) {
    tell(`  ${what}`, '', holds ? 'ok' : 'does not hold', !holds);
}

/** Calls a method; gives its answer, or undefined. `refused` is the status that is right here, if it is an error. */
async function call(name, args = [], { refused, show } = {}) {
    called.add(name);
    const { name: operation, claimed } = claims.get(name.toLowerCase()) ?? {};
    if (!operation) return tell(name, '-', "is none of the venue's operations", true);
    for (let attempt = 0; ; attempt++) {
        let status;
        try {
            const answer = await methods.get(name)(...args);
            status = answer.status;
            if (!claimed || refused) {
                return tell(name, status, `answered, but should be refused (${refused ?? 501})`, true);
            }
            tell(name, status, show ? `ok: ${show(answer.data)}` : 'ok');
            return answer.data;
        } catch (error) {
            status = error.response?.status;
            const body = JSON.stringify(error.response?.data ?? error.message);
            if (status === 429 && attempt < 100) {
                await new Promise((done) => setTimeout(done, 200));
                continue;
            }
            if (!claimed && status === 501 && body.includes(operation)) {
                return tell(name, 501, 'not implemented, as it says');
            }
            if (claimed && status !== undefined && status === refused) {
                return tell(name, status, 'ok: refused, as it should be here');
            }
            return tell(name, status ?? '-', body.slice(0, 300), true);
        }
    }
}

async function marketData(market, event, series) {
    await call('getExchangeStatus', [], { show: (a) => `active ${a.exchange_active}` });
    await call('getExchangeSchedule');
    await call('getUserDataTimestamp');
    await call('getSeriesFeeChanges');
    await call('getSeriesList', [], { show: (a) => `${a.series.length} series` });
    await call('getSeries', [series]);
    await call('getEvents', [5, undefined, true], { show: (a) => `${a.events.length} events` });
    await call('getEvent', [event, true], { show: (a) => `${a.event.markets.length} markets in it` });
    await call('getEventMetadata', [event]);
    await call('getEventFeeChanges');
    await call('getMultivariateEvents', [3]);
    await call('getMarket', [market]);
    await call('getMarketOrderbook', [market], { show: (a) => `${a.orderbook_fp.yes_dollars.length} YES levels` });
    await call('getMarketOrderbooks', [[market]], { show: (a) => `${a.orderbooks.length} books` });
    const trades = await call('getTrades', [2], { show: (a) => `${a.trades.length} trades` });
    if (trades?.cursor) {
        const more = await call('getTrades', [2, trades.cursor]);
        const ids = new Set(trades.trades.map((trade) => trade.trade_id));
        check('the second page has other trades', more?.trades.every((trade) => !ids.has(trade.trade_id)));
    }
    await call('getTrades', [1001], { refused: 400 });
    const end = Math.floor(Date.now() / 1000) + 60;
    await call('getMarketCandlesticks', [series, market, end - 3600, end, 1, true]);
    await call('getMarketCandlesticksByEvent', [event, series, end - 3600, end, 60]);
    await call('batchGetMarketCandlesticks', [market, end - 3600, end, 1, true]);
    await call('getTagsForSeriesCategories');
    await call('getFiltersForSports');
    await call('getMilestones', [10]);
    await call('getStructuredTargets');
    await call('getMultivariateEventCollections');
    await call('getIncentivePrograms');
    await call('getHistoricalCutoff');
    await call('getHistoricalMarkets');
    await call('getHistoricalMarket', [market], { refused: 404 });
    await call('getTradesHistorical');
    await call('getFillsHistorical');
    await call('getHistoricalOrders');
    await call('getHistoricalPositions');
}

async function orders(market, shard) {
    const order = (price, more = {}) => ({
        ticker: market, side: 'bid', count: '10', price, time_in_force: 'good_till_canceled',
        self_trade_prevention_type: 'taker_at_cross', client_order_id: randomUUID(), ...more,
    });
    // Another account's order makes sure that there is something to take.
    const opened = await fetch(`${credentials.admin_url}/accounts`, { method: 'POST', body: '{}' });
    const other = await opened.json();
    const theirs = methodsOf({ apiKey: other.key_id, privateKeyPem: other.private_key });
    const { data } = await theirs.get('createOrderV2')(order('0.98', { side: 'ask' }));
    tell('createOrderV2', 201, `ok: another account's, ${data.remaining_count} rest`);
    const taken = await call('createOrderV2', [order('0.99', { count: '2', time_in_force: 'immediate_or_cancel' })],
        { show: (a) => `${a.fill_count} at ${a.average_fill_price}` });
    check('two contracts are bought', taken?.fill_count === '2.00');
    const made = await call('createOrderV2', [order('0.01', { post_only: true, exchange_index: shard })]);
    await call('createOrderV2', [order('0.405')], { refused: 400 });
    if (!made) return;
    const one = await call('getOrder', [made.order_id], { show: (a) => `${a.order.status} ${a.order.remaining_count_fp}` });
    check('the order is the one that was made', one?.order.client_order_id === made.client_order_id);
    await call('getOrders', [market, undefined, undefined, undefined, 'resting'],
        { show: (a) => `${a.orders.length} orders` });
    await call('getOrderQueuePosition', [made.order_id], { show: (a) => `${a.queue_position_fp} ahead` });
    await call('getOrderQueuePositions', [market]);
    await call('amendOrderV2', [made.order_id, { ticker: market, side: 'bid', price: '0.02', count: '8' }]);
    await call('decreaseOrderV2', [made.order_id, { reduce_to: '5', market_ticker: market }]);
    const gone = await call('cancelOrderV2', [made.order_id, undefined, undefined, market]);
    check('five were taken back', gone?.reduced_by === '5.00');
    const batch = await call('batchCreateOrdersV2', [{ orders: [order('0.01'), order('0.02')] }]);
    const ids = (batch?.orders ?? []).map((one) => ({ order_id: one.order_id, market_ticker: market }));
    const cancelled = await call('batchCancelOrdersV2', [{ orders: ids }]);
    check('both are cancelled', cancelled?.orders.every((one) => one.reduced_by === '10.00'));
    const group = await call('createOrderGroup', [{ contracts_limit: 10, exchange_index: shard }]);
    if (group) {
        const id = group.order_group_id;
        await call('createOrderV2', [order('0.01', { order_group_id: id, exchange_index: shard })]);
        await call('getOrderGroups');
        const one = await call('getOrderGroup', [id]);
        check('the order is in its group', one?.orders.length === 1);
        await call('updateOrderGroupLimit', [id, { contracts_limit: 20 }, undefined, shard]);
        await call('triggerOrderGroup', [id, undefined, shard, {}]);
        await call('resetOrderGroup', [id, undefined, shard, {}]);
        await call('deleteOrderGroup', [id, undefined, shard]);
    }
    await call('cancelAllOrders');
    const fills = await call('getFills', [], { show: (a) => `${a.fills.length} fills` });
    check('every fill is of the first order', fills?.fills.every((fill) => fill.order_id === taken?.order_id));
}

async function account() {
    await call('getBalance', [], { show: (a) => `${a.balance} cents` });
    await call('getPositions', [], { show: (a) => `${a.market_positions.length} positions` });
    await call('getSettlements');
    await call('getDeposits');
    await call('getWithdrawals');
    await call('getPortfolioRestingOrderTotalValue');
    await call('getSubaccountBalances');
    await call('getSubaccountNetting');
    await call('getAccountApiLimits', [], { show: (a) => `${a.usage_tier}, ${a.read.refill_rate} tokens a second` });
    await call('getAccountEndpointCosts');
    await call('getAccountApiUsageLevelVolumeProgress');
    await call('upgradeAccountApiUsageLevel', [], { refused: 400 });
    await call('getApiKeys', [], { show: (a) => `${a.api_keys.length} keys` });
    const made = await call('generateApiKey', [{ name: 'made', scopes: ['read'] }]);
    check('an RSA key is made', made?.private_key.startsWith('-----BEGIN RSA PRIVATE KEY-----'));
    if (made) await call('deleteApiKey', [made.api_key_id]);
}

async function main() {
    const page = await call('getMarkets', [1000, ...Array(10).fill(undefined), 'open', undefined, 'exclude'],
        { show: (a) => `${a.markets.length} markets` });
    const liquid = page.markets.filter((m) => m.yes_bid_dollars >= '0.20' && m.yes_ask_dollars < '0.80'
        && m.price_level_structure === 'tapered_deci_cent');
    // The latest to close, since nothing may happen to it by itself meanwhile.
    liquid.sort((a, b) => b.close_time.localeCompare(a.close_time) || b.volume_fp - a.volume_fp);
    const { ticker, event_ticker: event, exchange_index: shard } = liquid[0];
    const { event: { series_ticker: series } } = await call('getEvent', [event]);
    await marketData(ticker, event, series);
    await orders(ticker, shard);
    await account();
    await call('getCommunicationsID');
    await call('getRFQs');
    await call('createRFQ', [{ market_ticker: ticker, contracts_fp: '10', rest_remainder: false }]);
    await call('getQuotes');
    await call('listFCMSubtraders');

    const left = [...methods.keys()].filter((name) => !called.has(name)).sort();
    console.log(`${called.size} of ${methods.size} methods called, ${failures} failures`);
    console.log(`not called: ${left.join(', ')}`);
    process.exit(failures ? 1 : 0);
}

main().catch((error) => { console.log(error); process.exit(1); });
