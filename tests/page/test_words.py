"""Numbers and drawings as people see them."""

import pytest

from medianest.page.words import (
    area_path,
    duration,
    fault_bars,
    line_path,
    look,
    ordinal,
    rate,
    share,
    state_word,
    summed,
    times,
    tried,
)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),  # noqa: RUF001
        (0.0004, "0.4 ms"),
        (0.0123, "12 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.0 s"),
        (9.96, "10 s"),
        (89.0, "89 s"),
        (90.0, "2 min"),
        (5400.0, "2 h"),
        (200_000.0, "2 d"),
    ],
)
def test_a_duration_has_three_digits_at_most(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("part", "words"),
    [(None, "–"), (0.0, "0 %"), (0.004, "0.4 %"), (0.25, "25 %"), (1.0, "100 %")],  # noqa: RUF001
)
def test_a_share_is_told_in_percent(part: float | None, words: str) -> None:
    assert share(part) == words


def test_counts_are_told_as_people_do() -> None:
    assert [times(number) for number in (0, 1, 2, 3)] == ["not yet", "once", "twice", "3 times"]
    assert [tried(number) for number in (0, 1)] == ["not tried yet", "tried once"]
    numbers = (1, 2, 3, 4, 11, 12, 13, 21, 112)
    told = "1st 2nd 3rd 4th 11th 12th 13th 21st 112th"
    assert " ".join(map(ordinal, numbers)) == told
    assert [rate(each) for each in (0.0, 0.02, 0.5, 41.2)] == ["0", "<0.1", "0.5", "41"]


def test_states_have_words_and_looks() -> None:
    assert (state_word("forced_open"), look("forced_open")) == ("held open", "held")
    assert (look("unhealthy"), look("healthy"), look("half_open")) == ("bad", "ok", "warn")
    assert (state_word("new"), look("new")) == ("new", "off")  # of a later version


def test_a_sparkline_goes_from_left_to_right_with_the_most_on_top() -> None:
    calls = [(0, 0), (10, 0), (5, 0)]
    assert line_path(calls) == "M0.0,33.0L120.0,3.0L240.0,18.0"
    assert area_path(calls) == "M0.0,34L0.0,33.0L120.0,3.0L240.0,18.0L240.0,34Z"


def test_a_sparkline_has_a_gap_where_nothing_is_known() -> None:
    """Keeps out: a line through time in which nobody looked, as if there had been no calls."""
    calls = [None, (1, 0), None, (1, 1), (1, 0)]
    assert line_path(calls) == "M60.0,3.0M180.0,3.0L240.0,3.0"
    assert area_path([(1, 0)]) == "M0.0,34L0.0,3.0L0.0,34Z"
    assert line_path([]) == area_path([None]) == ""


def test_failures_are_bars_that_one_can_see() -> None:
    assert fault_bars([(1000, 1), None, (1000, 1000)]) == [
        ("0.0", "30.0", "4.0"),
        ("236.0", "3.0", "31.0"),
    ]
    assert (summed([(3, 1), None, (4, 2)], 0), summed([(3, 1), None, (4, 2)], 1)) == (7, 3)
