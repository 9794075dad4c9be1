"""LangBot's transcript of the chats, for `ctx.history_page` and `ctx.history_search`.

Source:
    LangBot 4.11.2, langbot/pkg/plugin/agent_pull_actions.py and
    langbot/pkg/agent/runner/transcript_store.py.
"""

from __future__ import annotations

import time
import uuid
from itertools import count
from typing import Any

from langbot_plugin.api.entities.builtin.provider.message import ContentElement
from langbot_plugin.entities.io.errors import ActionCallError

from ...lifecycle.run import Run
from .chat import BOT, WORKSPACE

MAX_PAGE = 100
"""The most messages of one page."""


class Transcript:
    """The messages of every chat. It outlives a restart, as LangBot's own does."""

    def __init__(self) -> None:
        self._messages: list[dict[str, Any]] = []
        self._numbers = count(1)

    def add_user_message(self, conversation_id: str, text: str, sender: str) -> None:
        """Add what a person said."""
        element = ContentElement.from_text(text).model_dump(mode="json")
        message = {"role": "user", "content": [element]}
        self._add(conversation_id, text, message, actor_type="user", actor_id=sender)

    def add_assistant_message(
        self, conversation_id: str, run: Run, message: dict[str, Any]
    ) -> None:
        """Add a message that a runner yielded."""
        author = {"run_id": run.run_id, "runner_id": run.descriptor.id}
        self._add(conversation_id, _text_of(message), message, **author)

    def _add(
        self,
        conversation_id: str,
        content: str | None,
        message: dict[str, Any],
        **metadata: str,
    ) -> None:
        number = next(self._numbers)
        self._messages.append(
            {
                "transcript_id": str(uuid.uuid4()),
                "event_id": str(uuid.uuid4()),
                "conversation_id": conversation_id,
                "bot_id": BOT,
                "workspace_id": WORKSPACE,
                "role": message["role"],
                "content": content,
                "content_json": message,
                "seq": number,
                "cursor": str(number),
                "created_at": int(time.time()),
                "metadata": metadata,
            }
        )

    def latest_cursor(self, conversation_id: str) -> str | None:
        """Return the cursor of the newest message; None for a conversation without messages."""
        messages = self._messages_of(conversation_id)
        return messages[-1]["cursor"] if messages else None

    def page(self, conversation_id: str, data: dict[str, Any]) -> dict[str, Any]:
        """Answer `history_page`.

        Args:
            conversation_id: The conversation of the run that asks.
            data: The call's data.

        Raises:
            ActionCallError: The call asks for another conversation.
        """
        _check_access(conversation_id, data)
        messages = self._messages_of(conversation_id)
        before, after = data.get("before_cursor"), data.get("after_cursor")
        if data.get("direction") == "forward" and after:
            messages = [each for each in messages if each["seq"] > int(after)]
        else:
            messages = [each for each in messages[::-1] if not before or each["seq"] < int(before)]
        limit = min(data.get("limit", 50), MAX_PAGE)
        page, has_more = messages[:limit], len(messages) > limit
        return {
            "items": page,
            "next_cursor": page[-1]["cursor"] if page and has_more else None,
            "prev_cursor": page[0]["cursor"] if page else None,
            "has_more": has_more,
        }

    def search(self, conversation_id: str, data: dict[str, Any]) -> dict[str, Any]:
        """Answer `history_search`; arguments and errors as for `page`."""
        _check_access(conversation_id, data)
        query, filters = data.get("query", ""), data.get("filters") or {}
        found = [
            each
            for each in self._messages_of(conversation_id)[::-1]
            if query.lower() in (each["content"] or "").lower()
            and each["role"] in filters.get("roles", (each["role"],))
        ][: data.get("top_k", 10)]
        return {"items": found, "total_count": len(found), "query": query}

    def cut(self, conversation_id: str) -> None:
        """Hide the messages of a conversation that has ended."""
        self._messages = [
            each for each in self._messages if each["conversation_id"] != conversation_id
        ]

    def _messages_of(self, conversation_id: str) -> list[dict[str, Any]]:
        return [each for each in self._messages if each["conversation_id"] == conversation_id]


def _check_access(conversation_id: str, data: dict[str, Any]) -> None:
    filters = data.get("filters") or {}
    asked = data.get("conversation_id") or filters.get("conversation_id") or conversation_id
    if asked != conversation_id:
        raise ActionCallError(f"Conversation {asked} is not accessible by this run")


def _text_of(message: dict[str, Any]) -> str | None:
    """Return the text that LangBot stores of a message.

    Source:
        LangBot 4.11.2, langbot/pkg/agent/runner/run_journal.py, write_assistant_transcript.
    """
    content = message.get("content")
    if not isinstance(content, list):
        return content
    texts = [part.get("text") or "" for part in content if part.get("type") == "text"]
    return " ".join(texts) if texts else None
