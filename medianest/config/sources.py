"""Where settings come from, and how a fault in one of them is told in one line."""

from __future__ import annotations

import difflib
import logging
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from medianest.config.private import OthersMayReadError, read_private, unusable
from medianest.faults import in_our_words
from medianest.resilience import ConfigurationError

__all__ = [
    "FILE",
    "PREFIX",
    "Layers",
    "faults",
    "from_file",
    "from_variables",
    "is_secret",
    "merged",
    "origin_of",
    "placed",
    "variables_of",
]

logger = logging.getLogger(__name__)

PREFIX = "MEDIANEST_"
FILE = "medianest.toml"

# Kubernetes puts variables like these into every container next to a service of that name.
_NOT_OURS = re.compile(r"_(SERVICE_HOST|SERVICE_PORT\w*|PORT|PORT_\d+_(TCP|UDP)\w*)$")

_OF_THE_COMMAND = frozenset({"MEDIANEST_URL"})
"""Read by `medianest` where it asks a server, and no setting of one."""

_SECRET = ("_TOKEN", "_API_KEY", "_DATABASE_URL", "_REDIS_URL", "_ALERTS_URLS")

Keys = tuple[str, ...]
Layers = Sequence[tuple[str, Mapping[str, Any]]]
"""What is said where, the file by its path; the last one wins."""


def variables_of(model: type[BaseModel], above: Keys = ()) -> dict[str, Keys]:
    """The variable of each setting of a model, with the keys of the setting."""
    found: dict[str, Keys] = {}
    for name, field in model.model_fields.items():
        kind, keys = field.annotation, (*above, name)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found |= variables_of(kind, keys)
        else:
            found[PREFIX + "_".join(keys).upper()] = keys
    return found


def is_secret(variable: str) -> bool:
    """Whether a variable holds a secret, which is never shown and may come from a file."""
    return variable.endswith(_SECRET)


def from_variables(environ: Mapping[str, str], model: type[BaseModel]) -> dict[str, Any]:
    """The settings among the variables, in the file's shape; an empty variable is not set."""
    values: dict[str, Any] = {}
    known = variables_of(model)
    for name, given in environ.items():
        value = _as_meant(given)
        if not name.startswith(PREFIX) or not value or _is_for_others(name):
            continue
        secret = name.removesuffix("_FILE")
        if name in known:
            _put(values, known[name], value)
        elif secret in known and is_secret(secret):
            if _as_meant(environ.get(secret, "")):
                raise ConfigurationError(f"{name}: give either this or {secret}, not both")
            _put(values, known[secret], _read_secret(name, value))
        else:
            logger.warning("%s is not a setting and is ignored%s", name, _hint(name, known))
    return values


def _is_for_others(name: str) -> bool:
    return name in _OF_THE_COMMAND or _NOT_OURS.search(name) is not None


def _as_meant(value: str) -> str:
    """Without the quotes that a shell takes away, and that docker's --env-file leaves."""
    value = value.strip()
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1].strip() if quoted else value


def _unreadable(path: Path) -> str:
    as_who = os.access in os.supports_effective_ids
    if os.access(path.parent, os.X_OK, effective_ids=as_who):
        return f"{path}: user {os.geteuid()} cannot read this file"
    return unusable(path.parent, "cannot read this folder")


def from_file(path: Path) -> dict[str, Any]:
    """The settings in a TOML file; none when there is no such file."""
    try:
        values = tomllib.loads(path.read_text("utf-8-sig"))  # some editors put a BOM there
    except FileNotFoundError:
        return {}
    except PermissionError:
        raise ConfigurationError(_unreadable(path)) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: it is not UTF-8: save it as such") from None
    except RecursionError:
        raise ConfigurationError(f"{path}: it is nested too deeply") from None
    except (OSError, ValueError) as error:  # of TOML, of its text, of a number in it
        raise ConfigurationError(f"{path}: {error}") from None
    for name in ("env", "instance_path"):
        if name in values:
            raise ConfigurationError(
                f"{path}: {name} is set by {PREFIX}{name.upper()}, not in the file"
            )
    return values


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both, section by section; what is `above` wins."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            result[key] = merged(old, value)
        else:
            result[key] = value
    return result


def origin_of(layers: Layers, keys: Keys) -> str:
    """Where a setting comes from: the name of the layer that wins."""
    return next((name for name, layer in reversed(layers) if _has(layer, keys)), "default")


def placed(fault: str, model: type[BaseModel], layers: Layers) -> str:
    """A fault that begins with a variable; with the file and its key, where it comes from there."""
    name, _, reason = fault.partition(": ")
    keys = variables_of(model).get(name, ())
    origin = origin_of(layers, keys) if keys else ""
    return f"{origin}: {'.'.join(keys)}: {reason}" if Path(origin).name == FILE else fault


def faults(
    error: ValidationError, values: Mapping[str, Any], model: type[BaseModel], layers: Layers = ()
) -> Iterator[str]:
    """For each fault its variable, or the file and its key there; its value unless that is secret;
    and what is allowed."""
    known = variables_of(model)
    for fault in error.errors():
        keys = tuple(str(part) for part in fault["loc"])
        keys = next((found for found in known.values() if keys[: len(found)] == found), keys)
        name = PREFIX + "_".join(keys).upper()
        reason = in_our_words(fault["msg"])
        value, key, origin = _find(values, keys), ".".join(keys), origin_of(layers, keys)
        is_in_file = Path(origin).name == FILE
        file = f"{origin}: " if is_in_file else ""
        place = f"{file}{key}" if is_in_file else name
        if fault["type"] == "model_type":  # what stands there may be a secret
            yield f"{file}{key}: must be a section, such as [{keys[-1]}]"
        elif fault["type"] == "extra_forbidden":
            yield f"{file}{key!r} is not a setting{_hint(name, known, is_in_file)}"
        elif is_secret(name) or _may_hold_secret(value):
            yield f"{place}: {reason}"
        else:
            yield f"{place}: {value!r} is not allowed: {reason}"


def _may_hold_secret(value: object) -> bool:
    """A URL with credentials or a query, or a whole section that is not one."""
    return not isinstance(value, str | int | float) or re.search("[@?#]", str(value)) is not None


def _hint(name: str, known: Mapping[str, Keys], is_in_file: bool = False) -> str:
    close = difflib.get_close_matches(name, known, 1)
    if not close:
        return ""
    return f"; did you mean {'.'.join(known[close[0]]) if is_in_file else close[0]}?"


def _read_secret(name: str, path: str) -> str:
    # Not the value where it may be the secret itself, put into the wrong variable.
    is_path = re.match(r"\.{0,2}/", path) and "://" not in path
    named = repr(path) if is_path else "the file that it names"
    try:
        secret = read_private(Path(path))
    except OthersMayReadError as error:
        raise ConfigurationError(f"{name}: others may read {named}: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ConfigurationError(f"{name}: cannot read {named}: {reason}") from None
    if not secret:
        raise ConfigurationError(f"{name}: the file that it names is empty")
    return secret


def _put(values: dict[str, Any], keys: Keys, value: str) -> None:
    for key in keys[:-1]:
        values = values.setdefault(key, {})
    values[keys[-1]] = value


def _find(values: Any, keys: Keys) -> Any:
    for key in keys:
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


def _has(layer: Any, keys: Keys) -> bool:
    for key in keys:
        if not isinstance(layer, Mapping) or key not in layer:
            return False
        layer = layer[key]
    return True
