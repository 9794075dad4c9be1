"""`python -m tools.seams`: compares this environment's LangBot with the newest tested one.

It prints each seam that differs, and exits with 1 when one does. With `--write` it records the
seams in `seams.json` as those of a tested version instead.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from langbot_state_ext import RunLifecycle, StateStore
from langbot_state_ext.host.adapter import host_patches
from langbot_state_ext.host.compat import SUPPORTED, host_version
from langbot_state_ext.host.seams import RELIED_ON, Seam, known_seams, read_seams

TABLE = Path(__file__).parents[1] / "langbot_state_ext" / "host" / "seams.json"

Seams = Mapping[str, Seam | None]


def places() -> list[str]:
    """Return the seams that this environment's LangBot must have."""
    patches = host_patches(RunLifecycle(StateStore()), logger=None)
    return sorted({*RELIED_ON, *(patch.place for patch in patches)})


def differences(newest: Seams, other: Seams) -> Iterator[str]:
    """Yield the signatures and a diff of the source for each seam that differs."""
    for place, seam in other.items():
        before, after = newest[place] or Seam("", ""), seam or Seam("", "")
        if before == after:
            continue
        yield place
        if before.signature != after.signature:
            yield f"  was {before.signature or 'missing'}\n  is  {after.signature or 'missing'}"
        lines = before.source.split("\n"), after.source.split("\n")
        yield from (f"  {line}" for line in difflib.unified_diff(*lines, lineterm="", n=2))


def record(table: Mapping[str, Any], version: str, found: Seams) -> dict[str, Any]:
    """Return the table with the seams of a version, in place of what it had of that version."""
    kept = {
        place: [
            {**one, "versions": versions}
            for one in known
            if (versions := [each for each in one["versions"] if each != version])
        ]
        for place, known in table.items()
    }
    for place, seam in found.items():
        if seam is not None:
            _add(kept.setdefault(place, []), version, seam)
    return {place: kept[place] for place in sorted(kept) if kept[place]}


def _add(known: list[dict[str, Any]], version: str, seam: Seam) -> None:
    for one in known:
        if (one["signature"], one["code"]) == (seam.signature, seam.code):
            one["versions"] = sorted([*one["versions"], version])
            return
    known.append({"signature": seam.signature, "code": seam.code, "versions": [version]})


def main(argv: list[str]) -> int:
    """Compare, or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--newest", type=Path, default=Path(".venv"), help="its environment")
    parser.add_argument("--write", action="store_true", help=f"record the seams in {TABLE.name}")
    arguments = parser.parse_args(argv)
    return _write() if arguments.write else _compare(arguments.newest)


def _write() -> int:
    version, found = host_version(), read_seams(places())
    table = record(json.loads(TABLE.read_text("utf-8")), version, found)
    TABLE.write_text(f"{json.dumps(table, indent=2)}\n", "utf-8")
    print(f"Recorded {len(found)} seams of LangBot {version} in {TABLE.name}")
    return 0


def _compare(environment: Path) -> int:
    site = next(environment.glob("lib/python*/site-packages"))
    newest = next(iter(distributions(name="langbot", path=[str(site)]))).version
    if newest != SUPPORTED[-1]:
        print(f"{environment} has LangBot {newest}, not {SUPPORTED[-1]}: run make setup")
        return 2
    wanted = sorted({*places(), *_places_of(newest)})
    lines = list(differences(read_seams(wanted, site), read_seams(wanted)))
    same = f"All {len(wanted)} seams of LangBot {host_version()} are those of {newest}"
    print("\n".join(lines) or same)
    return 1 if lines else 0


def _places_of(version: str) -> list[str]:
    return [
        place
        for place, known in known_seams().items()
        if any(version in each.versions for each in known)
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
