"""Scopes and entries as plain data for people, in the page and in the command."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from ..backends import Entry, Overview, StoredScope
from ..backends.overview import Written
from ..errors import CodecError
from ..state.codec import decode
from ..state.scopes import ScopeKey
from .masking import masked
from .owners import whose

PREVIEW = 160
"""How many characters of a value a list shows."""

_INVISIBLE = re.compile("[\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
"""Characters that reverse or break the text around them; JSON has an escape for each."""


def pretty(value: Any, *, indent: int | None = 2) -> str:
    """Return a value as JSON text for people, with invisible characters escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return _INVISIBLE.sub(lambda mark: f"\\u{ord(mark[0]):04x}", text)


def scope_view(key: ScopeKey) -> dict[str, Any]:
    """Return a scope, the parts of its key, and whose it is."""
    return {"scope": key.scope, "parts": dict(key.parts), "whose": whose(key)}


def stored_view(stored: StoredScope, keys: list[str] | None = None) -> dict[str, Any]:
    """Return a scope in a list, with the keys that a search found in it."""
    return {
        **scope_view(stored.key),
        "entries": stored.entries,
        "value_bytes": stored.value_bytes,
        "updated_at": stored.updated_at,
        "keys": keys or [],
    }


def entry_view(key: str, entry: Entry, *, reveal: bool = False) -> dict[str, Any]:
    """Return an entry with its whole value.

    Returns:
        `text` is JSON text, or None when the bytes are not a value. `masked` says whether some of
        it is hidden.
    """
    text, hidden = _text(key, entry, reveal=reveal, indent=2)
    return {**_metadata(key, entry, hidden), "text": text}


def preview_view(key: str, entry: Entry) -> dict[str, Any]:
    """Return an entry in a list: the beginning of its value, with credentials hidden."""
    text, hidden = _text(key, entry, reveal=False, indent=None)
    return {**_metadata(key, entry, hidden), "preview": None if text is None else shortened(text)}


def _text(key: str, entry: Entry, *, reveal: bool, indent: int | None) -> tuple[str | None, bool]:
    """Return the value as text, and whether some of it is hidden."""
    try:
        value = decode(entry.value)
    except CodecError:
        return None, False
    shown = value if reveal else masked(key, value)
    return pretty(shown, indent=indent), shown != value


def _metadata(key: str, entry: Entry, hidden: bool) -> dict[str, Any]:
    return {
        "key": key,
        "version": entry.version,
        "updated_at": entry.updated_at,
        "expires_at": entry.expires_at,
        "run_id": entry.run_id,
        "value_bytes": len(entry.value),
        "masked": hidden,
    }


def shortened(text: str, limit: int = PREVIEW) -> str:
    """Return the beginning of a text, with `…` where it was cut."""
    return text if len(text) <= limit else f"{text[:limit]}…"


def overview_view(overview: Overview) -> dict[str, Any]:
    """Return the figures of a store."""
    return {
        "scopes": overview.scopes,
        "entries": overview.entries,
        "value_bytes": overview.value_bytes,
        "days": [day._asdict() for day in overview.days],
        "newest": [_written_view(written) for written in overview.newest],
        "runners": overview.by_part.get("runner_id", {}),
        "bots": _bots(overview),
    }


def _bots(overview: Overview) -> dict[str, int]:
    """Return how many scopes each bot has; the keys of events and Queries name it differently."""
    bots = Counter(overview.by_part.get("bot_id", {}))
    bots.update(overview.by_part.get("bot_uuid", {}))
    return dict(bots)


def _written_view(written: Written) -> dict[str, Any]:
    return {**written._asdict(), "scope": scope_view(written.scope)}
