"""Plex's answers with odd elements among the good ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from medianest.sandbox.items import Item, hex_id

__all__ = ["with_odd_elements"]

SESSIONS: Final = "/status/sessions"
HALF_EMOJI: Final = "\ud83c"
"""A lone surrogate: JSON can spell it, UTF-8 cannot."""
NO_ELEMENTS: Final[Sequence[Any]] = (None, 7, "an element", [], {})

NO_SENSE: Final[Mapping[str, Any]] = {
    "addedAt": 10**18,
    "updatedAt": -62_135_596_801,
    "lastViewedAt": "yesterday",
    "originallyAvailableAt": "0000-00-00",
    "year": -1,
    "duration": -5,
}
NUMBERS: Final = ("year", "duration", "addedAt", "updatedAt", "rating", "viewOffset", "index")

# Neither has been matched with anything, so that most of what a movie tells is not there.
PRE_ROLL: Final[Item] = {
    "type": "clip",
    "subtype": "preroll",
    "extraType": 5,
    "title": "Odd Pre-roll",
    "guid": "prerolls://1",
}
PHOTO: Final[Item] = {"type": "photo", "ratingKey": "9001", "title": "Odd Photo", "index": 1}
LIVE_TV: Final[Item] = {
    "type": "episode",
    "live": "1",
    "key": f"/livetv/sessions/{hex_id('live')}",
    "guid": f"tv.plex://episode/{hex_id('live')}",
    "title": "Odd Live TV",
    "grandparentTitle": "News at Noon",
    "sessionKey": "71",
}


def with_odd_elements(path: str, container: Item) -> Item:
    """The container with at most as many odd elements as good ones in each of its lists."""
    if path == SESSIONS:
        container = _with_more_sessions(container)
    changed = dict(container)
    for name, kinds in ODD.items():
        if good := container.get(name):
            changed[name] = _mixed(good, kinds(good[0], path))
            changed["size"] = len(changed[name])
    if hubs := container.get("Hub"):
        changed["Hub"] = [with_odd_elements(path, hub) for hub in hubs]
    return changed


def _mixed(good: Sequence[Any], odd: Sequence[Any]) -> list[Any]:
    """The good elements in their order, each followed by an odd one while there are any."""
    odd = odd[: len(good)]
    pairs = [each for pair in zip(good, odd, strict=False) for each in pair]
    return [*pairs, *good[len(odd) :]]


def _with_more_sessions(container: Item) -> Item:
    """With two of them there would be room for two odd ones."""
    first, *rest = container["Metadata"]
    more = [
        {**first, "sessionKey": str(number), "title": f"{first['title']}, Part {number}"}
        for number in range(3, 13)
    ]
    return {**container, "Metadata": [first, *rest, *more]}


def _odd_metadata(first: Item, path: str) -> Sequence[Any]:
    good = {**first, "ratingKey": "9000"}  # a key of its own, lest a reader takes both for one
    odd: list[Item] = [
        {**good, "title": f"Odd Half Emoji {HALF_EMOJI}"},
        _as_text({**good, "title": "Odd Numbers as Text"}),
        PRE_ROLL,
        {**good, **NO_SENSE, "title": "Odd Dates"},
        PHOTO,
        {**good, "ratingKey": 9002, "title": "Odd Number for a Key"},
        {**good, "Media": None, "Genre": "Drama", "Role": [None], "title": "Odd Parts"},
        {**good, "type": "hologram", "title": "Odd Type"},
        {**good, "title": None},
    ]
    if path != SESSIONS:
        return [*odd[:2], *NO_ELEMENTS, *odd[2:]]
    player = {**good["Player"], "state": "levitating"}
    states = [{**good, "Player": state, "title": "Odd Player"} for state in (player, None)]
    live = {**LIVE_TV, **{name: good[name] for name in ("Player", "Session", "User")}}
    return [live, *odd[:2], *NO_ELEMENTS[:2], *states, *odd[2:]]


def _odd_directories(good: Item, path: str) -> Sequence[Any]:
    without_key = {name: value for name, value in good.items() if name != "key"}
    return [
        {**good, "key": "91", "title": f"Odd Half Emoji {HALF_EMOJI}", "hidden": "2"},
        {**without_key, "title": "Odd Without Key"},
        None,
        {
            **good,
            "key": "92",
            "title": "Odd Dates",
            "hidden": 9,
            "scannedAt": -1,
            "updatedAt": "never",
            "createdAt": 10**18,
            "Location": [None],
        },
    ]


def _as_text(item: Item) -> Item:
    """As older servers send it."""
    return {name: str(value) if name in NUMBERS else value for name, value in item.items()}


ODD: Final[Mapping[str, Callable[[Item, str], Sequence[Any]]]] = {
    "Metadata": _odd_metadata,
    "Directory": _odd_directories,
}
