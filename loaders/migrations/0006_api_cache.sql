-- Values by name: bodies of slices, above all, which are compressed already.
CREATE TABLE api_cache (
    name       text PRIMARY KEY,
    body       bytea NOT NULL,
    expires_at timestamptz       -- null: never
);

ALTER TABLE api_cache ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE INDEX api_cache_expires_at ON api_cache (expires_at);
