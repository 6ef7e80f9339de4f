"""What the server's own source of titles knows: TMDB's part in a real one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from medianest.sandbox.catalogue import MOVIES, PEOPLE, SHOWS
from medianest.sandbox.items import Item, movie, show
from medianest.sandbox.overseerr.catalogue import (
    FIRST_WORDS,
    GENRES,
    NEW_MOVIES,
    NEW_SHOWS,
    SECOND_WORDS,
)

__all__ = ["PERSON_IDS", "UNKNOWN_FROM", "Person", "SandboxTitle", "Titles"]

UNKNOWN_FROM: Final = 9_000_000
"""Ids from here on belong to no title; any other positive one is invented when asked for."""
MOVIE_IDS: Final = 410_001
NEW_MOVIE_IDS: Final = 420_001
SHOW_IDS: Final = 210_001
NEW_SHOW_IDS: Final = 220_001
PERSON_IDS: Final = 310_001


@dataclass(frozen=True)
class SandboxTitle:
    """A movie, or a show with its seasons; `plex` is the library's item if it has one."""

    kind: str
    id: int
    name: str
    released: str
    genre: str
    overview: str
    seasons: int = 0
    plex: Item | None = field(default=None, compare=False)
    specials: bool = False
    """Whether there is a season 0, which `seasons` does not count."""

    @property
    def season_numbers(self) -> range:
        """Those of a show's seasons."""
        return range(0 if self.specials else 1, self.seasons + 1)


@dataclass(frozen=True)
class Person:
    """Somebody, and the titles that are known of them."""

    id: int
    name: str
    known_for: tuple[SandboxTitle, ...]


class Titles:
    """Finds titles by id and by words; always the same."""

    def __init__(self) -> None:
        known = [*_library_movies(), *_new_movies(), *_library_shows(), *_new_shows()]
        self._by_id = {(title.kind, title.id): title for title in known}
        self._people = [_person(place, known) for place in range(len(PEOPLE))]

    def find(self, kind: str, number: float) -> SandboxTitle | None:
        """The title of a kind and an id."""
        if not 0 < number < UNKNOWN_FROM or number != int(number):
            return None
        return self._by_id.get((kind, int(number))) or _invented(kind, int(number))

    def search(self, query: str) -> list[SandboxTitle | Person]:
        """Titles and people in whose name words begin with those of the query."""
        words = _words(query)
        everything: list[SandboxTitle | Person] = [*self._by_id.values(), *self._people]
        found = [each for each in everything if _fits(each, words)]
        return sorted(found, key=lambda each: each.id * 37 % 101) if words else []

    def in_library(self) -> list[tuple[SandboxTitle, Item]]:
        """The titles that the library has, each with its item."""
        return [(title, title.plex) for title in self._by_id.values() if title.plex is not None]


def _fits(each: SandboxTitle | Person, words: list[str]) -> bool:
    name = _words(each.name)
    return all(any(part.startswith(word) for part in name) for word in words)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _library_movies() -> Iterator[SandboxTitle]:
    for place, (name, year, genre, overview) in enumerate(MOVIES):
        item = movie(place)
        released = item.get("originallyAvailableAt", f"{year}-06-15")
        # Without a match in an online database, Overseerr cannot tell what the file is.
        held = item if item["guid"].startswith("plex:") else None
        yield SandboxTitle("movie", MOVIE_IDS + place, name, released, genre, overview, plex=held)


def _new_movies() -> Iterator[SandboxTitle]:
    for place, (name, year, genre, overview) in enumerate(NEW_MOVIES):
        yield SandboxTitle("movie", NEW_MOVIE_IDS + place, name, f"{year}-06-15", genre, overview)


def _library_shows() -> Iterator[SandboxTitle]:
    for place, (name, _, genre, seasons, overview) in enumerate(SHOWS):
        item = show(place)
        unseen = 1 if place % 4 == 3 else 0  # a season that the library does not have yet
        yield SandboxTitle(
            "tv",
            SHOW_IDS + place,
            name,
            item["originallyAvailableAt"],
            genre,
            overview,
            seasons + unseen,
            item,
        )


def _new_shows() -> Iterator[SandboxTitle]:
    for place, (name, year, genre, seasons, overview) in enumerate(NEW_SHOWS):
        yield SandboxTitle(
            "tv", NEW_SHOW_IDS + place, name, f"{year}-09-15", genre, overview, seasons
        )


def _invented(kind: str, number: int) -> SandboxTitle:
    first = FIRST_WORDS[number % len(FIRST_WORDS)]
    second = SECOND_WORDS[number % len(SECOND_WORDS)]
    return SandboxTitle(
        kind,
        number,
        f"{first} {second}",
        f"{1970 + number % 56}-{1 + number % 12:02}-{1 + number % 28:02}",
        list(GENRES)[number % len(GENRES)],
        f"All that is left of the {second.lower()}.",
        1 + number % 5 if kind == "tv" else 0,
        specials=number % 10 == 4,
    )


def _person(place: int, known: list[SandboxTitle]) -> Person:
    movies = known[: len(MOVIES)]
    return Person(PERSON_IDS + place, PEOPLE[place], tuple(movies[place :: len(PEOPLE)][:3]))
