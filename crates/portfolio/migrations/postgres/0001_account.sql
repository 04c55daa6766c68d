-- A Kalshi account, mirrored. The same tables as for SQLite; texts compare by their bytes in both.
-- Units: *_microdollars 1e-6 $, *_price_e4 1e-4 $, *_cents 1e-2 $, *_centicontracts 1e-2 contracts,
-- *_us microseconds since the Unix epoch (UTC). `raw` is the venue's row as JSON, with fields that have no column.

CREATE TABLE accounts (
    account_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    environment TEXT COLLATE "C" NOT NULL,
    key_id TEXT COLLATE "C" NOT NULL,
    created_at_us BIGINT NOT NULL,
    UNIQUE (environment, key_id)
);

CREATE TABLE balances (
    account_id BIGINT NOT NULL REFERENCES accounts,
    subaccount BIGINT NOT NULL,
    observed_at_us BIGINT NOT NULL,
    balance_microdollars BIGINT NOT NULL,
    portfolio_value_cents BIGINT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    raw TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account_id, subaccount, observed_at_us)
);

CREATE TABLE balance_shards (
    account_id BIGINT NOT NULL,
    subaccount BIGINT NOT NULL,
    observed_at_us BIGINT NOT NULL,
    exchange_index BIGINT NOT NULL,
    balance_microdollars BIGINT NOT NULL,
    PRIMARY KEY (account_id, subaccount, observed_at_us, exchange_index),
    FOREIGN KEY (account_id, subaccount, observed_at_us) REFERENCES balances
);

-- One row per version. The row without valid_to_us is the current one.
CREATE TABLE positions (
    account_id BIGINT NOT NULL REFERENCES accounts,
    subaccount BIGINT NOT NULL,
    exchange_index BIGINT NOT NULL,
    ticker TEXT COLLATE "C" NOT NULL,
    position_centicontracts BIGINT NOT NULL,
    market_exposure_microdollars BIGINT NOT NULL,
    realized_pnl_microdollars BIGINT NOT NULL,
    fees_paid_microdollars BIGINT NOT NULL,
    total_traded_microdollars BIGINT NOT NULL,
    last_updated_at_us BIGINT NOT NULL,
    raw TEXT COLLATE "C" NOT NULL,
    valid_from_us BIGINT NOT NULL,
    valid_to_us BIGINT,
    PRIMARY KEY (account_id, subaccount, exchange_index, ticker, valid_from_us),
    CHECK (valid_to_us > valid_from_us)
);
CREATE UNIQUE INDEX positions_current ON positions (account_id, subaccount, exchange_index, ticker)
    WHERE valid_to_us IS NULL;

CREATE TABLE event_positions (
    account_id BIGINT NOT NULL REFERENCES accounts,
    subaccount BIGINT NOT NULL,
    event_ticker TEXT COLLATE "C" NOT NULL,
    event_exposure_microdollars BIGINT NOT NULL,
    realized_pnl_microdollars BIGINT NOT NULL,
    fees_paid_microdollars BIGINT NOT NULL,
    total_cost_microdollars BIGINT NOT NULL,
    total_shares_centicontracts BIGINT NOT NULL,
    raw TEXT COLLATE "C" NOT NULL,
    valid_from_us BIGINT NOT NULL,
    valid_to_us BIGINT,
    PRIMARY KEY (account_id, subaccount, event_ticker, valid_from_us),
    CHECK (valid_to_us > valid_from_us)
);
CREATE UNIQUE INDEX event_positions_current ON event_positions (account_id, subaccount, event_ticker)
    WHERE valid_to_us IS NULL;

