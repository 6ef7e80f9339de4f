"""A client that openapi-python-client makes of the document, against the server that serves it: it
calls every operation, and finds in each answer what its models promise, and nothing else."""

import importlib
import json
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from tests.support.server import OPERATOR, Server

PACKAGE = "generated_medianest"
PINNED = Path(__file__).parents[1] / "pinned" / "operations.txt"
ONLY_PARSED = {"get_openapi_document"}
"""The document itself has members of its own at any depth."""


class Call(NamedTuple):
    """An operation, the status of its answer, the model of its body with the values, and its other
    arguments."""

    operation: str
    status: int = 200
    body: tuple[str, dict[str, Any]] | None = None
    arguments: Mapping[str, Any] = MappingProxyType({})


INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
WAITING = "the operation that waits"
ID = {"operation_id": WAITING}
PLEX, OVERSEERR = {"name": "plex-media-server"}, {"name": "overseerr"}
MEMORY = {"key": "memory:system"}

CALLS = [
    *map(
        Call,
        (
            *("get_health", "get_liveness", "get_readiness", "get_comprehensive_health"),
            *("get_database_health", "get_cache_health", "list_external_health"),
            *("get_circuit_breaker_health", "get_health_metrics", "get_prometheus_metrics"),
            *("get_resilience_health", "get_resilience_status", "get_resilience_metrics"),
            *("get_series", "get_links"),
            *("get_dashboard_status", "get_cascade_risk", "list_alerts", "list_dependencies"),
            *("list_circuit_breakers", "list_libraries", "list_recently_added", "list_sessions"),
        ),
    ),
    Call("list_library_items", arguments={"key": "1", "limit": 2}),
    Call("search_media", arguments={"query": "the"}),
    Call("list_seasons", arguments={"media_id": "1396"}),
    Call("get_external_health", arguments=PLEX),
    Call("get_dependency", arguments=PLEX),
    Call("get_circuit_breaker", arguments=PLEX),
    Call("act_on_circuit_breaker", 200, ("BreakerAction", {"action": "open"}), OVERSEERR),
    Call("create_request", 202, ("TitleRequest", {"media_type": "movie", "media_id": 550})),
    Call("get_request", arguments=ID),
    Call("list_requests"),
    Call("list_queued_operations", arguments={"handler": "overseerr.request"}),
    Call("get_queued_operation", arguments=ID),
    Call("retry_queued_operation", 200, ("ReasonBody", {"reason": "now"}), ID),
    Call("drop_queued_operation", 204, None, ID),
    Call("retry_dead_letters", 200, ("RetryDead", {})),
    Call("silence_alert", 200, ("Silencing", {"duration_seconds": 60, "reason": "known"}), MEMORY),
    Call("list_silences"),
    Call("end_silence", arguments=MEMORY),
    Call("list_overrides"),
    Call("end_override", arguments=OVERSEERR),
    Call(
        "register_dependency",
        201,
        ("Registration", {"name": "nas", "type": "internal-service", "criticality": "optional"}),
    ),
    Call("remove_dependency", 204, None, {"name": "nas"}),
    Call("list_recovery_operations"),
    Call(
        "rehearse_recovery",
        200,
        (
            "Rehearsal",
            {"operation": "plex-media-server.libraries", "error": "timeout", "execute": True},
        ),
    ),
    Call("list_recoveries"),
    Call("list_rehearsals"),
    Call("list_audit_entries", arguments={"limit": 1}),
    Call("list_events"),
    Call("get_openapi_document"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One for all, with sandboxes of its own of Plex and Overseerr."""
    started = Server(tmp_path_factory.mktemp("server"), MEDIANEST_SANDBOX="true")
    yield started.wait_until("ready")
    started.stop()


@pytest.fixture(scope="module")
def package(server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The client, imported."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "options.yaml").write_text("post_hooks: []\n")
    headers = {"Authorization": f"Bearer {OPERATOR}"}
    (folder / "api.json").write_bytes(server.get("/docs/openapi.json", headers=headers).body)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"),
            *("--path", folder / "api.json", "--output-path", folder / PACKAGE),
            *("--config", folder / "options.yaml", "--fail-on-warning"),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield importlib.import_module(PACKAGE)
    sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def functions(package: Any) -> Any:
    """Each function that calls an operation, by its name."""
    api = importlib.import_module(f"{PACKAGE}.api")
    modules = (
        module.name
        for module in pkgutil.walk_packages(api.__path__, f"{api.__name__}.")
        if not module.ispkg
    )
    return {name.rpartition(".")[2]: importlib.import_module(name) for name in modules}


@pytest.fixture(scope="module")
def answers(server: Any, package: Any, functions: Any) -> Any:
    """What came of each call, all in their order: one needs what another has made."""
    found: list[Any] = []
    made: dict[str, Any] = {}
    with package.AuthenticatedClient(base_url=server.url, token=OPERATOR) as client:
        for call in CALLS:
            function = functions[call.operation].sync_detailed
            found.append(function(client=client, **arguments_of(call, made)))
            if call.operation == "create_request":
                made[WAITING] = found[-1].parsed.id
    return found


def arguments_of(call: Any, made: Any) -> Any:
    """The arguments of a function: ids of what has been made, and the body as its model."""
    given = {name: made.get(value, value) for name, value in call.arguments.items()}
    if call.body is None:
        return given
    model, values = call.body
    models = importlib.import_module(f"{PACKAGE}.models")
    return {**given, "body": getattr(models, model).from_dict(values)}


def test_every_operation_is_called(functions: Any) -> None:
    pinned = {line.partition(":")[0] for line in PINNED.read_text().splitlines()}
    assert {call.operation for call in CALLS} == pinned == set(functions)


def test_each_answer_is_what_the_models_promise(answers: Any) -> None:
    """Parsed, nothing of it is lost, and nothing is there that no model names."""
    assert {op: fault for op, fault in map(fault_of, CALLS, answers) if fault} == {}


def test_no_number_has_more_than_three_decimals(answers: Any) -> None:
    long = set()

    def note(text: Any) -> Any:
        return float(text) if len(text.partition(".")[2]) <= 3 else long.add(text)

    for answer in answers:
        if answer.headers.get("Content-Type") == "application/json":
            json.loads(answer.content, parse_float=note)
    assert long == set()


def fault_of(call: Any, answer: Any) -> Any:
    """The operation, and what is wrong with its answer."""
    if answer.status_code != call.status:
        return call.operation, f"{answer.status_code}: {answer.content.decode()}"
    if call.status == 204:
        return call.operation, answer.content or answer.parsed
    if isinstance(answer.parsed, str):
        return call.operation, answer.parsed != answer.content.decode()
    sent, understood = json.loads(answer.content), answer.parsed.to_dict()
    if instants(understood) != instants(sent):
        return call.operation, f"{understood} was {sent}"
    return call.operation, call.operation not in ONLY_PARSED and list(unknown(answer.parsed))


def instants(value: Any) -> Any:
    """The same with instants in the place of their texts: Z and +00:00 are the same one."""
    if isinstance(value, dict):
        return {key: instants(each) for key, each in value.items()}
    if isinstance(value, list):
        return [instants(each) for each in value]
    is_text = isinstance(value, str) and INSTANT.match(value)
    return datetime.fromisoformat(value) if is_text else value


def unknown(parsed: Any) -> Iterator[Any]:
    """Members that are in no model, at any depth; those that callers decide on have none."""
    if isinstance(parsed, list):
        for each in parsed:
            yield from unknown(each)
    elif hasattr(parsed, "additional_properties") and hasattr(parsed, "__attrs_attrs__"):
        declared = [a.name for a in parsed.__attrs_attrs__ if a.init]
        if declared:
            yield from parsed.additional_properties
        for name in declared:
            yield from unknown(getattr(parsed, name))


def test_a_refusal_is_a_problem_that_it_knows(server: Any, package: Any, functions: Any) -> None:
    with package.Client(base_url=server.url) as client:
        refused = functions["remove_dependency"].sync_detailed(name="nas", client=client)
    assert refused.status_code == 401
    assert refused.parsed.type_ == "/problems/unauthorized"
    assert refused.parsed.to_dict() == json.loads(refused.content)


def test_it_has_one_type_for_each_thing(package: Any) -> None:
    """Keeps out: `Foo2` and `StateType0`, which stand for what has no name in the document."""
    models = importlib.import_module(f"{PACKAGE}.models").__all__
    assert [name for name in models if name[-1].isdigit()] == []


def test_pages_lead_to_each_other(server: Any, package: Any, functions: Any) -> None:
    function = functions["list_library_items"].sync
    with package.AuthenticatedClient(base_url=server.url, token=OPERATOR) as client:
        whole = function("1", client=client, limit=200)
        found: list[Any] = []
        cursor = package.types.UNSET
        while cursor is not None:
            page = function("1", client=client, limit=5, cursor=cursor)
            assert len(page.items) <= 5
            found, cursor = found + page.items, page.next_
    assert (found, whole.next_) == (whole.items, None)
    assert len(found) == whole.total > 5
