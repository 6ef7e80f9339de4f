"""Seerr, the successor: what it does otherwise than Overseerr."""

from __future__ import annotations

import pytest

from medianest.sandbox import SandboxError, SandboxProcess
from medianest.sandbox.overseerr import FLAVOURS, OverseerrServer
from medianest.sandbox.server import SandboxServer

from .conftest import KEY, Overseerr, ask, connected, serving

WITH_SPECIALS = 31_004
"""A show of five seasons and specials."""


@pytest.fixture
def seerr():
    with serving(SandboxServer(OverseerrServer(KEY, flavour=FLAVOURS["seerr"]))) as server:
        yield Overseerr(server)


def want(server, seasons):
    return server.want("tv", WITH_SPECIALS, seasons=seasons, is4k=False)


def created(reply):
    """The status, and the numbers of the seasons that were created."""
    return reply.status, [season["seasonNumber"] for season in reply.json().get("seasons", [])]


@pytest.mark.parametrize("seasons", [[0], [0, 1], "all"])
def test_overseerr_takes_specials(overseerr, seasons):
    numbers = list(range(6)) if seasons == "all" else seasons
    assert created(want(overseerr, seasons)) == (201, numbers)


def test_seerr_leaves_specials_out(seerr):
    assert created(want(seerr, [0, 1])) == (201, [1])
    assert created(want(seerr, "all")) == (201, [2, 3, 4, 5])


def test_seerr_with_nothing_but_specials_has_nothing_to_request(seerr):
    reply = want(seerr, [0])
    assert (reply.status, reply.json()) == (202, {"message": "No seasons available to request"})
    assert seerr.state()["count"] == 0


@pytest.mark.parametrize("flavour", sorted(FLAVOURS))
def test_both_list_the_specials_among_the_seasons(flavour):
    with serving(SandboxServer(OverseerrServer(KEY, flavour=FLAVOURS[flavour]))) as server:
        show = Overseerr(server).get(f"/tv/{WITH_SPECIALS}").json()
    assert [season["seasonNumber"] for season in show["seasons"]] == [0, 1, 2, 3, 4, 5]
    assert (show["seasons"][0]["name"], show["numberOfSeasons"]) == ("Specials", 5)


def test_seerr_has_fields_of_its_own(seerr, overseerr):
    for server, has in ((seerr, True), (overseerr, False)):
        want(server, [1])
        page = server.get("/request").json()
        (request,) = page["results"]
        assert ("serviceErrors" in page) is ("canRemove" in request) is has
        assert ("jellyfinMediaId" in request["media"]) is has
        assert ("jellyfinUsername" in request["requestedBy"]) is has


def test_orphaned_requests_are_without_their_title_in_lists_and_alone(seerr):
    for number in range(1, 5):
        seerr.want("movie", number, is4k=False)
    seerr.fault("orphaned")
    listed = {each["id"]: each["media"] for each in seerr.get("/request").json()["results"]}
    assert [number for number, media in listed.items() if media is None] == [3, 1]
    assert seerr.get("/request/1").json()["media"] is None
    assert seerr.get("/request/2").json()["media"]["tmdbId"] == 2
    assert seerr.get("/movie/1").json()["mediaInfo"]["requests"][0]["id"] == 1


def test_a_process_has_the_flavour_that_it_is_started_with():
    with (
        SandboxProcess.start(kind="overseerr", port=0, flavour="seerr") as sandbox,
        connected(sandbox) as connection,
    ):
        body = {"mediaType": "tv", "mediaId": WITH_SPECIALS, "seasons": [0], "is4k": False}
        reply = ask(
            connection,
            "/api/v1/request",
            method="POST",
            body=body,
            token=None,
            X_Api_Key=KEY,
            Content_Type="application/json",
        )
    assert reply.status == 202


def test_a_plex_has_no_flavours():
    with pytest.raises(SandboxError, match="plex has no flavours"):
        SandboxProcess.start(kind="plex", port=0, flavour="seerr")
