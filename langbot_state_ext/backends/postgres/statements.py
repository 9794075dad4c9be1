"""The statements of the PostgreSQL backend, and what goes into them as bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, LiteralString

from psycopg import sql

from ...state.scopes import ScopeKey
from ..base import Change, Entry, ScopeFilter
from ..urls import pack_parts, to_bytes, to_text

LIVE: LiteralString = "(e.expires_at IS NULL OR e.expires_at > %(now)s)"

LOAD: LiteralString = f"""SELECT e.scope, e.key, e.value FROM {{schema}}.entries e
    WHERE e.scope = ANY(%(scopes)s) AND {LIVE}"""

GET: LiteralString = f"""SELECT e.value, e.version, e.updated_at, e.run_id, e.expires_at
    FROM {{schema}}.entries e WHERE e.scope = %(scope)s AND e.key = %(key)s AND {LIVE}"""

ENTRIES: LiteralString = f"""SELECT e.key, e.value, e.version, e.updated_at, e.run_id, e.expires_at
    FROM {{schema}}.entries e WHERE e.scope = %(scope)s AND {LIVE} ORDER BY e.key"""

LIST: LiteralString = f"""SELECT e.key FROM {{schema}}.entries e
    WHERE e.scope = %(scope)s AND e.key >= %(prefix)s
        AND substring(e.key FROM 1 FOR octet_length(%(prefix)s)) = %(prefix)s AND {LIVE}
    ORDER BY e.key LIMIT %(limit)s"""

UPDATE: LiteralString = """UPDATE {schema}.entries e SET
        value = %(value)s,
        version = CASE WHEN e.expires_at <= %(now)s THEN 1 ELSE e.version + 1 END,
        updated_at = %(now)s, run_id = %(run_id)s, expires_at = %(expires_at)s
    WHERE e.scope = %(scope)s AND e.key = %(key)s AND (%(expect)s = -1
        OR CASE WHEN e.expires_at <= %(now)s THEN 0 ELSE e.version END = %(expect)s)
    RETURNING true"""
"""Writes over one entry, which needs no lock but its own; returns nothing when it can't."""

COMMIT: LiteralString = """SELECT {schema}.commit_changes(
    %(now)s, %(scope_keys)s, %(scope_names)s, %(parts)s::bytea[], %(tags)s, %(folded)s::bytea[],
    %(keys)s::bytea[], %(data)s::bytea[], %(expects)s::bigint[], %(run_ids)s::bytea[],
    %(expiries)s::double precision[])"""

SCOPES: LiteralString = f"""SELECT s.key, s.scope, s.parts, e.count, e.bytes, e.updated_at
    FROM {{schema}}.scopes s CROSS JOIN LATERAL (
        SELECT count(*) AS count, sum(octet_length(e.value)) AS bytes,
            max(e.updated_at) AS updated_at
        FROM {{schema}}.entries e WHERE e.scope = s.key AND {LIVE}) e
    WHERE e.count > 0 AND s.key > %(cursor)s AND {{where}} ORDER BY s.key LIMIT %(limit)s"""

EARLIER = -1
"""Stands in `DAYS` for every day before those that are wanted."""

_COUNTED: LiteralString = "({where}) IS NOT TRUE"
_HELD: LiteralString = f"""FROM {{schema}}.entries e JOIN {{schema}}.scopes s ON s.key = e.scope
    WHERE {_COUNTED} AND {LIVE}"""
_LIVING: LiteralString = f"""{_COUNTED}
    AND EXISTS (SELECT FROM {{schema}}.entries e WHERE e.scope = s.key AND {LIVE})"""

DAYS: LiteralString = f"""SELECT
        CASE WHEN e.updated_at >= %(since)s THEN floor(e.updated_at / %(day_s)s)
            ELSE %(earlier)s END,
        count(*) FILTER (WHERE e.version = 1), count(*) FILTER (WHERE e.version > 1),
        sum(octet_length(e.value)) {_HELD} GROUP BY 1 ORDER BY 1"""

NEWEST: LiteralString = f"""SELECT s.scope, s.parts, e.key, octet_length(e.value), e.version,
    e.updated_at, e.run_id {_HELD} ORDER BY e.updated_at DESC LIMIT %(newest)s"""

COUNT: LiteralString = f"SELECT count(*) FROM {{schema}}.scopes s WHERE {_LIVING}"

TAGS: LiteralString = f"""SELECT t.tag, count(*)
    FROM {{schema}}.scopes s, unnest(s.tags) AS t (tag), unnest(%(heads)s::bytea[]) AS h (head)
    WHERE substring(t.tag FROM 1 FOR octet_length(h.head)) = h.head AND {_LIVING} GROUP BY t.tag"""
