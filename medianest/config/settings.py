"""Settings: defaults of the environment, then instance/medianest.toml, then MEDIANEST_* variables.

A setting `field` of section `plex` is `[plex] field` in the file and `MEDIANEST_PLEX_FIELD` in the
environment; one without a section is `field` and `MEDIANEST_FIELD`. A secret may be given as the
path of a file that holds it: `MEDIANEST_PLEX_TOKEN_FILE`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)

from medianest.config import sources
from medianest.config.sources import PREFIX
from medianest.resilience import (
    BulkheadOptions,
    CircuitBreakerOptions,
    ConfigurationError,
    Policy,
    RetryOptions,
)
from medianest.resilience.options import MAX_SECONDS
from medianest.resilience.outcome import Classifier, Expected

__all__ = ["Environment", "PlexSettings", "Settings", "UpstreamSettings"]

Environment = Literal["development", "testing", "production"]


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    try:
        well_formed = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        well_formed = False
    if parts.scheme not in ("http", "https") or not well_formed or re.search(r"\s", value):
        raise ValueError("must be an http or https URL such as http://plex:32400")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must be a base URL without credentials, query or fragment")
    return value.rstrip("/")


def _header_value(value: SecretStr) -> SecretStr:
    """Tokens travel in HTTP headers."""
    if not re.fullmatch(r"[!-~]+", value.get_secret_value()):
        raise ValueError("must be printable ASCII without spaces")
    return value


def _listed(value: object) -> object:
    if isinstance(value, str):
        return tuple(item.strip() for item in value.split(",") if item.strip())
    return value


def _unless_off(value: object) -> object:
    return None if value == "off" else value


def _known_tokens(value: tuple[str, ...]) -> tuple[str, ...]:
    Classifier(value)
    return value


Seconds = Annotated[float, Field(gt=0, le=MAX_SECONDS, allow_inf_nan=False)]
Delay = Annotated[float, Field(ge=0, le=MAX_SECONDS, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=10**9)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
ErrorTokens = Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_known_tokens)]
Secret = Annotated[SecretStr, AfterValidator(_header_value)]


class Section(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class UpstreamSettings(Section):
    """How an upstream is called. The defaults are production's."""

    url: BaseUrl | None = None
    timeout: Seconds = 12.0
    """Total time of one attempt."""
    max_bytes: Count = 32 * 1024 * 1024
    """Largest answer that is read."""
    max_concurrent: Annotated[int, Field(ge=1, le=10_000)] = 10
    breaker_enabled: bool = True
    failure_threshold: Count = 3
    counting: Literal["window", "consecutive"] = "consecutive"
    """Consecutive: a server at home is up or down, and a busy hour must not hide its death."""
    monitoring_period: Seconds = 60.0
    reset_timeout: Seconds = 30.0
    max_reset_timeout: Seconds = 300.0
    half_open_max_calls: Count = 3
    slow_call_duration_threshold: Annotated[Seconds | None, BeforeValidator(_unless_off)] = None
    """Off: a large library may take ten seconds and be well."""
    expected_errors: ErrorTokens | None = None
    max_attempts: Count = 3
    initial_delay: Delay = 0.2
    max_delay: Delay = 2.0

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
            bulkhead=BulkheadOptions(max_concurrent=self.max_concurrent),
            timeout=self.timeout,
            expected_errors=self.expected_errors or expected,
        )


class PlexSettings(UpstreamSettings):
    """Plex Media Server."""

    token: Secret | None = None


class Settings(Section):
    """Everything that can be set. `Settings.load()` reads it from where it is kept."""

    env: Environment = "development"
    instance_path: Path = Path("instance")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_json: bool = False
    request_timeout: Seconds = 15.0
    """The deadline of each request."""
    threads: Annotated[int, Field(ge=4, le=10_000)] = 16
    max_in_flight: Count | None = None
    """Requests served at once before load is shed; None: four threads fewer than there are."""
    max_body_bytes: Count = 64 * 1024
    sandbox: bool = True
    """In development without a Plex, `make run` starts one to play with."""
    operator_token: Secret | None = None
    viewer_token: Secret | None = None
    client_token: Secret | None = None
    plex: PlexSettings = PlexSettings()

    @property
    def in_flight_limit(self) -> int:
        """Requests served at once; the other threads are for probes and operators."""
        return self.max_in_flight or max(1, self.threads - 4)

    @classmethod
    def load(
        cls,
        environ: Mapping[str, str] | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> Settings:
        """Read the settings; `overrides` (in the file's shape) go last.

        Raises ConfigurationError with one line that names what is wrong and what is allowed.
        """
        overrides = overrides or {}
        variables = sources.from_variables(os.environ if environ is None else environ, cls)
        environment = _environment(overrides.get("env", variables.get("env", "development")))
        instance = Path(overrides.get("instance_path", variables.get("instance_path", "instance")))
        merged: dict[str, Any] = {}
        for layer in (
            _DEFAULTS[environment],
            sources.from_file(instance / "medianest.toml"),
            variables,
            overrides,
        ):
            merged = sources.merged(merged, layer)
        return cls.parse(merged | {"env": environment})

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Settings:
        """Check values in the file's shape. Raises ConfigurationError."""
        try:
            settings = cls.model_validate(values)
        except ValidationError as error:
            raise ConfigurationError("; ".join(sources.faults(error, values, cls))) from None
        if settings.max_in_flight is not None and settings.max_in_flight >= settings.threads:
            raise ConfigurationError(
                f"{PREFIX}MAX_IN_FLIGHT: {settings.max_in_flight} is not allowed: must be less "
                f"than {PREFIX}THREADS ({settings.threads}), so that probes find a thread"
            )
        if settings.plex.max_concurrent >= settings.threads:
            raise ConfigurationError(
                f"{PREFIX}PLEX_MAX_CONCURRENT: {settings.plex.max_concurrent} is not allowed: must "
                f"be less than {PREFIX}THREADS ({settings.threads}), so that Plex never takes all"
            )
        tokens = [
            t for t in (settings.operator_token, settings.viewer_token, settings.client_token) if t
        ]
        if len(set(tokens)) < len(tokens):
            raise ConfigurationError("the tokens of client, viewer and operator must differ")
        return settings


_DEFAULTS: dict[str, dict[str, Any]] = {
    "development": {
        "log_level": "DEBUG",
        "plex": {"failure_threshold": 5, "reset_timeout": 10.0, "max_reset_timeout": 60.0},
    },
    "testing": {
        "sandbox": False,
        "plex": {"breaker_enabled": False, "max_attempts": 1},
    },
    "production": {"log_json": True, "sandbox": False},
}


def _environment(value: object) -> str:
    if value not in get_args(Environment):
        raise ConfigurationError(
            f"{PREFIX}ENV: {value!r} is not allowed: must be one of "
            f"{', '.join(get_args(Environment))}"
        )
    return str(value)
