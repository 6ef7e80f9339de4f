"""The sandbox against recorded exchanges with a real Overseerr and a real Seerr in trouble."""

from __future__ import annotations

import json
import re

import pytest

from medianest.sandbox.overseerr import FLAVOURS, OverseerrServer
from medianest.sandbox.server import SandboxServer

from .conftest import CAPTURES, KEY, Overseerr, serving
from .test_overseerr_captures import ELSEWHERE, differences

RECORDED = {
    flavour: {
        each["label"]: each
        for each in json.loads(
            (CAPTURES / "overseerr" / f"trouble-{flavour}.json").read_text(encoding="utf-8")
        )
    }
    for flavour in FLAVOURS
}
EACH = [(flavour, label) for flavour, recorded in RECORDED.items() for label in recorded]
# What was broken around the real servers when it was recorded.
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


def replay(overseerr, exchange):
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
def replayed():
    """All answers by flavour and label, in the recorded order."""
    answers = {}
    for flavour, recorded in RECORDED.items():
        with serving(SandboxServer(OverseerrServer(KEY, flavour=FLAVOURS[flavour]))) as server:
            overseerr = Overseerr(server)
            for label, exchange in recorded.items():
                answers[flavour, label] = replay(overseerr, exchange)
    return answers


def chosen(holds):
    """The recorded exchanges whose answer is so."""
    return [(kind, label) for kind, label in EACH if holds(RECORDED[kind][label]["response"])]


@pytest.mark.parametrize(("flavour", "label"), EACH)
def test_the_status_and_headers_are_the_recorded_ones(replayed, flavour, label):
    ours, theirs = replayed[flavour, label], RECORDED[flavour][label]["response"]
    assert ours.status == theirs["status"]
    assert set(theirs["headers"]) - ELSEWHERE <= set(ours.headers)
    for name in ("Content-Type", "X-Powered-By"):
        assert ours.headers[name] == theirs["headers"][name]


@pytest.mark.parametrize(("flavour", "label"), chosen(lambda theirs: "message" in theirs["body"]))
def test_what_is_refused_is_refused_in_the_same_words(replayed, flavour, label):
    ours, theirs = replayed[flavour, label], RECORDED[flavour][label]["response"]
    assert ours.json() == theirs["body"]


@pytest.mark.parametrize(("flavour", "label"), chosen(lambda theirs: theirs["status"] < 202))
def test_what_is_answered_has_the_recorded_fields_and_types(replayed, flavour, label):
    theirs = RECORDED[flavour][label]["response"]["body"]
    found = differences(replayed[flavour, label].json(), theirs)
    assert [each for each in found if not OF_THE_RECORDED_USER.search(each)] == []


@pytest.mark.parametrize(("flavour", "label"), chosen(lambda theirs: theirs["status"] == 201))
def test_what_is_created_is_what_was_created(replayed, flavour, label):
    def told(body):
        seasons = [season["seasonNumber"] for season in body.get("seasons", [])]
        before = [each["id"] for each in body["media"].get("requests", [])]
        users = body["requestedBy"]["id"], body["modifiedBy"]["id"]
        return body["id"], body["status"], body["is4k"], seasons, before, users

    theirs = RECORDED[flavour][label]["response"]["body"]
    assert told(replayed[flavour, label].json()) == told(theirs)


@pytest.mark.parametrize(("flavour", "label"), chosen(lambda theirs: "mediaInfo" in theirs["body"]))
def test_a_look_tells_of_the_recorded_requests(replayed, flavour, label):
    def told(body):
        return [
            (each["id"], each["status"], [season["seasonNumber"] for season in each["seasons"]])
            for each in body["mediaInfo"]["requests"]
        ]

    theirs = RECORDED[flavour][label]["response"]["body"]
    assert told(replayed[flavour, label].json()) == told(theirs)


@pytest.mark.parametrize(("flavour", "label"), chosen(lambda theirs: "pageInfo" in theirs["body"]))
def test_a_list_has_as_many_requests_as_the_recorded_one(replayed, flavour, label):
    theirs = RECORDED[flavour][label]["response"]["body"]
    assert replayed[flavour, label].json()["pageInfo"] == theirs["pageInfo"]
