"""The tests that every backend passes, without a branch; for authors of another one.

    class TestMine(BackendContract):
        def make(self, place, *, clock=time.time):
            return MyBackend(place, clock=clock)

Needs the extra `contract`. Each test gets a store of its own: `place`
is an empty folder that no other test has.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from ..backends import (
    ANY_VERSION,
    Backend,
    Change,
    Day,
    Entry,
    Overview,
    ScopeFilter,
    StoredScope,
    Written,
)
from ..errors import VersionConflict
from ..state.scopes import Scope, ScopeKey

HOSTILE_KEYS = (
    *("a", "a.b", "a%", "a_", "a*", "a?", "a[b]", "a::b", "a:b", "a\\", "a'b", 'a"b', "a;b", "a b"),
    *("A", "caf\u00e9", "cafe\u0301", "\u0430", "\u202ea", "a\n", "\U0001f600", "a" * 255),
)
"""What looks like a pattern, a separator, a quote or another key."""

BYTES = (b"null", b"", b"\0", b'"\\u0000"', b"\xff\xfe", b"not JSON", b"x" * 1_000_000)
"""Values are bytes: what they mean is nobody's business here."""

INCREMENTS = 50
PROCESSES = 4


class Clock:
    """A clock that stands still until it is told.

    Attributes:
        now: Seconds since 1970.
    """

    def __init__(self) -> None:
        self.now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


def person(name: str, *, scope: Scope = "actor", bot: str = "bot-1") -> ScopeKey:
    """Return the key of somebody's state."""
    return ScopeKey(scope, (("runner_id", "r"), ("bot_id", bot), ("actor_id", name)))


def put(
    scope: ScopeKey,
    key: str = "k",
    value: bytes = b"1",
    *,
    expect: int = ANY_VERSION,
    run_id: str | None = None,
    expires_at: float | None = None,
) -> Change:
    """Return a write."""
    return Change(scope, key, value, expect, run_id, expires_at)


