"""The sections of the settings about looking: the health monitor and its alerts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from medianest.config.kinds import Count, Delay, Networks, Seconds, SecretUrls, Share
from medianest.config.sections import Section

__all__ = ["AlertSettings", "HealthSettings"]


class HealthSettings(Section):
    """How often and how patiently everything is looked at."""

    interval: Seconds = 10.0
    """Between two checks of a component."""
    timeout: Seconds = 3.0
    """After which a check has failed."""
    unhealthy_after: Count = 3
    """Findings in a row before a status gets worse."""
    healthy_after: Count = 2
    """Findings in a row before it gets better."""
    allowed_networks: Networks = ()
    """Private networks in which a registered health_check_url may be."""
    memory_limit: Annotated[int, Field(ge=1024 * 1024, le=2**50)] | None = None
    """Bytes that a worker may use; None: what the container or the machine has."""


class AlertSettings(Section):
    """What somebody should be told, and where to."""

    error_rate_warning: Share = 0.05
    error_rate_critical: Share = 0.10
    response_time_warning: Seconds = 2.0
    response_time_critical: Seconds = 5.0
    memory_warning: Share = 0.75
    memory_critical: Share = 0.90
    breakers_open_warning: Annotated[int, Field(ge=0, le=10_000)] = 1
    """More than so many."""
    breakers_open_critical: Annotated[int, Field(ge=0, le=10_000)] = 3
    hold: Delay = 30.0
    """How long it must last."""
    resolve_after: Delay = 30.0
    """How long it must be over."""
    cool_down: Delay = 300.0
    """How long it is not told anew."""
    minimum_calls: Count = 20
    """No rate is judged over fewer."""
    urls: SecretUrls = ()
    """Where to send alerts, as Apprise writes it: ntfy://host/topic, mailto://…"""
