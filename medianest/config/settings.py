"""Settings: defaults of the environment, then instance/medianest.toml, then MEDIANEST_* variables.

A setting `field` of section `plex` is `[plex] field` in the file and `MEDIANEST_PLEX_FIELD` in the
environment; one without a section is `field` and `MEDIANEST_FIELD`. A secret may be given as the
path of a file that holds it: `MEDIANEST_PLEX_TOKEN_FILE`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, ValidationError

from medianest.config import sources
from medianest.config.health import AlertSettings, HealthSettings
from medianest.config.kinds import Count, Delay, HostNames, Seconds, Secret, TrustedProxies
from medianest.config.redis import RedisSettings
from medianest.config.sections import (
    DatabaseSettings,
    OverseerrSettings,
    PlexSettings,
    QueueSettings,
    Section,
    UpstreamSettings,
)
from medianest.config.sources import PREFIX
from medianest.resilience import ConfigurationError

__all__ = ["DEFAULTS", "Environment", "Settings"]

Environment = Literal["development", "testing", "production"]

_SHORTEST_TOKEN = 16
"""Characters; a shorter one can be found by trying."""


class Settings(Section):
    """Everything that can be set. `Settings.load()` reads it from where it is kept."""

    env: Environment = "development"
    """What it runs for. `testing` has no circuit breakers and makes one attempt."""
    instance_path: Path = Path("instance")
    """The folder of local state."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """What is logged. DEBUG adds each retry, refusal and degraded answer."""
    log_json: bool = False
    """Whether each log line is JSON."""
    request_timeout: Seconds = 15.0
    """The deadline of each request, in seconds as all times are."""
    drain_delay: Delay = 0.0
    """How long it takes new connections after SIGTERM, with readiness 503."""
    threads: Annotated[int, Field(ge=4, le=10_000)] = 40
    """Threads of a worker, at least 4."""
    max_in_flight: Count | None = None
    """Requests served at once. More are refused with 503, so that probes find a thread. Not set:
    four fewer than threads."""
    max_body_bytes: Count = 64 * 1024
    """The largest request body."""
    allowed_hosts: HostNames = ()
    """Names by which clients may call this server, beside `localhost` and addresses:
    `house.example.org nas`. Not set in production: any name, as nobody reads without a token
    there."""
    trusted_proxies: TrustedProxies = 0
    """Whom to believe about clients: the networks of your proxies, `172.16.0.0/12 fd00::/8`, or
    the number of proxies in front, if nobody can come past them."""
    sandbox: bool = True
    """Whether `make run` in development starts a sandbox for a Plex or Overseerr that is not
    set."""
    operator_token: Secret | None = None
    """Whoever has it may do everything. In production at least 16 characters, as for all tokens
    (`openssl rand -hex 24` makes 48). Development makes one if it is not set."""
    viewer_token: Secret | None = None
    """Whoever has it may read health and resilience."""
    client_token: Secret | None = None
    """Whoever has it may use the media API. After twenty wrong tokens an address may try one every
    3 s, until the right one has come from it."""
    plex: PlexSettings = PlexSettings()
    overseerr: OverseerrSettings = OverseerrSettings()
    database: DatabaseSettings = DatabaseSettings()
    queue: QueueSettings = QueueSettings()
    health: HealthSettings = HealthSettings()
    alerts: AlertSettings = AlertSettings()
    metrics_public: bool = False
    """Whether `/metrics` needs no token."""
    redis: RedisSettings = RedisSettings()

    @property
    def database_url(self) -> str:
        """Where the database is; it holds a password where there is one."""
        if self.database.url is not None:
            return self.database.url.get_secret_value()
        return f"sqlite:///{(self.instance_path / 'medianest.db').absolute()}"

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
        merged: dict[str, Any] = {}
        layers = cls.layers(environ, overrides)
        for _, layer in layers:
            merged = sources.merged(merged, layer)
        return cls.parse(merged, layers)

    @classmethod
    def layers(
        cls,
        environ: Mapping[str, str] | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> list[tuple[str, Mapping[str, Any]]]:
        """Where settings come from and what is said there; the last one wins."""
        overrides = overrides or {}
        variables = sources.from_variables(os.environ if environ is None else environ, cls)
        environment = _environment(overrides.get("env", variables.get("env", "development")))
        instance = Path(overrides.get("instance_path", variables.get("instance_path", "instance")))
        file = instance / sources.FILE
        return [
            ("default", {"env": environment}),
            (f"default of {environment}", DEFAULTS[environment]),
            (str(file), sources.from_file(file)),
            ("variable", variables),
            ("program", overrides),
        ]

    @classmethod
    def parse(cls, values: Mapping[str, Any], layers: sources.Layers = ()) -> Settings:
        """Check values in the file's shape, that come from these layers. Raises
        ConfigurationError."""
        try:
            settings = cls.model_validate(values)
        except ValidationError as error:
            found = sources.faults(error, values, cls, layers)
            raise ConfigurationError("; ".join(found)) from None
        try:
            return settings._checked_as_a_whole()
        except ConfigurationError as error:
            raise ConfigurationError(sources.placed(str(error), cls, layers)) from None

    def _checked_as_a_whole(self) -> Self:
        if self.max_in_flight is not None and self.max_in_flight >= self.threads:
            raise ConfigurationError(
                f"{PREFIX}MAX_IN_FLIGHT: {self.max_in_flight} is not allowed: must be less "
                f"than {PREFIX}THREADS ({self.threads}), so that probes find a thread"
            )
        self._check_tokens()
        if self.queue.lease <= self.overseerr.timeout:
            raise ConfigurationError(
                f"{PREFIX}QUEUE_LEASE: {self.queue.lease:g} is not allowed: must be more than "
                f"{PREFIX}OVERSEERR_TIMEOUT ({self.overseerr.timeout:g}), or what is still being "
                f"done would be done again"
            )
        for upstream in (self.plex, self.overseerr):
            _check_tls(upstream)
        self._check_thresholds()
        fitting = {name: self._fitting(name) for name in ("plex", "overseerr")}
        return self.model_copy(update=fitting)

    def _check_tokens(self) -> None:
        tokens = {
            role: token.get_secret_value()
            for role in ("client", "viewer", "operator")
            if (token := getattr(self, f"{role}_token")) is not None
        }
        if len(set(tokens.values())) < len(tokens):
            raise ConfigurationError("the tokens of client, viewer and operator must differ")
        for role, token in tokens.items():
            if self.env == "production" and len(token) < _SHORTEST_TOKEN:
                raise ConfigurationError(
                    f"{PREFIX}{role.upper()}_TOKEN: must have at least {_SHORTEST_TOKEN} "
                    f"characters in production; `openssl rand -hex 24` makes one"
                )

    def _check_thresholds(self) -> None:
        for name in ("error_rate", "response_time", "memory", "breakers_open"):
            warning, critical = (
                getattr(self.alerts, f"{name}_{severity}") for severity in ("warning", "critical")
            )
            if warning >= critical:
                variable = f"{PREFIX}ALERTS_{name.upper()}"
                raise ConfigurationError(
                    f"{variable}_WARNING: {warning:g} is not allowed: must be less than "
                    f"{variable}_CRITICAL ({critical:g})"
                )

    def _fitting(self, name: str) -> UpstreamSettings:
        """An upstream with fewer places than requests have, so that it never takes them all; half
        of them, where nobody has said how many."""
        upstream: UpstreamSettings = getattr(self, name)
        if upstream.max_concurrent is None:
            most = min(upstream.places, max(1, self.in_flight_limit // 2))
            return upstream.model_copy(update={"max_concurrent": most})
        if upstream.max_concurrent < max(2, self.in_flight_limit):
            return upstream
        raise ConfigurationError(
            f"{PREFIX}{name.upper()}_MAX_CONCURRENT: {upstream.max_concurrent} is not allowed: "
            f"must be less than {PREFIX}MAX_IN_FLIGHT ({self.in_flight_limit}), so that {name} "
            f"never takes all"
        )


def _check_tls(upstream: UpstreamSettings) -> None:
    """What would have no effect would leave somebody in the belief that it has."""
    prefix, ca_file, pin = upstream.prefix, upstream.ca_file, upstream.certificate_sha256
    if ca_file is not None and pin is not None:
        raise ConfigurationError(
            f"{prefix}_CA_FILE: give either this or {prefix}_CERTIFICATE_SHA256, not both"
        )
    is_plain = upstream.url is not None and upstream.url.lower().startswith("http:")
    if is_plain and (ca_file is not None or pin is not None):
        name = "CA_FILE" if pin is None else "CERTIFICATE_SHA256"
        raise ConfigurationError(f"{prefix}_{name}: {prefix}_URL must begin with https:// for it")


_FORGIVING = {"failure_threshold": 5, "reset_timeout": 5.0, "max_reset_timeout": 15.0}

DEFAULTS: dict[str, dict[str, Any]] = {
    "development": {
        "log_level": "DEBUG",
        "plex": _FORGIVING,
        "overseerr": _FORGIVING,
    },
    "testing": {
        "sandbox": False,
        "plex": {"breaker_enabled": False, "max_attempts": 1},
        "overseerr": {"breaker_enabled": False, "max_attempts": 1},
    },
    "production": {
        "log_json": True,
        "sandbox": False,
        "drain_delay": 5.0,
        "database": {"migrate": False},
    },
}


def _environment(value: object) -> str:
    if value not in get_args(Environment):
        raise ConfigurationError(
            f"{PREFIX}ENV: {value!r} is not allowed: must be one of "
            f"{', '.join(get_args(Environment))}"
        )
    return str(value)
