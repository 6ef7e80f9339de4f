"""The command line against a running server: what each command does and says, and how it ends."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from medianest.cli.exits import Exit
from tests.integration.command_line.house import House
from tests.support.waiting import wait_until

PLEX = "plex-media-server"
AWAY = re.compile(
    rf"✖  {PLEX} +unhealthy  ─.{{2}}─  (open +next probe in \d+ s|half open +probes: .*)\n"
    r"     connection refused, for \d+ s\n"
)
Run = Callable[..., Result]
Said = Callable[..., str]


def test_status_of_a_house_that_is_well(said: Said) -> None:
    first, *lines = said("status").splitlines()
    assert re.fullmatch(r"● healthy   \d+ of 100, excellent   at \d\d:\d\d:\d\d", first)
    for name in ("database", PLEX, "overseerr"):
        assert any(re.match(rf"  ●  {name} +healthy  ────  closed", line) for line in lines), lines
    assert any(line.endswith("more are well") for line in lines)
    assert "Do next" not in said("status")


def test_while_plex_is_away_status_counts_down_to_the_next_probe(
    house: House, said: Said, run: Run
) -> None:
    house.plex.stop()
    try:
        for _ in range(6):
            house.ask("media/sessions")
        assert wait_until(lambda: AWAY.search(run("status").stdout))
        assert re.match(
            r"▲ degraded   \d+ of 100, \w+   at .*\n  -20 plex-media-server", said("status")
        )
        checked = run("health check")
        assert checked.exit_code == 1
        assert f"MEDIANEST WARNING - {PLEX} is down: connection refused" in checked.stdout
        assert re.search(r" \| score=\d+\n$", checked.stdout)
        assert f"✖  {PLEX}" in said("dependencies").splitlines()[1]
        wait_until(lambda: f"Fires\n  ▲  {PLEX} is down: " in run("alerts").stdout)
    finally:
        house.plex.restart()
    wait_until(lambda: f"●  {PLEX}" in run("status").stdout)
    assert re.match(r"MEDIANEST OK - .* \| score=\d+\n", said("health check"))


@pytest.mark.parametrize(("action", "state"), [("open", "forced open"), ("disable", "disabled")])
def test_what_is_done_to_a_breaker_lasts_as_long_as_was_said(
    said: Said, action: str, state: str
) -> None:
    text = said(f"breakers {action} plex --for 1h30m --reason", "moving the server")
    assert re.match(rf"{PLEX} is {state} by operator until [\w :]+\n", text)
    assert "kept in the instance folder and the database\n" in text
    assert "every worker of this host obeys within 2 s" in text
    assert re.search(rf"{PLEX} .* {state} .* until [\w :]+: moving the server", said("breakers"))
    assert "moving the server" in said("status")
    assert f"{PLEX} is closed\n" in said("breakers enable plex")
    for other in ("close", "reset"):
        assert f"{PLEX} is closed\n" in said(f"breakers {other} plex --reason done")
    assert "done" in said("audit --limit 3")


def test_a_breaker_is_shown_with_its_figures_and_options(said: Said) -> None:
    text = said("breakers show plex")
    assert re.search(r"^state +closed since ", text, re.MULTILINE)
    assert re.search(r"^failure threshold +5$", text, re.MULTILINE)


def test_the_queue_is_listed_retried_and_dropped(house: House, said: Said, run: Run) -> None:
    assert "Nothing is kept.\n" in said("queue --state pending")
    said("breakers open overseerr --reason test")
    kept = house.ask("media/requests", media_type="movie", media_id=550)["id"]
    listed = said("queue")
    assert re.search(rf"^{kept}  pending  movie:550 ", listed, re.MULTILINE)
    assert "overseerr.request waits: " in listed
    assert re.search(r"^idempotency key +movie:550$", said(f"queue show {kept}"), re.MULTILINE)
    refused = run(f"queue drop {kept}", input="")
    assert (refused.exit_code, "--yes" in refused.stderr) == (Exit.WRONG_USE, True)
    assert said(f"queue drop {kept} --yes --reason", "no more") == f"{kept} is dropped\n"
    assert run(f"queue show {kept}").exit_code == Exit.NOT_FOUND
    unknown = house.ask("media/requests", media_type="movie", media_id=9_000_001)["id"]
    assert said(f"queue retry {unknown}") == f"{unknown} is tried again now\n"
    said("breakers enable overseerr")
    wait_until(lambda: f"{unknown}  dead" in run("queue --dead").stdout)
    told = "1 dead letter waits for you: medianest queue list --dead"
    wait_until(lambda: told in run("status").stdout)
    assert said("queue retry --dead") == "1 are tried again, 0 stay dead\n"
    wait_until(lambda: f"{unknown}  dead" in run("queue --dead").stdout)
    said(f"queue drop {unknown} --yes")
    assert "No dead letters." in said("queue list --dead")


def test_a_dependency_is_added_shown_and_removed(said: Said, run: Run) -> None:
    assert said("dependencies add nas --depends-on plex") == "nas is watched from now on\n"
    assert "is watched already" in said("dependencies add nas --depends-on plex")
    assert re.search(rf"^depends on +{PLEX}$", said("dependencies show nas"), re.MULTILINE)
    assert "nas" in said("dependencies")
    private = run("dependencies add tv --health-check-url http://192.168.1.9/")
    assert private.exit_code == Exit.REFUSED
    assert "MEDIANEST_HEALTH_ALLOWED_NETWORKS" in private.stderr
    assert run("dependencies remove nas").exit_code == Exit.WRONG_USE
    assert said("dependencies remove nas --yes") == "nas is watched no longer\n"


def test_recovery_is_told_and_rehearsed(said: Said, run: Run) -> None:
    assert said("recovery")
    assert "database.read" in said("recovery test")
    predicted = said("recovery test database.read ECONNREFUSED")
    assert re.search(r"^database-reconnect +10 +yes", predicted, re.MULTILINE)
    assert "done: " in said("recovery test database.read timeout --execute")
    assert run("recovery test nothing").exit_code == Exit.NOT_FOUND
    assert run("recovery test database.read --context", "[]").exit_code == Exit.WRONG_USE


def test_an_alert_is_silenced_for_a_while(said: Said) -> None:
    key = f"dependency-down:{PLEX}"
    text = said("alerts silence dependency-down:plex --for 2h --reason", "it moves")
    assert re.fullmatch(rf"{key} is silent until [\w: ]+\n", text)
    assert re.search(rf"^{key} .* operator  it moves$", said("alerts silence"), re.MULTILINE)
    assert said(f"alerts silence {key} --end") == f"{key} is told again\n"
    assert said("alerts silence") == "No alert is silenced.\n"


def test_alerts_that_go_nowhere_are_told(run: Run) -> None:
    nowhere = run("alerts test")
    assert nowhere.exit_code == Exit.WRONG_SETTING
    assert "set MEDIANEST_ALERTS_URLS" in nowhere.stderr


@pytest.mark.parametrize(
    ("line", "member"),
    [
        ("status", "score"),
        ("breakers", "circuit_breakers"),
        ("breakers list", "circuit_breakers"),
        ("breakers show plex", "config"),
        ("queue", "items"),
        ("dependencies", "dependencies"),
        ("dependencies show plex", "health"),
        ("alerts", "firing"),
        ("recovery", "items"),
        ("recovery test", "operations"),
        ("audit --limit 201", "items"),
        ("events", "items"),
        ("alerts silence", "silences"),
    ],
)
def test_programs_get_what_the_api_answers(said: Said, line: str, member: str) -> None:
    assert member in json.loads(said(f"{line} --json"))


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ("breakers show nothing", Exit.NOT_FOUND, "there is no circuit breaker 'nothing' [trace "),
        ("breakers opn plex", Exit.WRONG_USE, "No such command 'opn'"),
        ("breakers open plex --for soon", Exit.WRONG_USE, "'soon' is no duration such as 30s"),
        ("--url nas:8000 status", Exit.WRONG_USE, "--url: 'nas:8000' is not http://HOST:PORT"),
        ("status --url http://u:p@nas", Exit.WRONG_USE, "a URL with a host, a port and a path"),
        (
            "--url http://127.0.0.1:1 status",
            Exit.NO_ANSWER,
            "no server answers at http://127.0.0.1:1",
        ),
        ("status --token-file /nowhere", Exit.WRONG_USE, "cannot read the token in /nowhere"),
        ("recovery test database.read --bogus", Exit.WRONG_USE, "No such option"),
        ("breakers open plex --reason \x01", Exit.REFUSED, "reason: "),
        ("queue retry", Exit.WRONG_USE, "name one operation by its ID"),
        ("alerts silence memory:system --for 1h", Exit.WRONG_USE, "--reason why"),
        ("alerts silence nothing --end", Exit.NOT_FOUND, "'nothing' is not silenced"),
        ("status --watch --json", Exit.WRONG_USE, "--watch is for people"),
    ],
)
def test_what_goes_wrong_is_one_line_and_an_exit_code(
    run: Run, line: str, code: Exit, told: str
) -> None:
    done = run(line)
    assert (done.exit_code, done.stdout) == (code, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_token_that_is_refused_is_told_with_its_origin(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = tmp_path / "token"
    wrong.write_text("wrong\n")
    done = run(f"audit --token-file {wrong}")
    assert done.exit_code == Exit.NO_TOKEN
    assert (
        f"the token is not known (the one of --token-file {wrong} was sent) [trace " in done.stderr
    )
    assert "wrong\n" not in done.stderr
    monkeypatch.setenv("MEDIANEST_INSTANCE_PATH", str(tmp_path))
    assert run("status").exit_code == 0  # in development everybody may look
    none = run("breakers reset plex")
    assert none.exit_code == Exit.NO_TOKEN
    assert "none was found: name its file with --token-file" in none.stderr
    checked = run(f"health check --token-file {wrong}")
    assert (checked.exit_code, checked.stdout[:18]) == (3, "MEDIANEST UNKNOWN ")


def test_a_monitoring_system_hears_that_no_server_answers(run: Run) -> None:
    done = run("health check --url http://127.0.0.1:1")
    assert done.exit_code == 2
    assert done.stdout.startswith("MEDIANEST CRITICAL - no server answers at http://127.0.0.1:1")
