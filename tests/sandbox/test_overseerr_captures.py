"""The sandbox against recorded exchanges with a real Overseerr, made again in the same order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from medianest.sandbox.overseerr import OverseerrServer
from medianest.sandbox.server import SandboxServer

from .conftest import CAPTURES, KEY, ask, connected, serving

FILE = CAPTURES / "overseerr" / "live-exchanges.json"
RECORDED = {each["label"]: each for each in json.loads(FILE.read_text(encoding="utf-8"))}

# Routes, users and filters that the sandbox does not have.
ABSENT = ("request count", "media list", "no permission", "quota exceeded", "list bad filter")
for label in ABSENT:
    RECORDED.pop(label)

# What was broken around the real server when it was recorded.
FAULTS: dict[str, dict[str, Any]] = {
    "TMDB 500": {"kind": "source"},
    "TMDB 429": {"kind": "source", "status": 429},
    "database locked": {"kind": "locked"},
}
# Its words are the JavaScript engine's own.
MALFORMED = "malformed json"
# Other titles than the recorded ones: somebody, and something that is in the library.
PATHS = {"search ok": "/api/v1/search?query=a"}
# Of the connection and not of the answer; or the real server's own clock.
ELSEWHERE = {"Connection", "Keep-Alive", "Date"}
# The stand-in for TMDB that was recorded with left these out.
PICTURES = {"posterPath", "backdropPath", "profilePath"}
# What only some of the recorded servers have, or their stand-in for TMDB left out.
SOMETIMES = {"onUserWatchlist", "tagline"}


def replay(server: Any, exchange: Any) -> Any:
    """The sandbox's answer to a recorded request."""
    request, label = exchange["request"], exchange["label"]
    for name, wish in FAULTS.items():
        if label.startswith(name):
            server.faults.add({**wish, "times": 1})
    body = request["body"]
    headers = {
        name.replace("-", "_"): value.replace("<api key>", KEY)
        for name, value in request["headers"].items()
    }
    with connected(server) as connection:
        return ask(
            connection,
            PATHS.get(label, request["path"]),
            method=request["method"],
            body=body.encode() if isinstance(body, str) else body,
            token=None,
            **headers,
        )


@pytest.fixture(scope="module")
def replayed() -> Any:
    """All answers by label."""
    with serving(SandboxServer(OverseerrServer(KEY))) as server:
        return {label: replay(server, exchange) for label, exchange in RECORDED.items()}


def plain(value: Any) -> Any:
    """A JSON type; there is one kind of number, and a list counts as such."""
    return float if type(value) is int else type(value)


def differences(ours: Any, theirs: Any, path: str = "") -> Any:
    """Where the two differ in fields or types; what is null in theirs may be of any type."""
    if theirs is None:
        return []
    if plain(ours) is not plain(theirs):
        return [f"{path}: {ours!r}, recorded {theirs!r}"]
    if isinstance(theirs, dict):
        keys = sorted((set(ours) ^ set(theirs)) - PICTURES - SOMETIMES)
        found = [f"{path}.{key}: in one of them only" for key in keys]
        for key in set(ours) & set(theirs):
            found += differences(ours[key], theirs[key], f"{path}.{key}")
        return found
    if isinstance(theirs, list) and theirs:
        return [each for item in ours for each in of_its_kind(item, theirs, f"{path}[]")]
    return []


def of_its_kind(item: Any, recorded: Any, path: Any) -> Any:
    """The differences from the recorded item of the same kind, if there is one."""
    for other in recorded:
        if not isinstance(item, dict) or all(
            item.get(name) == other.get(name) for name in ("mediaType", "type")
        ):
            return differences(item, other, path)
    return []


@pytest.mark.parametrize("label", RECORDED)
def test_the_status_is_the_recorded_one(replayed: Any, label: Any) -> None:
    assert replayed[label].status == RECORDED[label]["response"]["status"]


@pytest.mark.parametrize("label", RECORDED)
def test_the_headers_are_the_recorded_ones(replayed: Any, label: Any) -> None:
    ours, theirs = replayed[label].headers, RECORDED[label]["response"]["headers"]
    assert set(theirs) - ELSEWHERE <= set(ours)
    for name in ("Content-Type", "X-Powered-By"):
        assert ours[name] == theirs[name]


@pytest.mark.parametrize(
    "label",
    [
        label
        for label, each in RECORDED.items()
        if "message" in each["response"]["body"] and label != MALFORMED
    ],
)
def test_what_is_refused_is_refused_in_the_same_words(replayed: Any, label: Any) -> None:
    ours, theirs = replayed[label], RECORDED[label]["response"]
    assert ours.json() == theirs["body"]
    assert ours.headers["ETag"] == theirs["headers"]["ETag"]


@pytest.mark.parametrize(
    "label", ["status", "head status", "wrong key", "TMDB 500: search", "TMDB 500: status"]
)
def test_what_depends_on_no_title_is_the_same_to_the_byte(replayed: Any, label: Any) -> None:
    theirs = RECORDED[label]["response"]["headers"]
    for name in ("ETag", "Content-Length"):
        assert replayed[label].headers[name] == theirs[name]


@pytest.mark.parametrize(
    "label", [label for label, each in RECORDED.items() if each["response"]["status"] < 202]
)
def test_what_is_answered_has_the_recorded_fields_and_types(replayed: Any, label: Any) -> None:
    ours, theirs = replayed[label].json(), RECORDED[label]["response"]["body"]
    if label == "search ok":  # the recorded titles are all tracked
        ours["results"] = [
            each for each in ours["results"] if "mediaInfo" in each or "knownFor" in each
        ]
        assert {each["mediaType"] for each in ours["results"]} >= {"movie", "person"}
    assert differences(ours, theirs) == []


@pytest.mark.parametrize("label", [label for label in RECORDED if label.startswith("create ")])
def test_a_new_request_and_its_title_have_the_recorded_statuses(replayed: Any, label: Any) -> None:
    ours, theirs = replayed[label].json(), RECORDED[label]["response"]["body"]
    for name in ("status", "is4k"):
        assert ours.get(name) == theirs.get(name)
    for name in ("status", "status4k", "tmdbId", "tvdbId"):
        assert ours.get("media", {}).get(name) == theirs.get("media", {}).get(name)
