-- Grows with what ends an account's sessions; the token of each has the number that it was begun under.
ALTER TABLE accounts ADD COLUMN session_number integer NOT NULL DEFAULT 0;

-- Sign-ins that failed: a row for each account and address, and one for each address. Times are this database's.
CREATE TABLE sign_ins (
    who      bytea PRIMARY KEY,                      -- a digest by JWT_SECRET; what was typed cannot be read from it
    failures integer NOT NULL DEFAULT 0,
    last_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    next_at  timestamptz NOT NULL DEFAULT '-infinity', -- when the next try may be
    guest    boolean NOT NULL DEFAULT false          -- the account has signed in from the address
);
