"""Identity: the same thing has one key, two things never share one."""

from __future__ import annotations

from enum import Enum
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from langbot_state_ext import (
    VALID_STATE_SCOPES,
    ScopeError,
    ScopeKey,
    key_from_event,
    key_from_query,
)
from langbot_state_ext.state.scopes import (
    EVENT_PARTS,
    QUERY_PARTS,
    conversation_id_of,
    conversation_id_of_session,
    launcher_of,
    subject_identity,
)
from langbot_state_ext.testing import (
    SimpleActor,
    SimpleBinding,
    SimpleBindingScope,
    SimpleConversation,
    SimpleDescriptor,
    SimpleEvent,
    SimpleQuery,
    SimpleSession,
    SimpleSubject,
)

RUNNER = SimpleDescriptor("plugin:a/b/c")
IDS = st.none() | st.text("ab:_\0\"'é😀", max_size=4) | st.integers(0, 20)
NAMES = ("a", "b", "c")


def event_key(scope: str, event: SimpleEvent, binding: SimpleBinding | None = None) -> ScopeKey:
    key = key_from_event(scope, event, binding or SimpleBinding(), RUNNER)
    assert key is not None
    return key


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    *(st.dictionaries(st.sampled_from(NAMES), st.none() | st.text(max_size=3)) for _ in range(2)),
    *(st.sampled_from(VALID_STATE_SCOPES) for _ in range(2)),
)
def test_two_identities_have_one_storage_form_only_when_they_are_the_same(
    one: dict[str, str | None], other: dict[str, str | None], scope: Any, other_scope: Any
) -> None:
    first, second = (
        ScopeKey(s, tuple(sorted(parts.items())))
        for s, parts in ((scope, one), (other_scope, other))
    )
    assert (first.storage == second.storage) == (first == second)


@settings(deadline=None)
@given(st.lists(st.tuples(IDS, IDS, IDS), min_size=2, max_size=2))
def test_query_identities_meet_only_when_their_ids_are_the_same(ids: list[Any]) -> None:
    keys = [
        key_from_query(
            "conversation",
            SimpleQuery(bot, pipeline, "alice", SimpleSession("person", launcher or "x")),
            RUNNER,
            identity="launcher",
        )
        for bot, pipeline, launcher in ids
    ]
    normal = [
        (_text(bot) or "unknown_bot", _text(pipe) or "unknown_pipeline", _text(launcher or "x"))
        for bot, pipe, launcher in ids
    ]
    assert (keys[0] == keys[1]) == (normal[0] == normal[1])


def _text(value: Any) -> str | None:
    return None if value in (None, "") else str(value)


EVENT_IDS = st.none() | st.text("ab:_1", max_size=2) | st.integers(0, 12)
EVENTS = st.tuples(
    st.sampled_from(["plugin:a/b/c", "plugin:a/b", "c"]),
    *(EVENT_IDS for _ in range(7)),
    st.sampled_from([None, "user", "message", "group", "ab"]),
    st.sampled_from([None, {}, {"launcher_type": "group", "launcher_id": 1}]),
)


@pytest.mark.parametrize("part", range(10))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EVENTS, EVENTS, st.integers(1, 2))
def test_event_identities_meet_only_when_their_ids_are_the_same(
    part: int, one: Any, another: Any, count: int
) -> None:
    other = (*one[:part], *another[part : part + count], *one[part + count :])
    for scope in VALID_STATE_SCOPES:
        keys = [_key_of(scope, event) for event in (one, other)]
        identities = [_identity_of(scope, event) for event in (one, other)]
        assert [key is None for key in keys] == [identity is None for identity in identities]
        assert (keys[0] == keys[1]) == (identities[0] == identities[1])


