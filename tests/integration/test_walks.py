"""The walks through the running code that `python -m benchmarks.walks` counts."""

import re
import subprocess
import sys

from tests.support import ROOT

GOES_BY = {
    "create_app": "app.py",
    "a request that is made": "media/overseerr/client.py",
    "a request that is queued": "queue/defer.py",
    "an operator's action": "overrides/file.py",
    "an alert, from reading to delivery": "monitoring/notifier.py",
}


def test_each_walk_goes_where_its_name_says_and_is_no_longer_than_it_was() -> None:
    """In a process of its own: here the log of another test may be on its way."""
    command = [sys.executable, "-m", "benchmarks.walks", "--files"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    told = re.split(r"^ *\d+ of *\d+ files  (.+)$", done.stdout, flags=re.MULTILINE)[1:]
    found = {name: files.split() for name, files in zip(told[::2], told[1::2], strict=True)}
    assert found.keys() == GOES_BY.keys()
    for name, file in GOES_BY.items():
        assert file in found[name]
    assert "queue/defer.py" not in found["a request that is made"]
