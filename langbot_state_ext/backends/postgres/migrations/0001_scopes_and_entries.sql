CREATE TABLE {schema}.scopes (
    key text COLLATE "C" PRIMARY KEY,
    scope text NOT NULL,
    parts bytea NOT NULL,
    tags bytea[] NOT NULL,
    folded bytea NOT NULL
);
CREATE INDEX scopes_tags ON {schema}.scopes USING gin (tags);
CREATE TABLE {schema}.entries (
    scope text COLLATE "C" NOT NULL,
    key bytea NOT NULL,
    value bytea NOT NULL,
    version bigint NOT NULL,
    updated_at double precision NOT NULL,
    run_id bytea,
    expires_at double precision,
    PRIMARY KEY (scope, key)
);
CREATE INDEX entries_expiry ON {schema}.entries (expires_at) WHERE expires_at IS NOT NULL;

CREATE FUNCTION {schema}.commit_changes(
    now_s double precision, scope_keys text[], scope_names text[], all_parts bytea[],
    all_tags text[], all_folded bytea[], keys bytea[], data bytea[], expects bigint[],
    run_ids bytea[], expiries double precision[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    held bigint;
    locked text[];
BEGIN
    IF cardinality(keys) = 1 AND expects[1] > 0 THEN
        -- Report a conflict without a lock: all that race for an entry pass here.
        SELECT CASE WHEN e.expires_at <= now_s THEN 0 ELSE e.version END INTO held
        FROM {schema}.entries e WHERE e.scope = scope_keys[1] AND e.key = keys[1];
        IF coalesce(held, 0) <> expects[1] THEN
            RAISE EXCEPTION '0 %', coalesce(held, 0) USING ERRCODE = 'LS001';
        END IF;
    END IF;

    -- Lock the scopes, in one order, so that no two calls wait for each other, and no scope is
    -- deleted while an entry is added to it.
    LOOP
        INSERT INTO {schema}.scopes
            SELECT DISTINCT ON (u.scope_key)
                u.scope_key, u.name, u.parts, u.tags::bytea[], u.folded
            FROM unnest(scope_keys, scope_names, all_parts, all_tags, all_folded, data)
                AS u (scope_key, name, parts, tags, folded, data)
            WHERE u.data IS NOT NULL ORDER BY u.scope_key ON CONFLICT DO NOTHING;
        locked := ARRAY (SELECT s.key FROM {schema}.scopes s WHERE s.key = ANY (scope_keys)
            ORDER BY s.key FOR UPDATE);
        EXIT WHEN NOT EXISTS (
            SELECT FROM unnest(scope_keys, data) AS u (scope_key, data)
            WHERE u.data IS NOT NULL AND u.scope_key <> ALL (locked));
    END LOOP;

    FOR i IN 1 .. cardinality(keys) LOOP
        IF expects[i] <> -1 THEN
            SELECT CASE WHEN e.expires_at <= now_s THEN 0 ELSE e.version END INTO held
            FROM {schema}.entries e WHERE e.scope = scope_keys[i] AND e.key = keys[i]
                AND e.scope = ANY (locked) FOR UPDATE;
            IF coalesce(held, 0) <> expects[i] THEN
                RAISE EXCEPTION '% %', i - 1, coalesce(held, 0) USING ERRCODE = 'LS001';
            END IF;
        END IF;
        IF data[i] IS NULL THEN
            DELETE FROM {schema}.entries e WHERE e.scope = scope_keys[i] AND e.key = keys[i]
                AND e.scope = ANY (locked);
        ELSE
            INSERT INTO {schema}.entries AS e VALUES (scope_keys[i], keys[i], data[i], 1, now_s,
                run_ids[i], expiries[i])
            ON CONFLICT (scope, key) DO UPDATE SET
                value = excluded.value,
                version = CASE WHEN e.expires_at <= now_s THEN 1 ELSE e.version + 1 END,
                updated_at = now_s, run_id = excluded.run_id, expires_at = excluded.expires_at;
        END IF;
    END LOOP;
    IF array_position(data, NULL) IS NOT NULL THEN
        DELETE FROM {schema}.scopes s WHERE s.key = ANY (locked) AND NOT EXISTS
            (SELECT FROM {schema}.entries e WHERE e.scope = s.key);
    END IF;
END $$;