@settings(deadline=None)
@given(st.sampled_from(VALID_STATE_SCOPES), EVENTS)
def test_an_event_with_numbers_and_one_with_their_texts_are_one_identity(
    scope: str, event: Any
) -> None:
    texts = tuple(str(part) if isinstance(part, int) else part for part in event)
    one, other = _key_of(scope, event), _key_of(scope, texts)
    assert one == other
    assert one is None or other is None or one.storage == other.storage


def _key_of(scope: str, made_of: Any) -> ScopeKey | None:
    runner, binding, bot, workspace, conversation, thread, actor, subject, kind, data = made_of
    event = SimpleEvent(
        bot_id=bot,
        workspace_id=workspace,
        conversation_id=conversation,
        thread_id=thread,
        actor=SimpleActor(actor, kind),
        subject=SimpleSubject(subject, kind, data),
    )
    return key_from_event(scope, event, SimpleBinding(binding), SimpleDescriptor(runner))


def _identity_of(scope: str, made_of: Any) -> object:
    """Say whose state it is, as the documentation does."""
    runner, binding, bot, workspace, *own = made_of
    conversation, thread, actor, subject = map(_text, own[:4])
    kind, data = own[4:]
    base = (runner, _text(binding) or "unknown_binding", _text(bot), _text(workspace))
    if scope == "conversation":
        return conversation and (base, conversation, thread)
    if scope == "actor":
        return actor and (base, kind or "user", actor)
    if scope == "runner":
        return base
    if kind != "message":
        return subject and (base, kind or "unknown", subject)
    if data:
        return base, "group", "1"
    place = conversation or subject
    return place and (base, "conversation" if conversation else "message", place)


PINNED = {
    "conversation": "5a2abca544dcc7d902e5a01b2a0842719b3de8bea06a13384feba6c1f02916e0",
    "actor": "9a3232091a782fd42c748201689f27a635a237cfd6cddfe1b4ab2269d87825ce",
    "subject": "0bed2c55ff318682f2047791209946c320540643f15e83085a7e13a7f9b8d301",
    "runner": "c41566fdad00120296300dc3ae9e4c5c6fb466df99e0fed920541c6e7a17ac92",
}


@pytest.mark.parametrize("scope", VALID_STATE_SCOPES)
def test_the_storage_form_never_changes(scope: str) -> None:
    assert event_key(scope, SimpleEvent()).storage == f"{scope}:v1:{PINNED[scope]}"


def test_a_number_and_its_text_are_one_identity() -> None:
    one, other = (SimpleQuery(sender_id=n, session=SimpleSession("group", n)) for n in (1, "1"))
    for scope in VALID_STATE_SCOPES:
        assert key_from_query(scope, one, RUNNER) == key_from_query(scope, other, RUNNER)


def test_an_enum_launcher_type_counts_by_its_value() -> None:
    class Launcher(Enum):
        PERSON = "person"

    session: Any = SimpleSession()
    session.launcher_type = Launcher.PERSON
    assert key_from_query("subject", SimpleQuery(session=session), RUNNER) == key_from_query(
        "subject", SimpleQuery(), RUNNER
    )


def test_absent_ids_of_a_query_are_named_unknown() -> None:
    query = SimpleQuery(None, None, None)
    parts = {
        scope: dict(key_from_query(scope, query, RUNNER).parts) for scope in VALID_STATE_SCOPES
    }
    assert parts["actor"]["sender_id"] == "unknown_sender"
    assert parts["conversation"]["bot_uuid"] == "unknown_bot"
    assert parts["runner"]["pipeline_uuid"] == "unknown_pipeline"


class LauncherOfItsOwn(SimpleQuery):
    """A Query that names its launcher itself, as it does before it has a session."""

    def __init__(self, launcher_type: str | None, launcher_id: str | None) -> None:
        super().__init__(session=None)
        self.launcher_type, self.launcher_id = launcher_type, launcher_id


