"""Requests for titles."""

from __future__ import annotations

from tests.sandbox.conftest import Reply


def message(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.json()["message"]
