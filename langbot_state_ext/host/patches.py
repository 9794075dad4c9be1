"""Patches on LangBot: installed in order, uninstalled in reverse order."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import wrapt

from ..errors import HostNotSupported
from .compat import ADVICE


@dataclass(frozen=True)
class Patch:
    """One place in LangBot where a function of ours is called instead.

    Attributes:
        module: The module's name.
        attribute: The dotted name in it.
        replacement: Called in its place with `original`, which makes the call as it was meant,
            and with the call's arguments by name. The names that it asks for must be parameters
            of the original; `**_rest` takes the others.
    """

    module: str
    attribute: str
    replacement: Callable[..., Any]

    @property
    def place(self) -> str:
        """The full dotted name."""
        return f"{self.module}.{self.attribute}"

    def fault(self) -> str | None:
        """Return what is not as expected; None when the patch fits."""
        try:
            _parent, _name, original = wrapt.resolve_path(self.module, self.attribute)
        except (ImportError, AttributeError) as error:
            return f"{self.place} is missing ({error})"
        has = inspect.signature(getattr(original, "__func__", original)).parameters
        missing = [name for name in self._needs() if name not in has]
        if missing:
            return f"{self.place} has no parameter {', '.join(missing)}; it has {', '.join(has)}"
        return None

    def wrapper(self, wrapped: Callable[..., Any], _instance: Any, args: Any, kwargs: Any) -> Any:
        """Make the call, in the form in which wrapt asks."""
        function = getattr(wrapped, "__func__", wrapped)
        named = _signature(function, function is not wrapped).bind(*args, **kwargs)
        named.apply_defaults()
        return self.replacement(partial(wrapped, *args, **kwargs), **named.arguments)

    def _needs(self) -> list[str]:
        parameters = inspect.signature(self.replacement).parameters.values()
        return [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]


@cache
def _signature(function: Callable[..., Any], bound: bool) -> inspect.Signature:
    """Return a function's signature, without its first parameter when it is bound; once each."""
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())
    return signature.replace(parameters=parameters[1:] if bound else parameters)


class Patches:
    """Installs and uninstalls a list of patches.

    Args:
        patches: The patches, in the order of installing.
    """

    def __init__(self, patches: Sequence[Patch]) -> None:
        self._patches = patches
        self._originals: list[tuple[Any, str, Any]] = []

    def places(self) -> list[str]:
        """Return the full dotted name of every place."""
        return [patch.place for patch in self._patches]

    def faults(self) -> list[str]:
        """List every place that is not as expected."""
        return [fault for patch in self._patches if (fault := patch.fault())]

    def check(self) -> None:
        """Check that every place is as expected.

        Raises:
            HostNotSupported: One is not; the message names each.
        """
        faults = self.faults()
        if faults:
            raise HostNotSupported(
                f"this LangBot is not as expected: {'; '.join(faults)}. {ADVICE}"
            )

    def install(self) -> None:
        """Install every patch, or none. Calling it again does nothing.

        Raises:
            HostNotSupported: A place is not as expected; the message names each.
        """
        if self._originals:
            return
        self.check()
        try:
            for patch in self._patches:
                self._originals.append(wrapt.resolve_path(patch.module, patch.attribute))
                wrapt.wrap_function_wrapper(patch.module, patch.attribute, patch.wrapper)
        except BaseException:
            self.uninstall()
            raise

    def uninstall(self) -> None:
        """Restore every original. Calling it again does nothing."""
        while self._originals:
            parent, name, original = self._originals.pop()
            setattr(parent, name, original)
