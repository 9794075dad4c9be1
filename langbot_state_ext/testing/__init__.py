"""For tests: a LangBot of a few milliseconds, and the contract that every backend passes.

`RunnerHarness` gives a runner messages without a server; pytest has it as the fixture
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
    from .harness.harness import RunnerHarness
    from .harness.record import Reply
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

_ELSEWHERE = {
    **dict.fromkeys(("BackendContract", "Clock", "DurableBackendContract"), "contract"),
    "Reply": "harness.record",
    "RunnerHarness": "harness.harness",
    "Turn": "harness.turn",
}
"""What is imported when it is asked for: the contract needs pytest, the harness takes a while."""

_CONTRACT = {"pytest": "pytest", "pytest_asyncio": "pytest-asyncio"}
"""The modules of the extra `contract`, with the packages that bring them."""


def __getattr__(name: str) -> Any:
    if name not in _ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(f".{_ELSEWHERE[name]}", __name__)
    except ModuleNotFoundError as error:
        if error.name not in _CONTRACT:
            raise
        raise MissingExtra(_CONTRACT[error.name], "contract") from None
    return getattr(module, name)
