"""The settings as they are in effect: where each comes from, and no secret among them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medianest.config import Settings
from medianest.config.effective import Effective, effective
from medianest.resilience import ConfigurationError


@pytest.fixture
def found(tmp_path: Path) -> Callable[..., dict[str, Effective]]:
    """`found(file, NAME="value")` is what is in effect, by its key."""

    def find(file: str = "", **variables: Any) -> dict[str, Effective]:
        (tmp_path / "medianest.toml").write_text(file)
        environ = {"MEDIANEST_INSTANCE_PATH": str(tmp_path)}
        environ |= {f"MEDIANEST_{name}": value for name, value in variables.items()}
        settings = Settings.load(environ)
        return {each.key: each for each in effective(settings, environ)}

    return find


def both(each: Effective) -> tuple[Any, str]:
    return each.value, each.origin


def test_what_nobody_set_is_a_default(found: Callable[..., dict[str, Effective]]) -> None:
    assert both(found()["alerts.hold"]) == (30.0, "default")
    assert both(found()["env"]) == ("development", "default")


@pytest.mark.parametrize(
    ("env", "key", "value"),
    [
        ("development", "log_level", "DEBUG"),
        ("development", "plex.reset_timeout", 5.0),
        ("testing", "overseerr.max_attempts", 1),
        ("production", "log_json", True),
        ("production", "database.migrate", False),
    ],
)
def test_what_the_environment_sets_is_its_default(
    found: Callable[..., dict[str, Effective]], env: str, key: str, value: float | str
) -> None:
    assert both(found(ENV=env)[key]) == (value, f"default of {env}")


def test_a_file_is_named(found: Callable[..., dict[str, Effective]], tmp_path: Path) -> None:
    file = '[alerts]\nhold = 5\n[plex]\nurl = "http://plex:32400"\nreset_timeout = 7'
    seen = found(file)
    assert both(seen["alerts.hold"]) == (5.0, str(tmp_path / "medianest.toml"))
    assert both(seen["plex.url"])[0] == "http://plex:32400"
    assert seen["plex.reset_timeout"].origin == str(tmp_path / "medianest.toml")
    assert seen["plex.failure_threshold"].origin == "default of development"
    assert seen["alerts.cool_down"].origin == "default"


def test_a_variable_is_named_and_wins(found: Callable[..., dict[str, Effective]]) -> None:
    seen = found("[alerts]\nhold = 5", ALERTS_HOLD="7", ENV="production")
    assert both(seen["alerts.hold"]) == (7.0, "MEDIANEST_ALERTS_HOLD")
    assert both(seen["env"]) == ("production", "MEDIANEST_ENV")
    assert seen["instance_path"].origin == "MEDIANEST_INSTANCE_PATH"


def test_an_empty_variable_is_none(
    found: Callable[..., dict[str, Effective]], tmp_path: Path
) -> None:
    seen = found("[alerts]\nhold = 5", ALERTS_HOLD="")
    assert both(seen["alerts.hold"]) == (5.0, str(tmp_path / "medianest.toml"))


def test_a_secret_from_a_file_is_named_by_its_variable(
    found: Callable[..., dict[str, Effective]], tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("hunter2\n")
    (tmp_path / "token").chmod(0o600)
    seen = found(PLEX_TOKEN_FILE=str(tmp_path / "token"))
    assert both(seen["plex.token"]) == ("********", "MEDIANEST_PLEX_TOKEN_FILE")


def test_a_token_that_was_made_here_is_named_by_its_file(tmp_path: Path) -> None:
    environ = {"MEDIANEST_INSTANCE_PATH": str(tmp_path)}
    settings = Settings.load(environ, {"operator_token": "hunter2"})
    seen = {each.key: each for each in effective(settings, environ)}
    assert both(seen["operator_token"]) == ("********", str(tmp_path / "operator.token"))


def test_every_setting_is_there_and_plain(found: Callable[..., dict[str, Effective]]) -> None:
    seen = found(HEALTH_ALLOWED_NETWORKS="10.0.0.0/8,fd00::/8")
    assert seen["health.allowed_networks"].value == ["10.0.0.0/8", "fd00::/8"]
    assert seen["plex.max_concurrent"].variable == "MEDIANEST_PLEX_MAX_CONCURRENT"
    assert json.loads(json.dumps([each.value for each in seen.values()]))
    assert seen["operator_token"].value is None


PASSWORD = "hunter2"


@pytest.mark.parametrize(
    ("variable", "value", "shown"),
    [
        ("PLEX_TOKEN", "hunter2", "********"),
        ("PLEX_TOKEN", "hunter2://hunter2", "********"),
        ("OVERSEERR_API_KEY", "hunter2", "********"),
        ("OPERATOR_TOKEN", "hunter2", "********"),
        ("VIEWER_TOKEN", "a://hunter2@b", "********"),
        ("CLIENT_TOKEN", "hunter2", "********"),
        ("DATABASE_URL", "postgres://me:hunter2@db/nest", "postgresql://me:********@db/nest"),
        ("DATABASE_URL", "postgres://me:a@hunter2@db/nest", "********"),
        ("DATABASE_URL", "postgres://me:hunter2?x@db/nest", "********"),
        ("DATABASE_URL", "postgres://me:hunter2/x@db/nest", "********"),
        ("DATABASE_URL", "postgres://me:hunter2#x@db/nest", "postgresql://me:********@db/nest"),
        ("DATABASE_URL", "postgres://me:?hunter2?@db/n?application_name=hunter2", "********"),
        ("DATABASE_URL", "postgres://me@db/nest?password=hunter2", "********"),
        ("DATABASE_URL", "postgres://db/nest?password=hunter2", "postgresql://db/nest?********"),
        ("DATABASE_URL", "postgres://me@db/n?password=a@hunter2", "********"),
        ("DATABASE_URL", "postgres://db/nest", "postgresql://db/nest"),
        ("DATABASE_URL", "sqlite:////srv/a@b:c.db", "sqlite:////srv/a@b:c.db"),
        ("REDIS_URL", "redis://:hunter2@redis:6379/0", "redis://:********@redis:6379/0"),
        ("REDIS_URL", "rediss://me:hunter2@redis?db=1", "rediss://me:********@redis?********"),
        ("REDIS_URL", "redis://hunter2@redis", "********"),
        ("REDIS_URL", "redis://redis:6379/0", "redis://redis:6379/0"),
        ("ALERTS_URLS", "ntfy://hunter2 json://me:hunter2@host/hunter2", ["********"] * 2),
    ],
)  # fmt: skip
def test_no_secret_is_shown(
    found: Callable[..., dict[str, Effective]], variable: str, value: str, shown: str | list[str]
) -> None:
    seen = found(**{variable: value})
    assert PASSWORD not in repr(seen)
    (each,) = [each for each in seen.values() if each.variable == f"MEDIANEST_{variable}"]
    assert both(each) == (shown, f"MEDIANEST_{variable}")


def test_secrets_in_a_file_are_not_shown_either(found: Callable[..., dict[str, Effective]]) -> None:
    file = '[alerts]\nurls = ["json://hunter2"]\n[database]\nurl = "postgresql://a:hunter2@b/c"'
    seen = found(file)
    assert PASSWORD not in repr(seen)
    assert seen["alerts.urls"].value == ["********"]


@pytest.mark.parametrize(
    ("name", "warning", "critical"),
    [
        ("ERROR_RATE", "0.2", "0.1"),
        ("ERROR_RATE", "0.1", "0.1"),
        ("RESPONSE_TIME", "6", "5"),
        ("MEMORY", "0.95", "0.9"),
        ("BREAKERS_OPEN", "3", "3"),
    ],
)
def test_thresholds_of_alerts_have_an_order(
    found: Callable[..., dict[str, Effective]], name: str, warning: str, critical: str
) -> None:
    variable = f"MEDIANEST_ALERTS_{name}"
    with pytest.raises(ConfigurationError) as caught:
        found(**{f"ALERTS_{name}_WARNING": warning, f"ALERTS_{name}_CRITICAL": critical})
    assert str(caught.value) == (
        f"{variable}_WARNING: {warning} is not allowed: must be less than "
        f"{variable}_CRITICAL ({critical})"
    )


def test_one_threshold_is_held_against_the_default_of_the_other(
    found: Callable[..., dict[str, Effective]],
) -> None:
    with pytest.raises(ConfigurationError, match=r"MEDIANEST_ALERTS_MEMORY_WARNING: 0\.95"):
        found(ALERTS_MEMORY_WARNING="0.95")
    assert found(ALERTS_MEMORY_WARNING="0.89")["alerts.memory_warning"].value == 0.89