-- Two orders of one account may have filled each other: a trade alone is no key.
CREATE TABLE fills (
    account_id BIGINT NOT NULL REFERENCES accounts,
    trade_id TEXT COLLATE "C" NOT NULL,
    order_id TEXT COLLATE "C" NOT NULL,
    subaccount BIGINT NOT NULL,
    exchange_index BIGINT NOT NULL,
    ticker TEXT COLLATE "C" NOT NULL,
    outcome_side TEXT COLLATE "C" NOT NULL,
    count_centicontracts BIGINT NOT NULL,
    yes_price_e4 BIGINT NOT NULL,
    is_taker BIGINT NOT NULL,
    fee_microdollars BIGINT NOT NULL,
    executed_at_us BIGINT NOT NULL,
    raw TEXT COLLATE "C" NOT NULL,
    first_seen_us BIGINT NOT NULL,
    PRIMARY KEY (account_id, trade_id, order_id)
);
CREATE INDEX fills_by_market
    ON fills (account_id, subaccount, exchange_index, ticker, executed_at_us, trade_id, order_id);
CREATE INDEX fills_by_time ON fills (account_id, executed_at_us);

CREATE TABLE settlements (
    account_id BIGINT NOT NULL REFERENCES accounts,
    subaccount BIGINT NOT NULL,
    exchange_index BIGINT NOT NULL,
    ticker TEXT COLLATE "C" NOT NULL,
    event_ticker TEXT COLLATE "C" NOT NULL,
    market_result TEXT COLLATE "C" NOT NULL,
    yes_count_centicontracts BIGINT NOT NULL,
    yes_cost_microdollars BIGINT NOT NULL,
    no_count_centicontracts BIGINT NOT NULL,
    no_cost_microdollars BIGINT NOT NULL,
    revenue_cents BIGINT NOT NULL,
    value_cents BIGINT,
    fee_microdollars BIGINT NOT NULL,
    settled_at_us BIGINT NOT NULL,
    raw TEXT COLLATE "C" NOT NULL,
    first_seen_us BIGINT NOT NULL,
    PRIMARY KEY (account_id, subaccount, exchange_index, ticker)
);
CREATE INDEX settlements_by_time ON settlements (account_id, settled_at_us);

-- The latest known state of each order.
CREATE TABLE orders (
    account_id BIGINT NOT NULL REFERENCES accounts,
    order_id TEXT COLLATE "C" NOT NULL,
    subaccount BIGINT NOT NULL,
    exchange_index BIGINT,
    ticker TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    outcome_side TEXT COLLATE "C" NOT NULL,
    yes_price_e4 BIGINT NOT NULL,
    initial_count_centicontracts BIGINT NOT NULL,
    fill_count_centicontracts BIGINT NOT NULL,
    remaining_count_centicontracts BIGINT NOT NULL,
    fees_microdollars BIGINT NOT NULL,
    created_at_us BIGINT,
    updated_at_us BIGINT,
    raw TEXT COLLATE "C" NOT NULL,
    observed_at_us BIGINT NOT NULL,
    PRIMARY KEY (account_id, order_id)
);
CREATE INDEX orders_by_status ON orders (account_id, subaccount, status, created_at_us);

-- What the venue said later about a row of an append-only table, which itself stays as it was.
CREATE TABLE revisions (
    account_id BIGINT NOT NULL REFERENCES accounts,
    table_name TEXT COLLATE "C" NOT NULL,
    row_key TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    differences TEXT COLLATE "C" NOT NULL,
    raw TEXT COLLATE "C" NOT NULL,
    first_seen_us BIGINT NOT NULL,
    PRIMARY KEY (account_id, table_name, row_key, number)
);

-- How far each stream is mirrored, and where an interrupted walk goes on.
CREATE TABLE sync_checkpoints (
    account_id BIGINT NOT NULL REFERENCES accounts,
    subaccount BIGINT NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    complete_through_us BIGINT,
    started_at_us BIGINT,
    stage TEXT COLLATE "C",
    "cursor" TEXT COLLATE "C",
    since_us BIGINT,
    newest_us BIGINT,
    PRIMARY KEY (account_id, subaccount, stream)
);
