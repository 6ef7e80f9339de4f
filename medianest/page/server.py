"""The pages and forms that only the server has: of its queue, and of what operators register."""

from __future__ import annotations

import re
from typing import Any, Final

from flask import Response, request

from medianest.page.acting import acting, reason
from medianest.page.asking import act, ask
from medianest.page.common import looking, server_pages, titled
from medianest.page.rendering import url_for
from medianest.web.roles import Role
from medianest.web.views.queue import (
    drop_queued_operation,
    get_queued_operation,
    list_queued_operations,
    retry_dead_letters,
)
from medianest.web.views.queue import retry_queued_operation as retry_operation
from medianest.web.views.registrations import register_dependency, remove_dependency

__all__ = ["show_operation", "show_queue"]

_COUNTDOWN: Final = re.compile(r"(?: for|; retrying in) [\d.]+ s$")


@server_pages.get("/queue")
@looking
def show_queue(role: Role) -> Response:
    """What waits, what runs, and what could not be done."""
    found = ask(list_queued_operations)
    # When they were counted, and what counts down, would make every look another page.
    queue = found.queue.model_copy(update={"counted_at": None})
    blocked = {handler: _COUNTDOWN.sub("", why) for handler, why in found.blocked.items()}
    shown = found.model_copy(update={"queue": queue, "blocked": blocked})
    return titled("queue", role, (shown, request.args.get("state")), "Queue")


@server_pages.get("/queue/<operation_id>")
@looking
def show_operation(operation_id: str, role: Role) -> Response:
    """One operation of the queue."""
    found = ask(get_queued_operation, operation_id=operation_id)
    return titled("operation", role, found, "Operation")


@server_pages.post("/queue/<operation_id>/retry")
@acting("show_queue")
def retry_one(operation_id: str) -> tuple[str, str]:
    """Do an operation again."""
    act(retry_operation, {"reason": reason()}, operation_id=operation_id)
    return url_for("page.show_queue"), "It is tried again as soon as possible."


@server_pages.post("/queue/<operation_id>/drop")
@acting("show_queue")
def drop_one(operation_id: str) -> tuple[str, str]:
    """Forget an operation."""
    act(drop_queued_operation, {"reason": reason()}, operation_id=operation_id)
    return url_for("page.show_queue"), "It is dropped."


@server_pages.post("/queue/retry")
@acting("show_queue")
def retry_dead() -> tuple[str, str]:
    """Do all dead letters again."""
    done = act(retry_dead_letters, {"reason": reason()})
    stay = f"; that stay dead: {done.kept}" if done.kept else ""
    return url_for("page.show_queue"), f"Dead letters that are tried again: {done.retried}{stay}."


@server_pages.post("/dependencies")
@acting("show_dependencies")
def register() -> tuple[str, str]:
    """Watch another dependency."""
    names = ("name", "type", "criticality", "health_check_url", "expected_status")
    values: dict[str, Any] = {name: request.form.get(name, "").strip() for name in names}
    values["depends_on"] = request.form.get("depends_on", "").replace(",", " ").split()
    made, status, _ = act(register_dependency, values)
    word = "is watched from now on" if status == 201 else "is watched already"
    return url_for("page.show_dependency", name=made.name), f"{made.name} {word}."


@server_pages.post("/dependencies/<name>/remove")
@acting("show_dependencies")
def remove(name: str) -> tuple[str, str]:
    """Watch a dependency no longer."""
    act(remove_dependency, {}, name=name)
    return url_for("page.show_dependencies"), f"{name} is watched no longer."
