"""Small services on this machine that the example runners talk to."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, Self


class FakeService:
    """A service that takes JSON and gives JSON, at `url`, until it is closed.

    Attributes:
        asked: What it was asked, in order.
    """

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, asked: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
        """Return the status, and one object for each line of the answer."""
        raise NotImplementedError

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """Answer one request."""
                body = self.rfile.read(int(self.headers["Content-Length"]))
                asked = json.loads(body)
                service.asked.append(asked)
                status, lines = service.answer(asked)
                data = "\n".join(json.dumps(line) for line in lines).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_arguments: object) -> None:
                """Keep quiet."""

        return Handler


class FakeAgent(FakeService):
    """An agent that gives each conversation an id, and counts its turns."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: dict[str, int] = {}
        self._numbers = count(1)

    def forget(self) -> None:
        """Lose every conversation."""
        self.turns.clear()

    def answer(self, asked: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
        """Answer in the conversation that is named, or in a new one."""
        known = asked["conversation_id"]
        if known is not None and known not in self.turns:
            return 404, [{"code": "not_found"}]
        conversation = known or f"conversation-{next(self._numbers)}"
        self.turns[conversation] = self.turns.get(conversation, 0) + 1
        text = f"{conversation}, turn {self.turns[conversation]}: {asked['text']}"
        return 200, [{"conversation_id": conversation, "text": text}]


class FakeN8n(FakeService):
    """An n8n workflow that streams what it heard, and knows sessions by the ids it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.sessions: list[str] = []

    def answer(self, asked: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
        """Stream the number of the session, and the message; `break` and `hush` go wrong."""
        if asked["chatInput"] == "break":
            return 500, []
        if asked["chatInput"] == "hush":
            return 200, [{"type": "end"}]
        if asked["session_id"] not in self.sessions:
            self.sessions.append(asked["session_id"])
        number = self.sessions.index(asked["session_id"]) + 1
        texts = [f"session {number}: ", asked["chatInput"]]
        return 200, [*({"type": "item", "content": text} for text in texts), {"type": "end"}]
