-- A Kalshi account, mirrored. STRICT: a column of integers holds integers, and nothing is ever REAL.
-- Units: *_microdollars 1e-6 $, *_price_e4 1e-4 $, *_cents 1e-2 $, *_centicontracts 1e-2 contracts,
-- *_us microseconds since the Unix epoch (UTC). `raw` is the venue's row as JSON, with fields that have no column.

CREATE TABLE accounts (
    account_id INTEGER PRIMARY KEY,
    environment TEXT NOT NULL,
    key_id TEXT NOT NULL,
    created_at_us INTEGER NOT NULL,
    UNIQUE (environment, key_id)
) STRICT;

CREATE TABLE balances (
    account_id INTEGER NOT NULL REFERENCES accounts,
    subaccount INTEGER NOT NULL,
    observed_at_us INTEGER NOT NULL,
    balance_microdollars INTEGER NOT NULL,
    portfolio_value_cents INTEGER NOT NULL,
    updated_at_us INTEGER NOT NULL,
    raw TEXT NOT NULL,
    PRIMARY KEY (account_id, subaccount, observed_at_us)
) STRICT;

CREATE TABLE balance_shards (
    account_id INTEGER NOT NULL,
    subaccount INTEGER NOT NULL,
    observed_at_us INTEGER NOT NULL,
    exchange_index INTEGER NOT NULL,
    balance_microdollars INTEGER NOT NULL,
    PRIMARY KEY (account_id, subaccount, observed_at_us, exchange_index),
    FOREIGN KEY (account_id, subaccount, observed_at_us) REFERENCES balances
) STRICT;

-- One row per version. The row without valid_to_us is the current one.
CREATE TABLE positions (
    account_id INTEGER NOT NULL REFERENCES accounts,
    subaccount INTEGER NOT NULL,
    exchange_index INTEGER NOT NULL,
    ticker TEXT NOT NULL,
    position_centicontracts INTEGER NOT NULL,
    market_exposure_microdollars INTEGER NOT NULL,
    realized_pnl_microdollars INTEGER NOT NULL,
    fees_paid_microdollars INTEGER NOT NULL,
    total_traded_microdollars INTEGER NOT NULL,
    last_updated_at_us INTEGER NOT NULL,
    raw TEXT NOT NULL,
    valid_from_us INTEGER NOT NULL,
    valid_to_us INTEGER,
    PRIMARY KEY (account_id, subaccount, exchange_index, ticker, valid_from_us),
    CHECK (valid_to_us > valid_from_us)
) STRICT;
CREATE UNIQUE INDEX positions_current ON positions (account_id, subaccount, exchange_index, ticker)
    WHERE valid_to_us IS NULL;

CREATE TABLE event_positions (
    account_id INTEGER NOT NULL REFERENCES accounts,
    subaccount INTEGER NOT NULL,
    event_ticker TEXT NOT NULL,
    event_exposure_microdollars INTEGER NOT NULL,
    realized_pnl_microdollars INTEGER NOT NULL,
    fees_paid_microdollars INTEGER NOT NULL,
    total_cost_microdollars INTEGER NOT NULL,
    total_shares_centicontracts INTEGER NOT NULL,
    raw TEXT NOT NULL,
    valid_from_us INTEGER NOT NULL,
    valid_to_us INTEGER,
    PRIMARY KEY (account_id, subaccount, event_ticker, valid_from_us),
    CHECK (valid_to_us > valid_from_us)
) STRICT;
CREATE UNIQUE INDEX event_positions_current ON event_positions (account_id, subaccount, event_ticker)
    WHERE valid_to_us IS NULL;

-- Two orders of one account may have filled each other: a trade alone is no key.
CREATE TABLE fills (
    account_id INTEGER NOT NULL REFERENCES accounts,
    trade_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    subaccount INTEGER NOT NULL,
    exchange_index INTEGER NOT NULL,
    ticker TEXT NOT NULL,
    outcome_side TEXT NOT NULL,
    count_centicontracts INTEGER NOT NULL,
    yes_price_e4 INTEGER NOT NULL,
    is_taker INTEGER NOT NULL,
    fee_microdollars INTEGER NOT NULL,
    executed_at_us INTEGER NOT NULL,
    raw TEXT NOT NULL,
    first_seen_us INTEGER NOT NULL,
    PRIMARY KEY (account_id, trade_id, order_id)
) STRICT;
CREATE INDEX fills_by_market
    ON fills (account_id, subaccount, exchange_index, ticker, executed_at_us, trade_id, order_id);
CREATE INDEX fills_by_time ON fills (account_id, executed_at_us);

CREATE TABLE settlements (
    account_id INTEGER NOT NULL REFERENCES accounts,
    subaccount INTEGER NOT NULL,
    exchange_index INTEGER NOT NULL,
    ticker TEXT NOT NULL,
    event_ticker TEXT NOT NULL,
    market_result TEXT NOT NULL,
    yes_count_centicontracts INTEGER NOT NULL,
    yes_cost_microdollars INTEGER NOT NULL,
    no_count_centicontracts INTEGER NOT NULL,
    no_cost_microdollars INTEGER NOT NULL,
    revenue_cents INTEGER NOT NULL,
    value_cents INTEGER,
    fee_microdollars INTEGER NOT NULL,
    settled_at_us INTEGER NOT NULL,
    raw TEXT NOT NULL,
    first_seen_us INTEGER NOT NULL,
    PRIMARY KEY (account_id, subaccount, exchange_index, ticker)
) STRICT;
CREATE INDEX settlements_by_time ON settlements (account_id, settled_at_us);

-- The latest known state of each order.
CREATE TABLE orders (
    account_id INTEGER NOT NULL REFERENCES accounts,
    order_id TEXT NOT NULL,
    subaccount INTEGER NOT NULL,
    exchange_index INTEGER,
    ticker TEXT NOT NULL,
    status TEXT NOT NULL,
    outcome_side TEXT NOT NULL,
    yes_price_e4 INTEGER NOT NULL,
    initial_count_centicontracts INTEGER NOT NULL,
    fill_count_centicontracts INTEGER NOT NULL,
    remaining_count_centicontracts INTEGER NOT NULL,
    fees_microdollars INTEGER NOT NULL,
    created_at_us INTEGER,
    updated_at_us INTEGER,
    raw TEXT NOT NULL,
    observed_at_us INTEGER NOT NULL,
    PRIMARY KEY (account_id, order_id)
) STRICT;
CREATE INDEX orders_by_status ON orders (account_id, subaccount, status, created_at_us);

-- What the venue said later about a row of an append-only table, which itself stays as it was.
CREATE TABLE revisions (
    account_id INTEGER NOT NULL REFERENCES accounts,
    table_name TEXT NOT NULL,
    row_key TEXT NOT NULL,
    number INTEGER NOT NULL,
    differences TEXT NOT NULL,
    raw TEXT NOT NULL,
    first_seen_us INTEGER NOT NULL,
    PRIMARY KEY (account_id, table_name, row_key, number)
) STRICT;

-- How far each stream is mirrored, and where an interrupted walk goes on.
CREATE TABLE sync_checkpoints (
    account_id INTEGER NOT NULL REFERENCES accounts,
    subaccount INTEGER NOT NULL,
    stream TEXT NOT NULL,
    complete_through_us INTEGER,
    started_at_us INTEGER,
    stage TEXT,
    cursor TEXT,
    since_us INTEGER,
    newest_us INTEGER,
    PRIMARY KEY (account_id, subaccount, stream)
) STRICT;
