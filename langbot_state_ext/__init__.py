"""State of LangBot's agent runners: durable, correctly identified, shared.

The names here are the public ones. Nothing optional is imported: LangBot, the drivers of the
networked backends and the plugin's parts come in only where they are used.
"""

from .backends import Backend, Change, Entry, ScopeFilter, ScopePage, StoredScope, open_backend
from .errors import (
    BackendError,
    BackendUnavailable,
    CodecError,
    ConfigError,
    CorruptValue,
    HostNotSupported,
    InvalidKey,
    MigrationError,
    MissingExtra,
    ScopeError,
    StateError,
    ValueTooLarge,
    VersionConflict,
)
from .lifecycle.lifecycle import RunLifecycle
from .lifecycle.run import Outcome, Run
from .state.codec import Limits
from .state.policy import LEGACY_KEY_MAPPING
from .state.scopes import VALID_STATE_SCOPES, Scope, ScopeKey, key_from_event, key_from_query
from .store.store import StateStore
from .store.sync import RunnerScopedStateStore, get_state_store, reset_state_store

__version__ = "0.1.0"

__all__ = [
    "LEGACY_KEY_MAPPING",
    "VALID_STATE_SCOPES",
    "Backend",
    "BackendError",
    "BackendUnavailable",
    "Change",
    "CodecError",
    "ConfigError",
    "CorruptValue",
    "Entry",
    "HostNotSupported",
    "InvalidKey",
    "Limits",
    "MigrationError",
    "MissingExtra",
    "Outcome",
    "Run",
    "RunLifecycle",
    "RunnerScopedStateStore",
    "Scope",
    "ScopeError",
    "ScopeFilter",
    "ScopeKey",
    "ScopePage",
    "StateError",
    "StateStore",
    "StoredScope",
    "ValueTooLarge",
    "VersionConflict",
    "get_state_store",
    "key_from_event",
    "key_from_query",
    "open_backend",
    "reset_state_store",
]
