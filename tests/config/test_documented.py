"""README and docs name each setting, and no other."""

import re
from pathlib import Path

from medianest.config import Settings
from medianest.config.sources import variables_of

ROOT = Path(__file__).parents[2]
PROSE = "\n".join(
    path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *ROOT.glob("docs/**/*.md"))
)
NAMED = set(re.findall(r"MEDIANEST_[A-Z0-9_]*[A-Z0-9]", PROSE))


def is_named(variable):
    """Overseerr's are said to be those of Plex, and a limit's second half is shortened."""
    like_plex = variable.replace("MEDIANEST_OVERSEERR_", "MEDIANEST_PLEX_")
    warning = variable.replace("_CRITICAL", "_WARNING")
    return not NAMED.isdisjoint({variable, like_plex, warning})


def test_each_setting_stands_in_the_docs():
    assert [name for name in variables_of(Settings) if not is_named(name)] == []


def test_the_docs_name_none_that_does_not_exist():
    known = {*variables_of(Settings), "MEDIANEST_PLEX", "MEDIANEST_OVERSEERR"}
    assert {name.removesuffix("_FILE") for name in NAMED - known} <= known
