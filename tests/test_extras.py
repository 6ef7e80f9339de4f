"""A missing extra is told by what would install it."""

import sys

import pytest
from pydantic import SecretStr

from medianest.extras import extra
from medianest.monitoring.notifier import Notifier
from medianest.resilience import ConfigurationError


def test_a_package_that_is_missing_is_told_with_its_extra() -> None:
    told = r"^nowhere is not installed: pip install 'medianest\[flask\]'$"
    with pytest.raises(ModuleNotFoundError, match=told) as raised, extra("flask"):
        import nowhere.at_all  # type: ignore[import-not-found] # noqa: F401
    assert raised.value.name == "nowhere"


def test_a_module_of_our_own_that_is_missing_is_no_matter_of_extras() -> None:
    with (
        pytest.raises(ModuleNotFoundError, match=r"^No module named 'medianest\.nowhere'$"),
        extra("flask"),
    ):
        import medianest.nowhere  # type: ignore[import-not-found] # noqa: F401


def test_alerts_for_people_without_apprise_stop_the_start_with_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)  # as if it were not installed
    told = r"^MEDIANEST_ALERTS_URLS: apprise is not installed: pip install 'medianest\[notify\]'$"
    with pytest.raises(ConfigurationError, match=told):
        Notifier([SecretStr("ntfy://host/topic")])
    assert Notifier([]).places == []
