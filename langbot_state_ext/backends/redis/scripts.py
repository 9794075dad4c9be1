"""The Lua scripts, which make each call one atomic round trip; `lua/prelude.lua` names the keys."""

from __future__ import annotations

from ..resources import read_text


def _script(*names: str) -> str:
    """Read a script that consists of several files."""
    return "\n".join(read_text(__package__, "lua", f"{name}.lua") for name in names)


OPEN = _script("open")
READ = _script("prelude", "read")
GET = _script("prelude", "get")
LIST = _script("prelude", "list")
COMMIT = _script("prelude", "commit")
PURGE = _script("prelude", "purge")
SCOPES = _script("prelude", "matching", "scopes")
CONTENTS = _script("prelude", "matching", "contents")
CLEAR = _script("prelude", "matching", "clear")
