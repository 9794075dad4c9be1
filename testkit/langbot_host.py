"""A real LangBot in a folder of its own: start, stop and kill it, and install plugins.

LangBot and its plugin runtime run as two processes in two folders, as in two containers.
`langbot_api` talks to them as LangBot's UI does, `http_bot` as a chat platform does.
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
from .langbot_api import HostError, OperatorApi, merge
from .plugin_package import bin_folder, build
from .ports import free_ports

LIMIT_S = 600.0
"""How long LangBot may take for anything: it starts in 10 to 20 s on two idle cores, in minutes
on busy ones."""

IDLE_S = 20.0
"""How long a stop waits for turns that are still running."""

WITHOUT_COVERAGE = {"COVERAGE_PROCESS_CONFIG": ""}
"""Environment of a LangBot that other tests cover already: it starts a third faster."""

IN_USE = "ddress already in use"


class PortTaken(HostError):
    """Another process listens on a port chosen for LangBot or its plugin runtime."""


class LangBotHost(OperatorApi):
    """Runs LangBot in a folder, as a context manager.

    Args:
        folder: The folder for its `data/` and its logs; created if missing.
        command: The command that starts LangBot, without LangBot's own arguments. Default: its
            console script.
        config: Settings to merge into LangBot's configuration before each start.
        env: Environment variables to add to those of this process.
        progress: Called with a line of text before each step that takes a while.
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
        """LangBot's output since its last start."""
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
        """Start LangBot, and the plugin runtime if it is not running; wait until both answer.

        Raises:
            PortTaken: Another process listens on one of their ports.
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
                self.folder / "runtime",
            )
        self._progress("starting LangBot")
        self._spawn("langbot", [*self.command, "--standalone-runtime"], self.folder)
        self._wait(self._answers, "LangBot to answer")
        self._log_in()

    def stop(self) -> None:
        """Stop LangBot and the plugin runtime."""
        self._end("langbot", signal.SIGTERM)
        self._end("runtime", signal.SIGTERM)

    def kill(self) -> None:
        """Kill LangBot without warning; the plugin runtime keeps running."""
        self._end("langbot", signal.SIGKILL)

    def stop_langbot(self) -> None:
        """Stop LangBot but not the plugin runtime; wait for running turns first."""
        end = time.monotonic() + IDLE_S
        while self.busy() and time.monotonic() < end:
            time.sleep(0.1)
        self._end("langbot", signal.SIGTERM)

    def wait(self) -> int:
        """Wait until LangBot exits; return its exit status."""
        return self._processes["langbot"].wait()

    def restart(self, *, runner_ids: Sequence[str] = ()) -> None:
        """Restart LangBot.

        Args:
            runner_ids: The runners to wait for after the start.
        """
        self.stop_langbot()
        self.start()
        for runner_id in runner_ids:
            self.wait_for_runner(runner_id)

    def write_config(self) -> None:
        """Merge `config` into LangBot's configuration."""
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
        """Build a plugin, see `plugin_package.build`."""
        return build(source, self.folder / "plugins")

    def install_plugin(self, package: Path, *, runner_id: str | None = None) -> None:
        """Install a plugin and wait until it runs.

        Args:
            package: The `.lbpkg` file.
            runner_id: A runner of the plugin to wait for.
        """
        self._progress(f"installing {package.name}")
        with package.open("rb") as data:
            upload = {"file": (package.name, data)}
            self.api("POST", "/api/v1/plugins/install/local", files=upload)
        self.wait_for_plugin("/".join(package.name.rsplit("-", 2)[:2]))
        if runner_id is not None:
            self.wait_for_runner(runner_id)

    def wait_for_plugin(self, name: str) -> None:
        """Wait until a plugin, `author/name`, runs; LangBot cannot list it while it replaces it."""

        def runs() -> bool:
            with suppress(HostError):
                return self.plugin_runs(name)
            return False

        self._wait(runs, f"plugin {name} to run")

    def wait_for_runner(self, runner_id: str) -> None:
        """Wait until pipelines can use a runner."""
        self._wait(lambda: runner_id in self._metadata(), f"runner {runner_id}")

    def reset_context(self, bot: HttpBot, session_id: str) -> None:
        """Reset the context of a session, as the button in LangBot's UI does.

        LangBot refuses until it has finished the session's last message; this waits for that.

        Args:
            bot: The session's bot.
            session_id: For example `person_alice` or `group_g1`.
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
        """Start; return False if another process has one of the ports."""
        try:
            self.start()
        except PortTaken:
            return False
        return True

    def _answers(self) -> bool:
        """Return whether LangBot answers.

        Raises:
            PortTaken: It never will: LangBot runs on without its port and only logs that.
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

    def _spawn(self, name: str, argv: list[str], folder: Path) -> None:
        path = self.folder / f"{name}.log"
        folder.mkdir(parents=True, exist_ok=True)
        self._log_starts[name] = path.stat().st_size if path.exists() else 0
        with path.open("ab") as log:
            self._processes[name] = subprocess.Popen(
                argv,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self.env},
                start_new_session=True,
            )

    def _end(self, name: str, how: signal.Signals) -> None:
        """End a process and its children; kill them after 20 s."""
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


def with_extension(
    folder: Path,
    *,
    env: Mapping[str, str] | None = None,
    progress: Callable[[str], None] = lambda _text: None,
    **section: Any,
) -> LangBotHost:
    """Return a LangBot, not started yet, with the extension enabled.

    Args:
        folder: See `LangBotHost`.
        env: See `LangBotHost`.
        progress: See `LangBotHost`.
        section: More settings for the section `state_ext`.
    """
    return LangBotHost(
        folder,
        command=[str(bin_folder() / "langbot-state"), "run"],
        config={"state_ext": {"enable": True, **section}},
        env=env,
        progress=progress,
    )
