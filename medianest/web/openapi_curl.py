"""Operations of the OpenAPI document as commands for a shell, made of their examples."""

from __future__ import annotations

import json
import shlex
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode

__all__ = ["curl"]

Json: TypeAlias = dict[str, Any]

_NEXT = " \\\n  "


def curl(server: str, method: str, path: str, operation: Json, role: str | None) -> str:
    """The command that asks for an operation at a server, whose address has no slash at its end.
    The token of a role, if it needs one, comes from the variable that is called as the setting
    is."""
    options = [f"-X {method}"] if method != "GET" else []
    if role is not None:
        options.append(f'-H "Authorization: Bearer $MEDIANEST_{role.upper()}_TOKEN"')
    for name, value in _given(operation, "header").items():
        options.append(_header(name, value))
    if "requestBody" in operation:
        body = operation["requestBody"]["content"]["application/json"]["example"]
        options.append(_header("Content-Type", "application/json"))
        options.append(f"-d {shlex.quote(json.dumps(body, ensure_ascii=False))}")
    url = shlex.quote(server + _filled(path, operation))
    return _NEXT.join([f"curl {url}", *options])


def _filled(path: str, operation: Json) -> str:
    """The path with its parts, and a query where there is an example of one."""
    parts = {name: quote(value, safe=":") for name, value in _given(operation, "path").items()}
    query = urlencode(_given(operation, "query"), safe=":")
    return path.format(**parts) + (f"?{query}" if query else "")


def _given(operation: Json, place: str) -> dict[str, str]:
    """The examples of the parameters in that place, by name."""
    return {
        each["name"]: str(each["schema"]["examples"][0])
        for each in operation["parameters"]
        if each["in"] == place and "examples" in each["schema"]
    }


def _header(name: str, value: str) -> str:
    return f"-H {shlex.quote(f'{name}: {value}')}"
