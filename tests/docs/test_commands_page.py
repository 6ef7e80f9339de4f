"""docs/commands.md shows each command, and what pages show of the command line can be typed."""

import re
import shlex
from collections.abc import Callable, Iterator

import click
import pytest
from click.testing import CliRunner

from medianest.cli.command import command
from medianest.cli.exits import Exit
from tests.docs import PAGES, ROOT
from tests.support.narrowing import not_none

_TYPED = re.compile(r"^\$ (?:[A-Z_]+=\S+ |\S*bin/)*medianest ([^#|\n]*)", re.MULTILINE)
COMMANDS = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
EXAMPLES = sorted(
    {line.strip() for page in PAGES for line in _TYPED.findall(page.read_text(encoding="utf-8"))}
)


def commands(group: click.Group, above: str = "") -> Iterator[tuple[str, click.Command]]:
    """Each, by what is typed."""
    with click.Context(group) as context:
        for name in group.list_commands(context):
            found = not_none(group.get_command(context, name))
            if isinstance(found, click.Group):
                yield from commands(found, f"{above}{name} ")
            else:
                yield f"{above}{name}", found


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands that were run; each does nothing."""
    names: list[str] = []

    def noting(name: str) -> Callable[..., None]:
        return lambda **_: names.append(name)

    for name, each in commands(command):
        monkeypatch.setattr(each, "callback", noting(name))
    return names


@pytest.mark.parametrize("line", EXAMPLES)
def test_what_a_page_shows_can_be_typed(ran: list[str], line: str) -> None:
    done = CliRunner().invoke(command, shlex.split(line))
    assert (done.exit_code, len(ran)) == (0, 1), done.output


def test_each_command_is_shown(ran: list[str]) -> None:
    for line in EXAMPLES:
        CliRunner().invoke(command, shlex.split(line))
    assert [name for name, _ in commands(command) if name not in ran] == []


def test_each_exit_code_is_told() -> None:
    told = re.findall(r"^\| (\d+) \| (.+) \|$", COMMANDS, re.MULTILINE)
    assert sorted((int(code), meaning) for code, meaning in told) == sorted(
        (each.value, each.meaning) for each in Exit
    )
