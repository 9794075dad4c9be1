"""Values come back exactly as they went in, or are refused with a reason."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langbot_state_ext import CodecError, InvalidKey, Limits, ValueTooLarge
from langbot_state_ext.state.codec import (
    MAX_DEPTH,
    check_key,
    decode,
    decode_all,
    decode_text,
    encode,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def same(one: Any, other: Any) -> bool:
    """Compare with types: True is not 1, 1 is not 1.0, 0.0 is not -0.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    return bool(one == other)


@settings(deadline=None)
@given(VALUES)
def test_no_value_comes_back_different(value: Any) -> None:
    assert same(decode(encode(value, Limits(value_bytes=10**9))), value)


@pytest.mark.parametrize(
    "value",
    [
        2**63 - 1,
        -(2**63),
        2**64 - 1,
        2**64,
        10**4299,
        -(10**4299),
        5e-324,
        1.7976931348623157e308,
        -0.0,
        "\0",
        "\u2028",
        "😀",
        "\uffff",
        {"": None},
        {"a": {"": []}},
    ],
)
def test_corners_come_back(value: Any) -> None:
    assert same(decode(encode(value)), value)


def test_what_comes_back_is_nobody_elses() -> None:
    value = {"list": [{"deep": 1}]}
    data = encode(value)
    value["list"][0]["deep"] = 2
    first, second = decode(data), decode(data)
    first["list"][0]["deep"] = 3
    assert second == {"list": [{"deep": 1}]}


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (math.nan, "nan is not a JSON number"),
        (math.inf, "inf is not a JSON number"),
        ([-math.inf], "-inf is not a JSON number"),
        ("\ud800", "lone surrogate"),
        ({"\udfff": 1}, "lone surrogate"),
        ({"a": ["\ud800"]}, "lone surrogate"),
        ({1: "a"}, "key of type int, not text"),
        ({None: "a"}, "key of type NoneType"),
        ((1, 2), "tuple is not a JSON type"),
        ({1, 2}, "set is not a JSON type"),
        (b"bytes", "bytes is not a JSON type"),
        (Decimal(1), "Decimal is not a JSON type"),
        ([object()], "object is not a JSON type"),
        ({"a": {"b": 1j}}, "complex is not a JSON type"),
    ],
)
def test_what_is_not_json_is_refused(value: Any, fault: str) -> None:
    with pytest.raises(CodecError, match=fault):
        encode(value)


def test_an_integer_that_could_not_be_read_back_is_refused() -> None:
    for value in (10**4300, {"a": [-(10**9000)]}):
        with pytest.raises(CodecError, match="more than 4300 digits"):
            encode(value)


@pytest.mark.parametrize("depth", [1, 64, MAX_DEPTH])
def test_nesting_is_limited(depth: int) -> None:
    limits = Limits(depth=depth)
    fits = nested(depth)
    assert decode(encode(fits, limits)) == fits
    for value in (nested(depth + 1), {"a": nested(depth)}, nested(5000)):
        with pytest.raises(CodecError, match=f"deeper than the limit of {depth}"):
            encode(value, limits)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_a_value_that_holds_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(CodecError, match="deeper"):
        encode(value)


def test_size_is_limited_in_bytes() -> None:
    limits = Limits(value_bytes=10)
    assert encode("12345678", limits) == b'"12345678"'
    with pytest.raises(ValueTooLarge, match="11 bytes is over the limit of 10") as caught:
        encode("éééé1", limits)
    assert (caught.value.size_bytes, caught.value.limit_bytes) == (11, 10)


def test_a_refusal_never_holds_the_value() -> None:
    for value in ("secret" * 100_000, {"secret": math.nan}, "secret\ud800"):
        with pytest.raises(CodecError) as caught:
            encode(value)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"{", b"NaN", b"Infinity", b"\xff", b'"\\ud800"', b"1 2"])
def test_bytes_that_are_not_a_value_are_an_error(data: bytes) -> None:
    with pytest.raises(CodecError, match="not a JSON value"):
        decode(data)
    with pytest.raises(CodecError, match="not a JSON value"):
        decode_all({"good": b"1", "bad": data})


@pytest.mark.parametrize("key", ["a", "external.conversation_id", "k" * 255, "é😀", "\n", " "])
def test_good_keys(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("", "empty"),
        ("k" * 256, "256 characters, the limit is 255"),
        ("a\0b", "NUL"),
        ("\ud800", "lone surrogate"),
        (None, "not NoneType"),
        (5, "not int"),
    ],
)
def test_bad_keys(key: Any, fault: str) -> None:
    with pytest.raises(InvalidKey, match=fault):
        check_key(key)


@settings(deadline=None)
@given(VALUES)
def test_text_is_read_as_bytes_are(value: Any) -> None:
    assert same(decode_text(encode(value, Limits(value_bytes=10**9)).decode()), value)


@pytest.mark.parametrize("text", ["", "{", "NaN", "-Infinity", "'a'", '"\\ud800"', "[" * 5000])
def test_text_that_is_not_json_says_where(text: str) -> None:
    with pytest.raises(CodecError, match=r"this is not JSON: .* at line 1 column \d+"):
        decode_text(text)


def test_text_that_has_a_member_twice_names_it() -> None:
    assert decode_text('[{"a": {"a": 1}}, {"a": 2}]') == [{"a": {"a": 1}}, {"a": 2}]
    with pytest.raises(CodecError, match="'b' appears twice in one object"):
        decode_text('[{"a": 1, "b": 1, "c": 2, "b": 1}]')
