-- Where a position was listed last, and what could not be kept.

-- 1 where the venue's archive listed the current version last, and not its live list.
ALTER TABLE positions ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event_positions ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;

-- The time of the oldest row that the walk under way could not keep; the least integer if one has no time.
ALTER TABLE sync_checkpoints ADD COLUMN held_us INTEGER;

-- What the last sync could not keep of a stream. It is asked for again by every sync.
CREATE TABLE unusable_rows (
    account_id INTEGER NOT NULL REFERENCES accounts,
    subaccount INTEGER NOT NULL,
    stream TEXT NOT NULL,
    reason TEXT NOT NULL,
    first_seen_us INTEGER NOT NULL,
    PRIMARY KEY (account_id, subaccount, stream, reason)
) STRICT;
