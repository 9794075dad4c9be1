"""Whether the extension can run in the LangBot that is installed: its seams decide."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from .. import __version__
from ..errors import HostNotSupported
from .seams import RELIED_ON, KnownSeam, Seam, known_seams, read_seams

SUPPORTED = ("4.11.0", "4.11.1", "4.11.2")
"""The tested versions, oldest first; `seams.json` has the seams of each."""

ADVICE = (
    f"Use an unchanged LangBot {', '.join(SUPPORTED[:-1])} or {SUPPORTED[-1]}, upgrade "
    "langbot-state-ext, set state_ext.on_unknown_host: plain to start LangBot without the "
    "extension, or run: langbot-state disable"
)


@dataclass(frozen=True)
class Verdict:
    """What the seams of a LangBot say about it.

    Attributes:
        version: Its version.
        faults: The seams that no tested version has; with any, the extension can't run.
        like: The newest tested version that has all of these seams; empty when they are those of
            several versions.
        tested: Whether they are those of its own version, and that is tested.
    """

    version: str
    faults: tuple[str, ...] = ()
    like: str = ""
    tested: bool = False

    @property
    def warning(self) -> str | None:
        """What to tell the operator of a LangBot that is not tested."""
        if self.tested:
            return None
        changed = " is changed: it" if self.version in SUPPORTED else ""
        return (
            f"LangBot {self.version}{changed} is not tested with langbot-state-ext {__version__}; "
            f"its seams are those of {self.like or 'several tested versions'}"
        )


def host_version() -> str:
    """Return the version of the LangBot that is installed in this environment.

    Raises:
        HostNotSupported: LangBot is not installed.
    """
    try:
        return version("langbot")
    except PackageNotFoundError:
        raise HostNotSupported(
            f"LangBot is not installed in {sys.prefix}: run langbot-state of the environment that "
            "LangBot starts in, or install LangBot here with: pip install 'langbot-state-ext[host]'"
        ) from None


def check_seams(patched: Iterable[str]) -> Verdict:
    """Check that the extension can run in the installed LangBot.

    Args:
        patched: The dotted names of the patched places.

    Returns:
        The verdict, without faults.

    Raises:
        HostNotSupported: LangBot is not installed, or a seam is one that no tested version has;
            the message names each.
    """
    verdict = decide(host_version(), read_seams({*patched, *RELIED_ON}), known_seams())
    if verdict.faults:
        raise HostNotSupported(
            f"LangBot {verdict.version} does not fit langbot-state-ext {__version__}: "
            f"{'; '.join(verdict.faults)}. {ADVICE}"
        )
    return verdict


def decide(
    version: str, found: Mapping[str, Seam | None], known: Mapping[str, Sequence[KnownSeam]]
) -> Verdict:
    """Decide by the seams whether the extension can run.

    Args:
        version: The version of LangBot.
        found: Its seams.
        known: The seams of the tested versions.
    """
    owners = {place: _owners(seam, known.get(place, ())) for place, seam in found.items()}
    faults = [_fault(place, found[place], known) for place in sorted(found) if not owners[place]]
    if faults:
        return Verdict(version, tuple(faults))
    common = [each for each in SUPPORTED if all(each in those for those in owners.values())]
    return Verdict(version, like=common[-1] if common else "", tested=version in common)


def _owners(seam: Seam | None, known: Sequence[KnownSeam]) -> set[str]:
    """Return the tested versions that have a seam, or that have nothing at its place."""
    if seam is None:
        return set(SUPPORTED).difference(*(each.versions for each in known))
    return {
        version
        for each in known
        if (each.signature, each.code) == (seam.signature, seam.code)
        for version in each.versions
    }


def _fault(place: str, seam: Seam | None, known: Mapping[str, Sequence[KnownSeam]]) -> str:
    signatures = [each.signature for each in known.get(place, ())]
    if seam is None:
        return f"{place} is missing"
    if seam.signature in signatures:
        return f"the code of {place} has changed"
    return f"{place} takes {seam.signature}, not {' or '.join(signatures)}"
