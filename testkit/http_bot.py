"""A chat platform of one's own: LangBot's HTTP bot, spoken to with signed requests."""

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
        url: Where LangBot answers.
        uuid: The bot.
        secret: What its requests are signed with.
        timeout_s: How long to wait for an answer.
    """

    url: str
    uuid: str
    secret: str
    timeout_s: float = 90.0

    def say(self, text: str, *, sender: str = "alice", group: str | None = None) -> str:
        """Say something and wait for the answer.

        Args:
            text: What is said.
            sender: Who says it.
            group: In which group; a private chat when None.

        Returns:
            The text of the answer; several messages on lines of their own, empty for none.

        Raises:
            httpx.HTTPStatusError: LangBot refused the request.
        """
        answer = self._post("/sync", _message(text, sender, group))
        parts = answer["data"]["message"]
        return "\n".join(part["text"] for part in parts if part.get("type") == "Plain")

    def post(self, text: str, *, sender: str = "alice", group: str | None = None) -> None:
        """Say something and do not wait, see `say`; nobody hears the answer."""
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
