"""A small believable library: its sections, what is in them and what plays; always the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from medianest.sandbox.catalogue import ARTISTS, MOVIES, SHOWS
from medianest.sandbox.items import (
    DAY,
    EPOCH,
    MINUTE_MS,
    Item,
    album,
    artist,
    episode,
    hex_id,
    movie,
    season,
    show,
    slug,
    stable_uuid,
)

__all__ = ["SandboxLibrary", "build_library"]

FILMS, SERIES, MUSIC, HOME = "1", "2", "3", "4"
VERSION: Final = "1.41.6.9685-d301f511a"
RECENT: Final = 50


@dataclass(frozen=True)
class SandboxLibrary:
    """Everything the server knows, ready to be sent."""

    identity: Item
    sections: list[Item]
    headings: Mapping[str, Item]
    """By section key: what a listing of the section says of itself."""
    items: Mapping[str, list[Item]]
    """By section key, sorted by title."""
    recent: list[Item]
    sessions: list[Item]

    def of_type(self, kind: str) -> list[Item]:
        """All items of one type, each with the section it is in."""
        return [
            {**_section_of(section), **item}
            for section in self.sections
            for item in self.items[section["key"]]
            if item["type"] == kind
        ]


def build_library() -> SandboxLibrary:
    """The library, made anew: 60 movies, 12 shows, some music and an empty section."""
    sections = [
        _section(FILMS, "movie", "Films", "movie", "Movie"),
        _section(SERIES, "show", "Series", "series", "TV Series"),
        _section(MUSIC, "artist", "Music", "music", "Music", hidden=1),
        _section(HOME, "movie", "Home Videos", "none", "Video Files", hidden=2),
    ]
    shows = [show(index) for index in range(len(SHOWS))]
    items = {
        FILMS: [movie(index) for index in range(len(MOVIES))],
        SERIES: shows,
        MUSIC: [artist(index) for index in range(len(ARTISTS))],
        HOME: [],
    }
    return SandboxLibrary(
        identity={
            "size": 0,
            "apiVersion": "1.1.1",
            "claimed": True,
            "machineIdentifier": hex_id("server") + "0c0ffee0",
            "version": VERSION,
        },
        sections=sections,
        headings={section["key"]: _heading(section) for section in sections},
        items={key: sorted(found, key=lambda item: item["title"]) for key, found in items.items()},
        recent=_recent(sections, items[FILMS], shows),
        sessions=_sessions(sections, items[FILMS], shows),
    )


def _recent(sections: list[Item], movies: list[Item], shows: list[Item]) -> list[Item]:
    films, series, music, _ = (_section_of(section) for section in sections)
    added = [{**films, **each} for each in movies]
    # As on a real server: a season of which several episodes are new, or the one that is.
    added += [
        {**series, **(episode(each) if place % 4 == 1 else season(each))}
        for place, each in enumerate(shows)
    ]
    added += [{**music, **album(index)} for index in range(len(ARTISTS))]
    return sorted(added, key=lambda item: -item["addedAt"])[:RECENT]


def _sessions(sections: list[Item], movies: list[Item], shows: list[Item]) -> list[Item]:
    films, series, *_ = (_section_of(section) for section in sections)
    user = {"id": "1", "thumb": "https://plex.invalid/users/1/avatar", "title": "adela"}
    watched = {**films, **movies[0], **_playing("1", "Living Room TV", "playing"), "User": user}
    # A player that was not signed in: real servers list such sessions without a `User`.
    anonymous = {**series, **episode(shows[0]), **_playing("2", "Kitchen Tablet", "paused")}
    return [watched, anonymous]


def _playing(number: str, device: str, state: str) -> Item:
    return {
        "sessionKey": number,
        "viewOffset": 7 * MINUTE_MS,
        "Player": {
            "address": f"192.0.2.{number}",
            "device": device,
            "local": True,
            "machineIdentifier": hex_id(device),
            "platform": "Android",
            "product": "Plex for Android (TV)",
            "relayed": False,
            "secure": True,
            "state": state,
            "title": device,
            "userID": 1,
        },
        "Session": {"id": hex_id(f"session {number}"), "bandwidth": 11_700, "location": "lan"},
    }


def _section(key: str, kind: str, title: str, agent: str, scanner: str, hidden: int = 0) -> Item:
    """`hidden`: 0 is shown everywhere, 1 is left out of the home screen, 2 of searches as well."""
    number = int(key)
    agents = "com.plexapp.agents" if agent == "none" else "tv.plex.agents"
    return {
        "allowSync": True,
        "art": f"/:/resources/{kind}-fanart.jpg",
        "composite": f"/library/sections/{key}/composite/{EPOCH}",
        "filters": True,
        "refreshing": False,
        "thumb": f"/:/resources/{kind}.png",
        "key": key,
        "type": kind,
        "title": title,
        "agent": f"{agents}.{agent}",
        "scanner": f"Plex {scanner}",
        "language": "xn" if agent == "none" else "en-US",
        "uuid": stable_uuid(title),
        "updatedAt": EPOCH + number,
        "createdAt": EPOCH - 900 * DAY + number,
        "scannedAt": EPOCH + number,
        "content": True,
        "directory": True,
        "contentChangedAt": 18_253_756 + number,
        "hidden": hidden,
        "Location": [{"id": number, "path": f"/media/{slug(title)}"}],
    }


def _heading(section: Item) -> Item:
    return {
        "art": section["art"],
        "identifier": "com.plexapp.plugins.library",
        **_section_of(section),
        "mediaTagPrefix": "/system/bundle/media/flags/",
        "mediaTagVersion": 1_767_000_000,
        "thumb": section["thumb"],
        "title1": section["title"],
        "title2": f"All {section['title']}",
        "viewGroup": section["type"],
    }


def _section_of(section: Item) -> Item:
    return {
        "allowSync": True,
        "librarySectionID": int(section["key"]),
        "librarySectionTitle": section["title"],
        "librarySectionUUID": section["uuid"],
    }
