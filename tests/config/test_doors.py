"""Settings about who gets in: tokens, hosts, proxies; and values as other tools leave them."""

import ipaddress
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from medianest.config import Settings
from medianest.resilience import ConfigurationError
from tests.support.narrowing import not_none

SHORT, LONG = "fifteen-letters", "sixteen-letters!"


def load(tmp_path: Path, **variables: Any) -> Settings:
    environ = {f"MEDIANEST_{name}": value for name, value in variables.items()}
    return Settings.load({"MEDIANEST_INSTANCE_PATH": str(tmp_path), **environ})


def fault(tmp_path: Path, **variables: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, **variables)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("role", ["CLIENT", "VIEWER", "OPERATOR"])
def test_production_refuses_a_token_that_can_be_guessed(tmp_path: Path, role: str) -> None:
    said = fault(tmp_path, ENV="production", **{f"{role}_TOKEN": SHORT})
    assert said.startswith(f"MEDIANEST_{role}_TOKEN: must have at least 16 characters")
    assert SHORT not in said
    assert load(tmp_path, ENV="production", **{f"{role}_TOKEN": LONG})
    assert load(tmp_path, ENV="development", **{f"{role}_TOKEN": SHORT})


def test_a_short_token_in_the_file_is_named_by_its_key(tmp_path: Path) -> None:
    (tmp_path / "medianest.toml").write_text(f'viewer_token = "{SHORT}"')
    said = fault(tmp_path, ENV="production")
    assert said.startswith(f"{tmp_path / 'medianest.toml'}: viewer_token: must have at least 16")


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o666])
def test_a_token_file_that_others_may_read_is_refused_with_the_remedy(
    tmp_path: Path, mode: int
) -> None:
    file = tmp_path / "token"
    file.write_text(LONG)
    file.chmod(mode)
    said = fault(tmp_path, OPERATOR_TOKEN_FILE=str(file))
    assert said.startswith(f"MEDIANEST_OPERATOR_TOKEN_FILE: others may read {str(file)!r}")
    assert "chmod 600" in said


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640])
def test_a_token_file_of_this_user_or_group_is_read(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "token"
    file.write_text("\ufeff" + LONG + "\r\n", "utf-8")
    file.chmod(mode)
    settings = load(tmp_path, OPERATOR_TOKEN_FILE=str(file))
    assert not_none(settings.operator_token).get_secret_value() == LONG


@pytest.mark.parametrize(
    "value", ['"http://plex:32400"', "'http://plex:32400'", " http://plex:32400\r"]
)
def test_quotes_that_no_shell_has_taken_away_are_not_meant(tmp_path: Path, value: str) -> None:
    assert load(tmp_path, PLEX_URL=value).plex.url == "http://plex:32400"
    assert load(tmp_path, PLEX_URL='""').plex.url is None
    assert load(tmp_path, ENV='"production"', CLIENT_TOKEN=f'"{LONG}"').client_token is not None


def test_one_quote_belongs_to_the_value(tmp_path: Path) -> None:
    assert not_none(load(tmp_path, PLEX_TOKEN='"a').plex.token).get_secret_value() == '"a'


def test_a_file_with_a_bom_is_read(tmp_path: Path) -> None:
    (tmp_path / "medianest.toml").write_bytes(b"\xef\xbb\xbfrequest_timeout = 7\n")
    assert load(tmp_path).request_timeout == 7


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_file_in_another_encoding_is_told(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "medianest.toml").write_bytes("# Küche\n".encode(encoding))
    said = fault(tmp_path)
    assert said == f"{tmp_path / 'medianest.toml'}: it is not UTF-8: save it as such"


def test_hosts_are_names(tmp_path: Path) -> None:
    settings = load(tmp_path, ALLOWED_HOSTS="House.example.org., nas")
    assert settings.allowed_hosts == ("house.example.org", "nas")
    for wrong in ("http://house", "house:8000", "*", "a..b"):
        assert "must be names" in fault(tmp_path, ALLOWED_HOSTS=wrong)


@pytest.mark.parametrize(
    ("given", "trusted"),
    [
        ("1", 1),
        ("0", 0),
        ("10.0.0.0/8", (ip_network("10.0.0.0/8"),)),
        ("10.0.0.7 fd00::/8", (ip_network("10.0.0.7/32"), ip_network("fd00::/8"))),
    ],
)
def test_proxies_are_a_count_or_networks(
    tmp_path: Path,
    given: str,
    trusted: int | tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...],
) -> None:
    assert load(tmp_path, TRUSTED_PROXIES=given).trusted_proxies == trusted


@pytest.mark.parametrize("wrong", ["11", "-1", "true", "nginx", "10.0.0.1/8", "*"])
def test_other_proxies_are_refused(tmp_path: Path, wrong: str) -> None:
    said = fault(tmp_path, TRUSTED_PROXIES=wrong)
    assert said.startswith(f"MEDIANEST_TRUSTED_PROXIES: {wrong!r} is not allowed: ")
    assert said.endswith("from 0 to 10")


def test_an_address_with_the_length_of_a_network_is_told_with_that_network(tmp_path: Path) -> None:
    said = fault(tmp_path, HEALTH_ALLOWED_NETWORKS="192.168.1.7/24")
    assert said.endswith("must be the network itself, which is 192.168.1.0/24")
