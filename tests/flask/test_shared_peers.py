"""The processes of an app are one, where it has a folder for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from medianest.flask import Resilience
from medianest.flask.shared_peers import peers_of
from medianest.resilience import ConfigurationError, Registry

WATCHING = "medianest.watching"


def app_of(folder: Path | None, registry: Registry, **options: Any) -> Flask:
    """One that no test runs: as it is in production."""
    app = Flask("shop")
    app.config["RESILIENCE_FOLDER"] = folder
    Resilience(app, registry=registry, **options)
    app.add_url_rule("/", view_func=lambda: "open")
    return app


def members(registry: Registry, folder: Path) -> int:
    return len(peers_of(registry, folder).host.members())


@pytest.mark.parametrize("options", [{}, {"endpoints": "/r", "authorize": bool}])
def test_a_process_joins_with_its_first_request(options: dict[str, Any], tmp_path: Path) -> None:
    one, two = Registry(), Registry()
    apps = [app_of(tmp_path, registry, **options) for registry in (one, two)]
    assert members(one, tmp_path) == 0
    for app in apps:
        assert app.test_client().get("/").status_code == 200
    assert peers_of(one, tmp_path).host.announcements.announce("news", 0.01).of == 2
    assert members(two, tmp_path) == 2
    for app in apps:
        app.extensions[WATCHING].stop()
    assert members(one, tmp_path) == members(two, tmp_path) == 0


def test_apps_on_one_registry_are_one_process(tmp_path: Path) -> None:
    """Keeps out: one process that is two witnesses."""
    registry = Registry()
    apps = [app_of(tmp_path, registry) for _ in range(2)]
    for app in apps:
        app.test_client().get("/")
    assert members(registry, tmp_path) == 1
    apps[0].extensions[WATCHING].stop()
    assert members(registry, tmp_path) == 1
    apps[1].extensions[WATCHING].stop()
    assert members(registry, tmp_path) == 0


def test_a_registry_is_in_one_folder(tmp_path: Path) -> None:
    registry = Registry()
    app = app_of(tmp_path, registry)
    with pytest.raises(ConfigurationError, match=r"^RESILIENCE_FOLDER: apps on one registry share"):
        app_of(tmp_path / "other", registry)
    assert WATCHING in app.extensions


def test_what_is_no_folder_is_refused() -> None:
    with pytest.raises(
        ConfigurationError, match=r"^RESILIENCE_FOLDER must be the path of a folder"
    ):
        app_of(7, Registry())  # type: ignore[arg-type]


def test_nothing_joins_in_a_test(tmp_path: Path) -> None:
    registry = Registry()
    app = app_of(tmp_path, registry)
    app.testing = True
    app.test_client().get("/")
    assert members(registry, tmp_path) == 0
