"""The sections of the settings: the upstreams, the database, the queue."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from medianest.config.kinds import (
    BaseUrl,
    CaFile,
    Connections,
    Count,
    DatabaseUrl,
    Delay,
    ErrorTokens,
    Fingerprint,
    Places,
    Seconds,
    Secret,
    unless_off,
)
from medianest.resilience import (
    BulkheadOptions,
    CircuitBreakerOptions,
    Policy,
    RetryOptions,
)
from medianest.resilience.outcome import Expected

__all__ = [
    "DatabaseSettings",
    "OverseerrSettings",
    "PlexSettings",
    "QueueSettings",
    "Section",
    "UpstreamSettings",
    "UpstreamTls",
]

_MOST_PLACES = 10


class Section(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class UpstreamTls:
    """How the certificate of an upstream is checked; `prefix` begins the variables that say so."""

    prefix: str
    ca_file: Path | None = None
    certificate_sha256: str | None = None


class UpstreamSettings(Section):
    """How an upstream is called. The defaults are production's."""

    prefix: ClassVar[str] = "MEDIANEST"
    """How its variables begin."""

    url: BaseUrl | None = None
    """Its address, with the scheme and the port."""
    ca_file: CaFile | None = None
    """A PEM file with your own authority, trusted beside the public ones."""
    certificate_sha256: Fingerprint | None = None
    """The one certificate that is accepted, whatever its name and authority: what
    `openssl x509 -noout -fingerprint -sha256` prints, or its digits alone. Not together with a CA
    file."""
    timeout: Seconds = 12.0
    """Total time of one attempt, with the last byte."""
    max_bytes: Count = 32 * 1024 * 1024
    """The largest answer that is read."""
    max_concurrent: Places | None = None
    """Calls at once of all workers of a host together, fewer than `MEDIANEST_MAX_IN_FLIGHT`. Not
    set: 10, but at most half of that."""
    breaker_enabled: bool = True
    """Whether its circuit breakers may open. If not, they measure and never open."""
    failure_threshold: Count = 3
    """Failures that open the circuit breaker."""
    # A server at home is up or down, and a busy hour must not hide its death.
    counting: Literal["window", "consecutive"] = "consecutive"
    """`consecutive`: failures in a row. `window`: that many within the monitoring period, if they
    are half of all calls."""
    monitoring_period: Seconds = 60.0
    """How far back `window` counts."""
    # A house is well again in minutes, not hours; with the jitter, 24 seconds at most.
    reset_timeout: Seconds = 10.0
    """Wait before the first probe, give or take a fifth. It doubles with each opening in a row."""
    max_reset_timeout: Seconds = 20.0
    """The longest of these waits."""
    half_open_max_calls: Count = 3
    """Probes admitted, and successes needed to close."""
    # Off: a large library may take ten seconds and be well.
    slow_call_duration_threshold: Annotated[Seconds | None, BeforeValidator(unless_off)] = None
    """Not set, or `off`: no call is slow. Else seconds: calls this slow count before they return,
    and as many in a row as the failure threshold open the circuit breaker. Set it if your server is
    always quick."""
    expected_errors: ErrorTokens | None = None
    """What counts as a failure: `timeout,ENOTFOUND,ECONNREFUSED,5xx,429`. Not set: every failure
    of the server."""
    max_attempts: Count = 3
    """Attempts in all."""
    initial_delay: Delay = 0.2
    """The wait before the second attempt is random, up to this; it doubles with each attempt."""
    max_delay: Delay = 2.0
    """The longest of these waits."""

    @property
    def places(self) -> int:
        """Calls at once."""
        return self.max_concurrent or _MOST_PLACES

    @property
    def tls(self) -> UpstreamTls:
        """How its certificate is checked."""
        return UpstreamTls(self.prefix, self.ca_file, self.certificate_sha256)

    def policy(self, expected: tuple[Expected, ...], retry_on: tuple[Expected, ...]) -> Policy:
        """The policy; `expected` are the errors that count, `retry_on` those that are worth another
        attempt, unless the settings name others for both."""
        return Policy(
            circuit_breaker=CircuitBreakerOptions(
                failure_threshold=self.failure_threshold,
                counting=self.counting,
                monitoring_period=self.monitoring_period,
                reset_timeout=self.reset_timeout,
                max_reset_timeout=self.max_reset_timeout,
                half_open_max_calls=self.half_open_max_calls,
                slow_call_duration_threshold=self.slow_call_duration_threshold,
            ),
            retry=RetryOptions(
                max_attempts=self.max_attempts,
                initial_delay=self.initial_delay,
                max_delay=self.max_delay,
                retry_on=self.expected_errors or retry_on,
            ),
            bulkhead=BulkheadOptions(max_concurrent=self.places, scope="host"),
            timeout=self.timeout,
            expected_errors=self.expected_errors or expected,
        )


