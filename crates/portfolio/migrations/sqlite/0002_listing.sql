-- Where a position was listed last, and what an unfinished walk could not keep.

-- 1 where the venue's archive listed the current version last, and not its live list.
ALTER TABLE positions ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event_positions ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;

-- The time of the oldest row that the walk under way could not keep; the least integer if one has no time.
ALTER TABLE sync_checkpoints ADD COLUMN held_us INTEGER;
