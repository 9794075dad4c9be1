"""The one walk over every scope of a filter."""

from __future__ import annotations

import pytest

from langbot_state_ext import Backend, ScopeFilter
from langbot_state_ext.backends.memory import MemoryBackend
from langbot_state_ext.backends.walk import every_scope, scope_pages
from langbot_state_ext.testing.contract import person, put

PEOPLE = sorted((person(f"p{n}") for n in range(7)), key=lambda key: key.storage)


async def store_of_people() -> Backend:
    backend = MemoryBackend()
    await backend.commit([put(key) for key in PEOPLE])
    return backend


@pytest.mark.parametrize(("limit", "sizes"), [(3, [3, 3, 1]), (7, [7]), (500, [7])])
async def test_pages_have_every_scope_once_and_in_order(limit: int, sizes: list[int]) -> None:
    backend = await store_of_people()
    pages = [page async for page in scope_pages(backend, limit=limit)]
    assert [len(page) for page in pages] == sizes
    assert [stored.key for page in pages for stored in page] == PEOPLE


async def test_a_walk_keeps_to_its_filter() -> None:
    backend = await store_of_people()
    await backend.commit([put(person("p1", scope="subject"))])
    which = ScopeFilter(scope="actor", text="P1")
    assert [stored.key async for stored in every_scope(backend, which)] == [person("p1")]


async def test_a_walk_over_an_empty_store_is_one_empty_page() -> None:
    assert [page async for page in scope_pages(MemoryBackend())] == [[]]
