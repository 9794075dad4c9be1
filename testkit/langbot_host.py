"""A real LangBot in a folder of its own: started, stopped and killed, with its plugins.

The demo, the tests and whoever wants to try a plugin use it. It starts LangBot and its plugin
runtime as two processes; `langbot_api` and `http_bot` speak to them as a browser and a chat
platform would.
"""

from __future__ import annotations

import os
import signal
import subprocess
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
from .langbot_api import USER, HostError, Operator, merge
from .plugin_package import bin_folder, build
from .ports import free_ports

__all__ = ["USER", "HostError", "LangBotHost", "PortTaken", "bin_folder"]

LIMIT_S = 600.0
"""How long LangBot may take for anything; it starts in 10 to 20 s on two cores, in minutes where
these have much else to do."""

IDLE_S = 20.0
"""How long a stop waits for turns that have not ended."""

IN_USE = "ddress already in use"


class PortTaken(HostError):
    """Somebody else listens on a port that LangBot or its plugin runtime was to have."""


class LangBotHost(Operator):
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
        self._log_starts: dict[str, int] = {}
        self._choose_ports()
        super().__init__(self._url)

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
        return self._printed("langbot")

    def __enter__(self) -> Self:
        try:
            while not self._starts():
                self.stop()
                self._choose_ports()
                self.move(self._url)
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
        self.close()

    def start(self) -> None:
        """Start the plugin runtime, when it is not running, and LangBot; wait until both answer.

        Raises:
            PortTaken: Somebody else listens where one of them should.
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
        self._wait(self._answers, "LangBot to answer")
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
        end = time.monotonic() + IDLE_S
        while self.busy() and time.monotonic() < end:
            time.sleep(0.1)
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
        return build(source, self.folder / "plugins" / source.name)

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
        self._wait(lambda: self._plugin_runs(author_name), f"plugin {author_name} to run")
        if runner_id is not None:
            self.wait_for_runner(runner_id)

    def wait_for_runner(self, runner_id: str) -> None:
        """Wait until pipelines can use a runner."""
        self._wait(lambda: runner_id in self._metadata(), f"runner {runner_id}")

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

        self._wait(done, f"session {session_id} to be idle")

    def _choose_ports(self) -> None:
        self._ports = dict(zip(("api", "control", "debug"), free_ports(3), strict=True))
        self._url = f"http://127.0.0.1:{self._ports['api']}"

    def _starts(self) -> bool:
        """Start; return False when somebody else has one of the ports."""
        try:
            self.start()
        except PortTaken:
            return False
        return True

    def _answers(self) -> bool:
        """Return whether LangBot answers.

        Raises:
            PortTaken: It never will: LangBot only notes in its log that its port is taken.
        """
        if any(IN_USE in self._printed(name) for name in self._processes):
            raise PortTaken(f"one of the ports {self._ports} is taken")
        try:
            return self._http.get("/api/v1/system/info").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def _printed(self, name: str) -> str:
        data = (self.folder / f"{name}.log").read_bytes()[self._log_starts[name] :]
        return data.decode("utf-8", "replace")

    def _spawn(self, name: str, argv: list[str]) -> None:
        path = self.folder / f"{name}.log"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._log_starts[name] = path.stat().st_size if path.exists() else 0
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

    def _wait(self, done: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + LIMIT_S
        while not done():
            process = self._processes["langbot"]
            if process.poll() is not None:
                raise HostError(f"LangBot ended with {process.returncode}:\n{self.log[-3000:]}")
            if time.monotonic() > end:
                raise HostError(f"waited {LIMIT_S:g} s for {what}:\n{self.log[-3000:]}")
            time.sleep(0.2)
