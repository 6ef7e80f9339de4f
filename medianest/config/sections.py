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
    ca_file: CaFile | None = None
    """Certificates (PEM) of an authority that is trusted besides the public ones."""
    certificate_sha256: Fingerprint | None = None
    """The one certificate that is taken, whatever its name and authority."""
    timeout: Seconds = 12.0
    """Total time of one attempt."""
    max_bytes: Count = 32 * 1024 * 1024
    """Largest answer that is read."""
    max_concurrent: Places | None = None
    """Calls at once; None: 10, or fewer where there are not so many threads."""
    breaker_enabled: bool = True
    failure_threshold: Count = 3
    counting: Literal["window", "consecutive"] = "consecutive"
    """Consecutive: a server at home is up or down, and a busy hour must not hide its death."""
    monitoring_period: Seconds = 60.0
    reset_timeout: Seconds = 10.0
    max_reset_timeout: Seconds = 20.0
    """A house is well again in minutes, not hours; with the jitter, 24 seconds at most."""
    half_open_max_calls: Count = 3
    slow_call_duration_threshold: Annotated[Seconds | None, BeforeValidator(unless_off)] = None
    """Off: a large library may take ten seconds and be well."""
    expected_errors: ErrorTokens | None = None
    max_attempts: Count = 3
    initial_delay: Delay = 0.2
    max_delay: Delay = 2.0

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
            bulkhead=BulkheadOptions(max_concurrent=self.places),
            timeout=self.timeout,
            expected_errors=self.expected_errors or expected,
        )


class PlexSettings(UpstreamSettings):
    """Plex Media Server."""

    prefix = "MEDIANEST_PLEX"
    token: Secret | None = None
    patience: Delay = 1.5
    """How long a client waits where a last good answer is known."""
    last_good_bytes: Count = 32 * 1024 * 1024
    """Memory for last good answers, compressed."""


class OverseerrSettings(UpstreamSettings):
    """Overseerr, or Seerr."""

    prefix = "MEDIANEST_OVERSEERR"
    api_key: Secret | None = None
    user_id: Count | None = None
    """For whom requests are made that name nobody; None: for whom the key belongs to."""
    max_attempts: Count = 2


class DatabaseSettings(Section):
    """Where everything is kept that must outlive the process."""

    url: DatabaseUrl | None = None
    """None: a SQLite file in the instance folder."""
    migrate: bool = True
    """Bring the tables to this version by itself; in production `medianest db upgrade` does."""
    timeout: Seconds = 4.0
    """Total time of one transaction."""
    pool_size: Connections | None = None
    """Connections of a worker at most; None: what its compartments need. With fewer than seven
    one of them would have none."""
    pool_wait: Seconds = 0.5
    """Time that a request waits for a place, while places come free in time."""
    keep_history: Seconds = 30 * 86400.0
    """How long recoveries can be looked at."""
    keep_audit: Seconds = 365 * 86400.0
    """How long operators' changes can."""
    failure_threshold: Count = 5
    reset_timeout: Seconds = 2.0
    max_reset_timeout: Seconds = 15.0

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
    """How long a worker may be silent about what it does before another does it again."""
    max_attempts: Count = 8
    """Failures of an operation's own before it may be a dead letter; outages do not count."""
    give_up_after: Seconds = 86400.0
    """For so long it must have failed as well, while others were done."""
    initial_delay: Delay = 2.0
    max_delay: Seconds = 600.0
    settle: Delay = 120.0
    """How long the service must have been well before what may be under way there is over."""
    max_operations: Count = 50_000
    """Operations that wait or are dead letters, in all."""
    max_operations_per_client: Count = 10_000
    """Operations of one client that wait."""
    keep: Seconds = 7 * 86400.0
    """How long what is done, or dropped, can still be looked at."""
    max_payload_bytes: Count = 16 * 1024
    interval: Seconds = 1.0
    """How often to look for what is due."""
