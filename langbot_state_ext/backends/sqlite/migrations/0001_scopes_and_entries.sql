CREATE TABLE scopes (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    scope TEXT NOT NULL,
    parts TEXT NOT NULL
);

CREATE TABLE entries (
    scope_id INTEGER NOT NULL REFERENCES scopes (id),
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    version INTEGER NOT NULL,
    updated_at REAL NOT NULL,
    run_id TEXT,
    expires_at REAL,
    PRIMARY KEY (scope_id, key)
) WITHOUT ROWID;

CREATE INDEX entries_expiry ON entries (expires_at) WHERE expires_at IS NOT NULL;

CREATE INDEX scopes_runner ON scopes (json_extract(parts, '$.runner_id'));
CREATE INDEX scopes_conversation ON scopes (json_extract(parts, '$.conversation_id'));
CREATE INDEX scopes_actor ON scopes (json_extract(parts, '$.actor_id'));
CREATE INDEX scopes_subject ON scopes (json_extract(parts, '$.subject_id'));
CREATE INDEX scopes_sender ON scopes (json_extract(parts, '$.sender_id'))
WHERE json_extract(parts, '$.sender_id') IS NOT NULL;
CREATE INDEX scopes_launcher ON scopes (json_extract(parts, '$.launcher_id'))
WHERE json_extract(parts, '$.launcher_id') IS NOT NULL;
