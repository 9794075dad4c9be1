"""For tests: stand-ins for LangBot's objects, and the contract that every backend passes.

`BackendContract` and `DurableBackendContract` need pytest and pytest-asyncio.
"""

from typing import TYPE_CHECKING, Any

from .objects import (
    SimpleActor,
    SimpleBinding,
    SimpleBindingScope,
    SimpleConversation,
    SimpleDescriptor,
    SimpleEvent,
    SimplePolicy,
    SimpleQuery,
    SimpleSession,
    SimpleSubject,
)

if TYPE_CHECKING:
    from .contract import BackendContract, Clock, DurableBackendContract

__all__ = [
    "BackendContract",
    "Clock",
    "DurableBackendContract",
    "SimpleActor",
    "SimpleBinding",
    "SimpleBindingScope",
    "SimpleConversation",
    "SimpleDescriptor",
    "SimpleEvent",
    "SimplePolicy",
    "SimpleQuery",
    "SimpleSession",
    "SimpleSubject",
]

_NEED_PYTEST = {"BackendContract", "Clock", "DurableBackendContract"}


def __getattr__(name: str) -> Any:
    if name not in _NEED_PYTEST:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import contract

    return getattr(contract, name)
