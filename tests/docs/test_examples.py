"""Every Python example in README and docs runs, in the order of its page, in one namespace."""

import re
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from tests.docs import PAGES, ROOT, page_name

_EXAMPLE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def examples(page: Path) -> list[str]:
    """The examples, each with the empty lines before it that make its line numbers the page's."""
    text = page.read_text(encoding="utf-8")
    return [
        "\n" * text.count("\n", 0, found.start(1)) + found[1] for found in _EXAMPLE.finditer(text)
    ]


@pytest.mark.parametrize("page", [page for page in PAGES if examples(page)], ids=page_name)
def test_the_examples_of_a_page_run(page: Path) -> None:
    """In a process of its own, as its reader's: some register what others would find."""
    command = [sys.executable, "-W", "error", "-m", __name__, str(page)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_no_python_escapes_by_another_fence(page: Path) -> None:
    fences = re.findall(
        r"^ *```(?:py|pycon|Python).*$", page.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert fences == ["```python"] * len(examples(page))


def test_a_wrong_example_is_told_by_its_page_and_line(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Text.\n\n```python\nright = 1\nwrong = 1 / 0\n```\n", encoding="utf-8")
    (example,) = examples(page)
    with pytest.raises(ZeroDivisionError) as raised:
        exec(compile(example, "page.md", "exec"), {})
    assert traceback.extract_tb(raised.tb)[-1].lineno == 5


if __name__ == "__main__":
    namespace = {"__name__": "example"}
    for text in examples(Path(sys.argv[1])):
        exec(compile(text, page_name(Path(sys.argv[1])), "exec"), namespace)
