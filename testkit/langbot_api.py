"""What an operator does in LangBot's UI, through the HTTP API of the UI."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx

from .http_bot import HttpBot

ANSWER_ALL = {
    "trigger": {"group-respond-rules": {"random": 1.0}},
    "safety": {"rate-limit": {"limitation": 100_000}},
    "output": {"misc": {"exception-handling": "show-error"}},
}
"""Pipeline settings: answer every message, also in groups, and show errors in the chat."""

USER = {"user": "operator@example.com", "password": "only-for-this-folder"}


class HostError(Exception):
    """LangBot refused a request, or failed; the message has its answer or the end of its log."""


class OperatorApi:
    """LangBot's HTTP API, called as the operator.

    Args:
        url: LangBot's base url.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def move(self, url: str) -> None:
        """Use another base url from now on."""
        self.url = url
        self._http.base_url = httpx.URL(url)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _log_in(self) -> None:
        with suppress(HostError):
            self.api("POST", "/api/v1/user/init", json=USER)
        token = self.api("POST", "/api/v1/user/auth", json=USER)["token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def api(self, method: str, path: str, **kwargs: Any) -> Any:
        """Send one request.

        Returns:
            The `data` of the response.

        Raises:
            HostError: LangBot refused the request.
        """
        answer = self._http.request(method, path, **kwargs)
        body = answer.json() if answer.content else {}
        if answer.status_code >= httpx.codes.BAD_REQUEST or body.get("code", 0) != 0:
            raise HostError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return body.get("data")

    def busy(self) -> bool:
        """Return whether a turn is running or queued; False if LangBot does not answer."""
        try:
            last = self.api("GET", "/api/v1/monitoring/executions")["items"]
        except (HostError, httpx.TransportError):
            return False
        return any(turn["status_group"] in {"queued", "running"} for turn in last)

    def _metadata(self) -> str:
        with suppress(HostError, httpx.TransportError):
            return str(self.api("GET", "/api/v1/pipelines/_/metadata"))
        return ""

    def plugin_runs(self, name: str) -> bool:
        """Return whether a plugin, `author/name`, is installed and runs."""
        for plugin in self.api("GET", "/api/v1/plugins")["plugins"]:
            metadata = plugin["manifest"]["manifest"]["metadata"]
            if f"{metadata['author']}/{metadata['name']}" == name:
                return bool(plugin["status"] == "initialized")
        return False

    def create_pipeline(
        self,
        name: str,
        runner_id: str,
        *,
        runner_config: Mapping[str, Any] | None = None,
        expire_time: int = 0,
    ) -> str:
        """Create a pipeline that answers with a runner.

        Args:
            name: The pipeline's name.
            runner_id: `plugin:author/name/runner`.
            runner_config: The runner's settings.
            expire_time: Seconds after which an idle conversation expires; 0 (default) for never.

        Returns:
            The pipeline's uuid.
        """
        created = self.api("POST", "/api/v1/pipelines", json={"name": name, "description": name})
        uuid = str(created["uuid"])
        self.update_pipeline(uuid, runner_id, runner_config=runner_config, expire_time=expire_time)
        return uuid

    def update_pipeline(
        self,
        uuid: str,
        runner_id: str,
        *,
        runner_config: Mapping[str, Any] | None = None,
        expire_time: int = 0,
    ) -> None:
        """Change a pipeline, see `create_pipeline`."""
        pipeline = self.api("GET", f"/api/v1/pipelines/{uuid}")["pipeline"]
        config = pipeline["config"]
        runner = {"id": runner_id, "expire-time": expire_time}
        config["ai"] = {"runner": runner, "runner_config": {runner_id: dict(runner_config or {})}}
        merge(config, ANSWER_ALL)
        self.api(
            "PUT", f"/api/v1/pipelines/{uuid}", json={"name": pipeline["name"], "config": config}
        )

    def create_agent(
        self, name: str, runner_id: str, *, runner_config: Mapping[str, Any] | None = None
    ) -> str:
        """Create an Agent that a bot can be bound to, see `create_pipeline`.

        Returns:
            The Agent's uuid.
        """
        config = {
            "runner": {"id": runner_id},
            "runner_config": {runner_id: dict(runner_config or {})},
        }
        body = {"name": name, "description": name, "config": config}
        return str(self.api("POST", "/api/v1/agents", json=body)["uuid"])

    def create_bot(
        self, name: str, target_uuid: str, *, target_type: str = "pipeline", timeout_s: int = 15
    ) -> HttpBot:
        """Create a bot on the HTTP platform that answers people and groups.

        Args:
            name: The bot's name.
            target_uuid: The pipeline or Agent that answers.
            target_type: `pipeline` (default) or `agent`. An Agent gets one binding for all chats,
                since its state belongs to the binding.
            timeout_s: A quarter of the time that a turn may take.
        """
        secret = f"secret-of-{name}"
        chats = [{"field": "chat_type", "operator": "eq", "value": c} for c in ("person", "group")]
        bindings = [
            {
                "event_pattern": "message.received",
                "target_type": target_type,
                "target_uuid": target_uuid,
                "filters": filters,
            }
            for filters in ([[]] if target_type == "agent" else [[chat] for chat in chats])
        ]
        created = self.api(
            "POST",
            "/api/v1/platform/bots",
            json={
                "name": name,
                "description": name,
                "adapter": "http_bot",
                "adapter_config": {
                    "inbound_secret": secret,
                    "callback_url": f"{self.url}/nowhere",
                    "callback_timeout": timeout_s,
                },
                "enable": True,
                "event_bindings": bindings,
            },
        )
        return HttpBot(self.url, str(created["uuid"]), secret, timeout_s=4 * timeout_s + 30)


def merge(target: dict[str, Any], extra: Mapping[str, Any]) -> None:
    """Merge nested settings into others, in place."""
    for key, value in extra.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), dict):
            merge(target[key], value)
        else:
            target[key] = value
