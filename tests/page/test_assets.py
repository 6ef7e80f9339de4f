"""What the pages ask for is there."""

import re
from pathlib import Path

import medianest.page

FOLDER = Path(medianest.page.__file__).parent


def test_every_file_that_a_template_names_is_served() -> None:
    """Keeps out: a page without its style, as that had moved."""
    templates = (FOLDER / "templates" / "page").glob("*.html")
    text = "".join(each.read_text() for each in templates)
    named = set(re.findall(r'filename="([\w.-]+\.\w+)"', text))
    assert named
    assert not [name for name in named if not (FOLDER / "static" / name).is_file()]
