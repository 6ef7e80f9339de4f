"""The two values from which something is worth a warning, and critical."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from medianest.health.status import Status
from medianest.resilience import ConfigurationError
from medianest.resilience.options import is_number

__all__ = ["Severity", "Threshold"]


class Severity(IntEnum):
    """How bad; a warning can wait until morning."""

    WARNING = 1
    CRITICAL = 2


_STATUS_OF = {Severity.WARNING: Status.DEGRADED, Severity.CRITICAL: Status.UNHEALTHY}


@dataclass(frozen=True, slots=True)
class Threshold:
    """More than `warning` is a warning, more than `critical` is critical. Raises
    ConfigurationError when they are not in that order."""

    warning: float
    critical: float

    def __post_init__(self) -> None:
        numbers = is_number(self.warning) and is_number(self.critical)
        if not numbers or not 0 <= self.warning < self.critical:
            raise ConfigurationError(
                f"a threshold for warnings must be at least 0 and below the one for critical, not "
                f"{self.warning!r} and {self.critical!r}"
            )

    def severity_of(self, value: float | None) -> Severity | None:
        """How bad a value is; None for one that is well, or unknown."""
        if value is None or value <= self.warning:
            return None
        return Severity.CRITICAL if value > self.critical else Severity.WARNING

    def status_of(self, value: float | None) -> Status:
        """The same as a status."""
        severity = self.severity_of(value)
        return Status.HEALTHY if severity is None else _STATUS_OF[severity]

    def exceeded(self, severity: Severity) -> float:
        """The value that was exceeded."""
        return self.critical if severity is Severity.CRITICAL else self.warning