@pytest.mark.parametrize("scope", ["conversation", "subject"])
def test_queries_without_a_launcher_share_a_key_that_no_launcher_has(scope: str) -> None:
    bare = key_from_query(scope, SimpleQuery(session=None), RUNNER)
    assert bare == key_from_query(scope, SimpleQuery(sender_id="bob", session=None), RUNNER)
    assert bare == key_from_query(scope, LauncherOfItsOwn(None, None), RUNNER)
    launchers = [("person", "alice"), ("None", "None"), ("null", "null"), ("person", None)]
    keys = {key_from_query(scope, LauncherOfItsOwn(*each), RUNNER) for each in launchers}
    assert len(keys) == len(launchers)
    assert bare not in keys
    assert bare.storage not in {key.storage for key in keys}


def test_a_query_without_a_launcher_is_keyed_by_runner_bot_and_pipeline() -> None:
    query = SimpleQuery(session=None)
    others = [
        key_from_query("conversation", query, SimpleDescriptor("other")),
        key_from_query("conversation", SimpleQuery("bot-2", session=None), RUNNER),
        key_from_query("conversation", SimpleQuery(pipeline_uuid="p2", session=None), RUNNER),
        key_from_query("conversation", query, RUNNER),
    ]
    assert len(set(others)) == len(others)


@pytest.mark.parametrize("scope", VALID_STATE_SCOPES)
def test_a_query_with_a_launcher_of_its_own_is_keyed_like_one_with_a_session(scope: str) -> None:
    query = LauncherOfItsOwn("person", "alice")
    assert key_from_query(scope, query, RUNNER) == key_from_query(scope, SimpleQuery(), RUNNER)


def test_the_creation_time_tells_conversations_of_a_query_apart() -> None:
    def key(time: Any, identity: Any) -> ScopeKey | None:
        session = SimpleSession(using_conversation=SimpleConversation(create_time=time))
        return key_from_query(
            "conversation", SimpleQuery(session=session), RUNNER, identity=identity
        )

    assert key(1, "create_time") != key(2, "create_time")
    assert key(None, "create_time") == key(None, "launcher") == key(2, "launcher")


def test_the_uuid_is_no_part_of_the_key() -> None:
    def key(uuid: str | None) -> ScopeKey | None:
        session = SimpleSession(using_conversation=SimpleConversation(uuid, 1))
        return key_from_query("conversation", SimpleQuery(session=session), RUNNER)

    assert key(None) == key("external-1")


@pytest.mark.parametrize(
    ("binding", "expected"),
    [
        (SimpleBinding("b1", SimpleBindingScope("agent", "x")), "b1"),
        (SimpleBinding(None, SimpleBindingScope("agent", "x")), "agent:x"),
        (SimpleBinding("", SimpleBindingScope("agent", None)), "unknown_binding"),
        (SimpleBinding(None), "unknown_binding"),
    ],
)
def test_binding_identity(binding: SimpleBinding, expected: str) -> None:
    assert event_key("runner", SimpleEvent(), binding).part("binding_identity") == expected


@pytest.mark.parametrize("scope", VALID_STATE_SCOPES)
def test_tenants_bots_bindings_and_runners_never_meet(scope: str) -> None:
    same = event_key(scope, SimpleEvent())
    others = [
        event_key(scope, SimpleEvent(bot_id="bot-2")),
        event_key(scope, SimpleEvent(workspace_id="tenant")),
        event_key(scope, SimpleEvent(), SimpleBinding("binding-2")),
        key_from_event(scope, SimpleEvent(), SimpleBinding(), SimpleDescriptor("other")),
    ]
    assert same not in others
    assert len(set(others)) == len(others)


def test_each_scope_of_an_event_is_named_by_its_own_identity() -> None:
    event = SimpleEvent()
    assert event_key("conversation", event) != event_key(
        "conversation", SimpleEvent(thread_id="t1")
    )
    assert event_key("actor", event) == event_key(
        "actor", SimpleEvent("group_g1", actor=SimpleActor("alice", None))
    )
    assert event_key("actor", event) != event_key(
        "actor", SimpleEvent(actor=SimpleActor("alice", "system"))
    )
    assert event_key("runner", event) == event_key("runner", SimpleEvent("other", actor=None))


