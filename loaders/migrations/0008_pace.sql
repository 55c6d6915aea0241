-- How Raken is asked by all processes together. Times and days are this database's.

-- One row, there from the start: the next free place in the line of requests, and the last pause that Raken asked for.
CREATE TABLE raken_pace (
    one          boolean PRIMARY KEY DEFAULT true CHECK (one),
    next_at      timestamptz NOT NULL DEFAULT '-infinity',
    apart_until  timestamptz NOT NULL DEFAULT '-infinity', -- till then each sends at moments of its own
    number       bigint NOT NULL DEFAULT 0,                -- grows with each pause
    paused_until timestamptz NOT NULL DEFAULT '-infinity',
    times        integer NOT NULL DEFAULT 0,               -- 429s since an answer was let through
    quota        boolean NOT NULL DEFAULT false,           -- they are taken for Raken's daily quota
    status       smallint NOT NULL DEFAULT 429,
    seconds      double precision NOT NULL DEFAULT 0,      -- how long the pause is
    wish         double precision                          -- the same, where Raken named it
);

INSERT INTO raken_pace DEFAULT VALUES;

-- What processes have reserved of RAKEN_DAILY_QUOTA; what a killed one had reserved is not given back.
CREATE TABLE raken_days (
    day      date PRIMARY KEY,
    reserved integer NOT NULL,
    granted  integer NOT NULL                              -- what the last reservation got
);

-- What each process has sent. Its own count alone is written, so that writing it twice counts nothing twice.
CREATE TABLE raken_senders (
    day       date NOT NULL,
    process   uuid NOT NULL,
    sent      integer NOT NULL,
    throttled integer NOT NULL,                            -- answered with 429
    seen_at   timestamptz NOT NULL,
    PRIMARY KEY (day, process)
);
