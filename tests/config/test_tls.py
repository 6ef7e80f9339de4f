"""The settings of TLS with an upstream: what cannot work stops the start with one line."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from medianest.config import Settings, UpstreamTls
from medianest.config.effective import effective
from medianest.resilience import ConfigurationError

PIN = "0123456789abcdef" * 4
BOTH = pytest.mark.parametrize("upstream", ["PLEX", "OVERSEERR"])


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Settings]:
    def load(**variables: Any) -> Settings:
        instance = {"MEDIANEST_INSTANCE_PATH": str(tmp_path)}
        return Settings.load(
            {**instance, **{f"MEDIANEST_{name}": value for name, value in variables.items()}}
        )

    return load


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    """A file with certificates, and with words between them."""
    path = tmp_path / "ca.pem"
    first = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH).get_ca_certs(True)[0]
    path.write_text(f"# Zertifikat für zu Hause\n{ssl.DER_cert_to_PEM_cert(first)}")
    return path


def fault_of(load: Callable[..., Settings], **variables: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(**variables)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@BOTH
def test_a_private_authority_can_be_named(
    load: Callable[..., Settings], ca_file: Path, upstream: str
) -> None:
    variables = {f"{upstream}_CA_FILE": str(ca_file), f"{upstream}_URL": "https://home"}
    settings = getattr(load(**variables), upstream.lower())
    assert settings.tls == UpstreamTls(f"MEDIANEST_{upstream}", ca_file=ca_file)


@BOTH
@pytest.mark.parametrize("spelt", [PIN, PIN.upper(), ":".join([PIN[:2]] * 32)])
def test_a_certificate_can_be_pinned_with_or_without_colons(
    load: Callable[..., Settings], upstream: str, spelt: str
) -> None:
    variables = {f"{upstream}_CERTIFICATE_SHA256": spelt, f"{upstream}_URL": "https://home"}
    tls = getattr(load(**variables), upstream.lower()).tls
    assert tls.certificate_sha256 == spelt.replace(":", "").lower()


@pytest.mark.parametrize("prefix", ["sha256 Fingerprint=", "SHA256 Fingerprint=", "fingerprint="])
def test_a_certificate_can_be_pinned_as_openssl_prints_it(
    load: Callable[..., Settings], prefix: str
) -> None:
    pairs = [PIN[at : at + 2] for at in range(0, len(PIN), 2)]
    printed = f"{prefix}{':'.join(pairs).upper()}\n"
    tls = load(PLEX_CERTIFICATE_SHA256=printed, PLEX_URL="https://home").plex.tls
    assert tls.certificate_sha256 == PIN


SHA1 = "sha1 Fingerprint=" + PIN[:40]


@pytest.mark.parametrize("wrong", [PIN[1:], PIN + "0", "g" * 64, "sha256", "::", SHA1])
def test_a_pin_that_is_none_is_told(load: Callable[..., Settings], wrong: str) -> None:
    said = fault_of(load, PLEX_CERTIFICATE_SHA256=wrong)
    assert said.startswith(f"MEDIANEST_PLEX_CERTIFICATE_SHA256: {wrong!r} is not allowed: must be")
    assert "64 hexadecimal digits" in said


@pytest.mark.parametrize(
    "content", [b"", b"no certificate", b"\x00\xff", b"-----BEGIN CERTIFICATE-"]
)
def test_a_file_without_a_certificate_is_told(
    load: Callable[..., Settings], tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(content)
    assert fault_of(load, PLEX_CA_FILE=str(path)) == (
        f"MEDIANEST_PLEX_CA_FILE: {str(path)!r} is not allowed: "
        "must be a file with certificates as PEM text"
    )


@pytest.mark.parametrize("path", ["/no/such/file", "/", "/dev/zero"])
def test_what_is_no_file_is_told_and_not_read(load: Callable[..., Settings], path: str) -> None:
    assert fault_of(load, PLEX_CA_FILE=path).endswith(
        "must be a file with certificates as PEM text"
    )


def test_a_file_that_cannot_be_read_is_told(load: Callable[..., Settings]) -> None:
    path = "/proc/self/mem"  # a file of which even root cannot read the beginning
    if not Path(path).exists():
        pytest.skip("no /proc here")
    assert fault_of(load, PLEX_CA_FILE=path).endswith("cannot be read: Input/output error")


def test_a_setting_without_an_effect_is_told(load: Callable[..., Settings], ca_file: Path) -> None:
    """Keeps out: somebody who believes that a certificate is checked where there is no TLS."""
    plain = {"PLEX_URL": "http://plex:32400"}
    for name, value in (("CA_FILE", str(ca_file)), ("CERTIFICATE_SHA256", PIN)):
        said = fault_of(load, **plain, **{f"PLEX_{name}": value})
        assert said == f"MEDIANEST_PLEX_{name}: MEDIANEST_PLEX_URL must begin with https:// for it"


def test_a_pin_and_an_authority_exclude_each_other(
    load: Callable[..., Settings], ca_file: Path
) -> None:
    said = fault_of(
        load, PLEX_URL="https://plex", PLEX_CA_FILE=str(ca_file), PLEX_CERTIFICATE_SHA256=PIN
    )
    assert said == (
        "MEDIANEST_PLEX_CA_FILE: give either this or MEDIANEST_PLEX_CERTIFICATE_SHA256, not both"
    )


def test_neither_is_a_secret(load: Callable[..., Settings], ca_file: Path) -> None:
    """They are shown as they are, so that an operator sees what is in effect."""
    environ = {"MEDIANEST_PLEX_CA_FILE": str(ca_file), "MEDIANEST_PLEX_URL": "https://plex"}
    shown = {found.variable: found for found in effective(Settings.load(environ), environ)}
    assert shown["MEDIANEST_PLEX_CA_FILE"].value == str(ca_file)
    assert shown["MEDIANEST_PLEX_CA_FILE"].origin == "MEDIANEST_PLEX_CA_FILE"
