"""A house with Plex and Overseerr."""

from collections.abc import Iterator

import pytest

from tests.media.odd.houses import House


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("house"))
    yield house
    house.stop()


@pytest.fixture(autouse=True)
def closed_breakers(house: House) -> None:
    for service in house.servers:
        house.reset(service)
