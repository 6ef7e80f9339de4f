"""An app that nobody has any more is gone, and so is what went on beside its requests."""

import gc
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from medianest.flask import Resilience
from medianest.resilience import Registry
from tests.support.waiting import wait_until

SHOWN: dict[str, Any] = {
    "endpoints": "/resilience",
    "page": True,
    "metrics": "/metrics",
    "authorize": lambda role: True,
}


def served(resilience: Resilience, folder: Path | None = None) -> Flask:
    """An app that has answered, so that it is looked at in the background."""
    app = Flask("shop")
    app.config["RESILIENCE_FOLDER"] = folder
    resilience.init_app(app)
    resilience.guard("/shop", service="shop")
    app.add_url_rule("/shop", view_func=lambda: "open")
    client = app.test_client()
    assert client.get("/shop").text == "open"
    if "medianest" in app.extensions:
        for path in ("/resilience/status", "/resilience/cascade-risk", "/resilience/page/"):
            assert client.get(path).status_code == 200
    return app


@pytest.mark.parametrize("folder", [None, "kept"])
@pytest.mark.parametrize("shown", [{}, SHOWN], ids=["guards", "shown"])
def test_an_app_that_nobody_has_is_gone_with_its_threads(
    shown: dict[str, Any], folder: str | None, tmp_path: Path
) -> None:
    before = set(threading.enumerate())
    resilience = Resilience(**shown)
    resilience.service.register_dependency("nas", health_check=lambda: True)
    app = weakref.ref(served(resilience, None if folder is None else tmp_path / folder))
    begun = [each for each in threading.enumerate() if each not in before]
    assert begun
    registry = weakref.ref(resilience.registry)
    del resilience
    wait_until(lambda: gc.collect() >= 0 and app() is None)  # a thread may just look at it
    for thread in begun:
        thread.join(10)
    assert not [each for each in begun if each.is_alive()]
    wait_until(lambda: gc.collect() >= 0 and registry() is None)


def test_a_registry_keeps_none_of_the_apps_that_it_was_in() -> None:
    """Keeps out: a factory that makes an app for each test, and never loses one."""
    registry = Registry()
    apps = [weakref.ref(served(Resilience(registry=registry, **SHOWN))) for _ in range(2)]
    gc.collect()
    assert [app() for app in apps] == [None, None]
    assert registry.suspend_retries() is None
