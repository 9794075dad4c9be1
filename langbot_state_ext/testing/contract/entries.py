"""What every backend does with entries: reads, writes, versions, keys and expiry."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ...backends import (
    Backend,
    Change,
    Entry,
    ScopeFilter,
    StoredScope,
)
from ...errors import VersionConflict
from .base import BYTES, HOSTILE_KEYS, Clock, ContractBase, all_scopes, person, put
from .counting import COUNTER, increment


class EntryContract(ContractBase):
    """Tests of `load`, `get`, `entries`, `list` and `commit`."""

    async def test_an_empty_store_has_nothing(self, backend: Backend) -> None:
        key = person("alice")
        assert await backend.load([key]) == [{}]
        assert await backend.get(key, "k") is None
        assert await backend.entries(key) == {}
        assert await backend.list(key, "", 10) == []
        assert await all_scopes(backend) == []
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
        assert await all_scopes(backend) == [StoredScope(key, 1, 1, clock.now)]

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
        assert await all_scopes(backend) == []
        await backend.commit([put(key, expect=0)])
        entry = await backend.get(key, "k")
        assert entry is not None
        assert entry.version == 1

    async def test_deleting_what_is_not_there_is_no_error(self, backend: Backend) -> None:
        await backend.commit([Change(person("alice"), "k", None)])
        assert await all_scopes(backend) == []

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
        assert sum(scope.entries for scope in await all_scopes(backend)) == len(changes)
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
        assert [scope.key for scope in await all_scopes(backend)] == [lasting]
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


def _late(change: Change) -> Change:
    return put(change.scope, change.key, expect=99)
