"""The errors of this package.

    StateError
    ├── ConfigError            a setting is wrong; the message names it and what is allowed
    │   ├── HostNotSupported   LangBot is missing, or a seam of it is as in no tested version
    │   └── MissingExtra       an optional package is not installed
    ├── ScopeError             (also ValueError) an unknown scope, or one that can't be used here
    ├── InvalidKey             (also ValueError) a state key outside the limits
    ├── CodecError             (also ValueError) a value that is not JSON, or outside the limits
    │   ├── ValueTooLarge      has the size and the limit, in bytes
    │   ├── CorruptValue       the stored bytes are not JSON; names scope and key
    │   └── MisfitValue        the stored value does not fit a runner's model; names the field
    ├── ModelError             (also TypeError) a runner's model that can't be stored
    ├── VersionConflict        another writer changed the entry first
    └── BackendError           the store failed; `retryable` says whether to try again
        ├── BackendUnavailable the store can't be reached or is busy; always retryable
        └── MigrationError     the store is damaged, has a newer schema, or is another program's

No error message contains a state value.
"""

from __future__ import annotations


class StateError(Exception):
    """The base class of every error of this package."""


class ConfigError(StateError):
    """A setting is wrong; the message names each fault and what is allowed."""


class HostNotSupported(ConfigError):
    """LangBot is missing, or a seam of it is as in no tested version; the message names each."""


class MissingExtra(ConfigError):
    """An optional package is missing.

    Args:
        package: The package that could not be imported, such as `psycopg`.
        extra: The extra of `langbot-state-ext` that installs it, such as `postgres`.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package} is not installed; install it with: pip install 'langbot-state-ext[{extra}]'"
        )
        self.package = package
        self.extra = extra


class ScopeError(StateError, ValueError):
    """The scope does not exist, or can't be used here; the message says why."""


class InvalidKey(StateError, ValueError):
    """The state key is empty, too long, not text, or contains NUL or a lone surrogate."""


class CodecError(StateError, ValueError):
    """The value is not JSON, or is outside the limits."""


class ValueTooLarge(CodecError):
    """The value, encoded as JSON, is over the limit.

    Args:
        size_bytes: The encoded size.
        limit_bytes: The limit.
    """

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"value of {size_bytes} bytes is over the limit of {limit_bytes} bytes")
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class CorruptValue(CodecError):
    """The stored bytes are not JSON.

    Args:
        scope: The scope that holds them.
        key: Their state key.
    """

    def __init__(self, scope: str, key: str) -> None:
        super().__init__(f"the stored bytes of {scope} key {key!r} are not a JSON value")
        self.scope = scope
        self.key = key


class MisfitValue(CodecError):
    """The stored value does not fit the field of a runner's model.

    Args:
        scope: The scope that holds it.
        key: Its state key.
        field: The field, such as `Prefs.language`.
        fault: Pydantic's type of the error, such as `literal_error`.
    """

    def __init__(self, scope: str, key: str, field: str, fault: str) -> None:
        super().__init__(f"the stored {scope} key {key!r} does not fit {field} ({fault})")
        self.scope = scope
        self.key = key
        self.field = field


class ModelError(StateError, TypeError):
    """The runner's model can't be stored; the message names the class or field."""


class VersionConflict(StateError):
    """The stored version is not the one that the write expected.

    Args:
        scope: The scope of the entry.
        key: Its state key.
        expected: The version that the writer read; 0 when there was no entry.
        actual: The version that is stored; 0 when there is no entry.
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

    Each write was made completely or not at all. Which of the two is unknown only when the
    connection to a server broke or its answer did not arrive.
    """

    retryable = True


class MigrationError(BackendError):
    """The store is damaged, has a newer schema, or is another program's. Nothing was changed."""
