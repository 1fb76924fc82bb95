"""The OpenAPI document (3.1), made from `operations`."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from analyzer.dashboard.api.operations import OPERATIONS, TAGS, Operation, models
from analyzer.dashboard.api.shapes import BASE, Error, Query
from analyzer.report import json_schema

REFS = json_schema.REF + "{model}"
DOCUMENT = "/openapi.json"
_JSON = "application/json"
_TEXT = (
    "What the pages of the dashboard show, for programs; feedback and labels in. Times are RFC 3339 in UTC, money is "
    "US dollars, differences are candidate minus primary, and what is unknown is null, never 0. Texts are what models "
    "and their users wrote, to be escaped wherever they are shown. Fields may be added; none is taken away "
    "or changes its meaning within `/api/v1`. Answers have an `ETag`: a question with `If-None-Match` is answered with "
    "304 where nothing has changed."
)


def document(*, version: str, has_token: bool = True) -> dict[str, Any]:
    """The document.

    Args:
        version: of shadowbench.
        has_token: a token is asked for (`dashboard.token`).
    """
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, has_token=has_token)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "shadowbench",
            "version": version,
            "summary": "Comparisons of LLM candidates with the primary, on live traffic.",
            "description": _TEXT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": BASE}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        **({"security": [{"token": []}, {"session": []}]} if has_token else {}),
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            **({"securitySchemes": _SECURITY} if has_token else {}),
        },
    }


_SECURITY = {
    "token": {"type": "http", "scheme": "bearer", "description": "`dashboard.token`."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "shadowbench-session-8082",
        "description": "The cookie of a browser that has logged in; its name ends with the port.",
    },
}


def _operation(operation: Operation, *, has_token: bool) -> dict[str, Any]:
    name = operation.answer if isinstance(operation.answer, str) else operation.answer.__name__
    answers: dict[str, Any] = {"200": _answer(operation.answered, name, has_etag=operation.method == "GET")}
    if operation.method == "GET":
        answers["304"] = {"description": "Nothing has changed since the answer whose `ETag` was sent."}
    for status, text in operation.all_errors.items():
        # Each of both is refused in one of both settings only.
        if status != (421 if has_token else 401):
            answers[str(status)] = _answer(text, Error.__name__)
    made: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.title,
        "description": operation.text,
        "parameters": [*_parameters(operation.place, "path"), *_parameters(operation.query, "query")],
        "responses": answers,
    }
    if operation.body is not None:
        body = {"schema": {"$ref": json_schema.REF + _body_name(operation)}}
        made["requestBody"] = {"required": True, "content": {_JSON: body}}
    return made


def _answer(text: str, schema: str, *, has_etag: bool = False) -> dict[str, Any]:
    made: dict[str, Any] = {
        "description": text,
        "content": {_JSON: {"schema": {"$ref": json_schema.REF + schema}}},
    }
    if has_etag:
        made["headers"] = {"ETag": {"description": "Names this answer.", "schema": {"type": "string"}}}
    return made


def _parameters(model: type[Query] | None, place: str) -> list[dict[str, Any]]:
    if model is None:
        return []
    schema = model.model_json_schema(ref_template=REFS)
    required = schema.get("required", [])
    found = []
    for name, field in schema["properties"].items():
        plain = _plain(field)
        text = plain.pop("description", "")
        one: dict[str, Any] = {
            "name": name,
            "in": place,
            "required": place == "path" or name in required,
            "description": text,
            "schema": _without_null(plain),
        }
        if plain.get("type") == "array":
            one |= {"style": "form", "explode": True}
        found.append(one)
    return found


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """An address cannot say null: what may be left out is left out."""
    kept = {name: value for name, value in schema.items() if name != "default" or value not in (None, [])}
    choices = kept.pop("anyOf", None)
    if choices is not None:
        (only,) = [choice for choice in choices if choice != {"type": "null"}]
        kept |= only
    return kept


def _body_name(operation: Operation) -> str:
    return operation.name.capitalize()


def _schemas() -> dict[str, Any]:
    told: list[tuple[Any, JsonSchemaMode]] = [(model, "serialization") for model in (*models(), Error)]
    _, found = models_json_schema(told, ref_template=REFS)
    schemas = {**json_schema.schemas(), **found.get("$defs", {})}
    for operation in OPERATIONS:
        if operation.body is not None:
            made = operation.body.json_schema(ref_template=REFS)
            schemas |= {**made.pop("$defs", {}), _body_name(operation): made}
    return {name: _plain(schemas[name]) for name in sorted(schemas)}


def _plain(schema: Any) -> Any:
    """Without titles, which only repeat the names; texts on one line."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    made: dict[str, Any] = {}
    for name, value in schema.items():
        if name == "title" and isinstance(value, str):
            continue
        if name == "properties" and isinstance(value, Mapping):
            made[name] = {key: _plain(one) for key, one in value.items()}
        elif name == "description" and isinstance(value, str):
            made[name] = re.sub(r"\s+", " ", value).strip()
        else:
            made[name] = _plain(value)
    return made
