"""Which statuses are expected of a service: a number, a range, a list."""

from typing import Any

import pytest

from medianest.dependencies.statuses import SUCCESS, Statuses
from medianest.resilience import ConfigurationError


@pytest.mark.parametrize(
    ("expected", "text", "good", "bad"),
    [
        (SUCCESS, "200-299", (200, 204, 299), (199, 300, 401, 999)),
        (401, "401", (401,), (400, 402, 200)),
        ("204", "204", (204,), (200,)),
        ("200-399", "200-399", (200, 302, 399), (400, 199)),
        ([401, "200-299"], "200-299,401", (200, 401), (400, 402)),
        (("403", 401, 402), "401-403", (401, 402, 403), (400, 404)),
        ("200-299,401", "200-299,401", (299, 401), (400,)),
        (["200-250", "240-299", 300], "200-300", (245, 300), (301,)),
    ],
)
def test_what_is_expected(
    expected: Any, text: str, good: tuple[int, ...], bad: tuple[int, ...]
) -> None:
    statuses = Statuses.of(expected)
    assert statuses.text == text
    assert Statuses.of(text) == statuses
    assert all(status in statuses for status in good)
    assert not any(status in statuses for status in bad)


@pytest.mark.parametrize(
    "wrong",
    [0, 99, 199, 600, 2000, -200, True, None, 200.0, "", "2xx", "399-200", "200-", "200 - 299",
     "200;204", "٢٠٠", [], [200, None], [[200]], {"200": 1}, object()],
)  # fmt: skip
def test_anything_else_is_told(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="expected_status: must be a status from 200"):
        Statuses.of(wrong)
