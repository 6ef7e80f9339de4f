"""The reference of all settings in docs/configuration.md, made of the settings themselves.

`python -m medianest.config.reference docs/configuration.md` writes it there anew.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from medianest.config.settings import DEFAULTS, Settings
from medianest.config.sources import PREFIX, is_secret

__all__ = ["render", "with_reference"]

BEGIN = "<!-- settings: begin. `make docs` writes what is below. -->"
END = "<!-- settings: end -->"

_HEAD = ("| Variable | Default | Meaning |", "|---|---|---|")


def render() -> str:
    """A table of the settings without a section, and one for each section, as Markdown."""
    sections = {name: kind for name, kind in _kinds(Settings) if issubclass(kind, BaseModel)}
    lines = ["### Without a section", "", *_HEAD, *_rows(Settings, ())]
    for name, section in sections.items():
        intro = (section.__doc__ or "").strip()
        lines += ["", f"### Section `[{name}]`", "", intro, "", *_HEAD, *_rows(section, (name,))]
    return "\n".join(lines)


def with_reference(page: str) -> str:
    """A page with the reference between its two marks. Raises ValueError without them."""
    before, after = page.index(BEGIN) + len(BEGIN), page.index(END)
    return f"{page[:before]}\n\n{render()}\n\n{page[after:]}"


def _kinds(model: type[BaseModel]) -> Iterator[tuple[str, type]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type):
            yield name, field.annotation


def _rows(model: type[BaseModel], above: tuple[str, ...]) -> Iterator[str]:
    words = _docstrings(model)
    for name, field in model.model_fields.items():
        kind, keys = field.annotation, (*above, name)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            continue
        variable = PREFIX + "_".join(keys).upper()
        meaning = _meaning(field, variable, words[name])
        yield f"| `{variable}` | {_default(field, keys)} | {meaning} |"


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """What stands below each field. Read here and not by pydantic (`use_attribute_docstrings`),
    which would do it at each start and take 40 ms."""
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__[: model.__mro__.index(BaseModel)]):
        body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, below in pairwise(body.body):
            match field, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(words))),
                ):
                    found[name] = " ".join(words.split())
    return found


def _meaning(field: FieldInfo, variable: str, words: str) -> str:
    if get_origin(field.annotation) is Literal:
        choices = ", ".join(f"`{choice}`" for choice in get_args(field.annotation))
        words = f"{words} One of {choices}."
    return f"{words} Secret." if is_secret(variable) else words


def _default(field: FieldInfo, keys: tuple[str, ...]) -> str:
    """The default, and those of the environments that have another one."""
    usual, environments = _shown(field.default), dict[str, list[str]]()
    for environment, defaults in DEFAULTS.items():
        own = _shown(_find(defaults, keys, field.default))
        if own != usual and keys != ("env",):
            environments.setdefault(own, []).append(environment)
    others = "; ".join(f"{', '.join(names)}: {own}" for own, names in environments.items())
    return f"{usual} ({others})" if others else usual


def _find(values: Any, keys: tuple[str, ...], default: Any) -> Any:
    for key in keys:
        if key not in values:
            return default
        values = values[key]
    return values


def _shown(value: Any) -> str:
    if value is None or value == ():
        return "not set"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.12g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        page = Path(name)
        page.write_text(with_reference(page.read_text("utf-8")), "utf-8")
