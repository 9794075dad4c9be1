"""The installed LangBot under another version, with changes to its source if a test needs them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path


def other_langbot(
    folder: Path, version: str, changes: Mapping[str, tuple[str, str]] | None = None
) -> dict[str, str]:
    """Make it in a folder.

    Args:
        folder: The folder to make.
        version: What its metadata says.
        changes: For a file of the package, a text in it and its replacement.

    Returns:
        The environment in which Python finds it before the installed one.
    """
    metadata = folder / f"langbot-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text(f"Metadata-Version: 2.1\nName: langbot\nVersion: {version}\n", "utf-8")
    spec = find_spec("langbot")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    installed = Path(spec.submodule_search_locations[0])
    for name, (old, new) in (changes or {}).items():
        _link_beside(installed, folder / "langbot", name)
        text = (installed / name).read_text("utf-8")
        assert text.count(old) == 1
        (folder / "langbot" / name).unlink()
        (folder / "langbot" / name).write_text(text.replace(old, new), "utf-8")
    return {"PYTHONPATH": str(folder)}


def _link_beside(installed: Path, copy: Path, name: str) -> None:
    """Make the folders on the way to a file, with links to everything else in them."""
    for folder in reversed(Path(name).parents):
        if (copy / folder).is_symlink():
            (copy / folder).unlink()
        if (copy / folder).exists():
            continue
        (copy / folder).mkdir()
        for each in (installed / folder).iterdir():
            (copy / folder / each.name).symlink_to(each)
