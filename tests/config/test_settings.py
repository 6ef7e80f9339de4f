"""Settings: where they come from, and one clear line for each that is wrong."""

import logging

import pytest

from medianest.config import Settings
from medianest.resilience import ConfigurationError


@pytest.fixture
def load(tmp_path):
    def load(file="", **variables):
        (tmp_path / "medianest.toml").write_text(file)
        return Settings.load({"MEDIANEST_INSTANCE_PATH": str(tmp_path), **variables})

    return load


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
        ({"MEDIANEST_PLEX_MAX_CONCURRENT": "16"}, "less than MEDIANEST_THREADS"),
        ({"MEDIANEST_THREADS": "many"}, "MEDIANEST_THREADS: 'many'"),
        ({"MEDIANEST_MAX_IN_FLIGHT": "16"}, "less than MEDIANEST_THREADS"),
        ({"MEDIANEST_PLEX_TOKEN_FILE": "/does/not/exist"}, "No such file"),
        ({"MEDIANEST_PLEX_TOKEN": "a", "MEDIANEST_PLEX_TOKEN_FILE": "b"}, "not both"),
    ],
)
def test_a_bad_value_is_one_line_that_names_the_variable(load, variables, fault):
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
def test_a_secret_is_in_no_error(load, file, variables):
    with pytest.raises(ConfigurationError) as caught:
        load(file, **variables)
    assert "hunter2" not in str(caught.value)


def test_a_secret_is_in_no_text(load):
    assert "hunter2" not in repr(load(MEDIANEST_PLEX_TOKEN="hunter2"))


def test_variables_win_over_the_file_and_the_file_over_the_defaults(load):
    file = '[plex]\nurl = "http://from-file:32400"\ntimeout = 3.5\n'
    settings = load(file, MEDIANEST_PLEX_URL="http://from-variable:32400/")
    assert settings.plex.url == "http://from-variable:32400"
    assert settings.plex.timeout == 3.5
    assert settings.plex.max_attempts == 3


def test_an_empty_variable_is_not_set(load):
    assert load(MEDIANEST_PLEX_URL="").plex.url is None


def test_a_secret_can_come_from_a_file(load, tmp_path):
    (tmp_path / "secret").write_text("s3cret\n")
    settings = load(MEDIANEST_PLEX_TOKEN_FILE=str(tmp_path / "secret"))
    assert settings.plex.token.get_secret_value() == "s3cret"


@pytest.mark.parametrize(
    ("file", "fault"),
    [
        ("[plex", "medianest.toml"),
        ("[plex]\nulr = 'x'", "'plex.ulr' is not a setting; did you mean MEDIANEST_PLEX_URL"),
        ("env = 'production'", "set by MEDIANEST_ENV"),
    ],
)
def test_a_fault_in_the_file_is_told(load, file, fault):
    with pytest.raises(ConfigurationError, match=fault):
        load(file)


def test_a_misspelt_variable_is_warned_about_and_kubernetes_ones_are_not(load, caplog):
    with caplog.at_level(logging.WARNING):
        load(MEDIANEST_PLEX_ULR="x", MEDIANEST_PORT="tcp://10.0.0.1:80", MEDIANEST_PORT_80_TCP="x")
    assert [record.getMessage() for record in caplog.records] == [
        "MEDIANEST_PLEX_ULR is not a setting and is ignored; did you mean MEDIANEST_PLEX_URL?"
    ]


def test_development_forgives_more_and_recovers_faster_than_production(load):
    development = load(MEDIANEST_ENV="development").plex
    production = load(MEDIANEST_ENV="production").plex
    assert development.failure_threshold > production.failure_threshold
    assert development.reset_timeout < production.reset_timeout


def test_testing_has_no_breakers_and_no_retries(load):
    plex = load(MEDIANEST_ENV="testing").plex
    assert (plex.breaker_enabled, plex.max_attempts) == (False, 1)


def test_slow_calls_can_be_switched_on_and_off(load):
    file = "[plex]\nslow_call_duration_threshold = 5"
    assert load(file).plex.slow_call_duration_threshold == 5
    off = load(file, MEDIANEST_PLEX_SLOW_CALL_DURATION_THRESHOLD="off")
    assert off.plex.slow_call_duration_threshold is None
