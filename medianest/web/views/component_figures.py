"""The figures that components have of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import ConfigDict, Field

from medianest.web.models import AnswerModel, Count, Number, Seconds, Share, Timestamp
from medianest.web.views.queue_figures import QueueFigures
from medianest.web.words import CacheMode, CpuLimit, MemoryLimit

__all__ = [
    "ComponentFigures",
    "CpuFigures",
    "MemoryFigures",
    "RecoveryFigures",
    "StateCounts",
    "ThreadFigures",
    "figures_of",
]


class StateCounts(AnswerModel):
    """How many circuit breakers are in which state."""

    closed: Count
    open: Count
    half_open: Count
    forced_open: Count
    disabled: Count


class MemoryFigures(AnswerModel):
    """Bytes in use and allowed."""

    used_bytes: Count
    limit_bytes: Count
    limited_by: MemoryLimit
    process_bytes: Count
    share: Annotated[Number, Field(description="Of the limit.")]


class CpuFigures(AnswerModel):
    """The share of the processors that was in use between the last two checks."""

    share: Share | None
    process_share: Share | None
    cores: Annotated[float, Field(gt=0)]
    limited_by: CpuLimit


class ThreadFigures(AnswerModel):
    """The threads that serve requests; what follows the first is null where there is no limit."""

    threads: Count
    limit: Annotated[
        int | None, Field(ge=0, description="Requests in flight before load is shed.")
    ] = None
    in_use: Count | None = None
    peak: Count | None = None
    shed: Annotated[int | None, Field(ge=0, description="Requests that were refused.")] = None


class LogFigures(AnswerModel):
    """The log of this process."""

    dropped: Annotated[int, Field(ge=0, description="Records that could not be written.")]
    stuck_seconds: Annotated[
        Seconds, Field(description="How long the line that is being written has taken so far.")
    ]


class SilentWorker(AnswerModel):
    """A worker process that lives and says nothing."""

    name: str
    last_heard_at: Timestamp


class LostTier(AnswerModel):
    """What workers or hosts share, and do not now."""

    name: Annotated[str, Field(examples=["host"])]
    lost_at: Timestamp


class SharingFigures(AnswerModel):
    """The processes of this host that know each other."""

    members: Annotated[tuple[str, ...], Field(description="Those that live.")]
    silent: tuple[SilentWorker, ...]
    lost: tuple[LostTier, ...]


class DatabaseFigures(AnswerModel):
    """What the database says of itself."""

    server_version: str
    revision: Annotated[str | None, Field(description="The revision of its tables.")]


class CacheFigures(AnswerModel):
    """What Redis says of itself; of the memory of this process the mode alone."""

    mode: CacheMode
    version: str | None = None
    used_memory_bytes: Annotated[int | None, Field(validation_alias="used_memory", ge=0)] = None
    max_memory_bytes: Annotated[
        int | None, Field(validation_alias="max_memory", ge=0, description="Null: no limit.")
    ] = None
    keys: Count | None = None
    latency_seconds: Annotated[Seconds | None, Field(validation_alias="latency")] = None


class ServiceFigures(AnswerModel):
    """What an external service answered to its last check."""

    status_code: Annotated[int | None, Field(description="Null: it did not answer.")]
    version: Annotated[str | None, Field(description="Its version; null: it does not tell.")] = None


class OtherFigures(AnswerModel):
    """Of a check that a program has added."""

    model_config = ConfigDict(extra="allow")


ComponentFigures: TypeAlias = (
    StateCounts
    | MemoryFigures
    | CpuFigures
    | ThreadFigures
    | QueueFigures
    | LogFigures
    | SharingFigures
    | DatabaseFigures
    | CacheFigures
    | ServiceFigures
    | OtherFigures
)
"""What a check found out beside how well it is; which members there are tells of what."""


def figures_of(detail: Mapping[str, Any]) -> Any:
    """Those of a check; None while there are none."""
    return dict(detail) or None


class RecoveryFigures(AnswerModel):
    """How often a recovery action ended in which way, and how long that took in all."""

    returned: Annotated[int, Field(ge=0, description="The action gave an answer.")]
    repaired: Annotated[
        int,
        Field(
            ge=0, description="The action repaired something, and the operation was tried again."
        ),
    ]
    shared: Annotated[int, Field(ge=0, description="Another call was doing the same repair.")]
    raised: Annotated[int, Field(ge=0, description="The action failed.")]
    declined: Annotated[int, Field(ge=0, description="The action does not handle this error.")]
    suspended: Annotated[int, Field(ge=0, description="The action was not allowed to run then.")]
    recovered: Annotated[int, Field(ge=0, description="Calls that succeeded because of it.")]
    success_rate: Annotated[Share | None, Field(description="Null before its first run.")]
    duration_seconds: Annotated[Seconds, Field(validation_alias="seconds")]

    @classmethod
    def by_action(cls, statistics: Mapping[str, Mapping[str, Any]]) -> dict[str, RecoveryFigures]:
        """Of each action."""
        return {name: cls.model_validate(dict(each)) for name, each in statistics.items()}
