"""Titles and people as searches and details show them.

No picture of an invented title exists: their paths are null, as at TMDB for one without artwork.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medianest.sandbox.catalogue import PEOPLE
from medianest.sandbox.overseerr.catalogue import GENRES
from medianest.sandbox.overseerr.records import TVDB_OFFSET
from medianest.sandbox.overseerr.titles import PERSON_IDS, Person, SandboxTitle

__all__ = ["details", "person_result", "title_result"]

Info = Mapping[str, Any] | None
"""What the server itself knows of a title: requested, available; None if nothing."""


def title_result(title: SandboxTitle, info: Info = None) -> dict[str, Any]:
    """A movie or a show in a list of results."""
    own = _movie_result(title) if title.kind == "movie" else _show_result(title)
    return {
        "id": title.id,
        "mediaType": title.kind,
        "genreIds": [GENRES[title.genre]],
        **own,
        **_common(title),
        "voteAverage": _vote(title),
        **_info(info),
    }


def person_result(person: Person) -> dict[str, Any]:
    """Somebody in a list of results."""
    return {
        "id": person.id,
        "name": person.name,
        "popularity": _popularity(person),
        "adult": False,
        "mediaType": "person",
        "profilePath": None,
        "knownFor": [title_result(title) for title in person.known_for],
    }


def details(title: SandboxTitle, info: Info) -> dict[str, Any]:
    """Everything about one title."""
    own = _movie_details(title) if title.kind == "movie" else _show_details(title)
    return {
        "id": title.id,
        **own,
        **_common(title),
        "genres": [{"id": GENRES[title.genre], "name": title.genre}],
        "homepage": "",
        "tagline": "",
        "relatedVideos": [],
        "productionCompanies": [],
        "productionCountries": [],
        "spokenLanguages": [{"english_name": "English", "iso_639_1": "en", "name": "English"}],
        "voteAverage": _vote(title),
        "credits": {"cast": _cast(title), "crew": []},
        "keywords": [],
        "watchProviders": [],
        "onUserWatchlist": False,
        **_info(info),
    }


def _info(info: Info) -> dict[str, Any]:
    return {} if info is None else {"mediaInfo": info}


def _common(title: SandboxTitle) -> dict[str, Any]:
    return {
        "originalLanguage": "en",
        "overview": title.overview,
        "popularity": _popularity(title),
        "voteCount": 20 + title.id % 900,
        "backdropPath": None,
        "posterPath": None,
    }


def _movie_result(title: SandboxTitle) -> dict[str, Any]:
    return {
        "adult": False,
        "originalTitle": title.name,
        "releaseDate": title.released,
        "title": title.name,
        "video": False,
    }


def _show_result(title: SandboxTitle) -> dict[str, Any]:
    return {
        "firstAirDate": title.released,
        "name": title.name,
        "originCountry": ["NO"],
        "originalName": title.name,
    }


def _movie_details(title: SandboxTitle) -> dict[str, Any]:
    imdb = f"tt{title.id:07}"
    return {
        **_movie_result(title),
        "budget": 0,
        "imdbId": imdb,
        "releases": {"results": []},
        "revenue": 0,
        "runtime": 82 + title.id % 71,
        "status": "Released",
        "externalIds": {"imdbId": imdb, "tvdbId": None},
    }


def _show_details(title: SandboxTitle) -> dict[str, Any]:
    tvdb = title.id + TVDB_OFFSET
    return {
        **_show_result(title),
        "createdBy": [],
        "contentRatings": {"results": []},
        "episodeRunTime": [45],
        "inProduction": False,
        "languages": ["en"],
        "lastAirDate": title.released,
        "networks": [],
        "numberOfEpisodes": title.seasons * 8,
        "numberOfSeasons": title.seasons,
        "seasons": [_season(title, number) for number in title.season_numbers],
        "status": "Returning Series",
        "type": "Scripted",
        "externalIds": {"imdbId": f"tt{tvdb:07}", "tvdbId": tvdb},
    }


def _season(title: SandboxTitle, number: int) -> dict[str, Any]:
    year = int(title.released[:4]) + max(0, number - 1)
    return {
        "airDate": f"{year}{title.released[4:]}",
        "episodeCount": 8,
        "id": title.id * 100 + number,
        "name": f"Season {number}" if number else "Specials",
        "overview": "",
        "seasonNumber": number,
        "posterPath": None,
    }


def _cast(title: SandboxTitle) -> list[dict[str, Any]]:
    names = [PEOPLE[(title.id + step) % len(PEOPLE)] for step in (1, 2, 3)]
    return [
        {
            "castId": order,
            "character": "Themselves",
            "creditId": f"{title.id}-{order}",
            "gender": 0,
            "id": PERSON_IDS + PEOPLE.index(name),
            "name": name,
            "order": order,
            "profilePath": None,
        }
        for order, name in enumerate(names)
    ]


def _popularity(each: SandboxTitle | Person) -> float:
    return round(3 + each.id * 37 % 960 / 10, 3)


def _vote(title: SandboxTitle) -> float:
    return round(4.6 + title.id * 37 % 51 / 10, 1)
