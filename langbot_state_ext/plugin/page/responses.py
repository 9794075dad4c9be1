"""What the page gets when something can't be done: `{"error": {"code": …, "message": …}}`."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from ...errors import BackendError, StateError
from ..locate import SETTING, StoreNotFound

Answer = dict[str, Any]


class Gone(StateError):
    """What was asked for is not there any more."""


_CODES: dict[type[StateError], str] = {
    StoreNotFound: "no_store",
    BackendError: "unavailable",
    Gone: "gone",
    StateError: "refused",
}


def failed(code: str, message: str, **more: Any) -> Answer:
    """Return the answer that says what is wrong.

    Args:
        code: One of those that `docs/plugin.md` lists.
        message: What is wrong, for people.
        **more: What the page needs to go on.
    """
    return {"error": {"code": code, "message": message, **more}}


def failed_with(error: StateError, url: str) -> Answer:
    """Return the answer for an error; `url` is where the store is, without a password."""
    more: Answer = {}
    if isinstance(error, StoreNotFound):
        more = {"url": error.url, "setting": SETTING}
    elif isinstance(error, BackendError):
        more = {"url": url}
    code = next(code for kind, code in _CODES.items() if isinstance(error, kind))
    return failed(code, str(error), **more)


def faults(error: ValidationError) -> str:
    """Return what is wrong with a request, without what was in it."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(
        f"{'.'.join(str(step) for step in fault['loc']) or 'body'}: {fault['msg']}"
        for fault in found
    )
