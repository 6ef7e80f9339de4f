"""What has changed, as `medianest events` tells it, once and while it changes."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable

from medianest.cli.exits import Exit
from tests.integration.command_line.house import House
from tests.support.narrowing import not_none
from tests.support.waiting import wait_until

NAME = "overseerr.source"
Said = Callable[..., str]


def test_changes_are_told_with_who_and_why(house: House, said: Said) -> None:
    house.act("open", NAME, "a test")
    house.act("enable", NAME)
    wait_until(lambda: "forced open → closed" in said(f"events --name {NAME}"))
    lines = said(f"events --type breaker --name {NAME} --since 1h").splitlines()
    assert re.search(rf"────  {NAME}  forced open → closed  by operator$", lines[1])
    assert re.search(rf"─  {NAME}  closed → forced open  by operator: a test$", lines[2])
    assert said("events --name nothing") == "Nothing has changed.\n"


def test_what_comes_is_followed_each_once_and_in_order(house: House) -> None:
    """Keeps out: what is written a moment late, or is asked for twice, told twice or never."""
    process = subprocess.Popen(
        [sys.executable, "-m", "medianest", "--url", house.server.url, "events", "--follow",
         "--json", "--name", NAME, "--limit", "1"],
        cwd=house.server.directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    lines = not_none(process.stdout)
    house.act("disable", NAME, "before it looks")
    first = json.loads(lines.readline())
    house.act("enable", NAME)
    house.act("open", NAME)
    house.act("enable", NAME)
    wanted = ["closed", "forced_open", "closed"]
    if first["after"] != "disabled":  # it looked before that was there
        wanted = ["disabled", *wanted]
    assert [json.loads(lines.readline())["after"] for _ in wanted] == wanted
    process.send_signal(signal.SIGINT)
    rest, told = process.communicate(timeout=20)
    assert (process.returncode, rest, told.strip()) == (Exit.INTERRUPTED, "", "")
