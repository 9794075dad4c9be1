"""For tests: `RunnerHarness` for runners, and the contract that every backend passes.

`RunnerHarness` sends messages to a runner without a server; in pytest it is the fixture
`runner_harness`. `BackendContract` and `DurableBackendContract` need the extra `contract`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import MissingExtra
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
    from .harness.reply import Reply
    from .harness.runner_harness import RunnerHarness
    from .harness.turn import Turn

__all__ = [
    "BackendContract",
    "Clock",
    "DurableBackendContract",
    "Reply",
    "RunnerHarness",
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
    "Turn",
]

_LAZY_MODULES = {
    **dict.fromkeys(("BackendContract", "Clock", "DurableBackendContract"), "contract"),
    "Reply": "harness.reply",
    "RunnerHarness": "harness.runner_harness",
    "Turn": "harness.turn",
}
"""The modules imported at first use: the contract needs pytest, the harness is slow to import."""

_CONTRACT = {"pytest": "pytest", "pytest_asyncio": "pytest-asyncio"}
"""The modules of the extra `contract`, with the packages that bring them."""


def __getattr__(name: str) -> Any:
    if name not in _LAZY_MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(f".{_LAZY_MODULES[name]}", __name__)
    except ModuleNotFoundError as error:
        if error.name not in _CONTRACT:
            raise
        raise MissingExtra(_CONTRACT[error.name], "contract") from None
    return getattr(module, name)
