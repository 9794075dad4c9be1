"""Chats with LangBot through its HTTP bot platform, with signed requests."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class HttpBot:
    """One bot on LangBot's HTTP platform.

    Attributes:
        url: LangBot's base url.
        uuid: The bot's uuid.
        secret: The secret that signs its requests.
        timeout_s: Seconds to wait for an answer.
    """

    url: str
    uuid: str
    secret: str
    timeout_s: float = 90.0

    def say(self, text: str, *, sender: str = "alice", group: str | None = None) -> str:
        """Send a message and wait for the answer.

        Args:
            text: The message.
            sender: The id of the person who sends it.
            group: The id of the group; None for a private chat.

        Returns:
            The text of the answer: one line per message, empty for no message.

        Raises:
            httpx.HTTPStatusError: LangBot refused the request.
        """
        answer = self._post("/sync", _message(text, sender, group))
        parts = answer["data"]["message"]
        return "\n".join(part["text"] for part in parts if part.get("type") == "Plain")

    def post(self, text: str, *, sender: str = "alice", group: str | None = None) -> None:
        """Send a message and do not wait for the answer, see `say`."""
        self._post("", _message(text, sender, group))

    def _post(self, path: str, data: dict[str, Any]) -> Any:
        body = json.dumps(data).encode()
        stamp = str(int(time.time()))
        signed = hmac.new(self.secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256)
        headers = {
            "Content-Type": "application/json",
            "X-LB-Timestamp": stamp,
            "X-LB-Signature": f"sha256={signed.hexdigest()}",
        }
        answer = httpx.post(
            f"{self.url}/bots/{self.uuid}{path}",
            content=body,
            headers=headers,
            timeout=self.timeout_s,
            trust_env=False,
        )
        answer.raise_for_status()
        return answer.json()


def _message(text: str, sender: str, group: str | None) -> dict[str, Any]:
    return {
        "session_id": group or sender,
        "session_type": "person" if group is None else "group",
        "sender": {"id": sender, "name": sender.title()},
        "message": [{"type": "Plain", "text": text}],
    }
