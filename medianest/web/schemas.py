"""What the bodies of requests may hold."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from medianest.dependencies.definition import NAME
from medianest.dependencies.statuses import SUCCESS
from medianest.media.overseerr.wish import MediaType
from medianest.overrides.override import Action
from medianest.resilience import Criticality, DependencyType
from medianest.web.expected_status import ExpectedStatus
from medianest.web.parameters import PLAIN, Handler, ServiceName, Strict
from medianest.web.words import CountingMode

__all__ = [
    "BreakerAction",
    "BreakerOptions",
    "ReasonBody",
    "Registration",
    "Rehearsal",
    "RetryDead",
    "Silencing",
    "TitleRequest",
]


Reason = Annotated[str, Field(max_length=500, pattern=f"^{PLAIN}*$")]


def _such_as(*examples: dict[str, Any], **more: Any) -> ConfigDict:
    """The examples of a body, which the document shows; all of them are accepted."""
    return ConfigDict(json_schema_extra={"examples": [*examples], **more})


def _whole(value: object) -> object:
    """To JSON, 1.0 is the same number as 1."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


TitleId = Annotated[
    int, Field(ge=1, le=2_147_483_647, strict=True, description="At TMDB."), BeforeValidator(_whole)
]
UserId = Annotated[int, Field(ge=1, le=2_147_483_647, strict=True), BeforeValidator(_whole)]
_Calls = Annotated[int, Field(ge=1, le=1_000_000, strict=True), BeforeValidator(_whole)]
Season = Annotated[int, Field(ge=0, le=1_000, strict=True), BeforeValidator(_whole)]
Seasons = Annotated[
    Annotated[list[Season], Field(min_length=1, max_length=200), Tag("")]
    | Annotated[Literal["all"], Tag("all")],
    Discriminator(
        lambda value: "all" if value == "all" else "" if isinstance(value, list) else None,
        custom_error_type="seasons",
        custom_error_message='must be numbers of seasons, such as [1, 2], or "all"',
    ),
]
"""The tags tell which of the two is meant, and whose faults are told."""


class ReasonBody(Strict):
    """Why an operator does something."""

    model_config = _such_as({"reason": "it is no longer wanted"})

    reason: Reason | None = None


class Silencing(Strict):
    """For how long nobody is to be notified of an alert, and why."""

    model_config = _such_as({"duration_seconds": 3600, "reason": "moving the server"})

    duration_seconds: Annotated[float, Field(ge=60, le=2_592_000, strict=True)]
    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=f"^{PLAIN}+$")]


class RetryDead(ReasonBody):
    """Which dead letters to retry."""

    model_config = _such_as({"handler": "overseerr.request", "reason": "Overseerr is back"})

    handler: Handler | None = None


class Rehearsal(Strict):
    """A failure to rehearse."""

    model_config = _such_as({"operation": "plex-media-server.libraries", "error": "timeout"})

    operation: Annotated[
        ServiceName, Field(description="One of those that `/recovery/operations` lists.")
    ]
    service: Annotated[
        Annotated[ServiceName, Field(max_length=100)] | None,
        Field(description="Where it is given, that of the operation."),
    ] = None
    error: Annotated[
        str,
        Field(
            min_length=1,
            max_length=100,
            description='Such as "timeout", "ECONNREFUSED", "5xx" or "circuit-open".',
        ),
    ]
    context: dict[str, Any] = Field(
        {},
        description="Arguments of the call by their names, and what else a call tells the "
        "actions. Without the arguments, the last call's.",
    )
    execute: Annotated[bool, Field(strict=True)] = False


class BreakerOptions(Strict):
    """How the breaker of a registered dependency works; what is left out is as usual. Times are
    seconds, rates 0 to 1."""

    failure_threshold: _Calls | None = None
    monitoring_period: Annotated[float, Field(ge=0.001, le=86_400, strict=True)] | None = None
    reset_timeout: Annotated[float, Field(gt=0, le=86_400, strict=True)] | None = None
    half_open_max_calls: (
        Annotated[int, Field(ge=1, le=1_000, strict=True), BeforeValidator(_whole)] | None
    ) = None
    failure_rate_threshold: Annotated[float, Field(ge=0, le=1, strict=True)] | None = None
    slow_call_duration_threshold: Annotated[float, Field(gt=0, le=86_400, strict=True)] | None = (
        None
    )
    slow_call_rate_threshold: Annotated[float, Field(ge=0, le=1, strict=True)] | None = None
    minimum_number_of_calls: _Calls | None = None
    backoff_factor: Annotated[float, Field(ge=1, le=1_000, strict=True)] | None = None
    max_reset_timeout: Annotated[float, Field(gt=0, le=31_536_000, strict=True)] | None = None
    half_open_timeout: Annotated[float, Field(gt=0, le=86_400, strict=True)] | None = None
    counting: CountingMode | None = None