@pytest.mark.parametrize(
    ("scope", "event"),
    [
        ("conversation", SimpleEvent(conversation_id=None)),
        ("actor", SimpleEvent(actor=None)),
        ("actor", SimpleEvent(actor=SimpleActor(None))),
        ("subject", SimpleEvent(subject=None)),
        ("subject", SimpleEvent(subject=SimpleSubject(None, "group"))),
        ("subject", SimpleEvent(None, subject=SimpleSubject("", "message"))),
    ],
)
def test_a_missing_identity_has_no_key(scope: str, event: SimpleEvent) -> None:
    assert key_from_event(scope, event, SimpleBinding(), RUNNER) is None


@pytest.mark.parametrize(
    ("subject_type", "subject_id", "data", "conversation", "expected"),
    [
        ("message", "7", {"launcher_type": "group", "launcher_id": 1}, "c", ("group", "1")),
        ("message", "7", {"launcher_type": "group"}, "c", ("conversation", "c")),
        ("message", "7", None, None, ("message", "7")),
        ("message", None, {}, None, None),
        ("group", "g1", {"launcher_type": "group", "launcher_id": "x"}, "c", ("group", "g1")),
        (None, "s", None, "c", ("unknown", "s")),
        ("group", None, None, "c", None),
    ],
)
def test_subject_identity(
    subject_type: str | None,
    subject_id: str | None,
    data: dict[str, Any] | None,
    conversation: str | None,
    expected: tuple[str, str] | None,
) -> None:
    assert subject_identity(subject_type, subject_id, data, conversation) == expected


@pytest.mark.parametrize("scope", VALID_STATE_SCOPES)
def test_a_key_has_the_parts_that_its_shape_names(scope: Any) -> None:
    assert tuple(dict(event_key(scope, SimpleEvent()).parts)) == EVENT_PARTS[scope]
    of_query = key_from_query(scope, SimpleQuery(), RUNNER)
    assert tuple(dict(of_query.parts)) == QUERY_PARTS[scope]


@pytest.mark.parametrize("launcher", [("person", "alice"), ("group", "g_1"), ("person", "_")])
def test_a_conversation_id_names_its_launcher(launcher: tuple[str, str]) -> None:
    assert launcher_of(conversation_id_of(*launcher)) == launcher


@pytest.mark.parametrize("other", [None, "", "person", "person_", "PERSON_a", "group-1", "x_y"])
def test_any_other_conversation_id_names_no_launcher(other: str | None) -> None:
    assert launcher_of(other) is None


@pytest.mark.parametrize(
    ("session_id", "expected"),
    [("PERSON_Al_1", "person_Al_1"), ("GROUP_G", "group_G"), ("person_a", "person_a"),
     ("PERSON", "PERSON"), ("GROUPS_a", "GROUPS_a")],
)  # fmt: skip
def test_a_session_of_an_older_langbot_names_its_conversation(
    session_id: str, expected: str
) -> None:
    assert conversation_id_of_session(session_id) == expected


def test_a_scope_error_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="invalid scope"):
        key_from_query("galaxy", SimpleQuery(), RUNNER)


@pytest.mark.parametrize("scope", ["", "user", "Actor", "conversation "])
def test_an_unknown_scope_is_an_error(scope: str) -> None:
    with pytest.raises(ScopeError, match="invalid scope"):
        key_from_event(scope, SimpleEvent(), SimpleBinding(), RUNNER)
    with pytest.raises(ScopeError, match="invalid scope"):
        key_from_query(scope, SimpleQuery(), RUNNER)


def test_an_id_that_is_not_unicode_is_an_error() -> None:
    with pytest.raises(ScopeError, match="lone surrogate"):
        key_from_event("actor", SimpleEvent(actor=SimpleActor("\ud800")), SimpleBinding(), RUNNER)
