"""Genuine answers of a Plex Media Server, as the client reads them."""

import json
from typing import Any

from medianest.media.parsing import parsed_all
from medianest.media.plex.models import Item, Library
from tests.media.conftest import CAPTURES
from tests.support.narrowing import not_none


def container(name: Any) -> Any:
    return json.loads((CAPTURES / "plex" / name).read_text())["MediaContainer"]


def test_the_sections_of_a_real_server_are_read() -> None:
    sections = container("library-sections-200.json")["Directory"]
    libraries = parsed_all("plex", Library, sections)
    assert [library.title for library in libraries] == ["Movies", "TV Shows", "Non matched content"]
    assert [library.hidden for library in libraries] == [False, False, False]
    assert not_none(libraries[0].scanned_at).year == 2023


def test_what_a_real_server_added_recently_is_read() -> None:
    items = parsed_all("plex", Item, container("recently-added-200.json")["Metadata"])
    assert [(item.title, item.year) for item in items] == [("Mphatso", None), ("Idiocracy", 2006)]
    assert items[1].duration_seconds == 4844.064
    assert items[1].library_key == "1"
