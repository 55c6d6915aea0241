-- One row a slice, as one encoding of it has it: who reads it now, what was read last, what its last reading failed
-- of. It is the truth about versions; the bodies that it names are values in a cache. Times are this database's, but
-- for `fetched_at` and `raken_date`, which are told to people and to Raken.
CREATE TABLE slices (
    key          text PRIMARY KEY,
    entity       text NOT NULL,

    -- The lease: its number only grows, and publishing is compare-and-set on it.
    number       bigint NOT NULL,
    leased_until timestamptz,              -- null: nobody reads it
    taken_at     timestamptz NOT NULL,
    departed_at  timestamptz,              -- when the first request of the leased reading went out

    -- What was read last.
    read_number  bigint NOT NULL DEFAULT 0, -- the lease under which it was read; 0: never
    version      bigint NOT NULL DEFAULT 0, -- the lease under which its content last moved
    body         text,                      -- the name of its content in the cache
    sent_at      timestamptz,               -- no later than its first request was sent
    whole_at     timestamptz,               -- the same, of the last reading that was no difference
    fetched_at   timestamptz,
    raken_date   timestamptz,
    row_count    integer NOT NULL DEFAULT 0,
    requests     integer NOT NULL DEFAULT 0, -- that were sent to Raken for it
    left_out     text,

    -- What its last reading failed of, if it did.
    failure      json,
    failed_at    timestamptz,               -- no later than the first request of that reading was sent
    failed_until timestamptz
);
