"""What was said in the chats of a harness, for `ctx.history_page` and `ctx.history_search`."""

from __future__ import annotations

import time
import uuid
from typing import Any

from langbot_plugin.api.entities.builtin.provider.message import ContentElement
from langbot_plugin.entities.io.errors import ActionCallError

from ...lifecycle.run import Run
from .chats import BOT, WORKSPACE

PAGE = 100
"""The most entries of one page."""


class History:
    """Every chat's messages; outlives a restart, as LangBot's own does."""

    def __init__(self) -> None:
        self._items: list[dict[str, Any]] = []

    def heard(self, conversation_id: str, text: str, sender: str) -> None:
        """Note what somebody said."""
        element = ContentElement.from_text(text).model_dump(mode="json")
        message = {"role": "user", "content": [element]}
        self._add(conversation_id, text, message, actor_type="user", actor_id=sender)

    def answered(self, conversation_id: str, run: Run, message: dict[str, Any]) -> None:
        """Note the message that a runner yielded."""
        whose = {"run_id": run.run_id, "runner_id": run.descriptor.id}
        self._add(conversation_id, _content_of(message), message, **whose)

    def _add(
        self,
        conversation_id: str,
        content: str | None,
        message: dict[str, Any],
        **metadata: str,
    ) -> None:
        number = len(self._items) + 1
        self._items.append(
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
        """Return the cursor of the newest message; None when nothing was said."""
        found = self._of(conversation_id)
        return found[-1]["cursor"] if found else None

    def answer(self, action: str, conversation_id: str, data: dict[str, Any]) -> dict[str, Any]:
        """Answer `history_page` or `history_search`.

        Raises:
            ActionCallError: Another conversation is asked for.

        Source:
            LangBot 4.11.2, langbot/pkg/plugin/agent_pull_actions.py and
            langbot/pkg/agent/runner/transcript_store.py.
        """
        filters = data.get("filters") or {}
        asked = data.get("conversation_id") or filters.get("conversation_id") or conversation_id
        if asked != conversation_id:
            raise ActionCallError(f"Conversation {asked} is not accessible by this run")
        if action == "history_search":
            return self._search(conversation_id, data)
        return self._page(conversation_id, data)

    def _of(self, conversation_id: str) -> list[dict[str, Any]]:
        return [item for item in self._items if item["conversation_id"] == conversation_id]

    def _page(self, conversation_id: str, data: dict[str, Any]) -> dict[str, Any]:
        found = self._of(conversation_id)
        before, after = data.get("before_cursor"), data.get("after_cursor")
        if data.get("direction") == "forward" and after:
            found = [item for item in found if item["seq"] > int(after)]
        else:
            found = [item for item in found[::-1] if not before or item["seq"] < int(before)]
        limit = min(data.get("limit", 50), PAGE)
        page, more = found[:limit], len(found) > limit
        return {
            "items": page,
            "next_cursor": page[-1]["cursor"] if page and more else None,
            "prev_cursor": page[0]["cursor"] if page else None,
            "has_more": more,
        }

    def _search(self, conversation_id: str, data: dict[str, Any]) -> dict[str, Any]:
        wanted, filters = data.get("query", ""), data.get("filters") or {}
        found = [
            item
            for item in self._of(conversation_id)[::-1]
            if wanted.lower() in (item["content"] or "").lower()
            and item["role"] in filters.get("roles", (item["role"],))
        ][: data.get("top_k", 10)]
        return {"items": found, "total_count": len(found), "query": wanted}


def _content_of(message: dict[str, Any]) -> str | None:
    """Return the text that LangBot keeps of a message.

    Source:
        LangBot 4.11.2, langbot/pkg/agent/runner/run_journal.py, write_assistant_transcript.
    """
    content = message.get("content")
    if not isinstance(content, list):
        return content
    texts = [part.get("text") or "" for part in content if part.get("type") == "text"]
    return " ".join(texts) if texts else None
