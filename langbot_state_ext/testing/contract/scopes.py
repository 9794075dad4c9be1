"""What every backend does with scopes: identities, paging, filters, figures and clearing."""

from __future__ import annotations

import pytest

from ...backends import (
    Backend,
    Change,
    Day,
    Overview,
    ScopeFilter,
    StoredScope,
    Written,
)
from ...state.scopes import ScopeKey
from .base import HOSTILE_KEYS, Clock, ContractBase, all_scopes, person, put


class ScopeContract(ContractBase):
    """Tests of `scopes`, `overview` and `clear`."""

    @pytest.mark.parametrize("name", HOSTILE_KEYS)
    async def test_hostile_identities_are_just_identities(
        self, backend: Backend, name: str
    ) -> None:
        key, other = person(name), person(f"{name}x")
        await backend.commit([put(key), put(other)])
        found = await all_scopes(backend, ScopeFilter(parts={"actor_id": name}))
        assert [scope.key for scope in found] == [key]
        assert key in [scope.key for scope in await all_scopes(backend, ScopeFilter(text=name))]
        assert await backend.clear(ScopeFilter(parts={"actor_id": name})) == 1
        assert await backend.load([key, other]) == [{}, {"k": b"1"}]

    async def test_parts_that_concatenate_alike_stay_apart(self, backend: Backend) -> None:
        keys = [
            ScopeKey("actor", (("a", "1:2"), ("b", "3"))),
            ScopeKey("actor", (("a", "1"), ("b", "2:3"))),
            ScopeKey("actor", (("a", "1"), ("b", None))),
            ScopeKey("actor", (("a", "1"),)),
            ScopeKey("runner", (("a", "1"),)),
        ]
        await backend.commit([put(key, value=str(n).encode()) for n, key in enumerate(keys)])
        assert await backend.load(keys) == [{"k": str(n).encode()} for n in range(len(keys))]
        assert {scope.key for scope in await all_scopes(backend)} == set(keys)

    async def test_the_order_of_parts_makes_no_other_identity(self, backend: Backend) -> None:
        key = ScopeKey("actor", (("a", "1"), ("b", "2")))
        again = ScopeKey("actor", (("b", "2"), ("a", "1")))
        await backend.commit([put(key)])
        assert await backend.load([again]) == [{"k": b"1"}]
        assert await backend.clear(ScopeFilter(key=again)) == 1

    async def test_paging_shows_every_scope_once(self, backend: Backend) -> None:
        keys = [person(f"p{n}") for n in range(25)]
        await backend.commit([put(key, f"k{n}") for key in keys for n in range(2)])
        sizes, cursor, seen = list[int](), None, list[ScopeKey]()
        while True:
            page = await backend.scopes(ScopeFilter(), cursor, 10)
            sizes.append(len(page.scopes))
            seen += [scope.key for scope in page.scopes]
            cursor = page.cursor
            if cursor is None:
                break
        assert sizes == [10, 10, 5]
        assert seen == sorted(keys, key=lambda key: key.storage)

    async def test_a_full_last_page_has_no_cursor(self, backend: Backend) -> None:
        await backend.commit([put(person(f"p{n}")) for n in range(4)])
        first = await backend.scopes(ScopeFilter(), None, 2)
        last = await backend.scopes(ScopeFilter(), first.cursor, 2)
        assert (len(last.scopes), last.cursor) == (2, None)

    async def test_paging_goes_on_where_scopes_come_and_go(self, backend: Backend) -> None:
        keys = sorted((person(f"p{n}") for n in range(6)), key=lambda key: key.storage)
        await backend.commit([put(key) for key in keys[1:]])
        first = await backend.scopes(ScopeFilter(), None, 2)
        await backend.commit([put(keys[0]), Change(keys[2], "k", None), Change(keys[3], "k", None)])
        rest = await backend.scopes(ScopeFilter(), first.cursor, 10)
        assert [scope.key for scope in rest.scopes] == keys[4:]

    async def test_a_summary_counts_and_adds_up(self, backend: Backend, clock: Clock) -> None:
        key = person("alice")
        await backend.commit([put(key, "old", b"123")])
        clock.now += 5
        await backend.commit([put(key, "new", b"12345")])
        assert await all_scopes(backend) == [StoredScope(key, 2, 8, clock.now)]

    async def test_every_condition_of_a_filter_holds(self, backend: Backend) -> None:
        alice, elsewhere = person("Alice"), person("Alice", bot="bot-2")
        room, bob = person("Alice", scope="subject"), person("bob")
        await backend.commit([put(key) for key in (alice, elsewhere, room, bob)])
        for which, expected in (
            (ScopeFilter(), {alice, elsewhere, room, bob}),
            (ScopeFilter(key=bob), {bob}),
            (ScopeFilter(scope="actor"), {alice, elsewhere, bob}),
            (ScopeFilter(parts={"actor_id": "Alice"}), {alice, elsewhere, room}),
            (ScopeFilter(parts={"actor_id": "alice"}), set()),
            (ScopeFilter(parts={"no such part": "Alice"}), set()),
            (ScopeFilter(scope="actor", parts={"actor_id": "Alice", "bot_id": "bot-1"}), {alice}),
            (ScopeFilter(text="LIC"), {alice, elsewhere, room}),
            (ScopeFilter(text="actor_id"), set()),
            (ScopeFilter(text="%"), set()),
            (ScopeFilter(scope="subject", text="bot-1"), {room}),
            (ScopeFilter(key=bob, scope="subject"), set()),
        ):
            assert {scope.key for scope in await all_scopes(backend, which)} == expected, which

    async def test_an_overview_counts_all_but_what_does_not_count(
        self, backend: Backend, clock: Clock
    ) -> None:
        alice, ours = person("alice"), ScopeKey("runner", (("runner_id", "ours"),))
        nameless = ScopeKey("runner", (("bot_id", "b"),))
        await backend.commit([put(alice, "old", b"12"), put(ours, "o"), put(nameless, "n")])
        clock.now += 86_400
        await backend.commit([put(alice, "k"), put(person("bob"), "k", b"123", run_id="run-1")])
        clock.now += 1
        await backend.commit([put(alice, "k", b"1234", run_id="run-2")])
        await backend.commit([put(person("carol"), expires_at=clock.now + 1)])
        clock.now += 1
        without = ScopeFilter(parts={"runner_id": "ours"})
        found = await backend.overview(
            without, since=clock.now - 3600, newest=2, parts=("runner_id", "actor_id", "no'such")
        )
        today = int(clock.now // 86_400)
        assert (found.scopes, found.entries, found.value_bytes) == (3, 4, 10)
        assert found.days == [Day(today, 1, 1, 7)]
        assert found.newest == [
            Written(alice, "k", 4, 2, clock.now - 1, "run-2"),
            Written(person("bob"), "k", 3, 1, clock.now - 2, "run-1"),
        ]
        counts = {"runner_id": {"r": 2}, "actor_id": {"alice": 1, "bob": 1}, "no'such": {}}
        assert found.by_part == counts

    async def test_an_overview_counts_only_what_it_is_to_include(
        self, backend: Backend, clock: Clock
    ) -> None:
        mine, other = person("alice", bot="b1"), person("alice", bot="b2")
        hidden = person("hidden", bot="b1")
        await backend.commit([put(mine, "a", b"12"), put(mine, "b"), put(other), put(hidden)])
        found = await backend.overview(
            ScopeFilter(parts={"actor_id": "hidden"}),
            since=0,
            newest=9,
            parts=("bot_id", "actor_id"),
            include=ScopeFilter(parts={"bot_id": "b1"}),
        )
        assert (found.scopes, found.entries, found.value_bytes) == (1, 2, 3)
        assert found.days == [Day(int(clock.now // 86_400), 2, 0, 3)]
        assert sorted((one.scope, one.key) for one in found.newest) == [(mine, "a"), (mine, "b")]
        assert found.by_part == {"bot_id": {"b1": 1}, "actor_id": {"alice": 1}}
        for include in (ScopeFilter(key=other), ScopeFilter(scope="actor", text="B2")):
            one = await backend.overview(
                ScopeFilter(scope="runner", text="alice"),
                since=0,
                newest=0,
                parts=(),
                include=include,
            )
            assert (one.scopes, one.entries, one.newest) == (1, 1, [])

    async def test_paging_goes_past_whatever_does_not_match(self, backend: Backend) -> None:
        crowd = [person(f"p{n}") for n in range(1500)]
        few = [person(f"f{n}", bot="bot-2") for n in range(3)]
        await backend.commit([put(key) for key in (*crowd, *few)])
        which, cursor, seen = ScopeFilter(parts={"bot_id": "bot-2"}), None, list[ScopeKey]()
        while True:
            page = await backend.scopes(which, cursor, 2)
            assert len(page.scopes) <= 2
            seen += [stored.key for stored in page.scopes]
            cursor = page.cursor
            if cursor is None:
                break
        assert seen == sorted(few, key=lambda key: key.storage)

    async def test_an_overview_of_nothing_is_nothing(self, backend: Backend) -> None:
        found = await backend.overview(ScopeFilter(key=person("a")), since=0, newest=5, parts=())
        assert found == Overview()

    async def test_clear_leaves_siblings(self, backend: Backend) -> None:
        alice, room, bob = person("alice"), person("alice", scope="subject"), person("bob")
        await backend.commit([put(alice, "a"), put(alice, "b"), put(room), put(bob)])
        assert await backend.clear(ScopeFilter(key=alice)) == 2
        assert await backend.load([alice, room, bob]) == [{}, {"k": b"1"}, {"k": b"1"}]
        assert await backend.clear(ScopeFilter()) == 2
        assert await all_scopes(backend) == []
