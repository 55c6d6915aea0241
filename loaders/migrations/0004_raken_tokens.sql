-- The one chain of Raken's tokens: exactly one row, which is there from the start.
CREATE TABLE raken_tokens (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    pair        bytea,                        -- encrypted; also the version that a change is held against
    seeds       text[] NOT NULL DEFAULT '{}', -- hashes of each RAKEN_REFRESH_TOKEN that has started a chain
    intended_at timestamptz,                  -- since when the refresh token may be spent, the outcome unknown
    stored_at   timestamptz,
    dead_reason text
);

INSERT INTO raken_tokens DEFAULT VALUES;
