"""Genuine answers with one thing wrong: the rest is served, and the server is taken for well.

Keeps out: a library with `hidden: 2` that took down all of Plex, a session without `ratingKey`
that opened the breaker, half an emoji that was a 500, and a request with `media: null`.
"""

import copy
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medianest.resilience import State
from medianest.sandbox.process import SandboxProcess
from tests.media.conftest import CAPTURES
from tests.media.odd.houses import DEEP, HUGE, MISSING, PLEX, House, strict

ODD = [
    *(MISSING, None, True, False, 0, -1, 1.5, 10**30, HUGE, float("nan"), float("inf")),
    *("", "text", "12", "\ud83c", "x" * 5000, "0001-01-01T00:00:00+14:00"),
    *([], {}, [None], [{}, 1], {"a": {}}),
]

OVERSEERR = {
    "/api/v1/search?query=the": ("search?query=the", "requestable"),
    "/api/v1/request?take=9&skip=0": ("requests", "items"),
}
IDENTITIES = ("rating_key", "request_id", "media_id", "key")
READ = ("User", "Player", "media", "mediaInfo", "seasons")
LISTS = ("Directory", "Metadata", "Hub", "results")


def fetched(
    sandbox: SandboxProcess, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    headers = {"Accept": "application/json", "X-Plex-Token": sandbox.token}
    headers |= {"X-Api-Key": sandbox.token, "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(sandbox.url + path, data, headers), timeout=10) as answer:
        return json.load(answer)


def sandbox_answers() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    with SandboxProcess.start(kind="plex", port=0) as plex:
        yield from (("plex", *PLEX[path], fetched(plex, path)) for path in PLEX)
    with SandboxProcess.start(kind="overseerr", port=0) as overseerr:
        for number in (31001, 31002):
            wish = {"mediaType": "movie", "mediaId": number, "is4k": False}
            fetched(overseerr, "/api/v1/request", wish)
        show = {"mediaType": "tv", "mediaId": 31003, "seasons": [1, 2], "is4k": False}
        fetched(overseerr, "/api/v1/request", show)
        for path, answered in OVERSEERR.items():
            yield ("overseerr", *answered, fetched(overseerr, path))


def captured_answers() -> Iterator[Any]:
    for name, asks in (
        ("library-sections", "/library/sections"),
        ("recently-added", "/library/recentlyAdded"),
    ):
        yield ("plex", *PLEX[asks], json.loads((CAPTURES / f"plex/{name}-200.json").read_text()))
    for name in ("live-exchanges", "trouble-overseerr", "trouble-seerr"):
        exchanges = json.loads((CAPTURES / f"overseerr/{name}.json").read_text())
        for path, answered in OVERSEERR.items():
            for exchange in exchanges:
                asked = exchange["request"]["path"].startswith(path.partition("?")[0] + "?")
                body = exchange["response"]["body"]
                if asked and exchange["response"]["status"] == 200 and body["results"]:
                    yield ("overseerr", *answered, body)
                    break


@pytest.fixture(scope="module")
def answers() -> list[tuple[str, str, str, dict[str, Any]]]:
    """Three elements of each, the first of which will be odd."""
    genuine = [*sandbox_answers(), *(captured_answers() if CAPTURES.is_dir() else ())]
    return [(*asks, shortened(document)) for *asks, document in genuine]


def shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: shortened(each) for name, each in value.items()}
    return [shortened(each) for each in value[:3]] if isinstance(value, list) else value


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """All places in a document, except in elements after the first."""
    if path:
        yield path
    if isinstance(value, dict):
        for name, each in value.items():
            yield from paths(each, (*path, name))
    elif isinstance(value, list) and value:
        yield from paths(value[0], (*path, 0))


def changed(document: Any, path: tuple[str | int, ...], odd: Any) -> Any:
    """The document with that in one place; all beside the way there is shared with it."""
    copied, (name, *rest) = copy.copy(document), path
    if rest:
        copied[name] = changed(document[name], tuple(rest), odd)
    elif odd is MISSING:
        del copied[name]
    else:
        copied[name] = odd
    return copied


def element_of(path: tuple[str | int, ...]) -> tuple[str | int, ...] | None:
    """Where the element is that a place is in; None for a place above all elements."""
    for depth, name in enumerate(path[1:], 1):
        if name == 0 and path[depth - 1] in LISTS and "Hub" not in path[depth - 1 : depth]:
            return path[: depth + 1]
    return None


def is_read(path: tuple[str | int, ...]) -> bool:
    """Whether it is in what we pass on, or right beside that."""
    above = element_of(path)
    inner = path[len(above) :] if above is not None else ()
    return len(inner) < 2 or inner[0] in READ


def identity(element: dict[str, Any]) -> str:
    return next(element[name] for name in IDENTITIES if name in element)


@pytest.mark.slow
@pytest.mark.parametrize("of", ["plex", "overseerr"])
def test_each_thing_in_a_genuine_answer_may_be_odd_and_the_rest_is_served(
    house: House, answers: list[tuple[str, str, str, dict[str, Any]]], of: str
) -> None:
    """Missing, null, of another type and out of range: asked once, breaker closed."""
    tried, seen = 0, Counter[str]()
    alike = Counter(question for _, question, _, _ in answers)
    for service, question, member, document in answers:
        if service != of:
            continue
        # Several answers to one question look much the same: each takes its share of what is odd.
        share, number = max(2, alike[question]), seen[question]
        seen[question] += 1
        house.reset(service)  # a search asks both servers
        whole = strict(house.answers(service, question, document)[0].text)[member]
        if not whole:
            continue  # nothing but people
        for path in paths(document):
            is_above = element_of(path) is None
            if path[-1] in (*LISTS, "MediaContainer") or (is_above and "Hub" in path):
                continue  # without the list there are no elements: see below
            for odd in ODD[number::share] if is_read(path) else ODD[number::9]:
                answer, asked = house.answers(service, question, changed(document, path, odd))
                about = (question, path, odd, answer.text[:300])
                assert (answer.status_code, asked) == (200, 1), about
                served = strict(answer.text)[member]
                if element_of(path) is None:
                    assert list(map(identity, served)) == list(map(identity, whole)), about
                else:
                    assert served[len(served) - len(whole) + 1 :] == whole[1:], about
                assert len(served) <= len(whole), about
                assert house.state(service) is State.CLOSED, about
                tried += 1
    assert tried > 300


@pytest.mark.slow
def test_depth_is_no_error_of_ours_and_no_failure_of_the_server(
    house: House, answers: list[tuple[str, str, str, dict[str, Any]]]
) -> None:
    """Whether it is too deep to be read differs from Python to Python."""
    one_each = {(service, question): document for service, question, _, document in answers}
    for (service, question), document in one_each.items():
        house.reset(service)
        read = [path for path in paths(document) if element_of(path) is not None and is_read(path)]
        for path in read[::3]:
            answer, asked = house.answers(service, question, changed(document, path, DEEP))
            about = (question, path, answer.text[:300])
            assert (answer.status_code, asked) in ((200, 1), (503, 1)), about
            assert house.state(service) is State.CLOSED, about


@pytest.fixture(scope="module")
def documents(answers: list[tuple[str, str, str, dict[str, Any]]]) -> list[tuple[Any, ...]]:
    return [(*asks, document, [*paths(document)]) for *asks, document in answers]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(ODD[1:]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["id", "key", "title", "type", "status", "x"]), inner)
    ),
    max_leaves=8,
)


@pytest.mark.slow
@given(data=st.data(), value=JSON)
@settings(max_examples=300, deadline=None)
def test_any_json_in_the_place_of_any_part_is_no_error_of_ours(
    house: House,
    documents: list[tuple[Any, ...]],
    data: st.DataObject,
    value: dict[str, Any] | list[Any] | None,
) -> None:
    service, question, _, document, places = data.draw(st.sampled_from(documents))
    path = data.draw(st.sampled_from(places))
    house.reset(service)
    answer, _ = house.answers(service, question, changed(document, path, value))
    strict(answer.text)
    if element_of(path) is not None:
        assert (answer.status_code, house.state(service)) == (200, State.CLOSED)
    else:
        assert answer.status_code in (200, 503)
