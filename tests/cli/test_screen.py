"""What people see fits their terminal, and does nothing to it."""

import pytest
from click.testing import CliRunner

from medianest.cli.command import command
from medianest.cli.screen.table import Cell, cut, table, width_of, wrapped
from medianest.cli.screen.words import age, plain

ROWS: list[tuple[Cell | str, ...]] = [
    (
        "plex-media-server",
        "unhealthy",
        "it did not answer in time, and nobody knows why it does so",
    ),
    (Cell("●", "green"), "healthy", ""),
]


@pytest.mark.parametrize("width", [30, 40, 60, 80])
def test_a_table_is_no_wider_than_the_terminal(width: int) -> None:
    lines = [line for row in table(ROWS, width) for line in row]
    assert max(width_of(plain_of(line)) for line in lines) <= width
    assert "why" in " ".join(lines)


def plain_of(line: str) -> str:
    return line.replace("\x1b[32m", "").replace("\x1b[0m", "")


def test_nothing_is_cut_where_no_terminal_is() -> None:
    (first, second) = table(ROWS, None)
    assert len(first) == len(second) == 1
    assert first[0].endswith("nobody knows why it does so")


def test_letters_of_east_asia_take_two_columns_and_accents_none() -> None:
    assert [width_of(text) for text in ("abc", "日本", "e\u0301")] == [3, 4, 1]
    assert cut("日本語の題", 7) == "日本語…"
    assert wrapped("日本語の題", 6) == ["日本語", "の題"]


def test_a_word_that_is_too_long_goes_on_in_the_next_line() -> None:
    assert wrapped("a bcdefgh ij", 3) == ["a", "bcd", "efg", "h", "ij"]


def test_what_others_say_moves_no_cursor() -> None:
    assert plain("a\x1b[2Jb\n\u202ec") == "a�[2Jb �c"
    assert "\x1b[2J" not in "".join(table([("\x1b[2J", Cell("\x1b[2J"), "")], 80)[0])


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.4, "0 s"), (59, "59 s"), (60, "1 min"), (3_725, "1 h 2 min"), (180_000, "2 d 2 h")],
)
def test_an_age_has_its_two_largest_units(seconds: float, told: str) -> None:
    assert age(seconds) == told


def test_each_command_tells_what_it_is_for() -> None:
    help_text = CliRunner().invoke(command, ["--help"]).output
    for name in command.list_commands(None):  # type: ignore[arg-type]
        assert f"\n  {name} " in help_text
