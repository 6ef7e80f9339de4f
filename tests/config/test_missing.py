"""What is off for want of a setting."""

from typing import Any

import pytest

from medianest.config import Settings, missing

PLEX, OVERSEERR = "http://plex:32400", "http://overseerr:5055"


@pytest.mark.parametrize(
    ("given", "variables"),
    [
        ({}, ["MEDIANEST_PLEX_URL"]),
        ({"plex": {"url": PLEX}}, ["MEDIANEST_PLEX_TOKEN"]),
        ({"plex": {"url": PLEX, "token": "a-token"}}, []),
        (
            {"plex": {"url": PLEX, "token": "a-token"}, "overseerr": {"url": OVERSEERR}},
            ["MEDIANEST_OVERSEERR_API_KEY"],
        ),
    ],
)
def test_each_is_told_by_its_variable_and_with_what_is_off(
    given: dict[str, Any], variables: list[str]
) -> None:
    found = missing(Settings.parse({"env": "production", **given}))
    assert [line.split(" is not set: ")[0] for line in found] == variables
    assert all(" off" in line for line in found)
