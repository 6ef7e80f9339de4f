"""Settings: where they come from, and one clear line for each that is wrong."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medianest.config import Settings
from medianest.resilience import ConfigurationError
from tests.support.narrowing import not_none


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Settings]:
    def load(file: str = "", **variables: Any) -> Settings:
        (tmp_path / "medianest.toml").write_text(file)
        return Settings.load({"MEDIANEST_INSTANCE_PATH": str(tmp_path), **variables})

    return load


def private(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


@pytest.mark.parametrize(
    ("variables", "fault"),
    [
        ({"MEDIANEST_ENV": "prod"}, "one of development, testing, production"),
        ({"MEDIANEST_PLEX_TIMEOUT": "-1"}, "MEDIANEST_PLEX_TIMEOUT: '-1' is not allowed"),
        ({"MEDIANEST_REQUEST_TIMEOUT": "nan"}, "MEDIANEST_REQUEST_TIMEOUT"),
        ({"MEDIANEST_PLEX_URL": "plex:32400"}, "must be an http or https URL"),
        ({"MEDIANEST_PLEX_URL": "http://plex:0x"}, "must be an http or https URL"),
        ({"MEDIANEST_PLEX_URL": "ftp://plex"}, "must be an http or https URL"),
        ({"MEDIANEST_PLEX_EXPECTED_ERRORS": "timeout,ENOPE"}, "'ENOPE' is not .* the tokens"),
        ({"MEDIANEST_PLEX_RESET_TIMEOUT": "1e15"}, "MEDIANEST_PLEX_RESET_TIMEOUT"),
        ({"MEDIANEST_PLEX_MAX_CONCURRENT": "36"}, "less than MEDIANEST_MAX_IN_FLIGHT"),
        ({"MEDIANEST_DATABASE_POOL_SIZE": "6"}, "POOL_SIZE: '6' is not allowed: .* equal to 7"),
        ({"MEDIANEST_THREADS": "many"}, "MEDIANEST_THREADS: 'many'"),
        ({"MEDIANEST_MAX_IN_FLIGHT": "40"}, "less than MEDIANEST_THREADS"),
        ({"MEDIANEST_PLEX_TOKEN_FILE": "/does/not/exist"}, "No such file"),
        ({"MEDIANEST_PLEX_TOKEN": "a", "MEDIANEST_PLEX_TOKEN_FILE": "b"}, "not both"),
    ],
)
def test_a_bad_value_is_one_line_that_names_the_variable(
    load: Callable[..., Settings], variables: dict[str, Any], fault: str
) -> None:
    with pytest.raises(ConfigurationError, match=fault) as caught:
        load(**variables)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "variables"),
    [
        ("", {"MEDIANEST_PLEX_URL": "http://me:hunter2@plex"}),
        ("", {"MEDIANEST_PLEX_URL": "http://plex/?X-Plex-Token=hunter2"}),
        ("", {"MEDIANEST_PLEX_TOKEN": "hunter2 ü"}),
        ('[[plex]]\ntoken = "hunter2"', {}),
        ('[plex]\ntoken = ["hunter2"]', {}),
        ("", {"MEDIANEST_CLIENT_TOKEN": "hunter2", "MEDIANEST_OPERATOR_TOKEN": "hunter2"}),
    ],
)
def test_a_secret_is_in_no_error(
    load: Callable[..., Settings], file: str, variables: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(file, **variables)
    assert "hunter2" not in str(caught.value)


def test_a_secret_is_in_no_text(load: Callable[..., Settings]) -> None:
    assert "hunter2" not in repr(load(MEDIANEST_PLEX_TOKEN="hunter2"))


def test_variables_win_over_the_file_and_the_file_over_the_defaults(
    load: Callable[..., Settings],
) -> None:
    file = '[plex]\nurl = "http://from-file:32400"\ntimeout = 3.5\n'
    settings = load(file, MEDIANEST_PLEX_URL="http://from-variable:32400/")
    assert settings.plex.url == "http://from-variable:32400"
    assert settings.plex.timeout == 3.5
    assert settings.plex.max_attempts == 3


def test_an_empty_variable_is_not_set(load: Callable[..., Settings]) -> None:
    assert load(MEDIANEST_PLEX_URL="").plex.url is None


def test_a_secret_can_come_from_a_file(load: Callable[..., Settings], tmp_path: Path) -> None:
    private(tmp_path / "secret", "s3cret\n")
    settings = load(MEDIANEST_PLEX_TOKEN_FILE=str(tmp_path / "secret"))
    assert not_none(settings.plex.token).get_secret_value() == "s3cret"


@pytest.mark.parametrize(
    ("file", "fault"),
    [
        ("[plex", "medianest.toml"),
        ("[plex]\nulr = 'x'", "'plex.ulr' is not a setting; did you mean plex.url"),
        ("env = 'production'", "set by MEDIANEST_ENV"),
    ],
)
def test_a_fault_in_the_file_is_told(load: Callable[..., Settings], file: str, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        load(file)


def test_a_misspelt_variable_is_warned_about_and_those_of_others_are_not(
    load: Callable[..., Settings], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        load(
            MEDIANEST_PLEX_ULR="x",
            MEDIANEST_PORT="tcp://10.0.0.1:80",
            MEDIANEST_PORT_80_TCP="x",
            MEDIANEST_URL="http://nas",
        )
    assert [record.getMessage() for record in caplog.records] == [
        "MEDIANEST_PLEX_ULR is not a setting and is ignored; did you mean MEDIANEST_PLEX_URL?"
    ]


def test_development_forgives_more_and_recovers_faster_than_production(
    load: Callable[..., Settings],
) -> None:
    development = load(MEDIANEST_ENV="development").plex
    production = load(MEDIANEST_ENV="production").plex
    assert development.failure_threshold > production.failure_threshold
    assert development.reset_timeout < production.reset_timeout


def test_testing_has_no_breakers_and_no_retries(load: Callable[..., Settings]) -> None:
    plex = load(MEDIANEST_ENV="testing").plex
    assert (plex.breaker_enabled, plex.max_attempts) == (False, 1)


def test_slow_calls_can_be_switched_on_and_off(load: Callable[..., Settings]) -> None:
    file = "[plex]\nslow_call_duration_threshold = 5"
    assert load(file).plex.slow_call_duration_threshold == 5
    off = load(file, MEDIANEST_PLEX_SLOW_CALL_DURATION_THRESHOLD="off")
    assert off.plex.slow_call_duration_threshold is None


def test_what_stands_where_a_path_should_be_is_not_shown() -> None:
    """Keeps out: the token itself, given as ..._FILE by mistake, in the log."""
    with pytest.raises(ConfigurationError) as caught:
        Settings.load({"MEDIANEST_PLEX_TOKEN_FILE": "the-token-itself"})
    assert "the-token-itself" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://a..b", f"http://{'x' * 70}", "http://[::1", "http://"])
def test_a_host_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="must be an http or https URL"):
        Settings.load({"MEDIANEST_PLEX_URL": url})


@pytest.mark.parametrize(
    ("threads", "in_flight", "places"),
    [(40, 36, 10), (24, 20, 10), (16, 12, 6), (8, 4, 2), (64, 60, 10)],
)
def test_an_upstream_gets_at_most_half_of_the_places_that_requests_have(
    threads: int, in_flight: int, places: int
) -> None:
    settings = Settings.load({"MEDIANEST_THREADS": str(threads)})
    assert settings.in_flight_limit == in_flight
    assert (settings.plex.places, settings.overseerr.places) == (places, places)


def test_an_upstream_may_get_more_but_not_all_of_them() -> None:
    """Keeps out: fewer than the threads, but as many as requests have, and nothing else is
    served while it hangs."""
    environ = {"MEDIANEST_THREADS": "16", "MEDIANEST_MAX_IN_FLIGHT": "9"}
    settings = Settings.load({**environ, "MEDIANEST_PLEX_MAX_CONCURRENT": "8"})
    assert settings.plex.places == 8
    with pytest.raises(ConfigurationError, match=r"PLEX_MAX_CONCURRENT: 9 .* less than .* \(9\)"):
        Settings.load({**environ, "MEDIANEST_PLEX_MAX_CONCURRENT": "9"})


@pytest.mark.parametrize(
    "url", ["mysql://host/db", "postgresql://", "medianest.db", "http://host/x"]
)
def test_a_database_url_that_is_none_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError, match="MEDIANEST_DATABASE_URL: must be such") as caught:
        Settings.load({"MEDIANEST_DATABASE_URL": url})
    assert "host" not in str(caught.value).partition("or postgresql")[0]


@pytest.mark.parametrize("kind", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_every_usual_spelling_of_a_postgresql_url_is_taken(kind: str) -> None:
    settings = Settings.load({"MEDIANEST_DATABASE_URL": f"{kind}://u:p@db/medianest"})
    assert settings.database_url == "postgresql://u:p@db/medianest"
    assert "u:p" not in repr(settings)


def test_a_lease_that_ends_before_what_it_is_for_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="MEDIANEST_QUEUE_LEASE"):
        Settings.load({"MEDIANEST_QUEUE_LEASE": "5"})


@pytest.mark.parametrize(
    "url",
    [
        "redis://cache",
        "redis://:hunter2@cache:6380/2",
        "rediss://kim:hunter2@[::1]/0?ssl_ca_certs=/etc/ca.pem",
        "unix:///run/redis.sock?db=3",
    ],
)
def test_each_kind_of_redis_url_is_taken_and_never_shown(
    load: Callable[..., Settings], url: str
) -> None:
    settings = load(MEDIANEST_REDIS_URL=url)
    assert not_none(settings.redis.url).get_secret_value() == url
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    "url",
    [
        "cache:6379",
        "http://:hunter2@cache",
        "redis://",
        "redis://:hunter2@cache:0x",
        "redis://:hunter2@cache/first",
        "unix://",
        "redis://:hunter2@cache?socket_timeout=60",
        "redis://:hunter2@cache?retry_on_timeout=yes",
        "redis://:hunter2@cache?db=-1",
    ],
)
def test_a_bad_redis_url_is_one_line_without_the_url(
    load: Callable[..., Settings], url: str
) -> None:
    """Keeps out: an option of the URL that undoes the timeout, and a password in the log."""
    with pytest.raises(ConfigurationError, match="MEDIANEST_REDIS_URL: must be such as") as caught:
        load(MEDIANEST_REDIS_URL=url)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_the_redis_url_can_come_from_a_file(load: Callable[..., Settings], tmp_path: Path) -> None:
    private(tmp_path / "redis", "redis://:s3cret@cache\n")
    settings = load(MEDIANEST_REDIS_URL_FILE=str(tmp_path / "redis"))
    assert not_none(settings.redis.url).get_secret_value() == "redis://:s3cret@cache"


def test_redis_takes_at_most_half_of_the_threads(load: Callable[..., Settings]) -> None:
    assert load().redis.places(threads=16) == 8
    assert load().redis.places(threads=4) == 2
    assert load(MEDIANEST_REDIS_MAX_CONCURRENT="5").redis.places(threads=4) == 5
