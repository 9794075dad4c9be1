"""What an operator relies on, in a real LangBot whose data root is somewhere else."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.langbot_host import LangBotHost, bin_folder


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("elsewhere")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, elsewhere: Path) -> Iterator[LangBotHost]:
    with LangBotHost(
        tmp_path_factory.mktemp("langbot"),
        command=[str(bin_folder() / "langbot-state"), "run"],
        config={"state_ext": {"enable": True}},
        env={"LANGBOT_DATA_ROOT": str(elsewhere)},
    ) as host:
        yield host


def test_langbots_data_root_moves_neither_configuration_nor_state(
    host: LangBotHost, elsewhere: Path
) -> None:
    state = host.folder / "data" / "state.db"
    assert f"runners in sqlite:///{state}" in host.log
    assert state.exists()
    assert not list(elsewhere.rglob("state.db"))
    done = subprocess.run(
        [bin_folder() / "langbot-state", "doctor"],
        cwd=host.folder,
        env={**os.environ, **host.env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert f"{state} is readable" in done.stdout
