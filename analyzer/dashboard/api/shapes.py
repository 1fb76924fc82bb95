"""What models of the API have in common: strict in what they take, exact in what they give."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
)
from pydantic_core.core_schema import CoreSchema, literal_schema

from store.tables import Column

BASE = "/api/v1"
MAX_TEXT = 256
"""Characters of a name or a filter's value: all that may be asked together fits into an address of 8 KiB."""


class Query(BaseModel):
    """Parameters of an address: texts, which become what they say."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Body(BaseModel):
    """What is sent. Nothing is taken for something else: no text for a number, no number for a truth value."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Told(BaseModel):
    """What is answered: every field is there, and what is unknown is null."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        from_attributes=True,
        ser_json_inf_nan="null",
        json_schema_serialization_defaults_required=True,
    )


class Error(BaseModel):
    """Why there is no answer. Every error has this shape; what is not known is left out."""

    model_config = ConfigDict(frozen=True)

    error: str = Field(description="One line that says what is wrong and what to do.")
    details: list[str] | None = Field(
        default=None, description="Every fault, where there are several, such as one line per bad label."
    )
    since: datetime | None = Field(
        default=None, description="Of status 503: since when the store has not answered, where that is known."
    )


@dataclass(frozen=True, slots=True)
class OneOf:
    """Of a text: it is one of some names."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, names: Iterable[str]) -> "OneOf":
        """In their order."""
        return cls(tuple(names))

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return literal_schema(list(self.names))


def described_by(columns: Iterable[Column], arm: str = "") -> Callable[[dict[str, Any]], None]:
    """Adds to a model's JSON schema what its fields mean: what the columns of the store say."""
    texts = {c.name.removeprefix(arm): _meaning(c.comment, arm).replace("NULL", "null") for c in columns}

    def describe(schema: dict[str, Any]) -> None:
        for name, field in schema["properties"].items():
            if name in texts:
                field.setdefault("description", texts[name])

    return describe


def _meaning(comment: str, arm: str) -> str:
    """`Candidate's HTTP status.` -> `HTTP status.`, where the field stands with its arm."""
    whose, _, text = comment.partition("'s ")
    return text[:1].upper() + text[1:] if arm and text and whose.lower() + "_" == arm else comment


def as_utc(at: datetime) -> datetime:
    """The same moment; what is stored has three digits of a second."""
    at = at.astimezone(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


Usd = Annotated[Decimal, PlainSerializer(float, return_type=float)]
"""Dollars, as a number of JSON: exact below a million dollars."""
Moment = Annotated[
    datetime, PlainSerializer(lambda at: at.astimezone(UTC).isoformat().replace("+00:00", "Z"), return_type=str)
]
"""RFC 3339, UTC."""
SaidAt = Annotated[AwareDatetime, AfterValidator(as_utc)]
Identifier = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]


def plain_json(text: str) -> Mapping[str, Any] | None:
    """A JSON object that is stored as text; None: there is none."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
