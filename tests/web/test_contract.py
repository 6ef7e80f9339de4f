"""The app against its own document: Schemathesis makes requests of all kinds from it and checks
each answer. MEDIANEST_CONTRACT_EXAMPLES is the number of random cases for each operation, beside
those at the edges; `make contract` runs thousands."""

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.generation import GenerationMode
from schemathesis.generation.case import Case

from medianest.app import create_app
from medianest.config import Settings
from medianest.resilience import CallRefusedError, ManualClock
from medianest.sandbox.process import SandboxProcess
from medianest.storage import StorageError
from medianest.web.openapi import document
from tests.support.narrowing import not_none
from tests.web.conftest import TOKENS

pytestmark = pytest.mark.slow


ASKED = os.environ.get("MEDIANEST_CONTRACT_EXAMPLES")
EXAMPLES = int(ASKED or 8)

load_all_checks()
SCHEMATHESIS: dict[str, Any] = {
    name: CHECKS.get_one(name)
    for name in (
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "negative_data_rejection",
        "positive_data_acceptance",
        "missing_required_header",
        "unsupported_method",
        "allow_header_conformance",
        "ignored_auth",
    )
}

BEYOND_SCHEMA = {
    "cursor", "error", "context", "depends_on", "health_check_url", "expected_status", "handler",
    "since", "until",
}  # fmt: skip
"""What only we give out; what is one of very many words; arguments of calls; names of what is
there; addresses, which are looked up, and what goes with them; ranges that could go backwards;
years before the first: a schema that took nothing else would be of no use."""

CONFIG = SchemathesisConfig.from_dict(
    {
        "generation": {
            "max-examples": EXAMPLES,
            "deterministic": True,
            "database": "none",
            "with-security-parameters": False,  # the token is ours
        },
        "phases": {"coverage": {"generate-duplicate-query-parameters": True}},
    }
)


def settings_of_the_app(folder: str | Path, **upstreams: Any) -> Settings:
    """Those of production, where each role needs its token."""
    values = {"env": "production", "instance_path": folder, **TOKENS, **upstreams}
    return Settings.load(environ={}, overrides=values)


class Late:
    """A WSGI app that is there only when the tests run; its document is needed before. Each request
    comes from an address of its own: of one, thousands with wrong tokens would be slowed."""

    app: Flask | None = None
    asked = count(int(ip_address("10.0.0.0")))

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        environ["REMOTE_ADDR"] = str(ip_address(next(self.asked)))
        return not_none(self.app)(environ, start_response)


def schema() -> Any:
    app = create_app(settings_of_the_app(tempfile.gettempdir()))
    found = schemathesis.openapi.from_dict(document(app), config=CONFIG)
    found.app = Late()
    return found


SCHEMA = schema()
RAN: Counter[str] = Counter()
THERE = {"name": "spare", "key": "1"}
"""The name of a circuit breaker and the key of a library."""


@pytest.fixture(scope="module")
def servers(
    plex_process: SandboxProcess, overseerr_process: SandboxProcess
) -> dict[str, dict[str, str]]:
    """A Plex and an Overseerr, as settings."""
    return {
        "plex": {"url": plex_process.url, "token": plex_process.token},
        "overseerr": {"url": overseerr_process.url, "api_key": overseerr_process.token},
    }


@pytest.fixture(scope="module", params=["well", "alone"])
def app(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    servers: dict[str, Any],
) -> Iterator[Flask]:
    """The app with all that it needs; or alone, with no other server and no database."""
    folder = tmp_path_factory.mktemp("contract")
    if request.param == "alone":
        servers = {name: {"url": "http://127.0.0.1:1"} for name in servers}
        (folder / "medianest.db").mkdir()
    app = create_app(settings_of_the_app(folder, **servers), clock=ManualClock())
    parts = app.extensions["medianest"]
    if request.param == "well":
        parts.storage.database.upgrade()
        parts.storage.migrator.is_current = True
    parts.registry.breaker("spare")
    SCHEMA.app.app = app
    yield app
    parts.storage.database.close()


@pytest.fixture(scope="module", autouse=True)
def told(request: pytest.FixtureRequest) -> Iterator[None]:
    """How many cases ran, at the end."""
    yield
    if ASKED is not None:
        ran = ", ".join(f"{count} as {role}" for role, count in sorted(RAN.items()))
        capture = not_none(request.config.pluginmanager.get_plugin("capturemanager"))
        with capture.global_and_fixture_disabled():
            print(f"\n{sum(RAN.values())} cases ran: {ran}")


