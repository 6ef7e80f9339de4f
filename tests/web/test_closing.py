"""An app that is closed keeps no idle connection."""

from collections.abc import Callable

from flask import Flask

from medianest.web.container import Container
from tests.support.narrowing import not_none
from tests.support.valkey import ValkeyProcess
from tests.support.waiting import wait_until


def test_it_leaves_redis(make_app: Callable[..., Flask], valkey: ValkeyProcess) -> None:
    with valkey.client() as client:

        def connected() -> set[str]:
            return {each["id"] for each in client.client_list()}

        before = connected()
        parts: Container = make_app(redis={"url": valkey.url}).extensions["medianest"]
        not_none(parts.redis).ping()
        its_own = connected() - before
        assert its_own
        parts.close()
        wait_until(lambda: not its_own & connected())
