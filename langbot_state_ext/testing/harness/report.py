"""The report of a harness: the conversation, and the state that it left."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .run_driver import RunDriver


def build_report(runs: Sequence[RunDriver], state: Mapping[str, Mapping[str, Any]]) -> str:
    """Show runs and state.

    Args:
        runs: The runs, in order.
        state: By scope and owner, `actor of alice`, the values by state key.

    Returns:
        Lines of text.
    """
    lines = ["The conversation:"]
    for number, run in enumerate(runs, 1):
        lines += _run(number, run)
    return "\n".join([*lines, "The state:", *(list(_state(state)) or ["  nothing"])])


def json_of(value: object) -> str:
    """Return a value as JSON; a value that JSON can't represent as Python shows it."""
    try:
        return json.dumps(value, ensure_ascii=False, default=repr)
    except (TypeError, ValueError):
        return repr(value)


def _state(state: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    for owner, values in state.items():
        if values:
            yield f"  {owner}"
        yield from (f"    {key} = {json_of(value)}" for key, value in sorted(values.items()))


def _run(number: int, run: RunDriver) -> Iterable[str]:
    record = run.record
    yield f"  {number}. {run.chat}: {run.text}"
    for scope, key, value in record.updates:
        yield f"       {scope} {key} = {json_of(value)}"
    for refusal in record.refused:
        yield f"       refused: {refusal}"
    for line in record.logs:
        yield f"       log {line}"
    yield from (f"     -> {text}" for text in record.sent_texts)
    if record.status != "completed":
        yield f"     -> {record.status or 'under way'}: {record.error or ''}".rstrip(": ")
    elif not record.texts:
        yield "     -> (nothing)"
    if record.traceback:
        yield from (f"        {line}" for line in record.traceback.rstrip().splitlines())
