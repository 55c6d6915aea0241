-- custom_fields are json, not jsonb: they come back as they were written, order and numbers too (jsonb makes
-- 1e23 an integer of 24 digits, and -0.0 a zero). Assigned ids are text: they are kept as given.

CREATE TABLE project_extensions (
    raken_project_uuid  uuid PRIMARY KEY,
    internal_notes      text,
    asr_budget_override numeric(18, 2),
    custom_fields       json NOT NULL DEFAULT '{}',
    created_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at          timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE team_member_extensions (
    raken_member_uuid      uuid PRIMARY KEY,
    internal_user_id       uuid REFERENCES accounts,
    permissions            text[],
    assigned_project_uuids text[],
    internal_notes         text,
    custom_fields          json NOT NULL DEFAULT '{}',
    created_at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at             timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Read by every team, written now and then: so no list of pending entries, which each read would go through.
CREATE INDEX team_member_extensions_assigned ON team_member_extensions
    USING gin (assigned_project_uuids) WITH (fastupdate = off);
