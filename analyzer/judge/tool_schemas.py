"""Tools that a request offers with the schemas of their arguments, and when two arguments mean the same under one.

What a schema settles: what a property is when it is left out (`default`), and where order means nothing
(`uniqueItems`). Keys have no order anyway, and numbers are their values. Everything else that differs, differs.

Schemas come from clients and arguments from models. References are followed inside a schema and nowhere else, and the
work on one value has a bound: beyond it nothing is settled here.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from analyzer.judge.plain_json import NotJson, canonical, number, object_of, objects_of, text_of

MAX_STEPS: Final = 20_000
"""Values and schemas looked at for one call; some ten milliseconds."""
MAX_DEPTH: Final = 64
_MAX_HOPS: Final = 16
"""References that lead to references."""
_NO_SCHEMA: Final[Mapping[str, Any]] = {}


class Tool(NamedTuple):
    """One tool, as far as its offer can be read."""

    name: str
    description: str
    schema: Mapping[str, Any]
    """Of its arguments; empty without one, or where it cannot be used."""


def offered(fields: Mapping[str, Any]) -> Iterator[Tool]:
    """The tools of a request, whatever the API.

    Args:
        fields: of the request.
    """
    for tool in [*objects_of(fields.get("tools")), *objects_of(fields.get("functions"))]:
        declared = tool.get("functionDeclarations") or tool.get("function_declarations")
        if declared is not None:
            for function in objects_of(declared):
                yield _tool(function)
            continue
        inner = next((tool[key] for key in ("function", "custom") if isinstance(tool.get(key), dict)), tool)
        yield _tool(inner, text_of(tool.get("type")))


def _tool(holder: Mapping[str, Any], kind: str = "") -> Tool:
    names = ("parameters", "input_schema", "parametersJsonSchema", "parameters_json_schema")
    schema = next((holder[name] for name in names if isinstance(holder.get(name), dict)), _NO_SCHEMA)
    return Tool(text_of(holder.get("name")) or kind, text_of(holder.get("description")), schema)


def schemas(fields: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Tool -> schema of its arguments; none for a name that is offered twice, as nobody knows which is meant."""
    found: dict[str, Mapping[str, Any]] = {}
    for tool in offered(fields):
        found[tool.name] = _NO_SCHEMA if tool.name in found else tool.schema
    return found


def normal_form(arguments: Any, schema: Mapping[str, Any]) -> str:
    """Arguments as a text that is the same for all that mean the same under the schema.

    Raises:
        NotJson: they cannot be compared: nested too deeply, numbers without end, or too much work.
    """
    try:
        return canonical(_Normal(schema).value(arguments, schema, 0))
    except RecursionError:
        raise NotJson("nested too deeply") from None


class _Normal:
    """Brings one value into its normal form."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._left = MAX_STEPS

    def value(self, value: Any, schema: Any, depth: int) -> Any:
        self._spend(1)
        if depth > MAX_DEPTH:
            raise NotJson("nested too deeply")
        if isinstance(value, float):
            return number(value)
        if isinstance(value, dict):
            return self._object(value, self._flat(schema, value), depth)
        if isinstance(value, list):
            return self._list(value, self._flat(schema, value), depth)
        return value

    def _spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise NotJson("too much work")

    def _object(self, value: dict[str, Any], flat: list[Mapping[str, Any]], depth: int) -> dict[str, Any]:
        known: dict[str, Any] = {}
        others: Any = _NO_SCHEMA
        for schema in flat:
            properties = object_of(schema.get("properties"))
            self._spend(len(properties))
            for name, inner in properties.items():
                known.setdefault(name, inner)
            others = others or object_of(schema.get("additionalProperties"))
        made = {name: self.value(inner, known.get(name, others), depth + 1) for name, inner in value.items()}
        for name, inner in known.items():
            if name not in value:
                for declared in self._flat(inner, None):
                    if "default" in declared:
                        made[name] = self.value(declared["default"], inner, depth + 1)
                        break
        return made

    def _list(self, value: list[Any], flat: list[Mapping[str, Any]], depth: int) -> list[Any]:
        first: list[Any] = []
        each: Any = _NO_SCHEMA
        is_set = False
        for schema in flat:
            tuple_form = schema.get("prefixItems", schema.get("items"))
            first = first or (tuple_form if isinstance(tuple_form, list) else [])
            each = each or object_of(schema.get("items"))
            is_set = is_set or schema.get("uniqueItems") is True
        made = [
            self.value(item, first[place] if place < len(first) else each, depth + 1)
            for place, item in enumerate(value)
        ]
        return sorted(made, key=canonical) if is_set and not first else made

    def _flat(self, schema: Any, value: Any) -> list[Mapping[str, Any]]:
        """The schema and those that hold beside it: `allOf`, and of `anyOf` and `oneOf` the one that can be meant."""
        found: list[Mapping[str, Any]] = []
        waiting = [schema]
        for waited in waiting:  # grows while it is walked
            self._spend(1)
            plain = self._resolved(waited)
            if not plain:
                continue
            found.append(plain)
            if isinstance(every := plain.get("allOf"), list):
                self._spend(len(every))
                waiting.extend(every)
            for key in ("anyOf", "oneOf", "any_of"):
                if isinstance(choices := plain.get(key), list):
                    waiting.extend(self._meant(choices, value))
        return found

    def _meant(self, choices: list[Any], value: Any) -> list[Mapping[str, Any]]:
        """The only one of them that allows a value of this kind; none where several do."""
        self._spend(len(choices))
        fitting = [plain for choice in choices if (plain := self._resolved(choice)) and self._may_fit(plain, value)]
        return fitting if len(fitting) == 1 else []

    def _may_fit(self, schema: Mapping[str, Any], value: Any) -> bool:
        if not _type_fits(schema.get("type"), value):
            return False
        if isinstance(value, dict):
            properties = object_of(schema.get("properties"))
            self._spend(len(properties))
            # What tells the forms of an object apart: properties with one value each.
            return all(
                "const" not in inner or (name in value and _same(value[name], inner["const"]))
                for name, inner in properties.items()
                if isinstance(inner, dict)
            )
        return True

    def _resolved(self, schema: Any) -> Mapping[str, Any]:
        for _ in range(_MAX_HOPS):
            plain = object_of(schema)
            reference = plain.get("$ref")
            if not isinstance(reference, str):
                return plain
            self._spend(1 + reference.count("/"))
            schema = self._pointed_at(reference)
        return _NO_SCHEMA

    def _pointed_at(self, reference: str) -> Any:
        """What a JSON Pointer (RFC 6901) leads to inside the schema; nothing is fetched from anywhere else."""
        if not reference.startswith("#"):
            return None
        here: Any = self._root
        for part in reference[1:].split("/")[1:]:
            here = object_of(here).get(part.replace("~1", "/").replace("~0", "~"))
        return here


def _type_fits(declared: Any, value: Any) -> bool:
    """May the value be of a declared type? Only objects, lists and null are looked at; Google writes in capitals."""
    names = declared if isinstance(declared, list) else [declared]
    said = {name.lower() for name in names if isinstance(name, str)}
    kind = "object" if isinstance(value, dict) else "array" if isinstance(value, list) else "null"
    return not said or kind in said


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and not isinstance(one, (dict, list)) and bool(one == other)
