"""Text and identities in the form in which engines store them."""

from __future__ import annotations

import json
from typing import cast

from ..state.scopes import Scope, ScopeKey


def to_bytes(text: str) -> bytes:
    """Return any text as bytes, in the order of code points, lone surrogates included."""
    return text.encode("utf-8", "surrogatepass")


def to_text(data: bytes) -> str:
    """Return the text that `to_bytes` was given."""
    return data.decode("utf-8", "surrogatepass")


def pack_parts(key: ScopeKey) -> str:
    """Return the parts of an identity as JSON, in their order."""
    return json.dumps(dict(key.parts), ensure_ascii=False)


def unpack_key(scope: str, parts: str | bytes) -> ScopeKey:
    """Return the key whose parts `pack_parts` packed."""
    return ScopeKey(cast("Scope", scope), tuple(json.loads(parts).items()))
