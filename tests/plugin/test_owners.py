"""The parts of a key that the plugin knows are those that keys really have."""

from __future__ import annotations

import pytest

from langbot_state_ext import VALID_STATE_SCOPES, ScopeKey, key_from_event, key_from_query
from langbot_state_ext.plugin.owners import is_whole
from langbot_state_ext.testing.objects import (
    SimpleBinding,
    SimpleDescriptor,
    SimpleEvent,
    SimpleQuery,
)


@pytest.mark.parametrize("scope", VALID_STATE_SCOPES)
def test_a_key_of_a_run_is_whole(scope: str) -> None:
    descriptor = SimpleDescriptor()
    by_query = key_from_query(scope, SimpleQuery(), descriptor)
    by_event = key_from_event(scope, SimpleEvent(), SimpleBinding(), descriptor)
    for key in (by_query, by_event):
        assert key is not None
        assert is_whole(key)
        assert not is_whole(ScopeKey(key.scope, key.parts[1:]))
        assert not is_whole(ScopeKey(key.scope, (*key.parts, ("x", "y"))))
