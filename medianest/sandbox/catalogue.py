"""The invented titles of the library; any likeness to a real work is chance."""

from __future__ import annotations

from typing import Final

__all__ = ["ARTISTS", "MOVIES", "PEOPLE", "SHOWS"]

MOVIES: Final[tuple[tuple[str, int, str, str], ...]] = (
    ("The Lanternkeeper's Ledger", 2019, "Drama", "A widow finds her town's debts in a book."),
    ("Salt Above Verrin", 2021, "Adventure", "Two smugglers cross a desert that used to be a sea."),
    ("Brass & Feathers", 2016, "Comedy", "A town band must share its hall with an aviary."),
    ("Quiet Voltage", 2023, "Thriller", "A night engineer hears a voice in the power grid."),
    ("Nine Ferries to Ostmoor", 2014, "Drama", "A ferryman's last week before the bridge opens."),
    ("Octopus Parliament", 2022, "Comedy", "An aquarium's cleaner is elected by mistake."),
    ("The Borrowed Glacier", 2018, "Adventure", "Surveyors argue over ice that will not stay."),
    ("Última Carta de Merwin", 2011, "Romance", "A postman delivers a letter forty years late."),
    ("Hollow Meridian", 2024, "Science Fiction", "A mapmaker finds a line that nobody drew."),
    ("Paper Cosmonauts", 2009, "Science Fiction", "Schoolchildren plan a launch in earnest."),
    ("Seventeen Umbrellas", 2017, "Mystery", "Each umbrella left on a tram belongs to a suspect."),
    ("A Kettle for Mr. Dvorn", 2012, "Comedy", "A hotel loses its only demanding guest."),
    ("The Cartographer's Twin", 2020, "Mystery", "Two sisters draw the same island differently."),
    ("Undertow Street", 2015, "Crime", "A flooded quarter hides a bank nobody robbed."),
    ("Marrow and Thistle", 2013, "Drama", "A butcher's son opens a garden."),
    ("The Last Analog Summer", 2010, "Drama", "Three friends run a radio station into the ground."),
    ("Grandmother Static", 2022, "Horror", "Something answers on the old house's intercom."),
    ("Iron Lullabies", 2008, "War", "A piano tuner follows an army that has no piano."),
    ("Pelican Protocol", 2021, "Thriller", "A harbour's birds carry more than fish."),
    ("Where the Tram Ends", 2019, "Romance", "Two strangers always miss the same last stop."),
    ("Copper Saints", 2006, "Western", "A mining town prays to its own foreman."),
    ("The Understudy of Brell", 2018, "Drama", "An actor is better at being someone else."),
    ("Moth Season", 2020, "Horror", "The lamps of a village go out one by one."),
    ("Lemon Republic", 2014, "Comedy", "A grove declares its independence over a tax."),
    ("Clockmaker, Baker, Spy", 2011, "Thriller", "Three neighbours keep one secret badly."),
    ("The Weight of Small Boats", 2023, "Drama", "A builder is asked for a boat that must sink."),
    ("Ninth Floor, No Lift", 2016, "Comedy", "A removal firm meets its match."),
    ("Ash Cartel", 2024, "Crime", "Chimney sweeps take over a city at night."),
    ("Sundial for Beginners", 2012, "Family", "A girl teaches a robot to be late."),
    ("Hedgerow Kings", 2017, "Animation", "Two hedgehogs quarrel over a garden's crown."),
    ("The Orchard Below", 2015, "Fantasy", "Trees grow downwards into another country."),
    ("Velvet Algorithm", 2022, "Science Fiction", "A matchmaking machine falls silent."),
    ("Driftwood Symphony", 2007, "Music", "An orchestra is shipwrecked with its worst critic."),
    ("Cold Bread", 2013, "Drama", "A bakery works through a winter without customers."),
    ("Seven Doors of Quillon", 2021, "Fantasy", "A locksmith inherits a house without a key."),
    ("The Apricot Heist", 2019, "Crime", "Retired jewellers steal a tree."),
    (
        "Tomorrow's Lighthouse",
        2018,
        "Science Fiction",
        "Its beam shows ships that are not yet due.",
    ),
    ("Rust Never Writes", 2009, "Documentary", "The letters that shipyards sent to each other."),
    ("Of Beetles and Bishops", 2010, "Comedy", "A collector's finest piece is a bishop's hat."),
    ("Midnight at Pump Nine", 2014, "Mystery", "A petrol station sells to a car with no driver."),
    ("The Gentle Avalanche", 2020, "Adventure", "A rescue team is rescued by its pupils."),
    ("Parallel Sundays", 2023, "Romance", "She lives every week without the day he lives."),
    ("Wolf Accountancy", 2016, "Comedy", "The pack keeps its books in order, mostly."),
    ("Harbour of Wrong Names", 2005, "Mystery", "Every ship arrives as another."),
    ("Feral Typewriters", 2017, "Horror", "An office writes its own resignations."),
    ("Snow on the Antenna", 2011, "Drama", "A weather station's last report is late."),
    ("The Tin Ambassador", 2008, "Family", "A toy is sent to make peace with the cat."),
    ("Glass Harvest", 2022, "Thriller", "Farmers reap what fell from a silent sky."),
    ("Errand of the Magpie", 2015, "Animation", "A thief gives everything back in one night."),
    ("Second Moon Diner", 2024, "Science Fiction", "The only café in orbit loses its licence."),
    ("Kilometre Zero", 2013, "Documentary", "Where each country starts to count."),
    ("Hymn for a Crane", 2012, "Drama", "A crane driver sings to a sleeping city."),
    ("The Unfinished Staircase", 2019, "Fantasy", "An architect climbs what he has not drawn."),
    ("Blue Postal Route", 2021, "Documentary", "A year with the boats that carry mail."),
    ("Patience of Foxes", 2018, "Thriller", "A hunter waits for one who waits for him."),
    ("Sixty Watts of Heaven", 2007, "Comedy", "A lamp shop's owner sees the light."),
    ("Ochre", 2020, "Drama", "A painter runs out of one colour only."),
    ('The "Honest" Ferdinand', 2014, "Comedy", "A liar is cast as a witness."),
    ("Northbound, Without Tea", 2016, "Adventure", "A polar train forgets its most vital cargo."),
    ("Letters to an Empty Aviary", 2023, "Drama", "The cleaner and the band, many years later."),
)
"""Title, year, genre, summary."""

