"""Every error that this package raises.

    StateError
    ├── ConfigError            a setting is wrong; the message names it and what is allowed
    │   ├── HostNotSupported   this LangBot, or one of its seams, is not what we know
    │   └── MissingExtra       an optional package is not installed
    ├── ScopeError             (also ValueError) an unknown scope, or one that can't be used here
    ├── InvalidKey             (also ValueError) a state key outside the limits
    ├── CodecError             (also ValueError) a value that is not JSON, or not within the limits
    │   ├── ValueTooLarge      has the size and the limit, in bytes
    │   ├── CorruptValue       what is stored is not a value; names scope and key
    │   └── MisfitValue        what is stored does not fit a runner's model; names the field
    ├── ModelError             (also TypeError) a runner's model that can't be stored
    ├── VersionConflict        somebody else wrote in between
    └── BackendError           the store failed; `retryable` says whether to try again
        ├── BackendUnavailable the store can't be reached or is busy; always retryable
        └── MigrationError     the store is not ours, damaged, or of a newer schema

No error message ever holds a state value.
"""

from __future__ import annotations


class StateError(Exception):
    """The base of every error of this package."""


class ConfigError(StateError):
    """A setting is wrong; the message names each fault and what is allowed."""


class HostNotSupported(ConfigError):
    """This LangBot, or one of the places we hook into, is not one we know."""


class MissingExtra(ConfigError):
    """An optional package is missing.

    Args:
        package: The package that could not be imported, `psycopg`.
        extra: The extra of this project that brings it, `postgres`.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package} is not installed; install it with: pip install 'langbot-state-ext[{extra}]'"
        )
        self.package = package
        self.extra = extra


class ScopeError(StateError, ValueError):
    """A scope that does not exist, or that can't be used here; the message says why."""


class InvalidKey(StateError, ValueError):
    """A state key that is empty, too long, not text, or has a NUL or a lone surrogate."""


class CodecError(StateError, ValueError):
    """A value that is not JSON, or is outside the limits."""


class ValueTooLarge(CodecError):
    """A value whose encoded form is over the limit.

    Args:
        size_bytes: The encoded size.
        limit_bytes: The limit in force.
    """

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"value of {size_bytes} bytes is over the limit of {limit_bytes} bytes")
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class CorruptValue(CodecError):
    """Stored bytes that are not a value.

    Args:
        scope: The scope that holds them.
        key: Their state key.
    """

    def __init__(self, scope: str, key: str) -> None:
        super().__init__(f"the stored bytes of {scope} key {key!r} are not a JSON value")
        self.scope = scope
        self.key = key


class MisfitValue(CodecError):
    """A stored value that does not fit the field of a runner's model.

    Args:
        scope: The scope that holds it.
        key: Its state key.
        field: The field, `Prefs.language`.
        fault: The kind of the fault, as pydantic names it, `literal_error`.
    """

    def __init__(self, scope: str, key: str, field: str, fault: str) -> None:
        super().__init__(f"the stored {scope} key {key!r} does not fit {field} ({fault})")
        self.scope = scope
        self.key = key
        self.field = field


class ModelError(StateError, TypeError):
    """A runner's model that can't be stored; the message names the class or field."""


class VersionConflict(StateError):
    """A write expected another version than the one that is stored.

    Args:
        scope: The scope of the entry.
        key: Its state key.
        expected: The version the writer had seen; 0 for "not there".
        actual: The version that is stored; 0 for "not there".
    """

    def __init__(self, scope: str, key: str, expected: int, actual: int) -> None:
        super().__init__(
            f"{scope} key {key!r} is at version {actual}, not {expected}: read it again, then retry"
        )
        self.scope = scope
        self.key = key
        self.expected = expected
        self.actual = actual


class BackendError(StateError):
    """The store failed.

    Attributes:
        retryable: Whether the same call may succeed later.
    """

    retryable = False


class BackendUnavailable(BackendError):
    """The store can't be reached or did not answer in time.

    What it was asked to write is written whole or not at all; which of the two is unknown only
    where the connection to a server broke, or its answer did not come.
    """

    retryable = True


class MigrationError(BackendError):
    """The store is not ours, is damaged, or has a newer schema; it was not touched."""
