"""The docs name each setting with what it means, and no other."""

import re

import pytest

from medianest.config import Settings
from medianest.config.reference import render, with_reference
from medianest.config.sources import variables_of
from tests.support import ROOT

CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(MEDIANEST_\w+)` \| (.+?) \| (.+?) \|$", re.MULTILINE)


def test_the_reference_in_the_docs_is_that_of_the_settings() -> None:
    assert with_reference(CONFIGURATION) == CONFIGURATION, "run `make docs`"


def test_each_setting_is_told_once_and_in_sentences() -> None:
    rows = ROW.findall(render())
    assert sorted(variable for variable, _, _ in rows) == sorted(variables_of(Settings))
    assert [row for row in rows if not row[2].endswith(".")] == []


def test_defaults_of_an_environment_stand_beside_the_usual_one() -> None:
    defaults = {variable: default for variable, default, _ in ROW.findall(render())}
    assert defaults["MEDIANEST_DRAIN_DELAY"] == "0 (production: 5)"
    assert defaults["MEDIANEST_SANDBOX"] == "true (testing, production: false)"
    assert defaults["MEDIANEST_PLEX_FAILURE_THRESHOLD"] == "3 (development: 5)"
    assert defaults["MEDIANEST_ENV"] == "development"


def test_a_page_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="substring not found"):
        with_reference("# Configuration")


@pytest.mark.parametrize("page", ["README.md", "docs"])
def test_the_docs_name_no_setting_that_does_not_exist(page: str) -> None:
    known = {*variables_of(Settings), "MEDIANEST_PLEX", "MEDIANEST_OVERSEERR"}
    files = (ROOT / page).glob("**/*.md") if page == "docs" else [ROOT / page]
    known |= {"MEDIANEST_URL", "MEDIANEST_COMPLETE", "MEDIANEST_TEST_LONG"}  # of programs beside it
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    named = set(re.findall(r"MEDIANEST_[A-Z0-9_]*[A-Z0-9]", text))
    assert {name.removesuffix("_FILE") for name in named - known} <= known
