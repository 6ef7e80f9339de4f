"""The sets of words that requests and answers use beside those of the parts they come from."""

from __future__ import annotations

from typing import Literal, TypeAlias

__all__ = [
    "AlertSeverity",
    "Availability",
    "BreakerPackage",
    "BreakerState",
    "CacheMode",
    "CountingMode",
    "CpuLimit",
    "EndingAction",
    "Environment",
    "ErrorTrend",
    "LastingAction",
    "MediaService",
    "MediaStatus",
    "MemoryLimit",
    "ReadinessStatus",
    "RequestStatus",
    "RiskLevel",
    "SuspendedWork",
    "TicketState",
]

AlertSeverity: TypeAlias = Literal["warning", "critical"]
BreakerPackage: TypeAlias = Literal["medianest", "circuitbreaker"]
BreakerState: TypeAlias = Literal["closed", "open", "half_open", "forced_open", "disabled"]
CacheMode: TypeAlias = Literal["redis", "memory"]
CountingMode: TypeAlias = Literal["window", "consecutive"]
CpuLimit: TypeAlias = Literal["container", "machine"]
EndingAction: TypeAlias = Literal["close", "reset", "enable"]
Environment: TypeAlias = Literal["development", "testing", "production"]
ErrorTrend: TypeAlias = Literal["steady", "rising", "falling"]
LastingAction: TypeAlias = Literal["open", "disable"]
MediaService: TypeAlias = Literal["plex-media-server", "overseerr"]
MediaStatus: TypeAlias = Literal[
    "unknown",
    "pending",
    "processing",
    "partially_available",
    "available",
    "blocklisted",
    "deleted",
]
Availability: TypeAlias = MediaStatus | Literal["not_requested"]
MemoryLimit: TypeAlias = Literal["setting", "container", "machine"]
ReadinessStatus: TypeAlias = Literal["ready", "not_ready"]
RequestStatus: TypeAlias = Literal[
    "pending", "approved", "declined", "failed", "completed", "unknown"
]
RiskLevel: TypeAlias = Literal["low", "medium", "high", "critical"]
SuspendedWork: TypeAlias = Literal["retry", "optional"]
TicketState: TypeAlias = Literal["queued", "running", "done", "failed"]
