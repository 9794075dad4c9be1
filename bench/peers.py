"""The same turn with the stores of other agent frameworks on SQLite, with their own defaults.

As everywhere in this benchmark, each update is durable before the next one. Each store is used in
the cheapest way that it offers.
"""

from __future__ import annotations

import sqlite3
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

from langbot_state_ext import VALID_STATE_SCOPES

from .turn import KEYS, Contender

APP, PERSON = "bench", "person_1"


async def peers(folder: Path, stack: AsyncExitStack) -> list[Contender]:
    """Open every peer.

    Args:
        folder: An empty folder on the disk to measure.
        stack: Closes what is opened.

    Raises:
        ModuleNotFoundError: The extra `peers` is not installed.
    """
    return [
        _langgraph_saver(folder / "saver-normal.db", "normal", stack),
        _langgraph_saver(folder / "saver-full.db", "full", stack),
        await _langgraph_async_saver(folder / "async-saver.db", stack),
        await _langgraph_store(folder / "store.db", stack),
        _openai_session(folder / "openai.db", stack),
        await _adk_sqlite(folder / "adk-sqlite.db"),
        await _adk_database(folder / "adk-database.db", stack),
    ]


class _Checkpoints:
    """The state as LangGraph checkpoints with 32 channels."""

    def __init__(self) -> None:
        from langgraph.checkpoint.base import empty_checkpoint

        self.config: Any = {"configurable": {"thread_id": PERSON, "checkpoint_ns": ""}}
        self.metadata: Any = {"source": "loop", "step": 1, "parents": {}}
        self._channels: dict[str, Any] = {}
        self._empty = empty_checkpoint

    def updated(self, scope: str, key: str, data: Any) -> Any:
        """Return the next checkpoint, with one channel changed."""
        self._channels[f"{scope}.{key}"] = data
        return {**self._empty(), "channel_values": self._channels}


def _langgraph_saver(file: Path, synchronous: str, stack: AsyncExitStack) -> Contender:
    from langgraph.checkpoint.sqlite import SqliteSaver

    db = stack.enter_context(closing(sqlite3.connect(file, check_same_thread=False)))
    db.execute(f"PRAGMA synchronous = {synchronous}")
    saver, checkpoints = SqliteSaver(db), _Checkpoints()
    saver.setup()

    async def read() -> Any:
        return saver.get_tuple(checkpoints.config)

    async def write(scope: str, key: str, data: Any) -> None:
        checkpoint = checkpoints.updated(scope, key, data)
        saver.put(checkpoints.config, checkpoint, checkpoints.metadata, {})

    shipped = ", as shipped" if synchronous == "full" else ""
    return Contender(f"LangGraph SqliteSaver ({synchronous}{shipped})", read, write)


async def _langgraph_async_saver(file: Path, stack: AsyncExitStack) -> Contender:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    saver = await stack.enter_async_context(AsyncSqliteSaver.from_conn_string(str(file)))
    checkpoints = _Checkpoints()

    async def write(scope: str, key: str, data: Any) -> None:
        checkpoint = checkpoints.updated(scope, key, data)
        await saver.aput(checkpoints.config, checkpoint, checkpoints.metadata, {})

    return Contender(
        "LangGraph AsyncSqliteSaver", lambda: saver.aget_tuple(checkpoints.config), write
    )


async def _langgraph_store(file: Path, stack: AsyncExitStack) -> Contender:
    from langgraph.store.base import SearchOp
    from langgraph.store.sqlite.aio import AsyncSqliteStore

    store = await stack.enter_async_context(AsyncSqliteStore.from_conn_string(str(file)))
    await store.setup()
    scopes = [SearchOp((scope, PERSON), limit=KEYS) for scope in VALID_STATE_SCOPES]

    async def write(scope: str, key: str, data: Any) -> None:
        await store.aput((scope, PERSON), key, data)

    return Contender("LangGraph AsyncSqliteStore", lambda: store.abatch(scopes), write)


def _openai_session(file: Path, stack: AsyncExitStack) -> Contender:
    from agents import SQLiteSession

    session = SQLiteSession(PERSON, file)
    stack.callback(session.close)
    count = len(VALID_STATE_SCOPES) * KEYS

    async def write(_scope: str, _key: str, data: Any) -> None:
        await session.add_items([data])

    return Contender("OpenAI Agents SQLiteSession", lambda: session.get_items(limit=count), write)


async def _adk_sqlite(file: Path) -> Contender:
    from google.adk.sessions.sqlite_session_service import SqliteSessionService

    return await _adk(SqliteSessionService(str(file)))


async def _adk_database(file: Path, stack: AsyncExitStack) -> Contender:
    from google.adk.sessions import DatabaseSessionService

    service = DatabaseSessionService(f"sqlite+aiosqlite:///{file}")
    stack.push_async_callback(service.close)
    return await _adk(service)


async def _adk(service: Any) -> Contender:
    """Store the state in a session; an update is an event with a state delta."""
    from google.adk.events import Event, EventActions
    from google.adk.sessions.base_session_service import GetSessionConfig

    where = {"app_name": APP, "user_id": PERSON}
    session = await service.create_session(**where)
    without_events = GetSessionConfig(num_recent_events=0)

    async def read() -> Any:
        return await service.get_session(**where, session_id=session.id, config=without_events)

    async def write(scope: str, key: str, data: Any) -> None:
        actions = EventActions(state_delta={f"{scope}.{key}": data})
        await service.append_event(session, Event(author="agent", actions=actions))

    return Contender(f"Google ADK {type(service).__name__}", read, write)