class PlexSettings(UpstreamSettings):
    """Plex Media Server."""

    prefix = "MEDIANEST_PLEX"
    token: Secret | None = None
    """Your Plex token. It is sent as a header and appears nowhere else."""
    patience: Delay = 1.5
    """How long a client waits for a fresh answer where a last good one is known."""
    last_good_bytes: Count = 32 * 1024 * 1024
    """Memory for last good answers, which are compressed."""


class OverseerrSettings(UpstreamSettings):
    """Overseerr, or Seerr."""

    prefix = "MEDIANEST_OVERSEERR"
    api_key: Secret | None = None
    """The API key of your Overseerr or Seerr."""
    user_id: Count | None = None
    """The user of Overseerr for requests that name none. Not set: the owner of the key."""
    max_attempts: Count = 2
    """Attempts in all."""


class DatabaseSettings(Section):
    """Where everything is kept that must outlive the process."""

    url: DatabaseUrl | None = None
    """`postgresql://user:password@host/medianest`. Not set: a SQLite file in the instance
    folder."""
    migrate: bool = True
    """Whether it updates its tables by itself. If not, run `medianest db upgrade`."""
    timeout: Seconds = 4.0
    """Total time of one transaction."""
    # With fewer than seven one of its compartments would have none.
    pool_size: Connections | None = None
    """Connections of a worker at most, at least 7. Not set: as many as it can use, which is 21. It
    works with fewer: while few are left, it gives idle ones back. PostgreSQL itself allows 100 in
    all by default."""
    pool_wait: Seconds = 0.5
    """How long a request waits for a connection, while connections come free in time."""
    keep_history: Seconds = 30 * 86400.0
    """How long recoveries, events and alerts that were sent are kept (30 days)."""
    keep_audit: Seconds = 365 * 86400.0
    """How long operators' changes are kept (a year)."""
    failure_threshold: Count = 5
    """Failures in a row after which it is left alone."""
    reset_timeout: Seconds = 2.0
    """How long it is left alone the first time."""
    max_reset_timeout: Seconds = 15.0
    """How long it is left alone at most."""

    def policy(self, expected: Expected) -> Policy:
        """The policy, with the errors that say that the database is away."""
        return Policy(
            circuit_breaker=CircuitBreakerOptions(
                failure_threshold=self.failure_threshold,
                counting="consecutive",
                reset_timeout=self.reset_timeout,
                max_reset_timeout=self.max_reset_timeout,
                expected_errors=expected,
            ),
            retry=None,  # recovery makes new connections, and then runs it again
            bulkhead=None,  # it has several: see medianest.storage.compartments
            timeout=self.timeout,
        )


class QueueSettings(Section):
    """Operations that are done later."""

    lease: Seconds = 60.0
    """How long a worker may be silent about an operation before another one looks what came of it.
    More than the timeout of Overseerr."""
    max_attempts: Count = 8
    """An operation is a dead letter when it has failed by itself this often. Outages of the service
    do not count, however long they last."""
    give_up_after: Seconds = 86400.0
    """It must also have failed for this long, while others were done."""
    initial_delay: Delay = 2.0
    """The wait after its first failure."""
    max_delay: Seconds = 600.0
    """The longest wait between two of its failures."""
    settle: Delay = 120.0
    """A request whose answer was lost is sent again only after Overseerr has worked for this
    long and does not have it."""
    max_operations: Count = 50_000
    """Operations that are kept, with dead letters. Then 503."""
    max_operations_per_client: Count = 10_000
    """Operations of one client that wait. Then 429."""
    keep: Seconds = 7 * 86400.0
    """How long done and dropped operations are kept (7 days)."""
    max_payload_bytes: Count = 16 * 1024
    """The largest operation."""
    interval: Seconds = 1.0
    """How often it looks for operations that are due."""
