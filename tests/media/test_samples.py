"""Errors for rehearsals: of the same kind as those that the client raises."""

import pytest

from medianest.media.errors import (
    MediaError,
    SlowError,
    UnreachableError,
    UnresolvableError,
    UpstreamError,
)
from medianest.media.plex.client import PlexClient
from medianest.media.samples import sample_error
from medianest.resilience import ConfigurationError
from medianest.sandbox import SandboxProcess


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 418, 429, 500, 502, 503])
def test_a_status_is_what_the_client_makes_of_it(
    client: PlexClient, plex_sandbox: SandboxProcess, status: int
) -> None:
    plex_sandbox.fault("status", status=status)
    with pytest.raises(MediaError) as caught:
        client.libraries()
    sample = sample_error("plex", str(status))
    assert type(sample) is type(caught.value)
    assert sample.status == caught.value.status


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("timeout", SlowError),
        ("ETIMEDOUT", SlowError),
        ("ECONNREFUSED", UnreachableError),
        ("ECONNRESET", UnreachableError),
        ("ENOTFOUND", UnresolvableError),
    ],
)
def test_trouble_with_the_network_is_what_the_client_makes_of_it(
    token: str, kind: type[UnresolvableError] | type[UnreachableError] | type[SlowError]
) -> None:
    error = sample_error("plex", token)
    assert isinstance(error, UpstreamError)
    assert (type(error), error.service) == (kind, "plex")


def test_what_is_no_token_is_told() -> None:
    with pytest.raises(ConfigurationError, match="timeout"):
        sample_error("plex", "nonsense")
