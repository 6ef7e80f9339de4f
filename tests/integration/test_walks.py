"""The walks through the running code that `python -m benchmarks.walks` counts."""

from benchmarks.walks import MOST, walks


def test_each_walk_goes_where_its_name_says() -> None:
    """Keeps out: a trace that sees nothing, whose figures please."""
    found = walks()
    assert found.keys() == MOST.keys()
    for name, file in (
        ("create_app", "app.py"),
        ("a request that is made", "media/overseerr/client.py"),
        ("a request that is queued", "queue/defer.py"),
        ("an operator's action", "overrides/file.py"),
        ("an alert, from reading to delivery", "monitoring/notifier.py"),
    ):
        assert file in found[name]
    assert "queue/defer.py" not in found["a request that is made"]
    assert {name: len(found[name]) for name in MOST if len(found[name]) > MOST[name]} == {}