"""How many scopes have each value of the parts whose tags begin with one of `heads`."""

LOCK: LiteralString = """SELECT s.key FROM {schema}.scopes s
    WHERE s.key > %(cursor)s AND {where} ORDER BY s.key LIMIT %(limit)s FOR UPDATE"""

DELETE: LiteralString = f"""WITH gone AS (
        DELETE FROM {{schema}}.entries e WHERE e.scope = ANY(%(keys)s) RETURNING {LIVE} AS live)
    SELECT count(*) FILTER (WHERE live) FROM gone"""

DELETE_EXPIRED: LiteralString = f"""WITH gone AS (
        DELETE FROM {{schema}}.entries e WHERE e.scope = ANY(%(keys)s) AND NOT {LIVE} RETURNING 1)
    SELECT count(*) FROM gone"""

DROP_EMPTY: LiteralString = """DELETE FROM {schema}.scopes s WHERE s.key = ANY(%(keys)s)
    AND NOT EXISTS (SELECT FROM {schema}.entries e WHERE e.scope = s.key)"""

EXPIRED: LiteralString = """SELECT DISTINCT e.scope FROM {schema}.entries e
    WHERE e.expires_at <= %(now)s LIMIT 1000"""

EVERY = sql.SQL("true")
THESE = sql.SQL("s.key = ANY(%(ended)s)")

_BOUND = b"\xff"
"""Stands between the parts of `folded`; no UTF-8 text has it, so that no text reaches over it."""


def entry(row: Sequence[Any]) -> Entry:
    """Make an entry of value, version, time, run and expiry."""
    value, version, updated_at, run_id, expires_at = row
    return Entry(
        value, version, updated_at, None if run_id is None else to_text(run_id), expires_at
    )


def update_values(change: Change, now: float) -> dict[str, Any]:
    """Return what `UPDATE` needs."""
    return {
        "now": now,
        "scope": change.scope.storage,
        "key": to_bytes(change.key),
        "value": change.value,
        "expect": change.expect,
        "run_id": None if change.run_id is None else to_bytes(change.run_id),
        "expires_at": change.expires_at,
    }


def commit_values(changes: Sequence[Change], now: float) -> dict[str, Any]:
    """Return what `COMMIT` needs: one array for each argument, with one place for each change."""
    keys = [change.scope for change in changes]
    return {
        "now": now,
        "scope_keys": [key.storage for key in keys],
        "scope_names": [key.scope for key in keys],
        "parts": [pack_parts(key) for key in keys],
        "tags": [_array(_tags(key)) for key in keys],
        "folded": [_folded(key) for key in keys],
        "keys": [to_bytes(change.key) for change in changes],
        "data": [change.value for change in changes],
        "expects": [change.expect for change in changes],
        "run_ids": [None if c.run_id is None else to_bytes(c.run_id) for c in changes],
        "expiries": [change.expires_at for change in changes],
    }


def where(which: ScopeFilter) -> tuple[sql.Composable, dict[str, Any]]:
    """Return the condition on `s` that a filter means, and its values."""
    conditions: list[LiteralString] = ["true"]
    values: dict[str, Any] = {}
    if which.key is not None:
        conditions.append("s.key = %(key)s")
        values["key"] = which.key.storage
    if which.scope is not None:
        conditions.append("s.scope = %(scope)s")
        values["scope"] = which.scope
    if which.parts:
        conditions.append("s.tags @> %(tags)s::bytea[]")
        values["tags"] = [_tag(name, value) for name, value in which.parts.items()]
    if which.text is not None:
        conditions.append("position(%(text)s IN s.folded) > 0")
        values["text"] = to_bytes(which.text).lower()
    return sql.SQL(" AND ").join(sql.SQL(condition) for condition in conditions), values


def _tags(key: ScopeKey) -> Iterator[bytes]:
    return (_tag(name, value) for name, value in key.parts if value is not None)


def _tag(name: str, value: str) -> bytes:
    return json.dumps([name, value], ensure_ascii=False).encode("utf-8", "surrogatepass")


def _array(items: Iterator[bytes]) -> str:
    """Return an array as PostgreSQL writes it; arrays of different lengths can't be in another."""
    return "{" + ",".join(f'"\\\\x{item.hex()}"' for item in items) + "}"


def _folded(key: ScopeKey) -> bytes:
    values = (to_bytes(value).lower() for _name, value in key.parts if value is not None)
    return _BOUND.join(values)
