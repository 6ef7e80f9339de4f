"""Movies, shows and music as Plex lists them, made of the catalogue.

`key` and `ratingKey` are strings, times are Unix seconds, durations milliseconds. As on a real
server, what has no match in an online database lacks its year, ratings and artwork.
"""

from __future__ import annotations

import re
import uuid
from typing import Any, Final

from medianest.sandbox.catalogue import ARTISTS, MOVIES, PEOPLE, SHOWS

__all__ = [
    "DAY",
    "EPOCH",
    "MINUTE_MS",
    "Item",
    "album",
    "artist",
    "episode",
    "hex_id",
    "movie",
    "season",
    "show",
    "slug",
    "stable_uuid",
]

Item = dict[str, Any]

EPOCH: Final = 1_767_225_600
"""The newest item was added then: 2026-01-01 UTC."""
DAY: Final = 86_400
MINUTE_MS: Final = 60_000
RATINGS: Final = ("G", "PG", "PG-13", "R")
COUNTRIES: Final = ("Norway", "Portugal", "Ghana", "Canada", "Japan")
STUDIOS: Final = ("Tidemark Pictures", "Ninth Kettle Films", "Studio Orlenn")


def movie(index: int) -> Item:
    """One movie, a file of it included."""
    title, year, genre, summary = MOVIES[index]
    duration = (82 + index * 7 % 71) * MINUTE_MS + index * 977
    base = _base("movie", 1001 + index, title, EPOCH - index * 3 * DAY)
    files = {
        "duration": duration,
        "Media": [_media(1001 + index, duration, f"/media/films/{title}")],
    }
    if index % 11 == 7:
        return {**base, "guid": f"local://{1001 + index}", "summary": "", **files}
    return {
        **base,
        "studio": STUDIOS[index % len(STUDIOS)],
        "contentRating": RATINGS[index % len(RATINGS)],
        "summary": summary,
        **({"rating": _rating(index)} if index % 5 else {}),
        "audienceRating": _rating(index + 3),
        "year": year,
        **({"tagline": f"{genre}, as nobody asked for it."} if index % 3 == 0 else {}),
        "art": f"{base['key']}/art/{base['updatedAt']}",
        "originallyAvailableAt": f"{year}-{1 + index % 12:02}-{1 + index % 28:02}",
        **files,
        **({"viewCount": 1, "lastViewedAt": EPOCH - index * DAY} if index % 4 == 1 else {}),
        "Genre": [{"tag": genre}],
        "Country": [{"tag": COUNTRIES[index % len(COUNTRIES)]}],
        "Director": [{"tag": PEOPLE[index % len(PEOPLE)]}],
        "Writer": [{"tag": PEOPLE[(index + 5) % len(PEOPLE)]}],
        "Role": [{"tag": PEOPLE[(index + step) % len(PEOPLE)]} for step in (1, 2, 3)],
    }


def show(index: int) -> Item:
    """One show; its files belong to its episodes."""
    title, year, genre, seasons, summary = SHOWS[index]
    base = _base("show", 2001 + index, title, EPOCH - index * 11 * DAY - 600)
    return {
        **base,
        "key": f"{base['key']}/children",
        "studio": STUDIOS[index % len(STUDIOS)],
        **({"contentRating": f"TV-{(14, 'PG', 'MA')[index % 3]}"} if index % 7 != 6 else {}),
        "summary": summary,
        "index": 1,
        **({"audienceRating": _rating(index)} if index % 5 else {}),
        "year": year,
        "art": f"{base['key']}/art/{base['updatedAt']}",
        "duration": (24 + index % 3 * 12) * MINUTE_MS,
        "originallyAvailableAt": f"{year}-09-{1 + index:02}",
        "leafCount": seasons * 8,
        "viewedLeafCount": index * 3 % (seasons * 8),
        "childCount": seasons,
        "Genre": [{"tag": genre}],
        "Role": [{"tag": PEOPLE[(index + step) % len(PEOPLE)]} for step in (0, 4)],
    }


