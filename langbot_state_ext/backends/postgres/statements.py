"""The queries of the PostgreSQL backend, and the parameters that they take."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, LiteralString

from psycopg import sql

from ...state.scopes import ScopeKey
from ..data import Change, Entry, ScopeFilter
from ..packing import pack_parts, to_bytes, to_text
from ..resources import read_queries

SQL = read_queries(__package__)
"""The queries of `queries.sql`, by name."""

EVERY_SCOPE = sql.SQL("true")
EXPIRED = sql.SQL("s.key = ANY(%(expired)s)")

_BOUND = b"\xff"
"""Separates the parts in `folded`: no UTF-8 text has this byte, so no match spans two parts."""


def entry(row: Sequence[Any]) -> Entry:
    """Make an entry of value, version, time, run and expiry."""
    value, version, updated_at, run_id, expires_at = row
    return Entry(
        value, version, updated_at, None if run_id is None else to_text(run_id), expires_at
    )


def update_values(change: Change, now: float) -> dict[str, Any]:
    """Return the parameters of `update`."""
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
    """Return the parameters of `commit`: arrays with one item for each change."""
    keys = [change.scope for change in changes]
    return {
        "now": now,
        "scope_keys": [key.storage for key in keys],
        "scope_names": [key.scope for key in keys],
        "parts": [to_bytes(pack_parts(key)) for key in keys],
        "tags": [_array(_tags(key)) for key in keys],
        "folded": [_folded(key) for key in keys],
        "keys": [to_bytes(change.key) for change in changes],
        "data": [change.value for change in changes],
        "expects": [change.expect for change in changes],
        "run_ids": [None if c.run_id is None else to_bytes(c.run_id) for c in changes],
        "expiries": [change.expires_at for change in changes],
    }


def condition(which: ScopeFilter, prefix: str = "") -> tuple[sql.Composable, dict[str, Any]]:
    """Return a filter as a condition on `scopes s`, and its parameters, each with a prefix."""
    conditions: list[sql.Composable] = [EVERY_SCOPE]
    values: dict[str, Any] = {}
    if which.key is not None:
        conditions.append(_test("s.key = {}", f"{prefix}key"))
        values[f"{prefix}key"] = which.key.storage
    if which.scope is not None:
        conditions.append(_test("s.scope = {}", f"{prefix}scope"))
        values[f"{prefix}scope"] = which.scope
    if which.parts:
        conditions.append(_test("s.tags @> {}::bytea[]", f"{prefix}tags"))
        values[f"{prefix}tags"] = [_tag(name, value) for name, value in which.parts.items()]
    if which.text is not None:
        conditions.append(_test("position({} IN s.folded) > 0", f"{prefix}text"))
        values[f"{prefix}text"] = to_bytes(which.text).lower()
    return sql.SQL(" AND ").join(conditions), values


def _test(condition: LiteralString, parameter: str) -> sql.Composed:
    return sql.SQL(condition).format(sql.Placeholder(parameter))


def _tags(key: ScopeKey) -> list[bytes]:
    return [_tag(name, value) for name, value in key.parts if value is not None]


def _tag(name: str, value: str) -> bytes:
    return to_bytes(json.dumps([name, value], ensure_ascii=False))


def _array(items: Iterable[bytes]) -> str:
    """Return an array as PostgreSQL text, since an array can't hold arrays of different lengths."""
    return "{" + ",".join(f'"\\\\x{item.hex()}"' for item in items) + "}"


def _folded(key: ScopeKey) -> bytes:
    values = (to_bytes(value).lower() for _name, value in key.parts if value is not None)
    return _BOUND.join(values)