class Registration(Strict):
    """A dependency to watch."""

    model_config = _such_as(
        {
            "name": "nas",
            "type": "internal-service",
            "criticality": "optional",
            "circuit_breaker": {"failure_threshold": 3, "reset_timeout": 15},
        }
    )

    name: Annotated[
        str,
        Field(
            pattern=f"^{NAME.pattern}$",
            description="Letters, digits, dots, dashes and underscores.",
        ),
    ]
    type: DependencyType
    criticality: Criticality
    health_check_url: Annotated[
        str | None,
        Field(
            max_length=2_000,
            description="Well while it answers GET with an expected status; private addresses "
            "only within MEDIANEST_HEALTH_ALLOWED_NETWORKS. Without one, only its breaker tells.",
        ),
    ] = None
    depends_on: Annotated[
        tuple[Annotated[str, Field(pattern=f"^{NAME.pattern}$")], ...],
        Field(max_length=100, description="Registered dependencies that it cannot do without."),
    ] = ()
    circuit_breaker: BreakerOptions = BreakerOptions()
    expected_status: ExpectedStatus = SUCCESS

    def options(self) -> dict[str, Any]:
        """Those of the breaker that were given."""
        return self.circuit_breaker.model_dump(exclude_none=True)


class TitleRequest(Strict):
    """A title to request; of a show, which seasons."""

    model_config = _such_as(
        {"media_type": "movie", "media_id": 603},
        {"media_type": "tv", "media_id": 1399, "seasons": [1, 2]},
        **{
            "if": {"properties": {"media_type": {"const": "tv"}}},
            "then": {"required": ["seasons"], "properties": {"seasons": {"not": {"type": "null"}}}},
            "else": {"properties": {"seasons": {"type": "null"}}},
        },
    )

    media_type: MediaType
    media_id: TitleId
    seasons: Annotated[
        Seasons | None, Field(description='Numbers of seasons, or "all"; 0 are the specials.')
    ] = None
    is4k: Annotated[bool, Field(strict=True, description="In 4K rather than as usual.")] = False
    user_id: Annotated[
        UserId | None,
        Field(description="For which user of Overseerr; null: as the settings say."),
    ] = None

    @model_validator(mode="after")
    def _only_shows_have_seasons(self) -> TitleRequest:
        if self.media_type == "tv" and self.seasons is None:
            raise ValueError('a show needs its seasons, such as [1] or "all"')
        if self.media_type == "movie" and self.seasons is not None:
            raise ValueError("a movie has no seasons")
        return self

    def payload(self) -> dict[str, Any]:
        """The same for requests that ask for the same."""
        payload: dict[str, Any] = {"media_type": self.media_type, "media_id": self.media_id}
        if self.seasons is not None:
            payload["seasons"] = "all" if self.seasons == "all" else sorted({*self.seasons})
        if self.is4k:
            payload["is4k"] = True
        if self.user_id is not None:
            payload["user_id"] = self.user_id
        return payload


class BreakerAction(Strict):
    """What an operator does to a circuit breaker."""

    model_config = _such_as(
        {"action": "open", "reason": "moving the server", "expires_in_seconds": 600},
        {"action": "close", "reason": "it is back"},
        **{
            "if": {"properties": {"action": {"enum": ["close", "reset", "enable"]}}},
            "then": {"properties": {"expires_in_seconds": {"type": "null"}}},
        },
    )

    action: Action
    reason: Reason | None = None
    expires_in_seconds: Annotated[float, Field(gt=0, le=31_536_000, strict=True)] | None = None

    @model_validator(mode="after")
    def _only_what_lasts_expires(self) -> BreakerAction:
        if self.expires_in_seconds is not None and self.action not in ("open", "disable"):
            raise ValueError("expires_in_seconds goes with open and disable only")
        return self
