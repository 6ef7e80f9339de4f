"""The settings as they are in effect, each with where it comes from; secrets are masked."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from medianest.config.secrets import HIDDEN
from medianest.config.settings import Settings
from medianest.config.sources import is_secret, origin_of, variables_of

__all__ = ["Effective", "effective"]

_URL = re.compile(
    r"(?P<scheme>[a-z+]+://)((?P<user>[\w.-]*):[^@/?]*@)?(?P<place>[^@?]*)(?P<query>\?[^@]*)?"
)
"""What can be shown but for a password and the query; of any other nobody knows where they are."""


@dataclass(frozen=True, slots=True)
class Effective:
    """One setting: its key in the file, its variable, its value for people, its origin."""

    key: str
    variable: str
    value: Any
    origin: str


def effective(settings: Settings, environ: Mapping[str, str] | None = None) -> Iterator[Effective]:
    """Every setting. Raises ConfigurationError when the file cannot be read."""
    environ, known = os.environ if environ is None else environ, variables_of(Settings)
    # The others have been warned about.
    layers = Settings.layers({n: v for n, v in environ.items() if _is_known(n, known)})
    for variable, keys in known.items():
        value: Any = settings
        for key in keys:
            value = getattr(value, key)
        origin = origin_of(layers, keys)
        if origin == "variable":
            origin = variable if environ.get(variable) else f"{variable}_FILE"
        if origin == "default" and variable == "MEDIANEST_OPERATOR_TOKEN" and value is not None:
            origin = str(settings.instance_path / "operator.token")
        yield Effective(".".join(keys), variable, _shown(variable, value), origin)


def _is_known(name: str, known: Container[str]) -> bool:
    return name in known or name.removesuffix("_FILE") in known


def _shown(variable: str, value: Any) -> Any:
    """As JSON knows it."""
    if isinstance(value, SecretStr):
        secret = value.get_secret_value()
        return _without_password(secret) if variable.endswith("_URL") else HIDDEN
    if isinstance(value, tuple):
        return [HIDDEN if is_secret(variable) else str(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _without_password(url: str) -> str:
    """Where it leads may be seen, and as whom; not what may hold a password."""
    if url.startswith("sqlite:"):
        return url
    found = _URL.fullmatch(url)
    if found is None:
        return HIDDEN
    user = "" if found["user"] is None else f"{found['user']}:{HIDDEN}@"
    query = f"?{HIDDEN}" if found["query"] else ""
    return f"{found['scheme']}{user}{found['place']}{query}"
