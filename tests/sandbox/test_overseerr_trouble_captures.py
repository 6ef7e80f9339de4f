"""The sandbox against recorded exchanges with a real Overseerr in trouble."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from medianest.sandbox.overseerr import OverseerrServer
from medianest.sandbox.server import SandboxServer

from .conftest import CAPTURES, KEY, Overseerr, serving
from .test_overseerr_captures import ELSEWHERE, differences

FILE = CAPTURES / "overseerr" / "trouble-overseerr.json"
RECORDED = {each["label"]: each for each in json.loads(FILE.read_text(encoding="utf-8"))}
# What was broken around the real server when it was recorded.
FAULTS = {
    "quota used up": {"kind": "quota"},
    "source answers 500": {"kind": "source"},
    "source resets": {"kind": "source", "failure": "ECONNRESET"},
    "source refuses connections": {"kind": "source", "failure": "ECONNREFUSED"},
    "csrf protection on": {"kind": "csrf"},
}
# The recorded owner signed in by way of Plex; ours has no account there.
OF_THE_RECORDED_USER = re.compile(r"\.plex(Username|Id):")
DECLINED_BEFORE = "movie declined"


def replay(overseerr: Any, exchange: Any) -> Any:
    """The sandbox's answer to a recorded request."""
    request, label = exchange["request"], exchange["label"]
    if label == DECLINED_BEFORE:
        assert overseerr.call("POST", "/request/1/decline").status == 200
    for name, wish in FAULTS.items():
        if label.startswith(name):
            overseerr.fault(**wish, times=1)
    path = request["path"].removeprefix("/api/v1")
    return overseerr.call(request["method"], path, request["body"])


@pytest.fixture(scope="module")
def replayed() -> Any:
    """All answers by label, in the recorded order."""
    with serving(SandboxServer(OverseerrServer(KEY))) as server:
        overseerr = Overseerr(server)
        return {label: replay(overseerr, exchange) for label, exchange in RECORDED.items()}


def chosen(holds: Any) -> Any:
    """The recorded exchanges whose answer is so."""
    return [label for label, exchange in RECORDED.items() if holds(exchange["response"])]


@pytest.mark.parametrize("label", RECORDED)
def test_the_status_and_headers_are_the_recorded_ones(replayed: Any, label: Any) -> None:
    ours, theirs = replayed[label], RECORDED[label]["response"]
    assert ours.status == theirs["status"]
    assert set(theirs["headers"]) - ELSEWHERE <= set(ours.headers)
    for name in ("Content-Type", "X-Powered-By"):
        assert ours.headers[name] == theirs["headers"][name]


@pytest.mark.parametrize("label", chosen(lambda theirs: "message" in theirs["body"]))
def test_what_is_refused_is_refused_in_the_same_words(replayed: Any, label: Any) -> None:
    ours, theirs = replayed[label], RECORDED[label]["response"]
    assert ours.json() == theirs["body"]


@pytest.mark.parametrize("label", chosen(lambda theirs: theirs["status"] < 202))
def test_what_is_answered_has_the_recorded_fields_and_types(replayed: Any, label: Any) -> None:
    theirs = RECORDED[label]["response"]["body"]
    found = differences(replayed[label].json(), theirs)
    assert [each for each in found if not OF_THE_RECORDED_USER.search(each)] == []


@pytest.mark.parametrize("label", chosen(lambda theirs: theirs["status"] == 201))
def test_what_is_created_is_what_was_created(replayed: Any, label: Any) -> None:
    def told(body: Any) -> Any:
        seasons = [season["seasonNumber"] for season in body.get("seasons", [])]
        before = [each["id"] for each in body["media"].get("requests", [])]
        users = body["requestedBy"]["id"], body["modifiedBy"]["id"]
        return body["id"], body["status"], body["is4k"], seasons, before, users

    theirs = RECORDED[label]["response"]["body"]
    assert told(replayed[label].json()) == told(theirs)


@pytest.mark.parametrize("label", chosen(lambda theirs: "mediaInfo" in theirs["body"]))
def test_a_look_tells_of_the_recorded_requests(replayed: Any, label: Any) -> None:
    def told(body: Any) -> Any:
        return [
            (each["id"], each["status"], [season["seasonNumber"] for season in each["seasons"]])
            for each in body["mediaInfo"]["requests"]
        ]

    theirs = RECORDED[label]["response"]["body"]
    assert told(replayed[label].json()) == told(theirs)


@pytest.mark.parametrize("label", chosen(lambda theirs: "pageInfo" in theirs["body"]))
def test_a_list_has_as_many_requests_as_the_recorded_one(replayed: Any, label: Any) -> None:
    theirs = RECORDED[label]["response"]["body"]
    assert replayed[label].json()["pageInfo"] == theirs["pageInfo"]
