"""HTTP to an upstream: bounded in time and size, with our own errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final
from urllib.parse import quote, urlsplit

import requests

from medianest.config import Secrets, UpstreamSettings, UpstreamTls
from medianest.media.errors import (
    ForeignAnswerError,
    InvalidAnswerError,
    NotFoundError,
    RefusedError,
    RejectedError,
    UnavailableError,
    UnusableAnswerError,
)
from medianest.media.failures import mapped
from medianest.media.json_body import read_json
from medianest.net.adapter import UpstreamAdapter, tls_context
from medianest.net.dns import time_left
from medianest.resilience import Clock, Deadline
from medianest.resilience.clock import as_clock
from medianest.resilience.retry import RETRYABLE_STATUSES, wait_asked

__all__ = ["HttpAnswer", "UpstreamHttp"]

_CHUNK = 64 * 1024

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

_NO_ANSWERS: Final = {204: "no content", 205: "no content", 206: "a part of it", 304: "no change"}

_HOST: Final = re.compile(r"[a-z0-9.:_-]{1,253}", re.ASCII)


class _Session(requests.Session):
    """Knows no redirects: even with allow_redirects=False, requests would read the whole body of
    one, unbounded, and parse its Location."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A whole answer of any status."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class UpstreamHttp:
    """Asks one upstream. `timeout` seconds bound a whole call, from the look-up of the name to
    the last byte of the body; `max_bytes` bound the body. Thread-safe.

    Raises the errors of medianest.media.errors, and DeadlineExceededError when no time is left to
    ask. Headers given here go with each call. Of what it answers, nobody sees the `secrets`.
    """

    def __init__(
        self,
        service: str,
        base_url: str,
        *,
        headers: Mapping[str, str],
        timeout: float,
        max_bytes: int,
        connections: int = 10,
        tls: UpstreamTls | None = None,
        is_own: Callable[[Mapping[str, str]], bool] = lambda headers: True,
        clock: Clock | None = None,
        secrets: Secrets | None = None,
    ) -> None:
        self.service = service
        self._secrets = secrets or Secrets(headers.values())
        self._is_own = is_own
        self._prefix = tls.prefix if tls else None
        self._base_url = base_url
        self._headers = {"Accept": "application/json", **headers}
        self._max_bytes = max_bytes
        self._clock = as_clock(clock)
        self._deadline = Deadline(timeout, name=service, clock=clock)
        self._session = _Session()
        # Neither a proxy nor a ~/.netrc of this machine may come between us and the home network.
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.adapters.clear()  # nothing goes elsewhere
        scheme = urlsplit(base_url).scheme
        adapter = UpstreamAdapter(
            connections,
            context=tls_context(tls) if scheme == "https" else None,
            certificate_sha256=tls.certificate_sha256 if tls else None,
            clock=clock,
        )
        self._session.mount(f"{scheme}://", adapter)

    @classmethod
    def of(
        cls,
        service: str,
        url: str,
        settings: UpstreamSettings,
        headers: Mapping[str, str],
        clock: Clock | None,
        is_own: Callable[[Mapping[str, str]], bool] = lambda headers: True,
        secrets: Secrets | None = None,
    ) -> UpstreamHttp:
        """As the settings of an upstream want it. `is_own(headers)` tells an error of the
        service from that of a proxy in front of it."""
        return cls(
            service,
            url,
            headers=headers,
            timeout=settings.timeout,
            max_bytes=settings.max_bytes,
            connections=settings.places,
            tls=settings.tls,
            is_own=is_own,
            clock=clock,
            secrets=secrets or Secrets.of(settings),
        )

    def get_json(
        self,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """GET a path and parse its JSON. An answer that is none is not read."""
        with self._asked("GET", path, params, headers) as response:
            self.check(response.status_code, response.headers)
            body = self._read(response)
        return self.parse(body)

    def ask(self, method: str, path: str, *, body: Any = None) -> HttpAnswer:
        """Any request, with `body` as JSON, and its whole answer of whatever status."""
        with self._asked(method, path, body=body) as response:
            return HttpAnswer(response.status_code, response.headers, self._read(response))

    def close(self) -> None:
        """Close the idle connections."""
        self._session.close()

    @contextmanager
    def _asked(
        self,
        method: str,
        path: str,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Iterator[requests.Response]:
        # Not the `params` of requests: some servers take its "+" for a plus.
        query = "&".join(f"{quote(k, '')}={quote(str(v), '')}" for k, v in (params or {}).items())
        with (
            self._deadline.scope(),
            mapped(self.service, self._prefix),
            self._session.request(
                method,
                f"{self._base_url}{path}?{query}" if query else self._base_url + path,
                json=body,
                headers={**self._headers, **(headers or {})},
                stream=True,
                allow_redirects=False,
                timeout=time_left(),
            ) as response,
        ):
            yield response

    def check(self, status: int, headers: Mapping[str, str]) -> None:
        """Raise what a status means that is not 200."""
        if 400 <= status < 500 and status != 401 and not self._is_own(headers):
            message = f"something else answers at its address ({status})"
            raise ForeignAnswerError(self.service, message, status)
        if status in (401, 403):
            raise RejectedError(self.service, f"it refused our credentials ({status})", status)
        if status == 404:
            raise NotFoundError(self.service, "not found (404)")
        if status >= 500 or status in RETRYABLE_STATUSES:
            wait = wait_asked(headers.get("Retry-After"), self._clock)
            raise UnavailableError(self.service, f"it answered {status}", status, retry_after=wait)
        if 400 <= status < 500:
            raise RefusedError(self.service, f"it refused the request ({status})", status)
        if status in _REDIRECTS:
            raise InvalidAnswerError(self.service, self._redirect(status, headers))
        if status != 200:
            what = _NO_ANSWERS.get(status) or ("no final answer" if status < 200 else "")
            raise InvalidAnswerError(self.service, f"it answered {status}" + (what and f": {what}"))

    def _redirect(self, status: int, headers: Mapping[str, str]) -> str:
        origin = _origin(self._secrets.hidden(headers.get("Location", "")))
        own = urlsplit(self._base_url)
        if origin.startswith("https:") and own.scheme == "http" and self._prefix is not None:
            return f"it redirects to https: set {self._prefix}_URL to {origin}{own.path}"
        return f"it redirects{origin and f' to {origin}'} ({status}), which is not followed"

    def _read(self, response: requests.Response) -> bytes:
        body = bytearray()
        for chunk in response.iter_content(_CHUNK):
            body += chunk
            if len(body) > self._max_bytes:
                raise UnusableAnswerError(
                    self.service, f"its answer is larger than {self._max_bytes} bytes"
                )
        return self._secrets.hidden(bytes(body))

    def parse(self, body: bytes) -> Any:
        """The JSON of a body."""
        return read_json(self.service, body)


def _origin(location: str) -> str:
    """Scheme, host and port of a Location, and nothing that could be a secret; "" if there is none
    that can be shown."""
    try:
        parts = urlsplit(location)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host):
        return ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}"
