"""`tests/mutants/equivalent.txt` speaks of the code as it is."""

import re

from tests.support import ROOT

EXPLAINED = (ROOT / "tests/mutants/equivalent.txt").read_text()


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_each_line_that_is_said_to_change_nothing_is_there() -> None:
    """Keeps out: a reason that outlives its line, and then excuses another."""
    lines = [line for line in EXPLAINED.splitlines() if line and not line.startswith("#")]
    gone = []
    for file, before in zip(lines[::4], lines[1::4], strict=True):
        wanted, code = before.removeprefix("- "), (ROOT / file).read_text()
        # Of a function as a whole its name alone is given.
        name = re.fullmatch(r"[\w.]+", wanted)
        if name is not None:
            wanted = f"def {wanted.rpartition('.')[2]}("
        if squeezed(wanted) not in squeezed(code):
            gone.append((file, before))
    assert gone == []
