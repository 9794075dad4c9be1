"""`python -m langbot_state_ext.plugin.page.worker`: runs jobs in a process of its own.

The first line of standard input is `{"url": …}`, which may hold a password. Each further line is a
job, `{"job": …, "arguments": …}`, whose line of standard output is `{"answer": …}` or
`{"error": …, "message": …}`. It ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, BinaryIO

from ...backends import Backend, open_backend
from ...backends.pace import Pace
from ...errors import StateError
from .jobs import JOBS
from .responses import error_name


def main() -> None:
    """Run the jobs of standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for LangBot, which ends this process
    with suppress(BrokenPipeError):
        asyncio.run(_serve(sys.stdin.buffer, sys.stdout.buffer))


async def _serve(requests: BinaryIO, answers: BinaryIO) -> None:
    backend = open_backend(json.loads(requests.readline())["url"])
    try:
        while line := await asyncio.to_thread(requests.readline):
            answer = await _answer(backend, json.loads(line))
            answers.write(json.dumps(answer).encode() + b"\n")
            answers.flush()
    finally:
        await backend.close()


async def _answer(backend: Backend, request: Mapping[str, Any]) -> dict[str, Any]:
    try:
        await backend.open()
        return {"answer": await JOBS[request["job"]](backend, Pace(), **request["arguments"])}
    except StateError as error:
        return {"error": error_name(error), "message": str(error)}


if __name__ == "__main__":
    main()