def season(show: Item) -> Item:
    """The newest season of a show."""
    number = show["childCount"]
    base = _base("season", int(show["ratingKey"]) + 1000, f"Season {number}", show["addedAt"])
    return {
        **base,
        "key": f"{base['key']}/children",
        "parentRatingKey": show["ratingKey"],
        "parentKey": f"/library/metadata/{show['ratingKey']}",
        "parentTitle": show["title"],
        "summary": "",
        "index": number,
        "leafCount": 8,
        "viewedLeafCount": 0,
    }


def episode(show: Item) -> Item:
    """One episode of the newest season of a show."""
    parent = season(show)
    number = int(show["ratingKey"]) + 2000
    return {
        **_base("episode", number, "The Wrong Pier", show["addedAt"]),
        "parentRatingKey": parent["ratingKey"],
        "grandparentRatingKey": show["ratingKey"],
        "parentTitle": parent["title"],
        "grandparentTitle": show["title"],
        "summary": "A boat leaves without its captain.",
        "index": 4,
        "parentIndex": parent["index"],
        "duration": show["duration"],
        "Media": [_media(number, show["duration"], "/media/series/The Wrong Pier")],
    }


def artist(index: int) -> Item:
    """One artist."""
    name, genre, *_ = ARTISTS[index]
    base = _base("artist", 5001 + index, name, EPOCH - index * 17 * DAY)
    return {
        **base,
        "key": f"{base['key']}/children",
        "summary": "",
        "index": 1,
        "Genre": [{"tag": genre}],
    }


def album(index: int) -> Item:
    """The album of an artist."""
    performer = artist(index)
    _, genre, title, year = ARTISTS[index]
    base = _base("album", 6001 + index, title, performer["addedAt"])
    return {
        **base,
        "key": f"{base['key']}/children",
        "parentRatingKey": performer["ratingKey"],
        "parentKey": f"/library/metadata/{performer['ratingKey']}",
        "parentTitle": performer["title"],
        "summary": "",
        "index": 1,
        "year": year,
        "originallyAvailableAt": f"{year}-03-01",
        "leafCount": 9,
        "Genre": [{"tag": genre}],
    }


def _base(kind: str, number: int, title: str, added: int) -> Item:
    key = f"/library/metadata/{number}"
    return {
        "ratingKey": str(number),
        "key": key,
        "guid": f"plex://{kind}/{hex_id(f'{kind} {number}')}",
        "slug": slug(title),
        "type": kind,
        "title": title,
        "thumb": f"{key}/thumb/{added + 60}",
        "addedAt": added,
        "updatedAt": added + 60,
    }


def _media(number: int, duration: int, path: str) -> Item:
    full = number % 4 > 0
    bitrate = 9_000 + number % 7 * 450 if full else 2_100
    video = {"container": "mkv" if full else "avi", "videoProfile": "high" if full else "simple"}
    return {
        "id": number,
        "duration": duration,
        "bitrate": bitrate,
        "width": 1920 if full else 720,
        "height": 1080 if full else 304,
        "aspectRatio": 1.78 if full else 2.35,
        "audioChannels": 6 if full else 2,
        "audioCodec": "ac3",
        "videoCodec": "h264" if full else "mpeg4",
        "videoResolution": "1080" if full else "sd",
        "videoFrameRate": "24p",
        **video,
        "Part": [
            {
                "id": number,
                "key": f"/library/parts/{number}/{EPOCH}/file.{video['container']}",
                "duration": duration,
                "file": f"{path}.{video['container']}",
                "size": bitrate * duration // 8,
                **video,
            }
        ],
    }


def _rating(index: int) -> float:
    return round(4.6 + index * 37 % 51 / 10, 1)


def slug(title: str) -> str:
    """A title as it stands in a path."""
    return re.sub(r"[^\w]+", "-", title.casefold()).strip("-")


def stable_uuid(name: str) -> str:
    """The same UUID for the same name at every start."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"sandbox/{name}"))


def hex_id(name: str) -> str:
    """The same 32 hexadecimal digits for the same name at every start."""
    return stable_uuid(name).replace("-", "")