SHOWS: Final[tuple[tuple[str, int, str, int, str], ...]] = (
    ("Ferrymoor", 2018, "Drama", 3, "Three generations run a ferry that fewer people need."),
    ("The Night Signalbox", 2021, "Thriller", 2, "Two signallers see a train that is not listed."),
    ("Biscuit Tribunal", 2015, "Comedy", 4, "A village court settles what no other court will."),
    ("Orbital Laundry", 2022, "Science Fiction", 2, "Somebody has to wash for the station."),
    ("Inspector Quelle", 2012, "Crime", 5, "A detective who never leaves her kitchen."),
    ("Small Gods of Averne", 2019, "Fantasy", 2, "A suburb's gods look for day jobs."),
    ("Tidewrack", 2020, "Mystery", 1, "Each tide leaves one thing that belongs to nobody."),
    ("The Allotment Wars", 2016, "Comedy", 3, "Marrows, pride and a stolen hose."),
    ("Copperline", 2023, "Drama", 1, "The women who wired a country."),
    ("Beetle & Bramble", 2017, "Animation", 2, "A hedge is larger than it looks."),
    ("Deep Archive", 2024, "Documentary", 1, "What is kept in cellars, and why."),
    (
        "Hotel Perihelion",
        2014,
        "Science Fiction",
        2,
        "Check-out is at sunrise, every forty minutes.",
    ),
)
"""Title, first year, genre, seasons, summary."""

ARTISTS: Final[tuple[tuple[str, str, str, int], ...]] = (
    ("The Damp Almanacs", "Indie Folk", "Weather for Indoors", 2019),
    ("Ilse Tarrow", "Jazz", "Nine Slow Trams", 2016),
    ("Gravel Choir", "Rock", "Loud Gardening", 2021),
    ("Kestrel & Sons Ltd.", "Electronic", "Annual Report", 2023),
    ("Miró Pallas", "Classical", "Études for Left Kettle", 2011),
    ("Low Harbour", "Ambient", "Fog, Unedited", 2020),
)
"""Name, genre, album, the album's year."""

PEOPLE: Final = (
    "Adela Morrin",
    "Bastian Okoye",
    "Cléo Vantour",
    "Dmitri Haal",
    "Edda Quist",
    "Farouk Lindqvist",
    "Greta Osei",
    "Hamish Tanaka",
    "Imre Castellane",
    "Junia Praeger",
    "Kofi Brandt",
    "Linnea Duarte",
    "Mateus Everly",
)
"""Invented as well."""
