"""Enabling and disabling, and the hook: in LangBot it adds our stage, elsewhere it does nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_mock import MockerFixture

from langbot_state_ext import ConfigError
from langbot_state_ext.host import environment, launcher

from .environments import AS_ANY_USER, Environment


@pytest.fixture
def site(tmp_path: Path, mocker: MockerFixture) -> Path:
    """Put the hook's files into a folder of our own, as if it were site-packages."""
    mocker.patch("sysconfig.get_path", return_value=str(tmp_path))
    return tmp_path


def test_enable_and_disable_leave_the_other_settings_alone(site: Path) -> None:
    config = site / "data" / "config.yaml"
    config.parent.mkdir()
    before = {"api": {"port": 5300}, "state_ext": {"url": "memory://"}}
    config.write_text(yaml.safe_dump(before), "utf-8")
    written = [Path(file) for file in launcher.enable(config).written]
    assert all(file.exists() for file in written)
    assert environment.hook_installed()
    assert read(config) == before | {"state_ext": {"url": "memory://", "enable": True}}
    assert set(launcher.disable(config)) == set(written)
    assert not environment.hook_installed()
    assert read(config) == before | {"state_ext": {"url": "memory://", "enable": False}}
    assert launcher.disable(config) == [config]


def test_enable_begins_with_langbots_own_template(site: Path) -> None:
    config = site / "data" / "config.yaml"
    launcher.enable(config, new=True)
    settings = read(config)
    assert settings["state_ext"] == {"enable": True}
    assert "api" in settings
    assert launcher.disable(site / "elsewhere" / "config.yaml")


@pytest.mark.parametrize("text", ["a: [", "- a\n- b", "5"])
def test_a_configuration_that_cant_be_read_is_named_and_left_alone(site: Path, text: str) -> None:
    config = site / "config.yaml"
    config.write_text(text, "utf-8")
    for change in (launcher.enable, launcher.disable):
        with pytest.raises(ConfigError, match=str(config)):
            change(config)
    assert config.read_text("utf-8") == text
    assert not environment.hook_installed()


def test_disabling_takes_the_hook_away_whatever_the_configuration_is(site: Path) -> None:
    config = site / "config.yaml"
    launcher.enable(config, new=True)
    config.write_text("a: [", "utf-8")
    with pytest.raises(ConfigError, match=r"the start-up hook is removed, but .* is not YAML"):
        launcher.disable(config)
    assert not environment.hook_installed()


def test_a_disk_that_is_full_leaves_the_configuration_as_it_is(
    site: Path, mocker: MockerFixture
) -> None:
    config = site / "config.yaml"
    config.write_text("api: {port: 5300}\n", "utf-8")

    def full(path: Path, text: str, *_rest: Any) -> None:
        path.write_bytes(text[:5].encode())
        raise OSError(28, "No space left on device")

    mocker.patch("pathlib.Path.write_text", full)
    with pytest.raises(OSError, match="No space left"):
        launcher.write_section(config, {"enable": True})
    assert config.read_bytes() == b"api: {port: 5300}\n"
    assert [file.name for file in site.iterdir()] == ["config.yaml"]


def test_a_configuration_keeps_its_place_and_its_permissions(site: Path) -> None:
    real = site / "real.yaml"
    real.write_text("api: {port: 5300}\n", "utf-8")
    real.chmod(0o640)
    config = site / "config.yaml"
    config.symlink_to(real)
    launcher.write_section(config, {"enable": True})
    assert config.is_symlink()
    assert read(real) == {"api": {"port": 5300}, "state_ext": {"enable": True}}
    assert real.stat().st_mode & 0o777 == 0o640


def read(config: Path) -> Any:
    return yaml.safe_load(config.read_text("utf-8"))


def test_a_section_that_is_no_mapping_is_named_and_left_alone(site: Path) -> None:
    config = site / "config.yaml"
    config.write_text("state_ext: on\n", "utf-8")
    for change in (launcher.enable, launcher.disable):
        with pytest.raises(ConfigError, match="not a mapping"):
            change(config)
    assert config.read_text("utf-8") == "state_ext: on\n"


