-- Assigned ids are kept as given, in letters of either case; they are found by what they say.

CREATE FUNCTION lower_all(texts text[]) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ARRAY(SELECT lower(one) FROM unnest(texts) AS one);

DROP INDEX team_member_extensions_assigned;

CREATE INDEX team_member_extensions_assigned ON team_member_extensions
    USING gin (lower_all(assigned_project_uuids)) WITH (fastupdate = off);