class BackendContract:
    """Inherit, and define `make`."""

    @abstractmethod
    def make(self, place: Path, *, clock: Callable[[], float] = time.time) -> Backend:
        """Return a backend that is not open yet.

        Args:
            place: An empty folder; the same folder means the same store, where it is durable.
            clock: What the backend is to take for the time.
        """

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest_asyncio.fixture
    async def backend(self, tmp_path: Path, clock: Clock) -> AsyncIterator[Backend]:
        async with self.make(tmp_path, clock=clock) as backend:
            yield backend

    async def test_an_empty_store_has_nothing(self, backend: Backend) -> None:
        key = person("alice")
        assert await backend.load([key]) == [{}]
        assert await backend.get(key, "k") is None
        assert await backend.entries(key) == {}
        assert await backend.list(key, "", 10) == []
        assert await _scopes(backend) == []
        assert await backend.clear(ScopeFilter()) == 0

    async def test_a_write_comes_back_from_every_reader(
        self, backend: Backend, clock: Clock
    ) -> None:
        key = person("alice")
        await backend.commit([put(key, run_id="run-1")])
        entry = Entry(b"1", 1, clock.now, "run-1", None)
        assert await backend.get(key, "k") == entry
        assert await backend.entries(key) == {"k": entry}
        assert await backend.load([key]) == [{"k": b"1"}]
        assert await backend.list(key, "", 10) == ["k"]
        assert await _scopes(backend) == [StoredScope(key, 1, 1, clock.now)]

    async def test_load_keeps_the_order_of_the_keys(self, backend: Backend) -> None:
        alice, bob, nobody = person("alice"), person("bob"), person("nobody")
        await backend.commit([put(alice, "a"), put(alice, "b"), put(bob)])
        assert await backend.load([]) == []
        expected = [{"k": b"1"}, {}, {"a": b"1", "b": b"1"}]
        assert await backend.load([bob, nobody, alice]) == expected

    @pytest.mark.parametrize("value", BYTES, ids=lambda value: repr(value[:8]))
    async def test_values_are_bytes(self, backend: Backend, value: bytes) -> None:
        key = person("alice")
        await backend.commit([put(key, value=value)])
        assert await backend.load([key]) == [{"k": value}]
        found = await backend.get(key, "k")
        assert found is not None
        assert found.value == value

    async def test_a_version_grows_by_one_with_each_write(
        self, backend: Backend, clock: Clock
    ) -> None:
        key = person("alice")
        for version in (1, 2, 3):
            clock.now += 10
            await backend.commit([put(key, run_id=f"run-{version}")])
            entry = await backend.get(key, "k")
            assert entry == Entry(b"1", version, clock.now, f"run-{version}", None)
        await backend.commit([put(key)])
        entry = await backend.get(key, "k")
        assert entry is not None
        assert entry.run_id is None

    async def test_a_deleted_entry_is_gone_and_begins_anew(self, backend: Backend) -> None:
        key = person("alice")
        await backend.commit([put(key), put(key)])
        await backend.commit([Change(key, "k", None)])
        assert await backend.load([key]) == [{}]
        assert await _scopes(backend) == []
        await backend.commit([put(key, expect=0)])
        entry = await backend.get(key, "k")
        assert entry is not None
        assert entry.version == 1

    async def test_deleting_what_is_not_there_is_no_error(self, backend: Backend) -> None:
        await backend.commit([Change(person("alice"), "k", None)])
        assert await _scopes(backend) == []

    async def test_changes_of_one_commit_are_made_in_order(self, backend: Backend) -> None:
        key = person("alice")
        await backend.commit([put(key, value=b"1"), put(key, value=b"2"), put(key, "other")])
        found = await backend.entries(key)
        assert (found["k"].value, found["k"].version, len(found)) == (b"2", 2, 2)
        await backend.commit([Change(key, "k", None), put(key, value=b"3")])
        entry = await backend.get(key, "k")
        assert entry is not None
        assert (entry.value, entry.version) == (b"3", 1)

    async def test_nothing_to_commit_is_no_error(self, backend: Backend) -> None:
        await backend.commit([])

    async def test_a_large_commit_is_one(self, backend: Backend) -> None:
        changes = [put(person(f"p{n % 40}"), f"k{n}") for n in range(1000)]
        await backend.commit(changes)
        assert sum(scope.entries for scope in await _scopes(backend)) == len(changes)
        with pytest.raises(VersionConflict):
            await backend.commit([*(put(c.scope, c.key, b"2") for c in changes), _late(changes[0])])
        assert await backend.get(person("p0"), "k0") == await backend.get(person("p0"), "k40")

    async def test_a_write_may_expect_a_version(self, backend: Backend) -> None:
        key = person("alice")
        await backend.commit([put(key, expect=0)])
        await backend.commit([put(key, value=b"2", expect=1)])
        for expected in (0, 1, 3):
            with pytest.raises(VersionConflict) as caught:
                await backend.commit([put(key, value=b"x", expect=expected)])
            assert (caught.value.expected, caught.value.actual) == (expected, 2)
            assert (caught.value.scope, caught.value.key) == ("actor", "k")
        assert await backend.load([key]) == [{"k": b"2"}]

    async def test_a_deletion_may_expect_a_version(self, backend: Backend) -> None:
        key = person("alice")
        await backend.commit([put(key)])
        with pytest.raises(VersionConflict):
            await backend.commit([Change(key, "k", None, 2)])
        await backend.commit([Change(key, "k", None, 1)])
        with pytest.raises(VersionConflict):
            await backend.commit([Change(key, "k", None, 1)])

    async def test_a_commit_is_all_or_nothing(self, backend: Backend) -> None:
        alice, bob = person("alice"), person("bob")
        await backend.commit([put(alice), put(alice, "gone")])
        with pytest.raises(VersionConflict):
            await backend.commit(
                [
                    put(alice, value=b"2"),
                    Change(alice, "gone", None),
                    put(bob),
                    put(alice, "new", expect=7),
                ]
            )
        assert await backend.load([alice, bob]) == [{"k": b"1", "gone": b"1"}, {}]

    async def test_hostile_keys_are_just_keys(self, backend: Backend) -> None:
        key = person("alice")
        await backend.commit([put(key, name, name.encode()) for name in HOSTILE_KEYS])
        assert await backend.load([key]) == [{name: name.encode() for name in HOSTILE_KEYS}]
        assert list(await backend.entries(key)) == sorted(HOSTILE_KEYS)
        for name in HOSTILE_KEYS:
            entry = await backend.get(key, name)
            assert entry is not None
            assert entry.value == name.encode()

    @pytest.mark.parametrize("prefix", ["", "a", "a.", *HOSTILE_KEYS])
    async def test_a_prefix_is_literal(self, backend: Backend, prefix: str) -> None:
        key = person("alice")
        await backend.commit([put(key, name) for name in HOSTILE_KEYS])
        expected = sorted(name for name in HOSTILE_KEYS if name.startswith(prefix))
        assert await backend.list(key, prefix, 100) == expected
        assert await backend.list(key, prefix, 2) == expected[:2]

    @pytest.mark.parametrize("name", HOSTILE_KEYS)
    async def test_hostile_identities_are_just_identities(
        self, backend: Backend, name: str
    ) -> None:
        key, other = person(name), person(f"{name}x")
        await backend.commit([put(key), put(other)])
        found = await _scopes(backend, ScopeFilter(parts={"actor_id": name}))
        assert [scope.key for scope in found] == [key]
        assert key in [scope.key for scope in await _scopes(backend, ScopeFilter(text=name))]
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
        assert {scope.key for scope in await _scopes(backend)} == set(keys)

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
        assert await _scopes(backend) == [StoredScope(key, 2, 8, clock.now)]

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
            assert {scope.key for scope in await _scopes(backend, which)} == expected, which

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

    async def test_an_overview_of_nothing_is_nothing(self, backend: Backend) -> None:
        found = await backend.overview(ScopeFilter(key=person("a")), since=0, newest=5, parts=())
        assert found == Overview()

    async def test_clear_leaves_siblings(self, backend: Backend) -> None:
        alice, room, bob = person("alice"), person("alice", scope="subject"), person("bob")
        await backend.commit([put(alice, "a"), put(alice, "b"), put(room), put(bob)])
        assert await backend.clear(ScopeFilter(key=alice)) == 2
        assert await backend.load([alice, room, bob]) == [{}, {"k": b"1"}, {"k": b"1"}]
        assert await backend.clear(ScopeFilter()) == 2
        assert await _scopes(backend) == []

    async def test_what_has_expired_is_not_there(self, backend: Backend, clock: Clock) -> None:
        key, lasting = person("alice"), person("bob")
        await backend.commit([put(key, expires_at=clock.now + 10), put(lasting)])
        entry = await backend.get(key, "k")
        assert entry is not None
        assert entry.expires_at == clock.now + 10
        clock.now += 10
        assert await backend.load([key]) == [{}]
        assert await backend.get(key, "k") is None
        assert await backend.entries(key) == {}
        assert await backend.list(key, "", 10) == []
        assert [scope.key for scope in await _scopes(backend)] == [lasting]
        assert await backend.clear(ScopeFilter()) == 1

    async def test_an_expired_entry_begins_anew(self, backend: Backend, clock: Clock) -> None:
        key = person("alice")
        await backend.commit([put(key), put(key, expires_at=clock.now + 10)])
        clock.now += 20
        with pytest.raises(VersionConflict) as caught:
            await backend.commit([put(key, expect=2)])
        assert caught.value.actual == 0
        await backend.commit([put(key, expect=0)])
        assert await backend.get(key, "k") == Entry(b"1", 1, clock.now, None, None)
        await backend.commit([put(key, "other", expires_at=clock.now + 1)])
        clock.now += 2
        await backend.commit([put(key, "other")])
        assert (await backend.entries(key))["other"].version == 1

    async def test_a_write_sets_or_lifts_the_expiry(self, backend: Backend, clock: Clock) -> None:
        key = person("alice")
        await backend.commit([put(key, expires_at=clock.now + 10)])
        await backend.commit([put(key)])
        clock.now += 20
        assert await backend.load([key]) == [{"k": b"1"}]

    async def test_a_race_of_compare_and_sets_loses_nothing(self, backend: Backend) -> None:
        await asyncio.gather(*(increment(backend) for _ in range(100)))
        entry = await backend.get(COUNTER, "n")
        assert entry is not None
        assert (entry.value, entry.version) == (b"100", 100)

    async def test_overlapping_writes_all_arrive(self, backend: Backend) -> None:
        keys = [person(f"p{n}") for n in range(20)]
        await asyncio.gather(*(backend.commit([put(key, f"k{n}")]) for key in keys for n in (1, 2)))
        assert await backend.load(keys) == [{"k1": b"1", "k2": b"1"}] * len(keys)

    async def test_opening_and_closing_again_does_nothing(self, tmp_path: Path) -> None:
        backend = self.make(tmp_path)
        await backend.open()
        await backend.commit([put(person("alice"))])
        await backend.open()
        assert await backend.load([person("alice")]) == [{"k": b"1"}]
        await backend.close()
        await backend.close()


