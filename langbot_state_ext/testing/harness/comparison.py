"""A failed comparison of a test: what the harness has beside what was expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...runner.model import StateModel, was_read
from .chat_state import State
from .reply import Reply
from .report import json_of

MISSING = object()


def explain_comparison(left: object, right: object) -> list[str] | None:
    """Show the state or the reply of a harness beside what a test expected.

    Returns:
        Lines of text; None when neither side comes from a harness, or the two can't be compared.
    """
    for actual, expected in ((left, right), (right, left)):
        if isinstance(actual, State) and isinstance(expected, Mapping):
            return ["the stored state is as expected", *_table(actual, expected)]
        if isinstance(actual, Reply) and isinstance(expected, str):
            return ["the reply is as expected", *_reply(actual, expected)]
        if isinstance(actual, StateModel) and type(actual) is type(expected) and was_read(actual):
            stored = State(type(actual).__name__, dict(actual))
            return ["the model is as expected", *_table(stored, vars(expected))]
    return None


def _reply(actual: Reply, expected: str) -> list[str]:
    lines = [f"said      {json_of(actual)}", f"expected  {json_of(expected)}"]
    return lines if actual.error is None else [*lines, f"the run {actual.status}: {actual.error}"]


def _table(stored: State, expected: Mapping[str, Any]) -> list[str]:
    rows = [("", stored.scope, "stored", "expected")]
    for key in sorted({*stored, *expected}):
        values = stored.get(key, MISSING), expected.get(key, MISSING)
        rows.append((" " if values[0] == values[1] else ">", key, *map(_shown, values)))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return [_row(row, widths) for row in rows]


def _row(row: tuple[str, ...], widths: Sequence[int]) -> str:
    cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
    return "  ".join([*cells, row[-1]]).rstrip()


def _shown(value: object) -> str:
    return "-" if value is MISSING else json_of(value)