@pytest.fixture(scope="module")
def hooked(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Make an environment that has the hook."""
    folder = tmp_path_factory.mktemp("hooked")
    hooked = Environment(folder / "env")
    assert hooked.state("enable", "--hook", cwd=folder).returncode == 0
    return hooked


def test_the_hook_imports_nothing_in_another_process(hooked: Environment, tmp_path: Path) -> None:
    code = "import sys; print(*sys.modules)"
    assert any(file.suffix == ".pyc" for file in hooked.hook)
    with_hook = set(hooked.run("python", "-c", code, cwd=tmp_path).stdout.split())
    for file in hooked.hook:
        file.rename(tmp_path / file.name)
    without = set(hooked.run("python", "-c", code, cwd=tmp_path).stdout.split())
    hooked.state("enable", "--hook", cwd=tmp_path)
    assert with_hook - without == {environment.HOOK}


def test_a_plugins_process_does_not_import_the_extension(
    hooked: Environment, tmp_path: Path
) -> None:
    code = (
        "import sys, langbot_plugin.cli, langbot_plugin.cli.run.controller\n"
        "print([name for name in sys.modules if name.partition('.')[0] == 'langbot_state_ext'])"
    )
    done = hooked.run("python", "-c", code, cwd=tmp_path)
    assert done.stdout == "[]\n", done.stderr


def test_to_look_for_the_boot_module_does_not_use_the_hook_up(
    hooked: Environment, tmp_path: Path
) -> None:
    code = (
        "from importlib.util import find_spec\n"
        "assert find_spec('langbot.pkg.core.boot')\n"
        "from langbot.pkg.core.boot import stage_order\n"
        "print(stage_order)"
    )
    done = hooked.run("python", "-W", "ignore", "-c", code, cwd=tmp_path)
    assert "'BuildAppStage', 'StateExtStage'" in done.stdout, done.stderr


@pytest.fixture
def quick_langbot(tmp_path: Path) -> Path:
    """Make a LangBot with nothing but the boot module, for a process that starts here."""
    folder = tmp_path / "langbot" / "pkg" / "core"
    folder.mkdir(parents=True)
    for package in (folder, folder.parent, folder.parents[1]):
        (package / "__init__.py").touch()
    (folder / "boot.py").write_text("print('booted')\n", "utf-8")
    return tmp_path


def test_a_hook_left_behind_says_what_to_do(hooked: Environment, quick_langbot: Path) -> None:
    code = (
        "import sys\n"
        "class Gone:\n"
        "    def find_spec(self, name, *_rest):\n"
        "        if name == 'langbot_state_ext':\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Gone())\n"
        "import langbot.pkg.core.boot\n"
    )
    done = hooked.run("python", "-c", code, cwd=quick_langbot)
    assert (done.returncode, done.stdout) == (0, "booted\n"), done.stderr
    hook = hooked.site / f"{environment.HOOK}.py"
    assert f"delete {hook} and langbot_state_ext_startup.pth beside it" in done.stderr


@pytest.mark.parametrize("broken", ["langbot_state_ext.host.boot", "wrapt"])
def test_an_extension_that_is_broken_keeps_langbot_from_starting(
    hooked: Environment, quick_langbot: Path, broken: str
) -> None:
    code = f"import sys; sys.modules[{broken!r}] = None; import langbot.pkg.core.boot"
    done = hooked.run("python", "-c", code, cwd=quick_langbot)
    assert (done.returncode, done.stdout) == (1, "booted\n")
    assert "LangBot was not started: langbot-state-ext can't be loaded" in done.stderr
    assert "Traceback" not in done.stderr


def test_two_versions_of_the_extension_are_refused_by_name(
    hooked: Environment, tmp_path: Path
) -> None:
    hooked.add_version("0.0.9", folder=tmp_path)
    prefix = ["env", f"PYTHONPATH={tmp_path}"]
    doctor, enable = (
        hooked.state(*words, cwd=tmp_path, prefix=prefix)
        for words in (("doctor",), ("enable", "--new"))
    )
    import_boot = ("-W", "ignore", "-c", "import langbot.pkg.core.boot")
    start = hooked.run("python", *import_boot, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    for done in (doctor, enable, start):
        assert done.returncode == 1
        said = done.stdout + done.stderr
        assert f"0.0.9 in {tmp_path}" in said
        assert f"0.1.0 in {hooked.site}" in said
    assert "LangBot was not started: " in start.stderr
    assert not (tmp_path / "data").exists()


def test_enable_refuses_where_there_is_no_langbot(tmp_path: Path) -> None:
    empty = Environment(tmp_path / "env")
    folder = tmp_path / "bot"
    data = folder / "data"
    data.mkdir(parents=True)

    def refused(cwd: Path, *words: str) -> str:
        before = sorted(folder.rglob("*"))
        done = empty.state("enable", *words, cwd=cwd)
        assert (done.returncode, done.stdout) == (1, "")
        assert sorted(folder.rglob("*")) == before
        assert not empty.hook
        return done.stderr

    nowhere = refused(folder)
    assert f"there is no {data / 'config.yaml'}: run this in the folder" in nowhere
    assert "langbot-state enable --new" in nowhere
    assert "langbot-state enable --hook" in nowhere
    (data / "config.yaml").write_text("api: {port: 5300}\n", "utf-8")
    for words in ((), ("--new",)):
        text = refused(data, *words)
        assert f"{data} is LangBot's data folder: run this in the folder above, {folder}" in text


def test_enable_refuses_in_an_environment_without_langbot(tmp_path: Path) -> None:
    empty = Environment(tmp_path / "env", langbot=False)
    for words in (("--new",), ("--hook",)):
        done = empty.state("enable", *words, cwd=tmp_path)
        assert done.returncode == 1
        assert f"LangBot is not installed in {empty.prefix}: run langbot-state of" in done.stderr
    assert not empty.hook
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("locked", ["site-packages", "folder", "data"])
def test_enable_without_the_right_to_write_changes_nothing(tmp_path: Path, locked: str) -> None:
    theirs, folder = Environment(tmp_path / "env"), tmp_path / "bot"
    words = ["enable", "--new"]
    places = {"site-packages": theirs.site, "folder": folder, "data": folder / "data"}
    folder.mkdir()
    if locked == "data":
        (folder / "data").mkdir()
        (folder / "data" / "config.yaml").write_text("api: {port: 5300}\n", "utf-8")
    before = sorted(folder.rglob("*"))
    places[locked].chmod(0o555)
    try:
        done = theirs.state(*words, cwd=folder, prefix=AS_ANY_USER)
    finally:
        places[locked].chmod(0o755)
    assert done.returncode == 1
    assert "not enabled, and nothing was changed" in done.stderr
    assert f"Permission denied: '{places[locked]}" in done.stderr
    assert not theirs.hook
    assert sorted(folder.rglob("*")) == before


def test_a_failed_enable_leaves_an_earlier_hook_as_it_was(
    site: Path, mocker: MockerFixture
) -> None:
    earlier = site / f"{environment.HOOK}.py"
    earlier.write_text("# earlier\n", "utf-8")
    mocker.patch("py_compile.compile", side_effect=OSError(28, "No space left on device"))
    with pytest.raises(ConfigError, match="nothing was changed"):
        launcher.enable(None)
    assert earlier.read_text("utf-8") == "# earlier\n"


def test_disable_removes_the_hook_where_there_is_no_configuration(tmp_path: Path) -> None:
    mine = Environment(tmp_path / "env")
    mine.state("enable", "--hook", cwd=tmp_path)
    assert mine.hook
    done = mine.state("disable", cwd=tmp_path)
    assert done.returncode == 0
    assert f"There is no {tmp_path / 'data' / 'config.yaml'}: only the hook was" in done.stdout
    assert not mine.hook
    assert not (tmp_path / "data").exists()


def test_enable_warns_of_an_environment_in_a_cache(tmp_path: Path) -> None:
    (tmp_path / "CACHEDIR.TAG").touch()
    cached = Environment(tmp_path / "archive" / "env")
    done = cached.state("enable", "--hook", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"Warning: {cached.prefix} is in a cache" in done.stdout
    assert "langbot-state run needs no hook" in done.stdout


def test_doctor_proves_the_hook(hooked: Environment, tmp_path: Path) -> None:
    def start() -> Any:
        checks = json.loads(hooked.state("doctor", "--json", cwd=tmp_path).stdout)
        return next(check for check in checks if check["name"] == "start")

    assert start() == {
        "name": "start",
        "ok": True,
        "detail": f"LangBot in {hooked.prefix} loads the extension, however it is started",
    }
    loader = hooked.site / "langbot_state_ext_startup.pth"
    text = loader.read_text("utf-8")
    loader.write_text("# nothing\n", "utf-8")
    ignored = start()
    assert not ignored["ok"]
    assert f"{loader} is there, but LangBot in {hooked.prefix} does not" in ignored["detail"]
    loader.unlink()
    without = start()
    assert without["ok"]
    assert "run langbot-state enable, or start LangBot with" in without["detail"]
    loader.write_text(text, "utf-8")


def test_doctor_says_why_langbot_cant_be_imported(hooked: Environment, tmp_path: Path) -> None:
    (tmp_path / "langbot.py").write_text("raise ImportError('a broken LangBot')\n", "utf-8")
    prefix = ["env", f"PYTHONPATH={tmp_path}"]
    done = hooked.state("doctor", cwd=tmp_path, prefix=prefix)
    assert done.returncode == 1
    assert f"{hooked.python} can't import LangBot: ImportError: a broken LangBot" in done.stdout
