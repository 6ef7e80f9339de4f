"""Huge answers: what stands in them, how long they are, and what they cost the sandbox."""

from __future__ import annotations

import json
import threading
import tracemalloc
from pathlib import Path

import pytest

from medianest.sandbox import SandboxError
from medianest.sandbox.faults import FaultError
from medianest.sandbox.flood import flooded
from medianest.sandbox.messages import Reply, json_answer

from .conftest import KEY, connected, eventually, raw_connection

MIB = 1024 * 1024
PLEX = [
    ("/library/sections", "Directory"),
    ("/library/sections/1/all", "Metadata"),
    ("/library/sections/4/all", "Metadata"),
    ("/library/recentlyAdded", "Metadata"),
    ("/status/sessions", "Metadata"),
    ("/hubs/search?query=the", "Hub"),
    ("/identity", "Metadata"),
]
OVERSEERR = ["/request", "/media", "/search?query=the", "/search?query=nothing", "/status"]
ACCEPTED = {"X-Plex-Token": KEY, "Accept": "application/json"}
WHAT = ["objects", "lists", "nesting", "items"]


@pytest.fixture
def plex(sandbox, get):
    """`plex(path, name, **options)`: the flooded list of that name."""

    def flooded_list(path, name, **options):
        sandbox.fault("flood", times=1, **options)
        return get(path).container()[name]

    return flooded_list


@pytest.mark.parametrize(("path", "name"), PLEX)
@pytest.mark.parametrize(("what", "element"), [("objects", {}), ("lists", [])])
def test_a_flood_of_plex_stands_where_the_elements_stand(plex, path, name, what, element):
    found = plex(path, name, what=what, bytes=3000)
    assert len(found) == 1000
    assert all(each == element for each in found)


@pytest.mark.parametrize("path", OVERSEERR)
@pytest.mark.parametrize(("what", "element"), [("objects", {}), ("lists", [])])
def test_a_flood_of_overseerr_stands_in_its_results(overseerr, path, what, element):
    overseerr.fault("flood", what=what, bytes=3000)
    found = overseerr.get(path).json()["results"]
    assert len(found) == 1000
    assert all(each == element for each in found)


def test_nesting_is_as_deep_as_half_of_the_bytes(overseerr):
    overseerr.fault("flood", what="nesting", bytes=200)
    (inner,) = overseerr.get("/request").json()["results"]
    depth = 1
    while inner:
        (inner,), depth = inner, depth + 1
    assert depth == 100


@pytest.mark.parametrize(("path", "name"), PLEX)
def test_items_are_healthy_elements_of_that_list(plex, get, path, name):
    healthy = get(path).container().get(name)
    found = plex(path, name, what="items", bytes=200_000)
    assert 100_000 < len(json.dumps(found)) < 300_000
    if healthy:
        assert all(each in healthy for each in found)
    else:
        assert found[0]["title"] and found[0]["ratingKey"]


@pytest.mark.parametrize("path", OVERSEERR[:4])
def test_items_of_overseerr_are_healthy_too(overseerr, path):
    overseerr.fault("flood", what="items", bytes=200_000)
    found = overseerr.get(path).json()["results"]
    assert len(found) > 20
    kind = {"/request": "requestedBy", "/media": "tmdbId"}.get(path, "mediaType")
    assert all(kind in each for each in found)


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("size", [1, 2, 1000, 65_536, 1_000_000])
def test_the_length_is_what_was_promised_and_about_what_was_asked_for(sandbox, get, what, size):
    sandbox.fault("flood", what=what, bytes=size)
    reply = get("/library/sections/1/all")
    assert int(reply.headers["Content-Length"]) == len(reply.body)
    assert size - 80_000 <= len(reply.body) <= size + 10_000


def test_32_mib_come_unless_it_is_said_otherwise(sandbox):
    sandbox.fault("flood", what="objects")
    with connected(sandbox) as connection:
        connection.request("GET", "/library/sections", headers=ACCEPTED)
        with connection.getresponse() as response:
            length, left = int(response.headers["Content-Length"]), 0
            while piece := response.read(MIB):
                left += len(piece)
    assert length == left
    assert 32 * MIB <= length < 33 * MIB


@pytest.mark.parametrize("what", WHAT)
def test_a_flood_costs_the_sandbox_little_memory(what):
    answer = json_answer(200, {"results": [{"title": "A"}]})
    tracemalloc.start()
    try:
        flood = flooded(answer, what, 64 * MIB, {})
        sent = sum(map(len, flood.pieces()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sent > 63 * MIB
    assert peak < MIB


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc here")
def test_the_process_that_floods_stays_small(sandbox):
    def memory():
        status = Path(f"/proc/{sandbox.pid}/status").read_text(encoding="ascii")
        (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) / 1024

    before = memory()
    sandbox.fault("flood", what="items", bytes=64 * MIB)
    with connected(sandbox) as connection:
        connection.request("GET", "/library/sections/1/all", headers=ACCEPTED)
        with connection.getresponse() as response:
            while response.read(MIB):
                pass
    assert memory() < before + 16


def test_a_client_that_leaves_is_not_flooded_any_more(overseerr):
    idle = threading.active_count()
    overseerr.fault("flood", what="objects", bytes=64 * MIB)
    with raw_connection(overseerr.server) as raw:
        raw.sendall(b"GET /api/v1/status HTTP/1.1\r\nHost: sandbox\r\n\r\n")
        assert raw.recv(15) == b"HTTP/1.1 200 OK"
    assert eventually(lambda: threading.active_count() == idle)


def test_head_tells_the_length_alone(sandbox, get):
    sandbox.fault("flood", what="objects", bytes=MIB)
    reply = get("/library/sections", method="HEAD")
    assert reply.body == b""
    assert int(reply.headers["Content-Length"]) > MIB - 10


@pytest.mark.parametrize(
    "answer",
    [Reply(401, b"{}", "application/json"), Reply(200, b"<html>"), json_answer(500, {})],
)
def test_what_is_no_success_in_json_is_not_flooded(answer):
    assert flooded(answer, "objects", 1000, {}) is None


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"what": "water"},
        {"what": "items", "bytes": 0},
        {"what": "items", "bytes": 64 * MIB + 1},
        {"what": "items", "bytes": 1.5},
        {"what": "items", "bytes": True},
    ],
)
def test_a_flood_of_something_else_is_refused(sandbox, overseerr, options):
    with pytest.raises(SandboxError, match="flood: "):
        sandbox.fault("flood", **options)
    with pytest.raises(FaultError, match="flood: "):
        overseerr.fault("flood", **options)
