"""The public names, pinned: taking one away is a breaking change."""

from __future__ import annotations

import langbot_state_ext
from langbot_state_ext import backends, runner, testing

PUBLIC = """
LEGACY_KEY_MAPPING VALID_STATE_SCOPES Backend BackendError BackendUnavailable Change CodecError
ConfigError CorruptValue Entry HostNotSupported InvalidKey Limits MigrationError MissingExtra
Outcome Run RunLifecycle RunnerScopedStateStore Scope ScopeError ScopeFilter ScopeKey ScopePage
StateError StateStore StoredScope ValueTooLarge VersionConflict get_state_store key_from_event
key_from_query open_backend reset_state_store
"""

TESTING = """
BackendContract Clock DurableBackendContract Reply RunnerHarness SimpleActor SimpleBinding
SimpleBindingScope SimpleConversation SimpleDescriptor SimpleEvent SimplePolicy SimpleQuery
SimpleSession SimpleSubject Turn
"""


def test_the_package_exports_exactly_these() -> None:
    assert set(langbot_state_ext.__all__) == set(PUBLIC.split())
    for name in langbot_state_ext.__all__:
        assert hasattr(langbot_state_ext, name)


def test_the_test_kit_exports_exactly_these() -> None:
    assert set(testing.__all__) == set(TESTING.split())
    for name in testing.__all__:
        assert hasattr(testing, name)
    assert not hasattr(testing, "no_such_name")


def test_the_models_of_runners_are_exactly_these() -> None:
    assert set(runner.__all__) == {
        *("Key", "MisfitValue", "ModelError", "StateModel", "Stored", "Upgrade"),
    }


def test_every_public_backend_name_is_there() -> None:
    for name in backends.__all__:
        assert hasattr(backends, name)
