"""A real LangBot in a folder of its own: started, stopped, killed, and talked to.

The demo, the tests and whoever wants to try a plugin use it. It starts LangBot and its plugin
runtime as two processes, and speaks to them as a browser and a chat platform would.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import yaml

from .http_bot import HttpBot

START_S = 180.0
"""How long LangBot may take to answer; it takes 10 to 20 s on a machine with two cores."""

OPEN_HOUSE = {
    "trigger": {"group-respond-rules": {"random": 1.0}},
    "safety": {"rate-limit": {"limitation": 100_000}},
    "output": {"misc": {"exception-handling": "show-error"}},
}
"""Answer every message, in groups, too, and say what went wrong."""

USER = {"user": "operator@example.com", "password": "only-for-this-folder"}


class HostError(Exception):
    """LangBot did not do what was asked; the message ends with the tail of its log."""


class LangBotHost:
    """Runs LangBot in a folder.

    Args:
        folder: Where its `data/` and logs go; made when it does not exist.
        command: What starts LangBot, before its own arguments. Default: its console script.
        config: Settings laid over LangBot's own, before each start.
        env: Environment variables laid over those of this process.
        progress: Called with what is being done.
    """

    def __init__(
        self,
        folder: Path,
        *,
        command: Sequence[str] = (),
        config: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        progress: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.folder = folder.resolve()
        self.command = list(command) or [str(bin_folder() / "langbot")]
        self.config = dict(config or {})
        self.env = dict(env or {})
        self._progress = progress
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._log_start = 0
        self._ports = dict(zip(("api", "control", "debug"), free_ports(3), strict=True))
        self._http = httpx.Client(base_url=self.url, timeout=60, trust_env=False)

    @property
    def url(self) -> str:
        """Where LangBot answers."""
        return f"http://127.0.0.1:{self._ports['api']}"

    @property
    def pid(self) -> int:
        """LangBot's process id."""
        return self._processes["langbot"].pid

    @property
    def config_file(self) -> Path:
        """LangBot's configuration."""
        return self.folder / "data" / "config.yaml"

    @property
    def log(self) -> str:
        """What LangBot has printed since its last start."""
        data = (self.folder / "langbot.log").read_bytes()[self._log_start :]
        return data.decode("utf-8", "replace")

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._http.close()

    def start(self) -> None:
        """Start the plugin runtime, when it is not running, and LangBot; wait until both answer.

        Raises:
            HostError: LangBot ended, or did not answer in time.
        """
        self.write_config()
        if "runtime" not in self._processes:
            ports = self._ports
            self._spawn(
                "runtime",
                [
                    *(str(bin_folder() / "lbp"), "rt"),
                    *("--ws-control-port", str(ports["control"])),
                    *("--ws-debug-port", str(ports["debug"])),
                ],
            )
        self._progress("starting LangBot")
        self._spawn("langbot", [*self.command, "--standalone-runtime"])
        self._wait(self._answers, "LangBot to answer", START_S)
        self._log_in()

    def stop(self) -> None:
        """Stop LangBot and the plugin runtime."""
        self._end("langbot", signal.SIGTERM)
        self._end("runtime", signal.SIGTERM)

    def kill(self) -> None:
        """Kill LangBot without warning; the plugin runtime goes on."""
        self._end("langbot", signal.SIGKILL)

    def stop_langbot(self) -> None:
        """Stop LangBot alone, as an operator does: not while it still ends a turn."""
        time.sleep(1)
        self._end("langbot", signal.SIGTERM)

    def wait(self) -> int:
        """Wait until LangBot ends by itself; return its exit status."""
        return self._processes["langbot"].wait()

    def restart(self, *, runner_ids: Sequence[str] = ()) -> None:
        """Stop LangBot, start it again, and wait until its runners are ready.

        Args:
            runner_ids: The runners to wait for.
        """
        self.stop_langbot()
        self.start()
        for runner_id in runner_ids:
            self.wait_for_runner(runner_id)

    def write_config(self) -> None:
        """Lay our settings over LangBot's configuration."""
        template = files("langbot.templates") / "config.yaml"
        source = self.config_file if self.config_file.exists() else template
        data: dict[str, Any] = yaml.safe_load(source.read_text("utf-8"))
        quiet = {
            "api": {"port": self._ports["api"]},
            "box": {"enabled": False},
            "plugin": {"runtime_ws_url": f"ws://127.0.0.1:{self._ports['control']}/control/ws"},
            "space": {"disable_telemetry": True, "disable_models_service": True},
        }
        merge(data, quiet)
        merge(data, self.config)
        self.config_file.parent.mkdir(parents=True, exist_ok=True)
        self.config_file.write_text(yaml.safe_dump(data, allow_unicode=True), "utf-8")

    def build_plugin(self, source: Path) -> Path:
        """Build a plugin with LangBot's own tool.

        Args:
            source: The plugin's folder; nothing is written there.

        Returns:
            The package.
        """
        work = self.folder / "plugins" / source.name
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(source, work, ignore=shutil.ignore_patterns("__pycache__"))
        built = subprocess.run(
            [str(bin_folder() / "lbp"), "build", "-o", "dist"],
            cwd=work,
            check=False,
            capture_output=True,
            text=True,
        )
        packages = list((work / "dist").glob("*.lbpkg"))
        if not packages:
            raise HostError(f"lbp build made nothing of {source}: {built.stdout}{built.stderr}")
        return packages[0]

    def install_plugin(self, package: Path, *, runner_id: str | None = None) -> None:
        """Install a plugin and wait until it runs.

        Args:
            package: The `.lbpkg`.
            runner_id: The runner it brings, when it brings one.
        """
        self._progress(f"installing {package.name}")
        with package.open("rb") as data:
            upload = {"file": (package.name, data)}
            self.api("POST", "/api/v1/plugins/install/local", files=upload)
        author_name = package.name.rsplit("-", 1)[0]
        self._wait(lambda: self._plugin_runs(author_name), f"plugin {author_name} to run", 120)
        if runner_id is not None:
            self.wait_for_runner(runner_id)

    def wait_for_runner(self, runner_id: str) -> None:
        """Wait until pipelines can use a runner."""
        self._wait(lambda: runner_id in self._metadata(), f"runner {runner_id}", 120)

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
            name: Its name.
            runner_id: `plugin:author/name/runner`.
            runner_config: The runner's settings.
            expire_time: After how many idle seconds a conversation ends; 0 for never.

        Returns:
            Its uuid.
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
        merge(config, OPEN_HOUSE)
        self.api(
            "PUT", f"/api/v1/pipelines/{uuid}", json={"name": pipeline["name"], "config": config}
        )

    def create_agent(
        self, name: str, runner_id: str, *, runner_config: Mapping[str, Any] | None = None
    ) -> str:
        """Create an Agent, which a bot can be bound to, see `create_pipeline`.

        Returns:
            Its uuid.
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
            name: Its name.
            target_uuid: What answers.
            target_type: What that is, `pipeline` (default) or `agent`. An Agent gets one binding
                for all chats, since its state belongs to the binding.
            timeout_s: A quarter of how long a turn may take.
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

    def reset_context(self, bot: HttpBot, session_id: str) -> None:
        """Reset the context of a session, as the operator does in LangBot's UI.

        LangBot refuses while it has not finished the session's last message.

        Args:
            bot: The bot.
            session_id: `person_alice` or `group_g1`.
        """
        body = {"bot_id": bot.uuid, "session_id": session_id}

        def done() -> bool:
            try:
                self.api("POST", "/api/v1/monitoring/sessions/reset-context", json=body)
            except HostError as error:
                if "session_busy" in str(error):
                    return False
                raise
            return True

        self._wait(done, f"session {session_id} to be idle", 30)

    def api(self, method: str, path: str, **kwargs: Any) -> Any:
        """Call LangBot's API as the operator.

        Returns:
            The answer's `data`.

        Raises:
            HostError: LangBot refused.
        """
        answer = self._http.request(method, path, **kwargs)
        body = answer.json() if answer.content else {}
        if answer.status_code >= httpx.codes.BAD_REQUEST or body.get("code", 0) != 0:
            raise HostError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return body.get("data")

    def _log_in(self) -> None:
        with suppress(HostError):
            self.api("POST", "/api/v1/user/init", json=USER)
        token = self.api("POST", "/api/v1/user/auth", json=USER)["token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def _answers(self) -> bool:
        try:
            return self._http.get("/api/v1/system/info").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def _metadata(self) -> str:
        with suppress(HostError, httpx.TransportError):
            return str(self.api("GET", "/api/v1/pipelines/_/metadata"))
        return ""

    def _plugin_runs(self, author_name: str) -> bool:
        for plugin in self.api("GET", "/api/v1/plugins")["plugins"]:
            metadata = plugin["manifest"]["manifest"]["metadata"]
            if f"{metadata['author']}-{metadata['name']}" == author_name:
                return bool(plugin["status"] == "initialized")
        return False

    def _spawn(self, name: str, argv: list[str]) -> None:
        path = self.folder / f"{name}.log"
        self.folder.mkdir(parents=True, exist_ok=True)
        if name == "langbot":
            self._log_start = path.stat().st_size if path.exists() else 0
        with path.open("ab") as log:
            self._processes[name] = subprocess.Popen(
                argv,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self.env},
                start_new_session=True,
            )

    def _end(self, name: str, how: signal.Signals) -> None:
        """End a process and what it has started; by force when it takes more than 20 s."""
        process = self._processes.pop(name, None)
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(how)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _wait(self, done: Callable[[], bool], what: str, limit_s: float) -> None:
        end = time.monotonic() + limit_s
        while not done():
            process = self._processes["langbot"]
            if process.poll() is not None:
                raise HostError(f"LangBot ended with {process.returncode}:\n{self.log[-3000:]}")
            if time.monotonic() > end:
                raise HostError(f"waited {limit_s:g} s for {what}:\n{self.log[-3000:]}")
            time.sleep(0.2)


def bin_folder() -> Path:
    """Return where the commands of this environment are."""
    return Path(sys.executable).parent


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def merge(target: dict[str, Any], extra: Mapping[str, Any]) -> None:
    """Lay nested settings over others."""
    for key, value in extra.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), dict):
            merge(target[key], value)
        else:
            target[key] = value
