"""What a run did, and the reply that the chat gets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class Reply(str):
    """The text that the chat gets, with what else is known of the run.

    Attributes:
        status: `completed`, `failed`, `timeout`, `cancelled`, or `lost` for a run that was under
            way when LangBot restarted or the harness closed.
        error: Why it did not complete; None when it did.
        results: Every result that LangBot accepted, in order, as LangBot has it.
        refused: Every state update that was refused, `scope 'key': reason`.
        logs: What `ctx.log` wrote, `level: text`, and what LangBot would warn of.
    """

    status: str
    error: str | None
    results: list[dict[str, Any]]
    refused: list[str]
    logs: list[str]

    __slots__ = ("error", "logs", "refused", "results", "status")


@dataclass
class RunRecord:
    """What a run has done so far.

    Attributes:
        texts: The texts for the chat, in order. A pipeline without streaming keeps the last one.
        is_sent: Whether the chat gets each text at once, however the run ends.
        status: How the run ended; None while it is under way.
        error: Why it did not complete.
        traceback: Where the runner raised.
        results: Every result that LangBot accepted.
        updates: Every state update that was kept, by scope, key and value.
        refused: Every state update that was refused.
        logs: What `ctx.log` wrote, and what LangBot would warn of.
    """

    texts: list[str] = field(default_factory=list)
    is_sent: bool = False
    status: str | None = None
    error: str | None = None
    traceback: str | None = None
    results: list[dict[str, Any]] = field(default_factory=list)
    updates: list[tuple[str, str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)

    @property
    def sent_texts(self) -> list[str]:
        """The texts that the chat gets: none of a failed run in a pipeline without streaming."""
        return self.texts if self.is_sent or self.status == "completed" else []

    def reply(self) -> Reply:
        """Return what the chat gets, each text on lines of its own."""
        reply = Reply("\n".join(self.sent_texts))
        reply.status, reply.error = str(self.status), self.error
        reply.results, reply.refused, reply.logs = self.results, self.refused, self.logs
        return reply
