-- The queries of the SQLite backend. `(e.expires_at > now) IS NOT FALSE`: the entry has not
-- expired.
--
-- A run's queries take their parameters by position, which is faster with Python's driver. Python
-- puts parameters or conditions in place of a name in braces.

-- name: load
SELECT s.key, e.key, e.value
FROM scopes s JOIN entries e ON e.scope_id = s.id
WHERE s.key IN ({scopes}) AND (e.expires_at > ?) IS NOT FALSE;

-- name: get
SELECT e.value, e.version, e.updated_at, e.run_id, e.expires_at
FROM scopes s JOIN entries e ON e.scope_id = s.id
WHERE s.key = ? AND e.key = ? AND (e.expires_at > ?) IS NOT FALSE;

-- name: entries
SELECT e.key, e.value, e.version, e.updated_at, e.run_id, e.expires_at
FROM scopes s JOIN entries e ON e.scope_id = s.id
WHERE s.key = ? AND (e.expires_at > ?) IS NOT FALSE
ORDER BY e.key;

-- name: list_keys
SELECT e.key
FROM scopes s JOIN entries e ON e.scope_id = s.id
WHERE s.key = ? AND e.key >= ? AND substr(e.key, 1, ?) = ?
    AND (e.expires_at > ?) IS NOT FALSE
ORDER BY e.key LIMIT ?;

-- name: update
UPDATE entries SET
    value = ?,
    version = CASE WHEN expires_at <= ? THEN 1 ELSE version + 1 END,
    updated_at = ?, run_id = ?, expires_at = ?
WHERE scope_id = (SELECT id FROM scopes WHERE key = ?) AND key = ?;

-- name: add_scope
INSERT OR IGNORE INTO scopes (key, scope, parts) VALUES (?, ?, ?);

-- name: insert
INSERT INTO entries (scope_id, key, value, version, updated_at, run_id, expires_at)
SELECT id, ?, ?, 1, ?, ?, ? FROM scopes WHERE key = ?;

-- name: delete
DELETE FROM entries WHERE scope_id = (SELECT id FROM scopes WHERE key = ?) AND key = ?;

-- name: delete_empty_scope
DELETE FROM scopes
WHERE key = ? AND NOT EXISTS (SELECT 1 FROM entries WHERE scope_id = scopes.id);

-- name: scopes
SELECT c.scope, c.parts, count(*), sum(length(e.value)), max(e.updated_at), c.key
FROM (
    SELECT s.* FROM scopes s
    WHERE s.key > :cursor AND {where} AND EXISTS (
        SELECT 1 FROM entries e
        WHERE e.scope_id = s.id AND (e.expires_at > :now) IS NOT FALSE)
    ORDER BY s.key LIMIT :limit
) c JOIN entries e ON e.scope_id = c.id
WHERE (e.expires_at > :now) IS NOT FALSE
GROUP BY c.key ORDER BY c.key;

-- name: count_matching
SELECT count(*) FROM entries e
WHERE e.scope_id IN (SELECT s.id FROM scopes s WHERE {where})
    AND (e.expires_at > :now) IS NOT FALSE;

-- name: delete_matching
DELETE FROM entries WHERE scope_id IN (SELECT s.id FROM scopes s WHERE {where});

-- name: delete_matching_scopes
DELETE FROM scopes AS s WHERE {where};

-- name: expired_scopes
SELECT DISTINCT s.key
FROM entries e JOIN scopes s ON s.id = e.scope_id
WHERE e.expires_at <= :now;

-- name: delete_expired
DELETE FROM entries WHERE expires_at <= :now;

-- name: overview_days
-- One row for each day since :since, and one for the time before.
SELECT
    CASE WHEN e.updated_at >= :since THEN CAST(e.updated_at / :day_s AS INTEGER)
        ELSE :earlier END AS day,
    sum(e.version = 1), sum(e.version > 1), sum(length(e.value))
FROM entries e
WHERE e.scope_id NOT IN (SELECT s.id FROM scopes s WHERE {hidden})
    AND (e.expires_at > :now) IS NOT FALSE
GROUP BY day ORDER BY day;

-- name: overview_newest
-- No index serves it: an index on the time of the last write would slow down every update.
SELECT s.scope, s.parts, n.* FROM (
    SELECT e.key, length(e.value), e.version, e.updated_at, e.run_id, e.scope_id
    FROM entries e
    WHERE e.scope_id NOT IN (SELECT s.id FROM scopes s WHERE {hidden})
        AND (e.expires_at > :now) IS NOT FALSE
    ORDER BY e.updated_at DESC LIMIT :newest
) n JOIN scopes s ON s.id = n.scope_id
ORDER BY n.updated_at DESC;

-- name: overview_parts
-- Of several paths SQLite makes one array, and reads each identity once.
SELECT count(*), json_extract(s.parts, {paths}) AS held
FROM scopes s
WHERE ({hidden}) IS NOT TRUE AND EXISTS (
    SELECT 1 FROM entries e
    WHERE e.scope_id = s.id AND (e.expires_at > :now) IS NOT FALSE)
GROUP BY held;
