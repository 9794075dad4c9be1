"""The places in LangBot that are patched: as expected, and untouched once it is over."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
import wrapt
from pytest_mock import MockerFixture

from langbot_state_ext import HostNotSupported, RunLifecycle, ScopeError, StateStore
from langbot_state_ext.config import parse_config
from langbot_state_ext.host import adapter, boot, compat
from langbot_state_ext.host.adapter import HostScopeKey
from langbot_state_ext.host.patches import Patch, Patches
from langbot_state_ext.host.plugin_calls import PluginCalls
from langbot_state_ext.host.sessions import Sessions
from langbot_state_ext.testing.contract import person

pytestmark = pytest.mark.host

SHUTDOWN = Patch("langbot.pkg.core.app", "Application.shutdown", lambda original: original())


def table() -> list[Patch]:
    lifecycle, logger = RunLifecycle(StateStore()), logging.getLogger("test")
    sessions = Sessions(lifecycle, logger=logger)
    calls = PluginCalls(None, lifecycle.store, sessions, url="memory://")
    places = adapter.host_patches(lifecycle, sessions, logger=logger)
    return [*places, *calls.patches(), SHUTDOWN]


def attributes() -> list[Any]:
    """Return what is in every place, as it is found there and not as it is bound."""
    found = []
    for patch in table():
        parent, name, _ = wrapt.resolve_path(patch.module, patch.attribute)
        found.append(vars(parent)[name])
    return found


def untouched(before: list[Any]) -> bool:
    return all(one is other for one, other in zip(attributes(), before, strict=True))


def application(folder: Path, **section: Any) -> Any:
    """Return as much of LangBot's application as a boot stage needs, over a real database."""
    from langbot.pkg.entity.persistence.runner_state import RunnerState
    from sqlalchemy.ext.asyncio import create_async_engine

    plain = sa.create_engine(f"sqlite:///{folder / 'langbot.db'}")
    RunnerState.metadata.tables["runner_state"].create(plain)
    plain.dispose()
    engine = create_async_engine(f"sqlite+aiosqlite:///{folder / 'langbot.db'}")
    return SimpleNamespace(
        logger=logging.getLogger("test"),
        instance_config=SimpleNamespace(data={"state_ext": section} if section else {}),
        persistence_mgr=SimpleNamespace(get_db_engine=lambda: engine),
        engine=engine,
    )


def test_every_seam_is_as_expected() -> None:
    assert Patches(table()).faults() == []


def test_uninstalling_leaves_every_attribute_identical() -> None:
    before = attributes()
    patches = Patches(table())
    patches.install()
    assert all(one is not other for one, other in zip(attributes(), before, strict=True))
    patches.uninstall()
    assert untouched(before)


async def test_shutting_langbot_down_takes_everything_out(tmp_path: Path) -> None:
    from langbot.pkg.core.app import Application

    before = attributes()
    ap = application(tmp_path)
    patches = await boot.attach(ap, parse_config({"url": "sqlite:///state.db"}, root=tmp_path))
    assert not untouched(before)
    assert (tmp_path / "state.db-wal").exists()
    await Application().shutdown()
    assert untouched(before)
    assert not (tmp_path / "state.db-wal").exists(), "the store was not closed"
    patches.uninstall()
    await ap.engine.dispose()


async def test_warnings_reach_langbots_log_until_it_shuts_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from langbot.pkg.core.app import Application

    ours = logging.getLogger("langbot_state_ext")
    monkeypatch.setattr(ours, "propagate", False)
    monkeypatch.setattr(logging.root, "level", logging.CRITICAL)
    ap = application(tmp_path)
    await boot.attach(ap, parse_config({"url": "memory://"}, root=tmp_path))
    ours.warning("told")
    await Application().shutdown()
    ours.warning("untold")
    assert caplog.messages == ["told"]
    assert (ours.handlers, ours.level) == ([], logging.NOTSET)
    await ap.engine.dispose()


async def test_a_database_of_langbots_that_cant_be_read_is_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ap = application(tmp_path, enable=True, url="memory://")
    with closing(sqlite3.connect(tmp_path / "langbot.db")) as db:
        db.execute("DROP TABLE runner_state")
    before = attributes()
    with pytest.raises(SystemExit, match="1"):
        await boot.StateExtStage().run(ap)
    said = "LangBot was not started: LangBot's own database: no such table: runner_state\n"
    assert capsys.readouterr().err == said
    assert untouched(before)
    await ap.engine.dispose()


