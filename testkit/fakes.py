"""Fake external services on this machine: a Dify, an n8n workflow, a Coze, a plain JSON agent.

The demo and the tests in a real LangBot use them. Each one is a context manager; it listens inside
the `with` block.
"""

from __future__ import annotations

import json
import logging
from abc import abstractmethod
from collections.abc import Mapping
from itertools import count
from typing import Any
from uuid import uuid4

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

DIFY_KEY = "app-only-for-this-machine"

logging.getLogger("werkzeug").setLevel(logging.WARNING)  # no line for each request


class FakeService(HTTPServer):
    """Takes JSON by `POST`.

    Args:
        path: The path that it answers.
        headers: Headers that each request must have.
    """

    def __init__(self, path: str = "/", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(host="127.0.0.1", threaded=True)
        handler = self.expect_request(path, method="POST", headers=headers)
        handler.respond_with_handler(self.respond)

    @property
    def url(self) -> str:
        """The url to configure in the runner."""
        return self.url_for("/")

    def respond(self, request: Request) -> Response:
        """Answer one request, by its body alone."""
        return self.answer(request.get_json())

    @abstractmethod
    def answer(self, request: dict[str, Any]) -> Response:
        """Answer one request.

        Args:
            request: Its body.
        """


class FakeAgent(FakeService):
    """An agent that gives each conversation an id and counts its turns."""

    def __init__(self) -> None:
        super().__init__()
        self._turns: dict[str, int] = {}
        self._numbers = count(1)

    def forget(self) -> None:
        """Forget every conversation."""
        self._turns.clear()

    def answer(self, request: dict[str, Any]) -> Response:
        """Answer in the conversation of the request, or in a new one when it names none."""
        known = request["conversation_id"]
        if known is not None and known not in self._turns:
            return json_response({"code": "not_found"}, 404)
        conversation = known or f"conversation-{next(self._numbers)}"
        turn = self._turns[conversation] = self._turns.get(conversation, 0) + 1
        text = f"{conversation}, turn {turn}: {request['text']}"
        return json_response({"conversation_id": conversation, "text": text})


class FakeN8n(FakeService):
    """An n8n workflow that streams the number of the session and the message.

    Its memory takes any id, as n8n's does. The message `break` gets the status 500.

    Args:
        memory_key: The field that names the session, `session_id` (default) or `conversation_id`.
    """

    def __init__(self, memory_key: str = "session_id") -> None:
        super().__init__()
        self._memory_key = memory_key
        self._sessions: dict[str, int] = {}
        self._numbers = count(1)

    def forget(self) -> None:
        """Forget every session."""
        self._sessions.clear()

    def answer(self, request: dict[str, Any]) -> Response:
        """Stream the answer, one JSON object per line."""
        if request["chatInput"] == "break":
            return Response(status=500)
        session = request[self._memory_key]
        if session not in self._sessions:
            self._sessions[session] = next(self._numbers)
        number = self._sessions[session]
        texts = (f"session {number}: ", request["chatInput"])
        parts = [*({"type": "item", "content": text} for text in texts), {"type": "end"}]
        return Response("\n".join(map(json.dumps, parts)))


class FakeDify(FakeService):
    """A Dify app. As in Dify, a conversation belongs to the `user` that began it.

    Attributes:
        conversations: The number of messages of each conversation, by its id.

    Source:
        Dify 1.9, api/core/app/apps/message_based_app_generator.py, _get_conversation_by_user,
        and api/controllers/service_api/app/completion.py, ChatApi.
    """

    def __init__(self) -> None:
        super().__init__("/v1/chat-messages", {"Authorization": f"Bearer {DIFY_KEY}"})
        self.conversations: dict[str, int] = {}
        self._users: dict[str, str] = {}

    @property
    def url(self) -> str:
        """The base url of its API."""
        return self.url_for("/v1")

    def forget(self) -> None:
        """Forget every conversation."""
        self.conversations.clear()
        self._users.clear()

    def answer(self, request: dict[str, Any]) -> Response:
        """Answer in blocking mode."""
        conversation = request["conversation_id"] or str(uuid4())
        if not request["conversation_id"]:
            self._users[conversation] = request["user"]
        if self._users.get(conversation) != request["user"]:
            message = "Conversation Not Exists."
            return json_response({"code": "not_found", "message": message, "status": 404}, 404)
        turn = self.conversations[conversation] = self.conversations.get(conversation, 0) + 1
        text = f"This is message {turn} of conversation {conversation[:8]}."
        return json_response({"conversation_id": conversation, "answer": text})


class FakeCoze(FakeService):
    """A Coze bot: the url names the conversation, and the answer is a stream of events.

    A conversation that it does not know gets the status 200 and no event.

    Source:
        https://www.coze.cn/open/docs/developer_guides/chat_v3 and coze_error_codes, code 4002.
    """

    def __init__(self) -> None:
        super().__init__("/v3/chat")
        self._turns: dict[str, int] = {}
        self._numbers = count(7_500_000_001)

    @property
    def url(self) -> str:
        """The base url of its API."""
        return self.url_for("").rstrip("/")

    def forget(self) -> None:
        """Forget every conversation."""
        self._turns.clear()

    def respond(self, request: Request) -> Response:
        """Answer in the conversation of the url, or in a new one when it names none."""
        return self.answer(dict(request.args))

    def answer(self, request: dict[str, Any]) -> Response:
        """Answer one request.

        Args:
            request: The parameters of its url.
        """
        known = request.get("conversation_id")
        if known is not None and known not in self._turns:
            return json_response({"code": 4002, "msg": "invalid conversation"})
        conversation = known or str(next(self._numbers))
        turn = self._turns[conversation] = self._turns.get(conversation, 0) + 1
        where = {"conversation_id": conversation}
        text = f"This is message {turn} of conversation {conversation}."
        delta = f"event:conversation.message.delta\ndata:{json.dumps({**where, 'content': text})}"
        end = f"event:conversation.chat.completed\ndata:{json.dumps(where)}"
        return Response(f"{delta}\n\n{end}\n\n", content_type="text/event-stream")


def json_response(body: dict[str, Any], status: int = 200) -> Response:
    """Return a response with a JSON body."""
    return Response(json.dumps(body), status, content_type="application/json")
