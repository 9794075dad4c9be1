"""The plugin finds the store by its own setting or by LangBot's, or says why it can't."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from langbot_state_ext import BackendUnavailable, ScopeFilter, StateStore
from langbot_state_ext.plugin.locate import StoreAccess, StoreNotFound, locate_store
from testkit.ports import free_ports


@pytest.fixture
def langbot(tmp_path: Path) -> Path:
    """Return LangBot's folder; the plugin runs deep below it."""
    (tmp_path / "bot" / "data" / "plugins" / "x").mkdir(parents=True)
    return tmp_path / "bot"


def configure(langbot: Path, section: Any) -> None:
    (langbot / "data" / "config.yaml").write_text(yaml.safe_dump({"state_ext": section}))


def start(langbot: Path) -> Path:
    return langbot / "data" / "plugins" / "x"


def reason(langbot: Path, config: dict[str, Any] | None = None, **environ: str) -> StoreNotFound:
    with pytest.raises(StoreNotFound) as caught:
        locate_store(config or {}, start(langbot), environ)
    return caught.value


def test_langbots_configuration_names_the_store_and_its_limits(langbot: Path) -> None:
    configure(langbot, {"enable": True, "url": "sqlite:///data/s.db", "limits": {"depth": 3}})
    (langbot / "data" / "s.db").touch()
    place = locate_store({}, start(langbot), {})
    assert place.url == f"sqlite:///{langbot}/data/s.db"
    assert place.limits.depth == 3


def test_the_plugins_own_setting_comes_first(langbot: Path) -> None:
    configure(langbot, {"enable": False, "url": "memory://"})
    (langbot / "data" / "other.db").touch()
    config = {"database_url": " sqlite:///data/other.db "}
    assert locate_store(config, start(langbot), {}).url == f"sqlite:///{langbot}/data/other.db"


def test_an_absolute_url_needs_no_langbot(tmp_path: Path) -> None:
    (tmp_path / "s.db").touch()
    config = {"database_url": f"sqlite:///{tmp_path}/s.db"}
    assert locate_store(config, Path("/"), {}).url == f"sqlite:///{tmp_path}/s.db"


def test_settings_of_a_newer_langbot_side_do_not_matter(langbot: Path) -> None:
    configure(langbot, {"enable": True, "not_known_yet": 1})
    (langbot / "data" / "state.db").touch()
    assert locate_store({}, start(langbot), {}).url.endswith("/data/state.db")


def test_without_a_configuration_it_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(StoreNotFound, match="or a folder above it") as caught:
        locate_store({}, tmp_path, {})
    assert caught.value.url == ""


def test_a_langbot_without_the_extension_is_named(langbot: Path) -> None:
    for section in (None, {}, {"enable": False}):
        configure(langbot, section)
        assert "langbot-state enable" in str(reason(langbot))


def test_an_enabled_store_that_is_not_there_yet_is_not_made(langbot: Path) -> None:
    configure(langbot, {"enable": True})
    found = reason(langbot)
    assert "does not exist" in str(found)
    assert found.url == f"sqlite:///{langbot}/data/state.db"
    assert not (langbot / "data" / "state.db").exists()


def test_memory_is_out_of_reach(langbot: Path) -> None:
    configure(langbot, {"enable": True, "url": "memory://"})
    assert "memory" in str(reason(langbot))


def test_a_faulty_url_is_shown_without_its_password(langbot: Path) -> None:
    configure(langbot, {"enable": True, "url": "nosuch://me:hush@host/db"})
    found = reason(langbot)
    assert found.url == "nosuch://me:***@host/db"
    assert "hush" not in str(found)


def test_a_fault_says_whose_setting_it_is(langbot: Path) -> None:
    configure(langbot, {"enable": True, "url": "sqlite:///nowhere/s.db", "limits": {"depth": 0}})
    text = str(reason(langbot))
    assert text.startswith(f"{langbot}/data/config.yaml: state_ext.url: the folder ")
    assert f"; {langbot}/data/config.yaml: state_ext.limits.depth: " in text
    text = str(reason(langbot, {"database_url": "sqlite:////nowhere/s.db"}))
    assert text.startswith("the plugin's setting database_url: the folder /nowhere ")
    assert f"; {langbot}/data/config.yaml: state_ext.limits.depth: " in text


def test_a_password_from_an_environment_that_is_not_there_is_named(langbot: Path) -> None:
    configure(langbot, {"enable": True, "url": "sqlite:///${NAME}.db"})
    assert "NAME" in str(reason(langbot))
    (langbot / "s.db").touch()
    assert locate_store({}, start(langbot), {"NAME": "s"}).url.endswith("/s.db")


@pytest.mark.parametrize("text", [b"\xff", b"a: [", b"- 1"])
def test_a_configuration_that_is_none_is_no_traceback(langbot: Path, text: bytes) -> None:
    (langbot / "data" / "config.yaml").write_bytes(text)
    assert str(reason(langbot))


async def test_a_store_is_opened_once_it_is_there(langbot: Path) -> None:
    configure(langbot, {"enable": True})
    access = StoreAccess(dict, start(langbot))
    with pytest.raises(StoreNotFound):
        await access.store()
    async with StateStore.open(f"sqlite:///{langbot}/data/state.db"):
        pass
    assert await access.store() is await access.store()
    assert access.url == f"sqlite:///{langbot}/data/state.db"
    await access.close()
    await access.close()


async def test_a_file_that_was_put_back_from_a_copy_is_noticed(langbot: Path) -> None:
    configure(langbot, {"enable": True})
    file = langbot / "data" / "state.db"
    async with StateStore.open(f"sqlite:///{file}"):
        pass
    access = StoreAccess(dict, start(langbot))
    first = await access.store()
    file.rename(langbot / "old.db")
    with pytest.raises(StoreNotFound):
        await access.store()
    async with StateStore.open(f"sqlite:///{file}"):
        pass
    second = await access.store()
    assert second is not first
    assert (await second.backend.scopes(ScopeFilter(), None, 1)).scopes == []
    await access.close()


async def test_a_file_that_is_not_ours_is_refused_untouched(langbot: Path) -> None:
    configure(langbot, {"enable": True, "url": "sqlite:///data/other.db"})
    (langbot / "data" / "other.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreNotFound, match=r"other\.db") as caught:
        await StoreAccess(dict, start(langbot)).store()
    assert caught.value.url.endswith("other.db")
    assert (langbot / "data" / "other.db").read_bytes() == b"not a database" * 100


async def test_a_server_that_is_down_is_no_missing_setting_and_shows_no_password() -> None:
    (port,) = free_ports(1)
    url = f"redis://me:hush@127.0.0.1:{port}/0?wait_s=0.5"
    access = StoreAccess(lambda: {"database_url": url}, Path("/"))
    with pytest.raises(BackendUnavailable) as caught:
        await access.store()
    assert access.url == f"redis://me:***@127.0.0.1:{port}/0?wait_s=0.5"
    assert "hush" not in str(caught.value)
