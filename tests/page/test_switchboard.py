"""The switchboard: when somebody looks again at what is not well."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from medianest.health import DependencyHealth, Status
from medianest.page.switchboard import Line, lines_of
from tests.support.narrowing import not_none

CHECKED = datetime(2026, 11, 30, 3, 0, 0, 400_000, tzinfo=UTC)


@pytest.fixture
def plex(make_app: Callable[..., Flask], tables: None) -> DependencyHealth:
    """It was found down."""
    app = make_app("development", plex={"url": "http://127.0.0.1:1"}, sandbox=False)
    found = app.extensions["medianest"].monitoring.reporter.report().dependencies
    plex = next(each for each in found if each.name == "plex-media-server")
    check = replace(not_none(plex.check), status=Status.UNHEALTHY, checked_at=CHECKED)
    return replace(plex, status=Status.UNHEALTHY, check=check)


def line(found: DependencyHealth, every: float) -> Line:
    (only,) = lines_of([found], lambda name: (), {found.name: every})
    return only


def test_the_next_check_is_counted_down_to(plex: DependencyHealth) -> None:
    """In whole seconds, as nothing may change the page by itself."""
    found = line(plex, 10.0)
    assert found.check_at == CHECKED.replace(microsecond=0) + timedelta(seconds=10)
    assert found.check_every is None


def test_checks_that_come_too_fast_for_that_are_told_by_how_often(plex: DependencyHealth) -> None:
    found = line(plex, 0.5)
    assert (found.check_at, found.check_every) == (None, 0.5)


def test_of_what_is_well_no_check_is_told(plex: DependencyHealth) -> None:
    well = replace(plex, check=replace(not_none(plex.check), status=Status.HEALTHY))
    found = line(well, 10.0)
    assert (found.check_at, found.check_every) == (None, None)
