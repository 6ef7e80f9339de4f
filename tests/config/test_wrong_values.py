"""Wrong values are told in one line, and what may be a secret is not repeated."""

from pathlib import Path

import pytest

from medianest.config import Settings
from medianest.resilience import ConfigurationError


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@host:port/db",
        "postgresql://u:p@w:S3CRET@db.example/d",
        "postgresql://u:p@[::1/db",
        "postgresql://u:p@host:99999/db",
        "postgresql://u:p@host/db?foo=S3CRET",
        "sqlite://instance/x.db",
        "sqlite://:memory:",
        "sqlite:///:memory:",
        "mysql://u:p@host/db",
        "postgresql://",
    ],
)
def test_a_wrong_database_url_is_one_line_without_it(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.load({"MEDIANEST_DATABASE_URL": url})
    assert str(caught.value).startswith("MEDIANEST_DATABASE_URL: must be such as sqlite:///")
    assert "S3CRET" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://h?ssl_cert_reqs=none",
        "rediss://h?ssl_foo=x",
        "rediss://h?ssl_min_version=x",
        "rediss://h?ssl_cert_reqs=bogus",
        "redis://h/0?db=99999999999999999999",
    ],
)
def test_a_wrong_redis_url_is_one_line(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^MEDIANEST_REDIS_URL: must be such as redis://"):
        Settings.load({"MEDIANEST_REDIS_URL": url})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "postgresql://u:S3CRET@host/db"),
        ("OVERSEERR_API_KEY", "S3CR/ET+abc=="),
        ("REDIS_URL", "redis://:S3CRET@host/0"),
    ],
)
def test_a_secret_in_the_variable_of_a_file_is_not_shown(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.load({f"MEDIANEST_{variable}_FILE": value})
    assert "cannot read the file that it names" in str(caught.value)


@pytest.mark.parametrize("section", ["plex", "alerts", "overseerr"])
def test_a_section_that_is_none_is_told_without_what_it_is(tmp_path: Path, section: str) -> None:
    (tmp_path / "medianest.toml").write_text(f'{section} = "S3CRET"\n')
    with pytest.raises(ConfigurationError) as caught:
        Settings.load({"MEDIANEST_INSTANCE_PATH": str(tmp_path)})
    file = tmp_path / "medianest.toml"
    assert str(caught.value) == f"{file}: {section}: must be a section, such as [{section}]"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[plex]\ntimeout = "long"', "plex.timeout: 'long' is not allowed: "),
        ("threads = 1", "threads: 1 is not allowed: "),
        ('[plex]\ntoken = "S3CRET ü"', "plex.token: must be printable ASCII"),
        ("[plex]\ntimeuot = 1", "'plex.timeuot' is not a setting; did you mean plex.timeout?"),
        ("[shoes]\nsize = 1", "'shoes' is not a setting"),
    ],
)
def test_of_a_wrong_value_in_the_file_the_file_and_the_key_are_told(
    tmp_path: Path, text: str, fault: str
) -> None:
    """Keeps out: looking for a variable that nobody has set."""
    file = tmp_path / "medianest.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        Settings.load({"MEDIANEST_INSTANCE_PATH": str(tmp_path)})
    assert str(caught.value).startswith(f"{file}: {fault}")
    assert "\n" not in str(caught.value)
    assert "MEDIANEST_" not in str(caught.value).replace(str(file), "")
    assert "S3CRET" not in str(caught.value)


def test_also_of_a_value_that_does_not_fit_to_another_the_file_and_the_key_are_told(
    tmp_path: Path,
) -> None:
    file = tmp_path / "medianest.toml"
    file.write_text("[plex]\nmax_concurrent = 36\n")
    environ = {"MEDIANEST_INSTANCE_PATH": str(tmp_path)}
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(environ)
    told = ": 36 is not allowed: must be less than MEDIANEST_MAX_IN_FLIGHT"
    assert str(caught.value).startswith(f"{file}: plex.max_concurrent{told}")
    with pytest.raises(ConfigurationError) as caught:
        Settings.load({**environ, "MEDIANEST_PLEX_MAX_CONCURRENT": "36"})
    assert str(caught.value).startswith(f"MEDIANEST_PLEX_MAX_CONCURRENT{told}")


def test_a_wrong_variable_is_named_also_where_the_file_has_that_setting(tmp_path: Path) -> None:
    (tmp_path / "medianest.toml").write_text("[plex]\ntimeout = 3\n")
    with pytest.raises(ConfigurationError, match=r"^MEDIANEST_PLEX_TIMEOUT: 'long' is not allowed"):
        Settings.load({"MEDIANEST_INSTANCE_PATH": str(tmp_path), "MEDIANEST_PLEX_TIMEOUT": "long"})


@pytest.mark.parametrize("text", ["threads = " + "9" * 5000, "x = " + "[" * 3000])
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "medianest.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"medianest.toml: "):
        Settings.load({"MEDIANEST_INSTANCE_PATH": str(tmp_path)})


@pytest.mark.parametrize("networks", [[True, 1], ["10.0.0.0/8", 5], ["fe80::1%eth0"], ["nonsense"]])
def test_wrong_networks_are_told(networks: list[str | int]) -> None:
    with pytest.raises(ConfigurationError, match="must be networks such as 192"):
        Settings.load({}, {"health": {"allowed_networks": networks}})


def test_a_comma_separates_alert_urls_only_before_another() -> None:
    urls = "mailto://u:p@host.com?to=a@b.com,c@d.com, ntfy://host/topic json://x,json://y"
    found = Settings.load({"MEDIANEST_ALERTS_URLS": urls}).alerts.urls
    assert [url.get_secret_value() for url in found] == [
        "mailto://u:p@host.com?to=a@b.com,c@d.com",
        "ntfy://host/topic",
        "json://x",
        "json://y",
    ]


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("PLEX_TIMEOUT", "1h", "must be a valid number"),
        ("SANDBOX", "maybe", "must be a valid boolean"),
        ("THREADS", "2", "must be greater than or equal to 4"),
        ("PLEX_COUNTING", "rows", "must be 'window' or 'consecutive'"),
    ],
)
def test_what_is_allowed_is_told_in_our_words(variable: str, value: str, allowed: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.load({f"MEDIANEST_{variable}": value})
    assert str(caught.value) == f"MEDIANEST_{variable}: {value!r} is not allowed: {allowed}"
