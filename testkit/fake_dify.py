"""A small Dify on this machine: it knows its conversations, until it is made to forget them.

As in Dify, a conversation belongs to the `user` that began it: for any other there is none.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from uuid import uuid4

KEY = "app-only-for-this-machine"


class FakeDify:
    """Answers `POST /v1/chat-messages` in blocking mode, as Dify does, until it is closed.

    Attributes:
        conversations: How many messages each conversation has had, by its id.
    """

    def __init__(self) -> None:
        self.conversations: dict[str, int] = {}
        self._users: dict[str, str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def url(self) -> str:
        """The base URL of its API."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def forget(self) -> None:
        """Lose every conversation."""
        self.conversations.clear()
        self._users.clear()

    def answer(self, key: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return the status and the body of an answer.

        Args:
            key: What was sent as API key.
            body: What was sent: `query`, `user`, `conversation_id` and the rest.

        Source:
            Dify 1.9, api/core/app/apps/message_based_app_generator.py, _get_conversation_by_user,
            and api/controllers/service_api/app/completion.py, ChatApi.
        """
        if key != f"Bearer {KEY}":
            return 401, fault(401, "unauthorized", "Access token is invalid")
        conversation = body.get("conversation_id") or self._begin(body["user"])
        if self._users.get(conversation) != body["user"]:
            return 404, fault(404, "not_found", "Conversation Not Exists.")
        turn = self.conversations[conversation] = self.conversations.get(conversation, 0) + 1
        text = f"This is message {turn} of conversation {conversation[:8]}."
        return 200, {
            "event": "message",
            "message_id": str(uuid4()),
            "conversation_id": conversation,
            "mode": "chat",
            "answer": text,
        }

    def _begin(self, user: str) -> str:
        conversation = str(uuid4())
        self._users[conversation] = user
        return conversation

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        dify = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """Answer one request."""
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, said = dify.answer(self.headers.get("Authorization", ""), body)
                data = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_arguments: object) -> None:
                """Keep quiet."""

        return Handler


def fault(status: int, code: str, message: str) -> dict[str, Any]:
    """Return an error as Dify words it."""
    return {"code": code, "message": message, "status": status}