@pytest.mark.parametrize("section", [{}, {"enable": False}, {"enable": "false"}])
async def test_langbot_is_untouched_where_it_is_not_asked_for(
    tmp_path: Path, section: dict[str, Any]
) -> None:
    before = attributes()
    ap = application(tmp_path, **section)
    await boot.StateExtStage().run(ap)
    assert untouched(before)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["langbot.db"]
    await ap.engine.dispose()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"enable": True, "url": "sqlite:///no/such/state.db"}, "no/such does not exist"),
        ({"enable": True, "url": "sqlite:///theirs.db"}, "theirs.db is not a SQLite database"),
        ({"enable": "perhaps"}, "state_ext.enable: input should be a valid boolean"),
    ],
)
async def test_langbot_does_not_start_half_extended(
    tmp_path: Path,
    section: dict[str, Any],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "theirs.db").write_bytes(b"theirs")
    monkeypatch.chdir(tmp_path)
    before = attributes()
    ap = application(tmp_path, **section)
    with pytest.raises(SystemExit, match="1"):
        await boot.StateExtStage().run(ap)
    said = capsys.readouterr().err
    assert said.startswith("LangBot was not started: ")
    assert message in said
    assert untouched(before)
    assert (tmp_path / "theirs.db").read_bytes() == b"theirs"
    await ap.engine.dispose()


async def test_a_seam_that_is_gone_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from langbot.pkg.agent.runner.run_journal import AgentRunJournal

    ap = application(tmp_path)
    with monkeypatch.context() as patched:
        patched.delattr(AgentRunJournal, "finalize_run")
        with pytest.raises(
            HostNotSupported, match=r"AgentRunJournal\.finalize_run is missing"
        ) as e:
            await boot.attach(ap, parse_config({"url": "memory://"}, root=tmp_path))
    assert str(e.value).endswith("or run: langbot-state disable")
    await ap.engine.dispose()


def test_without_langbot_the_extra_is_named(mocker: MockerFixture) -> None:
    mocker.patch.object(compat, "version", side_effect=PackageNotFoundError)
    with pytest.raises(HostNotSupported, match="install LangBot here with"):
        compat.check_seams([])


def test_a_scope_key_that_is_not_ours_is_refused() -> None:
    with pytest.raises(ScopeError, match="does not belong to a run"):
        adapter._key("actor:v1:abc")


async def test_a_write_under_a_scope_key_that_is_not_ours_is_refused_with_one_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    from langbot.pkg.agent.runner.persistent_state_store import PersistentStateStore

    patches = Patches(table())
    patches.install()
    try:
        done, reason = await PersistentStateStore(None).state_set(
            "actor:v1:abc", "k", 1, "runner-1", "binding-1", "actor", {}
        )
    finally:
        patches.uninstall()
    assert not done
    assert "actor key 'k': scope key 'actor:v1:abc' does not belong to a run" in str(reason)
    assert [record.getMessage() for record in caplog.records] == [
        f"Runner runner-1 State API refused: {reason}"
    ]


def test_a_scope_key_survives_the_copies_that_langbot_makes() -> None:
    from copy import deepcopy

    key = HostScopeKey(person("alice"), "run-1")
    copied = deepcopy({"scope_keys": {"actor": key}})["scope_keys"]["actor"]
    assert (copied, copied.key, copied.run_id) == (key, key.key, "run-1")
    assert key == key.key.storage


def test_without_the_stage_before_ours_ours_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    from langbot.pkg.core import boot as host_boot

    monkeypatch.setattr(host_boot, "stage_order", ["LoadConfigStage", "ShowNotesStage"])
    boot.register()
    boot.register()
    assert host_boot.stage_order == ["LoadConfigStage", "ShowNotesStage", "StateExtStage"]


def test_a_langbot_without_stages_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    from langbot.pkg.core import boot as host_boot

    monkeypatch.delattr(host_boot, "stage_order")
    with pytest.raises(SystemExit, match=r"langbot\.pkg\.core\.boot\.stage_order is no list"):
        boot.register()
