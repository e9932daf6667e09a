"""The mark for what is personal: such a value is masked in the public copy of an event, wherever it stands in it.

The mark is on the type of the value, so that an event that uses the type cannot forget it::

    AccountNumber = Annotated[str, StringConstraints(…), personal()]
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, SerializationInfo, SerializerFunctionWrapHandler
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from contracts.checked_text import masked

PUBLIC: Final[Mapping[str, Any]] = {"daiya": "public"}
"""The context in which a model is dumped as its public copy."""

_MARK = "daiya_personal"


@dataclass(frozen=True, slots=True)
class Personal:
    """Masks a value's JSON text in the public copy, and changes nothing else about it."""

    mask: Callable[[str], str]
    form: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        schema["metadata"] = {**schema.get("metadata", {}), _MARK: self}
        schema["serialization"] = core_schema.wrap_serializer_function_ser_schema(
            self._shown, info_arg=True, when_used="json"
        )
        return schema

    def _shown(self, value: Any, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> Any:
        shown = handler(value)
        return self.mask(str(shown)) if info.context == PUBLIC else shown


def personal() -> Personal:
    """The mark for names and numbers that lead to a person: `masked` leaves at most their first 3 and last 2."""
    return Personal(masked, r"^(.{3}\*\*\*.{2}|\*\*\*)$")


def hidden() -> Personal:
    """The mark for text that people write freely: it may name anybody anywhere, so nothing of it is shown."""
    return Personal(lambda _: "***", r"^\*\*\*$")


class PublicSchema(GenerateJsonSchema):
    """Makes the JSON Schema of a model's public copy: what is personal has the form of its mask."""

    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        """pydantic calls it for every part of a model."""
        metadata: dict[str, Any] = schema.get("metadata") or {}
        mark = metadata.get(_MARK)
        if isinstance(mark, Personal):
            return {"type": "string", "pattern": mark.form, "description": "Masked: it is personal."}
        return super().generate_inner(schema)
