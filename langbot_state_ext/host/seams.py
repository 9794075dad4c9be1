"""The seams: the code in LangBot that is patched or relied on, read from its source files.

`seams.json` has the signature and the fingerprint of each in every known version. Reading imports
nothing of LangBot, and what it returns does not depend on the version of Python.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sysconfig
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent

_PKG = "langbot.pkg"
_RUNNER = f"{_PKG}.agent.runner"
_CONNECTOR = f"{_PKG}.plugin.connector.PluginRuntimeConnector"

RELIED_ON = (
    f"{_PKG}.core.boot.make_app",
    f"{_PKG}.core.boot.stage_order",
    f"{_PKG}.core.stage.preregistered_stages",
    f"{_PKG}.core.app.Application.shutdown",
    f"{_PKG}.persistence.database.preregistered_managers",
    f"{_PKG}.persistence.mgr.PersistenceManager.get_db_engine",
    f"{_PKG}.persistence.mgr.PersistenceManager.tenant_uow",
    f"{_PKG}.provider.session.sessionmgr.SessionManager.get_session",
    f"{_PKG}.utils.constants.instance_id",
    f"{_RUNNER}.binding_resolver.AgentBindingResolver.resolve_one",
    f"{_RUNNER}.config_resolver.RunnerConfigResolver.get_expire_time",
    f"{_RUNNER}.config_resolver.RunnerConfigResolver.resolve_runner_config",
    f"{_RUNNER}.config_resolver.RunnerConfigResolver.resolve_runner_id",
    f"{_RUNNER}.context_reset.active_history_condition",
    f"{_RUNNER}.context_reset.get_reset_generation",
    f"{_RUNNER}.query_bridge.QueryRunBridge.build_plan",
    f"{_RUNNER}.query_bridge.QueryRunPlan",
    f"{_RUNNER}.session_registry.AgentRunSessionRegistry.get",
    f"{_RUNNER}.session_registry.get_session_registry",
    f"{_RUNNER}.state_scope._scope_hash",
    f"{_CONNECTOR}._setting_for_plugin",
    f"{_CONNECTOR}.delete_plugin",
    f"{_CONNECTOR}.execute_command",
    f"{_CONNECTOR}.handle_page_api",
    f"{_CONNECTOR}.install_plugin",
    f"{_CONNECTOR}.list_commands",
)
"""What is relied on without a patch of its own."""


@dataclass(frozen=True)
class Seam:
    """The code at one place.

    Attributes:
        signature: The parameters without their annotations; empty for what is no function.
        source: The source without comments and empty lines.
    """

    signature: str
    source: str

    @property
    def code(self) -> str:
        """The fingerprint of the source."""
        return hashlib.sha256(self.source.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class KnownSeam:
    """The code at one place in some known versions.

    Attributes:
        signature: See `Seam`.
        code: See `Seam`.
        versions: The versions of LangBot that have it.
    """

    signature: str
    code: str
    versions: tuple[str, ...]


@cache
def known_seams() -> Mapping[str, Sequence[KnownSeam]]:
    """Return what `seams.json` has for each place."""
    data = json.loads((files(__package__) / "seams.json").read_text("utf-8"))
    return {
        place: [KnownSeam(one["signature"], one["code"], tuple(one["versions"])) for one in found]
        for place, found in data.items()
    }


def read_seams(places: Iterable[str], site: Path | None = None) -> dict[str, Seam | None]:
    """Read the seams of an installed LangBot.

    Args:
        places: Dotted names.
        site: The folder that LangBot is installed in. Default: where Python finds it.

    Returns:
        The seam of each place; None where there is no such code, or no source of it.
    """
    modules: dict[Path, _Module] = {}
    found: dict[str, Seam | None] = {}
    for place in places:
        file, names = _locate(place, site)
        if file not in modules:
            modules[file] = _Module(file.read_text("utf-8") if file.is_file() else "")
        found[place] = modules[file].seam(names)
    return found


def has_seam(place: str) -> bool:
    """Return whether the LangBot that Python finds has code at a place."""
    return read_seams([place])[place] is not None


def _locate(place: str, site: Path | None) -> tuple[Path, list[str]]:
    """Return the file of a place, and the names that lead to it in there."""
    package, *names = place.split(".")
    folder = (site or _site_of(package)) / package
    while (folder / names[0]).is_dir():
        folder /= names.pop(0)
    return folder / f"{names[0]}.py", names[1:]


def _site_of(package: str) -> Path:
    """Return the folder that a package is installed in."""
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    return Path(folders[0]).parent if folders else Path(sysconfig.get_path("purelib"))


class _Module:
    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._tree = ast.parse(text)

    def seam(self, names: Sequence[str]) -> Seam | None:
        node: ast.stmt | None = None
        body = self._tree.body
        for name in names:
            node = next((each for each in reversed(body) if name in _names(each)), None)
            body = node.body if isinstance(node, ast.ClassDef) else []
        return None if node is None else Seam(_signature(node), self._source(node))

    def _source(self, node: ast.stmt) -> str:
        decorators: list[ast.expr] = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(each.lineno for each in decorators)])
        return _without_comments("\n".join(self._lines[first - 1 : node.end_lineno]))


def _names(node: ast.stmt) -> list[str]:
    """Return the names that a statement defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [each.id for each in targets if isinstance(each, ast.Name)]


def _signature(node: ast.stmt) -> str:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return ""
    for each in ast.walk(node.args):
        if isinstance(each, ast.arg):
            each.annotation = None
    kind = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
    return f"{kind}({ast.unparse(node.args)})"


def _without_comments(source: str) -> str:
    lines = source.split("\n")
    reader = (f"{line}\n" for line in list(lines))
    for token in tokenize.generate_tokens(reader.__next__):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    return dedent("\n".join(line.rstrip() for line in lines if line.strip()))
