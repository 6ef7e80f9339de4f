"""The sections of the settings about looking: the health monitor and its alerts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from medianest.config.kinds import Count, Delay, Networks, Seconds, SecretUrls, Share
from medianest.config.sections import Section

__all__ = ["AlertSettings", "HealthSettings"]


class HealthSettings(Section):
    """How often and how patiently everything is checked."""

    interval: Seconds = 10.0
    """Time between two checks of a component."""
    timeout: Seconds = 3.0
    """A check that takes longer has failed."""
    unhealthy_after: Count = 3
    """Checks in a row before a status gets worse. The very first check counts at once."""
    healthy_after: Count = 2
    """Checks in a row before a status gets better."""
    allowed_networks: Networks = ()
    """Private networks in which a registered `health_check_url` may be:
    `192.168.1.0/24 127.0.0.0/8`."""
    memory_limit: Annotated[int, Field(ge=1024 * 1024, le=2**50)] | None = None
    """Bytes that a worker may use. Not set: what the container or the machine has."""


class AlertSettings(Section):
    """When alerts are sent, and where to."""

    error_rate_warning: Share = 0.05
    """Share of the requests, or of the calls to one dependency, that failed in the last minute."""
    error_rate_critical: Share = 0.10
    """The same for a critical alert."""
    response_time_warning: Seconds = 2.0
    """The 95th percentile of the same requests or calls."""
    response_time_critical: Seconds = 5.0
    """The same for a critical alert."""
    memory_warning: Share = 0.75
    """Share of the memory that a worker may use."""
    memory_critical: Share = 0.90
    """The same for a critical alert."""
    breakers_open_warning: Annotated[int, Field(ge=0, le=10_000)] = 1
    """More open circuit breakers than this."""
    breakers_open_critical: Annotated[int, Field(ge=0, le=10_000)] = 3
    """The same for a critical alert."""
    hold: Delay = 30.0
    """How long a trouble must last before an alert is sent. For a dependency that is down it is
    `MEDIANEST_HEALTH_UNHEALTHY_AFTER` checks."""
    resolve_after: Delay = 30.0
    """How long it must be over before that is sent."""
    cool_down: Delay = 300.0
    """How long the same alert is not sent again."""
    minimum_calls: Count = 20
    """No rate is judged over fewer calls."""
    urls: SecretUrls = ()
    """Where alerts are sent, as [Apprise](https://github.com/caronc/apprise) writes it:
    `ntfy://host/topic mailto://…`"""
