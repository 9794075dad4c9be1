"""Checks that the types of a model can be stored: they read back as they were written."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from ..errors import ModelError

UNSTORABLE = {"set": "set", "frozenset": "frozenset", "bytes": "bytes", "generator": "Iterable"}
"""Types without a JSON form, by pydantic's name; a field with its own serializer may use them."""

UNBUILT = (PydanticUserError, PydanticUndefinedAnnotation)

SCALARS = str | int | float | bool | None


def build_class(model: type[BaseModel]) -> None:
    """Build a model's class, which pydantic has deferred, and check the types of its fields.

    Raises:
        ModelError: pydantic doesn't know a type, or it can't be stored; the message names the
            field.
    """
    try:
        model.model_rebuild()
        model.model_json_schema(
            by_alias=False, mode="serialization", schema_generator=_StoredSchema
        )
    except _UnstorableError as error:
        raise ModelError(
            f"{error.place(model)} is not a JSON type: use a list or text, for example"
        ) from None
    except UNBUILT as error:
        raise ModelError(_unbuilt(model, str(error))) from None


class _UnstorableError(Exception):
    """A type can't be stored.

    Attributes:
        shown: The type; empty where the annotation shows it.
        path: pydantic's schemas that contain it, the innermost first.
    """

    def __init__(self, shown: str = "") -> None:
        super().__init__(shown)
        self.shown = shown
        self.path: list[Any] = []

    def place(self, model: type[BaseModel]) -> str:
        """Return the innermost field and its type as text."""
        parts = {part["type"]: part for part in reversed(self.path)}
        if "model-field" not in parts:
            return f"{model.__name__}: {self.shown or 'one of its types'}"
        fields = parts["model-fields"]["fields"].items()
        name = next(name for name, field in fields if field is parts["model-field"])
        owner = parts["model"]["cls"]
        annotation = owner.model_fields[name].annotation
        shown = self.shown or getattr(annotation, "__name__", str(annotation))
        return f"{owner.__name__}.{name}: {shown}"


class _StoredSchema(GenerateJsonSchema):
    """Raises `_UnstorableError` at the first type that does not read back as it is written."""

    ignored_warning_kinds = {"non-serializable-default", "skipped-choice"}  # noqa: RUF012 - pydantic's

    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        """Check a type and the types in it."""
        try:
            _check(schema)
            made = super().generate_inner(schema)
            _check_readable(made)
        except _UnstorableError as error:
            error.path.append(schema)
            raise
        return made

    def handle_invalid_for_json_schema(
        self,
        schema: Any,  # noqa: ARG002 - pydantic's signature
        error_info: str,  # noqa: ARG002
    ) -> JsonSchemaValue:
        """Refuse a type without a JSON schema, also as a member of a union."""
        raise _UnstorableError


def _check(schema: Any) -> None:
    kind = schema["type"]
    if "serialization" in schema:
        return
    if kind in UNSTORABLE:
        raise _UnstorableError(UNSTORABLE[kind])
    if kind == "enum" and not all(isinstance(m.value, SCALARS) for m in schema["members"]):
        raise _UnstorableError(f"{schema['cls'].__name__}, whose values are not text or numbers,")


def _check_readable(made: JsonSchemaValue) -> None:
    if made.get("format") == "password":  # written as stars
        raise _UnstorableError


def _unbuilt(model: type[BaseModel], message: str) -> str:
    """Return which type pydantic can't use, and why, as text."""
    for name, field in model.model_fields.items():
        annotation: Any = field.annotation
        shown = getattr(annotation, "__name__", str(annotation))
        try:
            TypeAdapter(annotation).rebuild()
        except UNBUILT as error:
            faults = {
                "undefined-annotation": f"{shown} is not defined yet: define it above the class",
                "schema-for-unknown-type": f"{shown} is not a JSON type",
            }
            first = str(error).partition("\n")[0]
            return f"{model.__name__}.{name}: {faults.get(error.code or '', first)}"
    return f"{model.__name__}: {message.partition(chr(10))[0]}"
