"""JSON value to bytes and back, and the limits on keys and values.

The only serializer of state values. The memory backend uses it, too, so that every backend keeps
and returns the same values and nothing that is returned aliases what is kept. Integers of up to
4300 digits and every valid Unicode string come back exactly as they went in.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import PydanticSerializationError, from_json, to_json

from ..errors import CodecError, ConfigError, InvalidKey, ValueTooLarge

MAX_KEY_LENGTH = 255

MAX_DEPTH = 200
"""The deepest nesting that any `Limits.depth` may allow; the JSON library ends a little above."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits on one state entry.

    Attributes:
        value_bytes: The largest encoded value in bytes, 1 and more. Default 262144 (256 KiB).
        key_length: The longest key in characters, 1 to 255. Default 255.
        depth: The deepest nesting of lists and objects, 1 to 200. Default 64.

    Raises:
        ConfigError: One of them is outside its range.
    """

    value_bytes: int = 256 * 1024
    key_length: int = 255
    depth: int = 64

    def __post_init__(self) -> None:
        for name, value, most in (
            ("value_bytes", self.value_bytes, None),
            ("key_length", self.key_length, MAX_KEY_LENGTH),
            ("depth", self.depth, MAX_DEPTH),
        ):
            if value < 1 or (most is not None and value > most):
                allowed = "1 and more" if most is None else f"1 to {most}"
                raise ConfigError(f"limits.{name} is {value}: use {allowed}")


DEFAULT_LIMITS = Limits()

MAX_DIGITS = 4300
"""The longest integer that can be read back, in digits; far more than 64 bits."""


def check_key(key: object, limits: Limits = DEFAULT_LIMITS) -> str:
    """Return `key` when it is a good state key.

    Args:
        key: What is offered as a key.
        limits: The limits in force.

    Returns:
        The same key.

    Raises:
        InvalidKey: It is not text, empty, too long, or has a NUL or a lone surrogate.
    """
    if not isinstance(key, str):
        raise InvalidKey(f"a key is text, not {type(key).__name__}")
    if not key:
        raise InvalidKey("the key is empty")
    if len(key) > limits.key_length:
        raise InvalidKey(f"the key has {len(key)} characters, the limit is {limits.key_length}")
    if "\0" in key:
        raise InvalidKey("the key has a NUL character")
    if not _is_unicode(key):
        raise InvalidKey("the key has a lone surrogate, which is not Unicode text")
    return key


def encode(value: Any, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """Encode a JSON value.

    Args:
        value: None, bool, int, finite float, str, list, or dict with string keys, nested.
        limits: The limits in force.

    Returns:
        Compact UTF-8 JSON.

    Raises:
        CodecError: It is not JSON, or nested deeper than `limits.depth`; the message names the
            fault and never holds the value.
        ValueTooLarge: The encoded form is over `limits.value_bytes`.
    """
    try:
        _check(value, limits.depth)
        data = to_json(value)
    except _TooDeep:
        raise CodecError(f"the value is nested deeper than the limit of {limits.depth}") from None
    except PydanticSerializationError:
        raise CodecError("text with a lone surrogate is not valid Unicode") from None
    if len(data) > limits.value_bytes:
        raise ValueTooLarge(len(data), limits.value_bytes)
    if len(data) > MAX_DIGITS:
        _check_readable(data)
    return data


def decode(data: bytes) -> Any:
    """Decode what `encode` returned.

    Args:
        data: UTF-8 JSON.

    Returns:
        A new value that nothing else refers to.

    Raises:
        CodecError: The bytes are not JSON.
    """
    try:
        return from_json(data, allow_inf_nan=False)
    except ValueError:
        raise CodecError("the bytes are not a JSON value") from None


def decode_text(text: str) -> Any:
    """Decode JSON text that a person wrote.

    Args:
        text: JSON. Unlike in `decode`, an object that has a member twice is refused.

    Returns:
        The value.

    Raises:
        CodecError: It is not JSON, or has a member twice; the message says where or which.
    """
    try:
        value = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise CodecError(f"this is not JSON: {error}") from None
    json.loads(text, object_pairs_hook=_refuse_duplicate, parse_int=str, parse_float=str)
    return value


def _refuse_duplicate(members: list[tuple[str, Any]]) -> None:
    names = [name for name, _ in members]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise CodecError(f"{twice!r} appears twice in one object: keep one of them")


def decode_all(values: Mapping[str, bytes]) -> dict[str, Any]:
    """Decode the values of a scope, by key.

    Raises:
        CodecError: The bytes of one of them are not JSON.
    """
    try:
        return {key: from_json(data, allow_inf_nan=False) for key, data in values.items()}
    except ValueError:
        raise CodecError("the bytes of a key are not a JSON value") from None


_SCALARS = frozenset({str, int, bool, type(None)})


def _check(value: Any, depth: int) -> None:
    kind = type(value)
    if kind is dict:
        for key in value:
            if type(key) is not str:
                raise CodecError(f"an object has a key of type {type(key).__name__}, not text")
        _check_items(value.values(), depth)
    elif kind is list:
        _check_items(value, depth)
    elif kind is float:
        if not math.isfinite(value):
            raise CodecError(f"{value} is not a JSON number")
    elif kind not in _SCALARS:
        raise CodecError(f"{kind.__qualname__} is not a JSON type")


def _check_items(items: Iterable[Any], depth: int) -> None:
    if depth < 1:
        raise _TooDeep
    for item in items:
        if type(item) not in _SCALARS:
            _check(item, depth - 1)


class _TooDeep(Exception):
    """The walk went deeper than the limit."""


def _check_readable(data: bytes) -> None:
    """Find the one thing that is written but not read: an integer of too many digits."""
    try:
        from_json(data, allow_inf_nan=False)
    except ValueError:
        raise CodecError(f"an integer has more than {MAX_DIGITS} digits") from None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
