"""The sandbox against recorded answers of a real server: same fields, same types."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from medianest.sandbox import SandboxProcess
from tests.sandbox.conftest import Reply

from .conftest import CAPTURES as ALL_CAPTURES

CAPTURES = ALL_CAPTURES / "plex"


def captured(name: Any) -> Any:
    return json.loads((CAPTURES / name).read_text(encoding="utf-8"))["MediaContainer"]


def kind(value: Any) -> Any:
    """JSON has one kind of number."""
    return float if type(value) is int else type(value)


def kinds(value: Any, path: str = "") -> Any:
    """Path and JSON type of everything in it."""
    found = {(path, kind(value))}
    children: Iterable[tuple[str, Any]] = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        children = (("[]", item) for item in value)
    for name, child in children:
        found |= kinds(child, f"{path}.{name}")
    return found


def disagreements(ours: Any, theirs: Any) -> Any:
    """Fields that both have, with a type that the recorded answers never show."""
    recorded = kinds(theirs)
    paths = {path for path, _ in recorded}
    return {(path, found) for path, found in kinds(ours) - recorded if path in paths}


def test_sections_have_the_types_of_the_recorded_ones(get: Callable[..., Reply]) -> None:
    ours, theirs = get("/library/sections").container(), captured("library-sections-200.json")
    assert disagreements(ours, theirs) == set()
    assert all(set(section) == set(theirs["Directory"][0]) for section in ours["Directory"])


@pytest.mark.parametrize("path", ["/library/recentlyAdded", "/library/sections/1/all"])
def test_movies_have_the_types_of_the_recorded_ones(get: Callable[..., Reply], path: Any) -> None:
    ours = [item for item in get(path).container()["Metadata"] if item["type"] == "movie"]
    theirs = captured("recently-added-200.json")["Metadata"]
    assert ours
    assert disagreements(ours, theirs) == set()


def test_what_every_recorded_movie_has_each_of_ours_has(get: Callable[..., Reply]) -> None:
    theirs = captured("recently-added-200.json")["Metadata"]
    always = set.intersection(*(set(movie) for movie in theirs))
    decoration = {"Image", "UltraBlurColors", "Country", "Director", "Genre", "Role", "Writer"}
    for item in get("/library/recentlyAdded").container()["Metadata"]:
        if item["type"] == "movie":
            assert always - decoration - {"studio"} <= set(item)


def test_the_401_is_the_recorded_one(get: Callable[..., Reply]) -> None:
    reply = get("/library/sections", token="wrong")
    assert (reply.status, reply.headers["Content-Type"]) == (401, "text/html")
    assert reply.body == (CAPTURES / "bad-token-401.html").read_bytes()


def test_the_503_of_a_migration_is_the_recorded_one(
    sandbox: SandboxProcess, get: Callable[..., Reply]
) -> None:
    sandbox.fault("maintenance")
    reply = get("/library/sections")
    assert (reply.status, reply.body) == (503, (CAPTURES / "maintenance-503.xml").read_bytes())
