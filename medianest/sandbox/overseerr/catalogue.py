"""Invented titles that are not in the library, so that there is something to request."""

from __future__ import annotations

from typing import Final

__all__ = ["FIRST_WORDS", "GENRES", "NEW_MOVIES", "NEW_SHOWS", "SECOND_WORDS"]

NEW_MOVIES: Final[tuple[tuple[str, int, str, str], ...]] = (
    ("Salt Above Verrin: Low Tide", 2025, "Adventure", "The sea comes back for what it is owed."),
    (
        "The Lighthouse Auditor",
        2025,
        "Comedy",
        "An inspector counts the flashes, and one is short.",
    ),
    ("Quieter Voltage", 2026, "Thriller", "The voice in the grid asks for a day off."),
    ("A Spoon for the Admiral", 2024, "Comedy", "A ship's cook is promoted by clerical error."),
    ("The Velvet Tollgate", 2023, "Drama", "Two sisters keep a road that nobody takes."),
    ("Lantern Parade at Noon", 2022, "Romance", "He carries a light that she cannot see."),
    ("Hibernation Committee", 2025, "Animation", "Bears vote on when the winter begins."),
    ("What the Ferry Owes", 2021, "Crime", "A crossing is paid for twice, and once in blood."),
    ("Orchard of Broken Clocks", 2024, "Fantasy", "Each tree bears fruit at the wrong hour."),
    ("Static on the Moor", 2020, "Horror", "A radio play goes on after the actors have left."),
    ("The Second Apricot Heist", 2026, "Crime", "The tree wants to go home."),
    ("Glaciers for Sale", 2023, "Documentary", "Who buys ice, and where it goes."),
)
"""Title, year, genre, overview."""

NEW_SHOWS: Final[tuple[tuple[str, int, str, int, str], ...]] = (
    ("Lanternkeepers", 2025, "Drama", 2, "The debts of a town, and who is born into them."),
    ("Parliament of Tides", 2024, "Fantasy", 3, "The sea sends a delegate."),
    ("The Apricot Files", 2022, "Crime", 4, "A detective is allergic to her own case."),
    ("Laundry in Low Orbit", 2026, "Science Fiction", 1, "The station has a new night shift."),
    ("Moor & Sons", 2019, "Comedy", 6, "Undertakers with a cheerful streak."),
    ("Signals from Ostmoor", 2023, "Mystery", 2, "A ferry answers that sank long ago."),
)
"""Title, first year, genre, seasons, overview."""

FIRST_WORDS: Final = (
    "Amber", "Borrowed", "Crooked", "Distant", "Eleventh", "Folded", "Gilded", "Hollow",
    "Idle", "Jagged", "Kindred", "Lesser", "Muted", "Nimble", "Opaque", "Patient", "Quarrelsome",
)  # fmt: skip
SECOND_WORDS: Final = (
    "Anchors", "Balconies", "Chimneys", "Dominoes", "Envelopes", "Foundlings", "Gondolas",
    "Harvesters", "Islands", "Jugglers", "Kettles", "Lanterns", "Meridians", "Neighbours",
    "Orchards", "Pilots", "Quarries", "Ravens", "Sundials", "Teapots", "Umbrellas", "Valleys",
    "Weathervanes",
)  # fmt: skip

GENRES: Final = {
    "Action": 28,
    "Adventure": 12,
    "Animation": 16,
    "Comedy": 35,
    "Crime": 80,
    "Documentary": 99,
    "Drama": 18,
    "Family": 10751,
    "Fantasy": 14,
    "Horror": 27,
    "Music": 10402,
    "Mystery": 9648,
    "Romance": 10749,
    "Science Fiction": 878,
    "Thriller": 53,
    "War": 10752,
    "Western": 37,
}
"""Their numbers at TMDB."""
