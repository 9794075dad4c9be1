"""A runner and its manifests: the class, the id, the permissions and capabilities."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from langbot_plugin.api.definition.components.runner import Runner
from langbot_plugin.api.entities.builtin.runner.manifest import (
    RunnerCapabilities,
    RunnerManifest,
    RunnerPermissions,
)

from ...errors import ConfigError
from .plugin_modules import PluginModules


def all_permissions() -> RunnerPermissions:
    """Return every permission, for a runner without a manifest, such as a class in a test."""
    return RunnerPermissions(
        models=["invoke", "stream", "rerank", "count_tokens"],
        tools=["detail", "call"],
        knowledge_bases=["list", "retrieve"],
        history=["page", "search"],
        events=["get", "page"],
        storage=["plugin"],
    )


@dataclass(frozen=True)
class Component:
    """A runner as LangBot knows it.

    Attributes:
        runner: The class.
        plugin_id: The plugin, `author/name`.
        name: The name of the runner in its plugin.
        permissions: The permissions that its manifest asks for.
        capabilities: The capabilities that its manifest declares.
        modules: The plugin's own modules.
    """

    runner: type[Runner]
    plugin_id: str = "example/plugin"
    name: str = "default"
    permissions: RunnerPermissions = field(default_factory=all_permissions)
    capabilities: RunnerCapabilities = field(
        default_factory=lambda: RunnerCapabilities(tool_calling=True)
    )
    modules: PluginModules = field(default_factory=PluginModules, compare=False)

    @property
    def id(self) -> str:
        """The runner id."""
        return f"plugin:{self.plugin_id}/{self.name}"


def component_of(runner: type[Runner] | str | Path) -> Component:
    """Find what is known of a runner.

    Args:
        runner: The class; or the folder of a plugin that has one runner.

    Returns:
        The component; a class without a manifest beside its file may use all_permissions.

    Raises:
        ConfigError: The folder has no plugin with just one runner, or a manifest is not valid.
    """
    if isinstance(runner, type):
        return _component_of_class(runner)
    folder = Path(runner)
    found = list(_manifests(folder / "components"))
    if len(found) != 1:
        raise ConfigError(
            f"{folder.resolve()} is not a plugin with exactly one runner: it has {len(found)}"
        )
    path, manifest = found[0]
    python = manifest["execution"]["python"]
    modules = PluginModules(folder.resolve())
    with modules.importable():
        loaded = _load(path.parent / python["path"], python["attr"])
    return replace(_read_manifest(path, manifest, loaded), modules=modules)


def _component_of_class(runner: type[Runner]) -> Component:
    source = Path(inspect.getfile(runner)).resolve()
    for path, manifest in _manifests(source.parent, "*.yaml"):
        python = manifest["execution"]["python"]
        same_file = (path.parent / python["path"]).resolve() == source
        if same_file and python["attr"] == runner.__name__:
            return _read_manifest(path, manifest, runner)
    return Component(runner)


def _manifests(folder: Path, files: str = "**/*.yaml") -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(folder.glob(files)):
        try:
            manifest = yaml.safe_load(path.read_text("utf-8"))
        except (yaml.YAMLError, ValueError):  # not a manifest
            continue
        if isinstance(manifest, dict) and manifest.get("kind") == "Runner":
            yield path, manifest


def _read_manifest(path: Path, manifest: dict[str, Any], runner: type[Runner]) -> Component:
    plugin = next((p / "manifest.yaml" for p in path.parents if _is_plugin(p)), None)
    if plugin is None:
        raise ConfigError(f"{path} is not part of a plugin: no folder above it has a manifest.yaml")
    metadata = yaml.safe_load(plugin.read_text("utf-8"))["metadata"]
    plugin_id = f"{metadata['author']}/{metadata['name']}"
    name, spec = manifest["metadata"]["name"], manifest.get("spec") or {}
    try:
        checked = RunnerManifest(
            id=f"plugin:{plugin_id}/{name}",
            name=name,
            label=manifest["metadata"]["label"],
            usages=spec.get("usages"),
            permissions=spec.get("permissions") or {},
            capabilities=spec.get("capabilities") or {},
        )
    except ValueError as error:
        raise ConfigError(f"{path} is not a valid runner manifest: {error}") from None
    return Component(runner, plugin_id, name, checked.permissions, checked.capabilities)


def _is_plugin(folder: Path) -> bool:
    return (folder / "manifest.yaml").is_file()


def _load(path: Path, attribute: str) -> type[Runner]:
    """Import a file under a module name that no other plugin uses."""
    name = f"langbot_runner_{abs(hash(path.resolve()))}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ConfigError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    runner: type[Runner] = getattr(module, attribute)
    return runner
