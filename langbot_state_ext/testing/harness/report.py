"""What a failing test shows: the conversation, and the state beside what was expected."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from ...runner.model import StateModel, was_read
from .chats import Chat
from .record import Record, Reply

MISSING = object()

HEADING = "The conversation:"


class Told(Protocol):
    """A turn to show."""

    @property
    def chat(self) -> Chat:
        """Who speaks where."""

    @property
    def text(self) -> str:
        """What is said."""

    @property
    def record(self) -> Record:
        """What became of it."""


class State(dict[str, Any]):
    """Stored values by state key.

    Attributes:
        scope: Their scope; for a model's fields, its class.
    """

    def __init__(self, scope: str, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.scope = scope


def conversation(turns: Sequence[Told], state: Mapping[str, Mapping[str, Any]]) -> str:
    """Show turns, and state by owner.

    Args:
        turns: In order.
        state: By owner, `actor of alice`, the values by key.

    Returns:
        Lines of text.
    """
    lines = [HEADING]
    for number, turn in enumerate(turns, 1):
        lines += _turn(number, turn)
    lines.append("The state:")
    shown = {owner: values for owner, values in state.items() if values}
    for owner, values in shown.items():
        lines.append(f"  {owner}")
        lines += [f"    {key} = {_json(value)}" for key, value in sorted(values.items())]
    return "\n".join(lines if shown else [*lines, "  nothing"])


def compared(left: object, right: object) -> list[str] | None:
    """Lay what a harness says beside what was expected.

    Returns:
        Lines of text; None when neither side comes from a harness, or they are of two kinds.
    """
    for actual, expected in ((left, right), (right, left)):
        if isinstance(actual, State) and isinstance(expected, Mapping):
            return ["the stored state is as expected", *_beside(actual, expected)]
        if isinstance(actual, Reply) and isinstance(expected, str):
            rows = [f"said      {_json(actual)}", f"expected  {_json(expected)}"]
            ended = [] if actual.error is None else [f"the run {actual.status}: {actual.error}"]
            return ["the reply is as expected", *rows, *ended]
        if isinstance(actual, StateModel) and type(actual) is type(expected) and was_read(actual):
            stored = State(type(actual).__name__, dict(actual))
            return ["the model is as expected", *_beside(stored, vars(expected))]
    return None


def _beside(stored: State, expected: Mapping[str, Any]) -> list[str]:
    rows = [("", stored.scope, "stored", "expected")]
    for key in sorted({*stored, *expected}):
        pair = stored.get(key, MISSING), expected.get(key, MISSING)
        rows.append((" " if pair[0] == pair[1] else ">", key, _json(pair[0]), _json(pair[1])))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return [_row(row, widths) for row in rows]


def _turn(number: int, turn: Told) -> Iterable[str]:
    record = turn.record
    yield f"  {number}. {turn.chat}: {turn.text}"
    for scope, key, value in record.updates:
        yield f"       {scope} {key} = {_json(value)}"
    for refusal in record.refused:
        yield f"       refused: {refusal}"
    for line in record.logs:
        yield f"       log {line}"
    is_completed = record.status == "completed"
    if record.is_sent or is_completed:
        yield from (f"     -> {text}" for text in record.said)
    if is_completed and not record.said:
        yield "     -> (nothing)"
    if not is_completed:
        yield f"     -> {record.status or 'under way'}: {record.error or ''}".rstrip(": ")
    if record.trace:
        yield from (f"        {line}" for line in record.trace.rstrip().splitlines())


def _row(row: tuple[str, ...], widths: Sequence[int]) -> str:
    cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
    return "  ".join([*cells, row[-1]]).rstrip()


def _json(value: object) -> str:
    if value is MISSING:
        return "-"
    try:
        return json.dumps(value, ensure_ascii=False, default=repr)
    except (TypeError, ValueError):
        return repr(value)
