-- The queries of the PostgreSQL backend. `(e.expires_at > %(now)s) IS NOT FALSE`: the entry has not
-- expired. Python puts the schema, and conditions, in place of a name in braces.

-- name: load
SELECT e.scope, e.key, e.value FROM {schema}.entries e
WHERE e.scope = ANY(%(scopes)s) AND (e.expires_at > %(now)s) IS NOT FALSE;

-- name: get
SELECT e.value, e.version, e.updated_at, e.run_id, e.expires_at FROM {schema}.entries e
WHERE e.scope = %(scope)s AND e.key = %(key)s AND (e.expires_at > %(now)s) IS NOT FALSE;

-- name: entries
SELECT e.key, e.value, e.version, e.updated_at, e.run_id, e.expires_at FROM {schema}.entries e
WHERE e.scope = %(scope)s AND (e.expires_at > %(now)s) IS NOT FALSE
ORDER BY e.key;

-- name: list_keys
SELECT e.key FROM {schema}.entries e
WHERE e.scope = %(scope)s AND e.key >= %(prefix)s
    AND substring(e.key FROM 1 FOR octet_length(%(prefix)s)) = %(prefix)s
    AND (e.expires_at > %(now)s) IS NOT FALSE
ORDER BY e.key LIMIT %(limit)s;

-- name: update
-- Updates one entry, which locks nothing else; returns no row when it can't.
UPDATE {schema}.entries e SET
    value = %(value)s,
    version = CASE WHEN e.expires_at <= %(now)s THEN 1 ELSE e.version + 1 END,
    updated_at = %(now)s, run_id = %(run_id)s, expires_at = %(expires_at)s
WHERE e.scope = %(scope)s AND e.key = %(key)s AND (
    %(expect)s = -1
    OR CASE WHEN e.expires_at <= %(now)s THEN 0 ELSE e.version END = %(expect)s)
RETURNING true;

-- name: commit
SELECT {schema}.commit_changes(
    %(now)s, %(scope_keys)s, %(scope_names)s, %(parts)s::bytea[], %(tags)s, %(folded)s::bytea[],
    %(keys)s::bytea[], %(data)s::bytea[], %(expects)s::bigint[], %(run_ids)s::bytea[],
    %(expiries)s::double precision[]);

-- name: scopes
SELECT s.key, s.scope, s.parts, e.count, e.bytes, e.updated_at
FROM {schema}.scopes s CROSS JOIN LATERAL (
    SELECT count(*) AS count, sum(octet_length(e.value)) AS bytes, max(e.updated_at) AS updated_at
    FROM {schema}.entries e
    WHERE e.scope = s.key AND (e.expires_at > %(now)s) IS NOT FALSE) e
WHERE e.count > 0 AND s.key > %(cursor)s AND {where}
ORDER BY s.key LIMIT %(limit)s;

-- name: lock_scopes
SELECT s.key FROM {schema}.scopes s
WHERE s.key > %(cursor)s AND {where}
ORDER BY s.key LIMIT %(limit)s FOR UPDATE;

-- name: delete_entries
WITH gone AS (
    DELETE FROM {schema}.entries e WHERE e.scope = ANY(%(keys)s)
    RETURNING (e.expires_at > %(now)s) IS NOT FALSE AS live)
SELECT count(*) FILTER (WHERE live) FROM gone;

-- name: delete_expired_entries
WITH gone AS (
    DELETE FROM {schema}.entries e WHERE e.scope = ANY(%(keys)s) AND e.expires_at <= %(now)s
    RETURNING 1)
SELECT count(*) FROM gone;

-- name: delete_empty_scopes
DELETE FROM {schema}.scopes s
WHERE s.key = ANY(%(keys)s)
    AND NOT EXISTS (SELECT FROM {schema}.entries e WHERE e.scope = s.key);

-- name: expired_scopes
SELECT DISTINCT e.scope FROM {schema}.entries e WHERE e.expires_at <= %(now)s LIMIT 1000;

-- name: overview_days
-- One row for each day since `since`, and one for the time before.
SELECT
    CASE WHEN e.updated_at >= %(since)s THEN floor(e.updated_at / %(day_s)s)
        ELSE %(earlier)s END,
    count(*) FILTER (WHERE e.version = 1), count(*) FILTER (WHERE e.version > 1),
    sum(octet_length(e.value))
FROM {schema}.entries e JOIN {schema}.scopes s ON s.key = e.scope
WHERE ({where}) IS NOT TRUE AND (e.expires_at > %(now)s) IS NOT FALSE
GROUP BY 1 ORDER BY 1;

-- name: overview_newest
SELECT s.scope, s.parts, e.key, octet_length(e.value), e.version, e.updated_at, e.run_id
FROM {schema}.entries e JOIN {schema}.scopes s ON s.key = e.scope
WHERE ({where}) IS NOT TRUE AND (e.expires_at > %(now)s) IS NOT FALSE
ORDER BY e.updated_at DESC LIMIT %(newest)s;

-- name: overview_scopes
SELECT count(*) FROM {schema}.scopes s
WHERE ({where}) IS NOT TRUE AND EXISTS (
    SELECT FROM {schema}.entries e
    WHERE e.scope = s.key AND (e.expires_at > %(now)s) IS NOT FALSE);

-- name: overview_parts
-- How many scopes have each of the tags that begin with one of `heads`.
SELECT t.tag, count(*)
FROM {schema}.scopes s, unnest(s.tags) AS t (tag), unnest(%(heads)s::bytea[]) AS h (head)
WHERE substring(t.tag FROM 1 FOR octet_length(h.head)) = h.head
    AND ({where}) IS NOT TRUE AND EXISTS (
        SELECT FROM {schema}.entries e
        WHERE e.scope = s.key AND (e.expires_at > %(now)s) IS NOT FALSE)
GROUP BY t.tag;

-- name: session
-- The settings that our promises need, whatever the defaults of the database are.
SELECT
    set_config('statement_timeout', %(wait_ms)s, false),
    set_config('default_transaction_isolation', 'read committed', false),
    CASE WHEN current_setting('synchronous_commit') = 'off'
        THEN set_config('synchronous_commit', 'on', false) END;

-- name: tables
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'p', 'v');

-- name: schema_exists
SELECT FROM pg_namespace WHERE nspname = %(schema)s;

-- name: rights
SELECT bool_and(has_table_privilege(c.oid, p.right))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
    unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p ("right")
WHERE n.nspname = %(schema)s AND c.relname IN ('scopes', 'entries');

-- name: lock_migration
SELECT pg_advisory_xact_lock(hashtextextended('langbot-state-ext ' || %(schema)s, 0));

-- name: schema_version
SELECT version FROM {schema}.schema_version;

-- name: create_schema_version
CREATE TABLE {schema}.schema_version (version int);
INSERT INTO {schema}.schema_version VALUES (0);

-- name: set_schema_version
UPDATE {schema}.schema_version SET version = %(version)s;