class DurableBackendContract(BackendContract):
    """The same, for a backend whose state outlives it and is shared between processes.

    `make` must work in another process, too: the instance is pickled.
    """

    async def test_state_outlives_the_backend(self, tmp_path: Path, clock: Clock) -> None:
        key = person("alice")
        async with self.make(tmp_path, clock=clock) as backend:
            await backend.commit([put(key, run_id="run-1"), put(key, "b", expires_at=clock() + 9)])
            before = await backend.entries(key)
        async with self.make(tmp_path, clock=clock) as backend:
            assert await backend.entries(key) == before
            await backend.commit([put(key, expect=1)])

    async def test_two_see_each_other(self, tmp_path: Path) -> None:
        key = person("alice")
        async with self.make(tmp_path) as one, self.make(tmp_path) as other:
            await one.commit([put(key)])
            await other.commit([put(key, value=b"2", expect=1)])
            assert await one.load([key]) == [{"k": b"2"}]
            with pytest.raises(VersionConflict):
                await one.commit([put(key, expect=1)])

    async def test_processes_that_count_together_lose_nothing(self, tmp_path: Path) -> None:
        await asyncio.to_thread(count_together, self, tmp_path, PROCESSES, INCREMENTS)
        async with self.make(tmp_path) as backend:
            entry = await backend.get(COUNTER, "n")
        assert entry is not None
        assert int(entry.value) == entry.version == PROCESSES * INCREMENTS


COUNTER = person("counter")


async def increment(backend: Backend) -> None:
    """Add one by compare-and-set, as often as it takes."""
    while True:
        entry = await backend.get(COUNTER, "n")
        number, version = (int(entry.value), entry.version) if entry else (0, 0)
        await asyncio.sleep(0)
        try:
            await backend.commit([put(COUNTER, "n", str(number + 1).encode(), expect=version)])
        except VersionConflict:
            continue
        return


def count_together(contract: BackendContract, place: Path, processes: int, increments: int) -> None:
    """Let processes open the store at the same time, and count by compare-and-set.

    Raises:
        RuntimeError: One of them failed.
    """
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=_count, args=(contract, place, increments)) for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise RuntimeError(f"exit codes {[worker.exitcode for worker in workers]}")


def _count(contract: BackendContract, place: Path, increments: int) -> None:
    async def work() -> None:
        async with contract.make(place) as backend:
            for _ in range(increments):
                await increment(backend)

    asyncio.run(work())


def _late(change: Change) -> Change:
    return put(change.scope, change.key, expect=99)


async def _scopes(backend: Backend, which: ScopeFilter | None = None) -> Sequence[StoredScope]:
    return (await backend.scopes(which or ScopeFilter(), None, 1000)).scopes