class UndocumentedProblemError(Failure):
    """The app answers with a problem that the document does not name for that status."""


def problem_is_documented(
    ctx: schemathesis.checks.CheckContext,
    response: schemathesis.core.transport.Response,
    case: Case[Any],
) -> None:
    """What went wrong is one of the kinds that the operation names; never an internal error."""
    if response.status_code < 400 or response.status_code == 405:
        return
    content = response.headers.get("content-type", [""])[0]
    if content != "application/problem+json":
        return  # health answers 503 with its own models, which another check knows
    kind = response.json()["type"].removeprefix("/problems/")
    responses = case.operation.definition.raw["responses"]
    named = responses.get(str(response.status_code), {}).get("description", "")
    if f"[`{kind}`]" not in named or response.status_code == 500:
        raise UndocumentedProblemError(
            operation=case.operation.label,
            title="Undocumented problem",
            message=f"{response.status_code} {kind}: {response.json()['detail']}",
        )


def good_requests_are_taken(
    ctx: schemathesis.checks.CheckContext,
    response: schemathesis.core.transport.Response,
    case: Case[Any],
) -> bool | None:
    """What the document allows is done, unless it is about something that has changed since."""
    if response.status_code == 422:
        problem = response.json()
        fields = {fault["field"] for fault in problem.get("errors", [{"field": ""}])}
        if problem["type"] != "/problems/invalid" or fields <= BEYOND_SCHEMA:
            return None
    return SCHEMATHESIS["positive_data_acceptance"](ctx, response, case)


def methods_are_told(
    ctx: schemathesis.checks.CheckContext,
    response: schemathesis.core.transport.Response,
    case: Case[Any],
) -> bool | None:
    """OPTIONS lists the methods of a path; below a breaker's name, that name may go on."""
    if case.operation.path.endswith("/{name}/action"):
        return None
    return SCHEMATHESIS["allow_header_conformance"](ctx, response, case)


CHECKED = [
    *(SCHEMATHESIS | {
        "positive_data_acceptance": good_requests_are_taken,
        "allow_header_conformance": methods_are_told,
    }).values(),
    problem_is_documented,
]  # fmt: skip


def token_of(case: Case[Any], role: str) -> str:
    """The token of an operator, or that of the weakest role that may do it, if that is none."""
    if role == "operator":
        return TOKENS["operator_token"]
    wanted = case.operation.definition.raw["security"] or [{"bearer": ["client"]}]
    needed = wanted[0]["bearer"][0]
    return TOKENS["viewer_token" if needed == "operator" else f"{needed}_token"]


def an_operation(app: Flask) -> str | None:
    """The id of one that waits; None without the database."""
    queue = app.extensions["medianest"].queue.runner.queue
    payload = {"media_type": "movie", "media_id": 1}
    try:
        return queue.enqueue("overseerr.request", payload, "aimed").operation.id
    except (StorageError, CallRefusedError):
        return None


def aim(case: Case[Any], app: Flask) -> None:
    """Every second good request is about something that is there: made-up names never are."""
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    if sum(RAN.values()) % 2:
        return
    given = case.path_parameters or {}
    given.update({name: THERE[name] for name in given if name in THERE})
    if "/alerts/" in case.operation.path:
        given["key"] = "memory:system"
    if "operation_id" in given:
        given["operation_id"] = an_operation(app) or given["operation_id"]
    (case.query or {}).pop("cursor", None)
    for part in (case.query, case.body):
        if isinstance(part, dict) and part.get("handler") is not None:
            part["handler"] = "overseerr.request"
    if isinstance(case.body, dict) and "error" in case.body:
        case.body |= {
            "error": "timeout",
            "operation": "plex-media-server.items",
            "service": "plex-media-server",
        }


@pytest.mark.parametrize("role", ["everybody", "operator"])  # everybody: with the least token
@SCHEMA.parametrize()  # type: ignore[untyped-decorator]
@settings(deadline=None, suppress_health_check=list(HealthCheck))
def test_the_app_does_what_its_document_says(case: Case[Any], role: str, app: Flask) -> None:
    aim(case, app)
    RAN[role] += 1
    headers = {"Authorization": f"Bearer {token_of(case, role)}"}
    case.call_and_validate(headers=headers, checks=CHECKED)
