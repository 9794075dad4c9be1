"""Makes a model of stored values, which may not fit."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from copy import deepcopy
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError

from ..errors import MisfitValue, ModelError
from .layout import Layout, Stored

LOGGER = logging.getLogger("langbot_state_ext.runner")

Model = TypeVar("Model", bound=BaseModel)


def json_of(value: Any) -> bytes:
    """Encode a value as JSON.

    Raises:
        UnicodeEncodeError: It has text that is not valid Unicode.
        ValueError: It has a number that is not finite.
        TypeError: It has something else that is not JSON.
    """
    return json.dumps(value, allow_nan=False, ensure_ascii=False).encode()


def read(model: type[Model], values: Stored) -> Model:
    """Read fields by name; the other fields have their defaults.

    Raises:
        ValidationError: A value does not fit.
        Exception: A validator of the author raised it.
    """
    return model.model_validate_json(json_of(values), strict=True, by_alias=False, by_name=True)


def check_defaults(model: type[BaseModel], names: Iterable[str]) -> None:
    """Check that the defaults can be stored and read back.

    Raises:
        ModelError: They can't; the message names the field, or the class if a validator of the
            whole model refuses them.
    """
    try:
        defaults = read(model, {})
        read(model, {name: value_of(defaults, name) for name in names})
    except ModelError as error:
        raise ModelError(f"the default of {error}") from None
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join([model.__name__, *map(str, fault["loc"][:1])])
        raise ModelError(f"{place}: its default does not fit: {fault['msg']}") from None
    except Exception as error:
        raise ModelError(f"{model.__name__}: its defaults raise {error!r}") from error


def value_of(model: BaseModel, name: str) -> Any:
    """Return the JSON value of a field.

    Raises:
        ModelError: Its type does not allow the value, or the value is not JSON.
    """
    try:
        dumped = model.model_dump(mode="json", by_alias=False, include={name}, warnings="error")
        json_of(dumped[name])
    except PydanticSerializationError:
        fault = "a value that its type does not allow"
    except UnicodeEncodeError:
        fault = "text that is not valid Unicode"
    except ValueError:
        fault = "a number that is not finite, which JSON does not allow"
    else:
        return dumped[name]
    raise ModelError(f"{type(model).__name__}.{name} has {fault}")


def read_fitting(model: type[Model], layout: Layout, found: Stored) -> Model:
    """Read the fields that fit.

    Args:
        model: The model's class.
        layout: Its layout.
        found: Stored values by field name.

    Raises:
        MisfitValue: A stored value doesn't fit, and the class has `on_misfit="raise"`.
        ModelError: The defaults, which were checked when the class was made, do not fit now.
    """
    found = dict(found)
    while found:
        try:
            return read(model, found)
        except Exception as error:  # noqa: BLE001 - an author's validator may raise anything
            misfits = _misfits(model, found, error)
        for name, fault in misfits.items():
            report_misfit(layout, layout.fields[name].key, f"{model.__name__}.{name}", fault)
            del found[name]
    try:
        return read(model, found)
    except Exception as error:
        raise ModelError(f"{model.__name__}: its defaults raise {error!r}") from error


def upgrade(model: type[BaseModel], layout: Layout, stored: Stored, version: int) -> Stored | None:
    """Convert stored values to the present version; return None when an upgrade fails.

    Raises:
        MisfitValue: As for `read_fitting`.
    """
    try:
        for step in range(version, layout.version):
            stored = dict(layout.upgrades[step](deepcopy(stored)))
            json_of(stored)
    except Exception as error:  # noqa: BLE001 - an author's upgrade may raise anything
        fault = f"upgrade: {type(error).__name__}"
        report_misfit(layout, layout.version_key, model.__name__, fault)
        return None
    return stored


def report_misfit(layout: Layout, key: str, place: str, fault: str) -> None:
    """Log that a stored value does not fit, or raise it."""
    error = MisfitValue(layout.scope, key, place, fault)
    if layout.on_misfit == "raise":
        raise error
    LOGGER.warning("%s; its default is used", error)


def _misfits(model: type[BaseModel], found: Stored, error: Exception) -> dict[str, str]:
    """Return the fields that do not fit, with the reasons; else all fields."""
    faults = _faults(error)
    own = {name: faults[name] for name in found if name in faults}
    return own or _failing_alone(model, found) or dict.fromkeys(found, faults.get("", ""))


def _faults(error: Exception) -> dict[str, str]:
    if not isinstance(error, ValidationError):
        return {"": type(error).__name__}
    return {str((*detail["loc"], "")[0]): detail["type"] for detail in error.errors()}


def _failing_alone(model: type[BaseModel], found: Stored) -> dict[str, str]:
    """Return the fields whose validator raises something else than a validation error."""
    failing = {}
    for name, value in found.items():
        try:
            read(model, {name: value})
        except ValidationError:
            continue
        except Exception as error:  # noqa: BLE001 - as in `read_fitting`
            failing[name] = type(error).__name__
    return failing
