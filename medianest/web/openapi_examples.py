"""Examples for the OpenAPI document: each follows from the schema that it is an example of."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from medianest.media.plex.client import SERVICE as PLEX
from medianest.web.example_values import NOON, TEXTS, VALUES

__all__ = ["with_examples"]

Json: TypeAlias = dict[str, Any]

_KEYS: Final = {"recovery": "cache-fallback", "routes": "GET /api/v1/media/libraries"}
"""Of maps, where they are no names of dependencies."""

_OF_TYPES: Final[Json] = {"boolean": False, "integer": 0, "number": 0.0, "string": "", "null": None}


def with_examples(paths: Json, schemas: Json) -> Json:
    """The paths with an example of each request and of the usual answer to it."""
    make = _Examples(schemas)
    return {
        path: {method: _with_examples(operation, make) for method, operation in methods.items()}
        for path, methods in paths.items()
    }


def _with_examples(operation: Json, make: _Examples) -> Json:
    usual = next(status for status in operation["responses"] if status < "300")
    answers = dict(operation["responses"])
    answers[usual] = _with_content(answers[usual], make)
    found = {**operation, "responses": answers}
    if "requestBody" in operation:
        found["requestBody"] = _with_content(operation["requestBody"], make)
    return found


def _with_content(part: Json, make: _Examples) -> Json:
    if "content" not in part:
        return part
    return {**part, "content": {kind: _shown(kind, content, make)
                                for kind, content in part["content"].items()}}  # fmt: skip


def _shown(kind: str, content: Json, make: _Examples) -> Json:
    text = TEXTS.get(kind)
    return {**content, "example": make.of(content["schema"]) if text is None else text}


class _Examples:
    """Makes values that schemas allow."""

    def __init__(self, schemas: Json) -> None:
        self._schemas = schemas

    def of(self, schema: Json, model: str = "", member: str = "") -> Any:
        """A value for a member of a model: its own example, the one that is known for its name,
        or what its type allows."""
        if "examples" in schema:
            return schema["examples"][0]
        known = next((name for name in (f"{model}.{member}", member) if name in VALUES), None)
        if known is not None and _may_be(VALUES[known], schema, self._schemas):
            return VALUES[known]
        return self._by_form(schema, model, member)

    def _by_form(self, schema: Json, model: str, member: str) -> Any:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            found = self._schemas[name]
            return self.of(found, model, member) if "enum" in found else self.of(found, name)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        if "anyOf" in schema:
            return self._of_choices(schema["anyOf"], model, member)
        if schema.get("type") == "array":
            return [self.of(schema["items"], model, member)]
        if schema.get("type") == "object":
            return self._of_object(schema, model, member)
        return self._of_plain(schema)

    def _of_choices(self, choices: list[Json], model: str, member: str) -> Any:
        """Another model is shown; of plain values that may be null, and are not known, nothing."""
        first = choices[0]
        is_optional = {"type": "null"} in choices and "$ref" not in first
        return None if is_optional else self.of(first, model, member)

    def _of_object(self, schema: Json, model: str, member: str) -> Json:
        if isinstance(schema.get("additionalProperties"), dict):
            values = schema["additionalProperties"]
            return {_KEYS.get(member, PLEX): self.of(values, model, "")}
        members, required = schema.get("properties", {}), schema.get("required", ())
        found = {each: self.of(values, model, each) for each, values in members.items()}
        return {each: found[each] for each in found if each in required or found[each] is not None}

    def _of_plain(self, schema: Json) -> Any:
        if schema.get("format") == "date-time":
            return NOON
        least = schema.get("minimum")
        return least if least is not None else _OF_TYPES.get(schema.get("type", "null"))


def _may_be(value: Any, schema: Json, schemas: Json) -> bool:
    """Whether a value is of the sort that a schema is for: two members of one name may differ."""
    if "$ref" in schema:
        return _may_be(value, schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "anyOf" in schema:
        return any(_may_be(value, choice, schemas) for choice in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return value in schema.get("enum", [schema.get("const")])
    sort = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array",
            dict: "object", type(None): "null"}[type(value)]  # fmt: skip
    kinds = ("integer", "number") if sort == "integer" else (sort,)
    return "type" not in schema or schema["type"] in kinds
