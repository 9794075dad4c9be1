"""The response when something failed: `{"error": {"code": …, "message": …}}`."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from ...errors import BackendError, BackendUnavailable, MigrationError, ScopeError, StateError

Response = dict[str, Any]


class Gone(StateError):
    """A scope or entry does not exist any more."""


ERROR_CODES: dict[type[StateError], str] = {
    BackendError: "unavailable",
    Gone: "gone",
    StateError: "refused",
}
"""The code of each kind of error; the first kind that fits counts."""


JOB_ERRORS: dict[str, type[StateError]] = {
    kind.__name__: kind
    for kind in (BackendUnavailable, MigrationError, BackendError, ScopeError, StateError)
}
"""What a job in another process may fail with, by name; the first kind that fits counts."""


def error_name(error: StateError) -> str:
    """Return the name of a job's error for another process."""
    return next(name for name, kind in JOB_ERRORS.items() if isinstance(error, kind))


def error_named(name: str, message: str) -> StateError:
    """Return the error that has a name, see `error_name`."""
    return JOB_ERRORS[name](message)


def error_response(code: str, message: str, **more: Any) -> Response:
    """Return the response that says what failed.

    Args:
        code: One of the codes that `docs/plugin.md` lists.
        message: What failed, for people.
        **more: What else the page needs.
    """
    return {"error": {"code": code, "message": message, **more}}


def error_response_to(error: StateError, url: str) -> Response:
    """Return the response to an error; `url` is the store's, without a password."""
    more: Response = {"url": url} if isinstance(error, BackendError) else {}
    code = next(code for kind, code in ERROR_CODES.items() if isinstance(error, kind))
    return error_response(code, str(error), **more)


def validation_message(error: ValidationError) -> str:
    """Return what is wrong with a request, without its values."""
    faults = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(
        f"{'.'.join(str(step) for step in fault['loc']) or 'body'}: {fault['msg']}"
        for fault in faults
    )
