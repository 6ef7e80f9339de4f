"""Several apps of one process that show their resilience: each shows its own."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from medianest.flask import Resilience
from medianest.resilience import ConfigurationError, ManualClock, Registry


def app_of(resilience: Resilience, **settings: Any) -> Flask:
    app = Flask("shop")
    app.config.update(TESTING=True, **settings)
    resilience.init_app(app)
    return app


def shown(registry: Registry) -> Resilience:
    return Resilience(registry=registry, endpoints="/resilience", authorize=lambda role: "ada")


def told(app: Flask, path: str, *names: str) -> list[tuple[str, ...]]:
    """What an endpoint lists, as far as those names go."""
    found = app.test_client().get(f"/resilience/{path}").json
    assert found is not None
    return [tuple(item[name] for name in names) for item in found.get("items", found.get(path))]


def have_trouble(resilience: Resilience, apps: list[Flask], clock: ManualClock) -> None:
    """A dependency fails, its breaker opens, and there is an alert."""
    resilience.service.register_dependency(
        "nas", health_check=lambda: False, criticality="critical"
    )
    resilience.registry.breaker("nas").open("moving")
    for _ in range(20):
        resilience.service.monitor.run("nas")
        for app in apps:
            app.extensions["medianest"].monitoring.alerts.evaluate()
        clock.advance(1)


TROUBLE = [
    ("alert", "dependency-down:nas"), ("component", "nas"), ("breaker", "nas"),
]  # fmt: skip


def test_apps_of_one_registry_note_each_change_once() -> None:
    clock = ManualClock()
    resilience = shown(Registry(clock=clock))
    apps = [app_of(resilience), app_of(resilience)]
    have_trouble(resilience, apps, clock)
    for app in apps:
        assert told(app, "events", "type", "name") == TROUBLE


def test_apps_with_a_registry_each_note_what_is_theirs() -> None:
    """Keeps out: an app that tells of a breaker of its own what another one's did."""
    clock = ManualClock()
    ours, others = shown(Registry(clock=clock)), shown(Registry(clock=clock))
    app, other = app_of(ours), app_of(others)
    others.service.register_dependency("nas", health_check=lambda: True)
    for _ in range(5):
        others.service.monitor.run("nas")
    have_trouble(ours, [app], clock)
    assert told(app, "events", "type", "name") == TROUBLE
    assert told(other, "events", "type", "name") == []


def test_with_which_figures_a_breaker_opened_is_told_of_that_breaker() -> None:
    ours, others = shown(Registry()), shown(Registry())
    app, other = app_of(ours), app_of(others)
    for resilience in (ours, others):
        resilience.registry.breaker("nas", failure_threshold=1)

    def fails() -> None:
        raise ConnectionError("no route")

    with pytest.raises(ConnectionError):
        ours.registry.breaker("nas", failure_threshold=1).call(fails)
    openings = [each.extensions["medianest"].monitoring.openings.of("nas") for each in (app, other)]
    assert openings[0] is not None
    assert openings[1] is None


def test_a_page_shows_the_figures_of_its_own_app() -> None:
    """Keeps out: a page that hardly differs from another app's, and is taken for it."""
    shows = []
    for took in (0.1, 0.12):
        clock = ManualClock()
        resilience = Resilience(
            registry=Registry(clock=clock), page="/page", authorize=lambda role: role == "viewer"
        )
        app = app_of(resilience)
        nas = resilience.service.register_dependency("nas")
        for _ in range(10):
            nas.pipeline.call(clock.advance, took)
        shows.append(app.test_client().get("/page/?fragment").text)
    assert "100 ms" in shows[0]
    assert "120 ms" in shows[1]


@pytest.mark.parametrize("number", [1, 2], ids=["one extension", "one each"])
def test_apps_of_one_registry_know_the_same_overrides(number: int) -> None:
    """Keeps out: a breaker that one app has let go, of which another says that it is held."""
    registry = Registry()
    extensions = [shown(registry) for _ in range(number)]
    one, other = app_of(extensions[0]), app_of(extensions[-1])
    registry.breaker("nas")
    path = "/resilience/circuit-breakers/nas/action"
    for app, action, kept in ((one, "disable", [("nas",)]), (other, "enable", [])):
        body = {"action": action, "reason": "moving"}
        assert app.test_client().post(path, json=body).status_code == 202
        for each in (one, other):
            each.extensions["medianest"].overrides.follow()  # as its job does every second
            assert told(each, "overrides", "name") == kept


def test_apps_of_one_registry_have_one_folder(tmp_path: Path) -> None:
    resilience = shown(Registry())
    app_of(resilience, RESILIENCE_FOLDER=tmp_path)
    app_of(resilience, RESILIENCE_FOLDER=tmp_path)
    with pytest.raises(ConfigurationError, match=r"RESILIENCE_FOLDER: apps of one extension share"):
        app_of(resilience, RESILIENCE_FOLDER=tmp_path / "other")
