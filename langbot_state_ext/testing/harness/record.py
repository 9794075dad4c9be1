"""What has become of a turn, and what the chat is told of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class Reply(str):
    """What somebody is told; text, with what else is known of the run.

    Attributes:
        status: `completed`, `failed`, `timeout`, `cancelled`, or `lost` for a run that a restart
            or the end of the harness has killed.
        error: Why it did not complete; None when it did.
        results: Every result that LangBot took, in order, as LangBot has them.
        refused: Every state update that was refused, `scope 'key': reason`.
        logs: What `ctx.log` said, `level: text`.
    """

    status: str
    error: str | None
    results: list[dict[str, Any]]
    refused: list[str]
    logs: list[str]

    __slots__ = ("error", "logs", "refused", "results", "status")


@dataclass
class Record:
    """What has become of a turn so far.

    Attributes:
        said: Texts for the chat, in order; a pipeline without streaming sends the last one only.
        is_sent: Whether the chat has got them, however the run ends.
        status: How the run ended; None while it is under way.
        error: Why it did not complete.
        trace: Where the runner raised.
        results: Every result that LangBot took.
        updates: Every state update that was kept, by scope, key and value.
        refused: Every state update that was refused.
        logs: What `ctx.log` said.
    """

    said: list[str] = field(default_factory=list)
    is_sent: bool = False
    status: str | None = None
    error: str | None = None
    trace: str | None = None
    results: list[dict[str, Any]] = field(default_factory=list)
    updates: list[tuple[str, str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)


def reply_of(record: Record) -> Reply:
    """Say what the chat sees: the texts on lines of their own.

    Of a run that failed, a pipeline without streaming sends none.
    """
    said = record.said if record.is_sent or record.status == "completed" else []
    reply = Reply("\n".join(said))
    reply.status, reply.error = str(record.status), record.error
    reply.results, reply.refused, reply.logs = record.results, record.refused, record.logs
    return reply
