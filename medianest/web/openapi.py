"""The OpenAPI 3.1 document, made of what the endpoints say of themselves."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable
from typing import Any, Literal, TypeAlias, cast, get_type_hints

from flask import Flask
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema
from werkzeug.routing import Rule

from medianest import __version__
from medianest.web.endpoint import Endpoint, endpoint_of
from medianest.web.openapi_answers import described_answers
from medianest.web.openapi_examples import with_examples
from medianest.web.openapi_words import described, with_names
from medianest.web.problem_details import Problem

__all__ = ["document"]

Json: TypeAlias = dict[str, Any]
Mode: TypeAlias = Literal["validation", "serialization"]

_CACHED = "medianest.openapi"
_PARAMETER = re.compile("<(?:[^<>]*:)?([^<>:]+)>")
_REF = "#/components/schemas/{model}"

_ABOUT = """\
The resilient API in front of a home media stack. Every error is an `application/problem+json` \
(RFC 9457) whose `type` is the path of a page about it. Roles, by `Authorization: Bearer …`: \
**client** uses the media API, **viewer** reads health and resilience, **operator** may do \
everything. In development, client and viewer need no token. `traceparent` is accepted, and its \
trace id stands in problems and logs."""


class _Schemas(GenerateJsonSchema):
    """JSON schemas without what says nothing: titles that repeat the name of a field, and
    defaults of what we answer."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never."""
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Defaults are for who asks."""
        if self.mode == "serialization":
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def document(app: Flask) -> Json:
    """The document of an app, built when it is first asked for; it is not to be changed."""
    if _CACHED not in app.extensions:
        app.extensions[_CACHED] = _built(app)
    return cast(Json, app.extensions[_CACHED])


def _built(app: Flask) -> Json:
    found = [
        (rule, known) for rule in app.url_map.iter_rules() if (known := _documented(app, rule))
    ]
    found.sort(key=lambda pair: pair[0].rule)
    references, models = _components(known for _, known in found)
    paths: Json = {}
    for rule, known in found:
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            operation = _Operation(app, rule, known, references)
            paths.setdefault(_path_of(rule), {})[method.lower()] = operation.described()
    schemas, paths = with_names(models), with_names(paths)
    schemas |= described(schemas | paths)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "MediaNest",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": _tags(app, [rule for rule, _ in found]),
        "paths": with_examples(paths, schemas),
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _documented(app: Flask, rule: Rule) -> Endpoint | None:
    known = endpoint_of(app.view_functions[rule.endpoint])
    return known if known is not None and known.answers else None


def _components(endpoints: Iterable[Endpoint]) -> tuple[dict[type[BaseModel], Json], Json]:
    """References to all models of bodies and answers, and the schemas that they lead to."""
    modes: dict[type[BaseModel], Mode] = {Problem: "serialization"}
    for known in endpoints:
        if known.body is not None:
            modes[known.body] = "validation"
        for answer in known.answers.values():
            if answer is not None:
                modes[answer] = "serialization"
    references, schemas = models_json_schema(
        list(modes.items()), by_alias=False, ref_template=_REF, schema_generator=_Schemas
    )
    return {model: references[model, mode] for model, mode in modes.items()}, schemas["$defs"]


def _path_of(rule: Rule) -> str:
    return _PARAMETER.sub(r"{\1}", rule.rule)


def _tags(app: Flask, rules: Iterable[Rule]) -> list[Json]:
    """A tag for each blueprint, which its module describes."""
    names = dict.fromkeys(rule.endpoint.partition(".")[0] for rule in rules)
    modules = {name: sys.modules[app.blueprints[name].import_name] for name in names}
    return [{"name": name, "description": inspect.getdoc(m) or ""} for name, m in modules.items()]


class _Operation:
    """One method of one path."""

    def __init__(
        self, app: Flask, rule: Rule, known: Endpoint, references: dict[type[BaseModel], Json]
    ) -> None:
        self._view = app.view_functions[rule.endpoint]
        self._rule = rule
        self._known = known
        self._references = references
        self._may_be_shed = app.extensions["resilience"].admission.sheds(rule.rule)

    def described(self) -> Json:
        """As the document has it."""
        known, rule = self._known, self._rule
        summary, _, more = (inspect.getdoc(self._view) or "").replace("\n", " ").partition(". ")
        role = "public: it needs no token" if known.role is None else known.role
        found: Json = {
            "operationId": known.operation_id,
            "tags": [rule.endpoint.partition(".")[0]],
            "summary": summary.rstrip("."),
            "description": f"{more}\n\nRole: {role}.".strip(),
            "security": [] if known.role is None else [{"bearer": [known.role]}],
            "parameters": [*self._path_parameters(), *self._other_parameters()],
            "responses": described_answers(
                known, self._references, bool(rule.arguments), self._may_be_shed
            ),
        }
        if known.body is not None:
            content = {"application/json": {"schema": self._references[known.body]}}
            found["requestBody"] = {"required": known.body_required, "content": content}
        return found

    def _path_parameters(self) -> list[Json]:
        """As the arguments of the view are annotated."""
        hints = get_type_hints(self._view, include_extras=True)
        names = _PARAMETER.findall(self._rule.rule)
        schemas = {name: TypeAdapter(hints[name]).json_schema() for name in names}
        return [_parameter("path", name, schema, True) for name, schema in schemas.items()]

    def _other_parameters(self) -> list[Json]:
        found = []
        for place, model in (("query", self._known.query), ("header", self._known.headers)):
            schema = model.model_json_schema(schema_generator=_Schemas)
            required = schema.get("required", ())
            for name, values in schema.get("properties", {}).items():
                found.append(_parameter(place, name, _sendable(values), name in required))
        return found


def _parameter(place: str, name: str, schema: Json, required: bool) -> Json:
    described = {"description": schema["description"]} if "description" in schema else {}
    rest = {key: value for key, value in schema.items() if key != "description"}
    return {"name": name, "in": place, **described, "required": required, "schema": rest}


def _sendable(schema: Json) -> Json:
    """Without null, which no query and no header can hold: what is optional is left out."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) != 1:
        return schema
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    return {**choices[0], **rest}
