"""README and docs lead nowhere wrong: every link, every source file and every limit is right."""

import re
from pathlib import Path

import pytest

from tests.docs import PAGES, ROOT, page_name

_LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
_SOURCE = re.compile(r"`((?:medianest|tests|benchmarks|deploy|docs)/[\w./-]*[\w/])`")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def prose(page: Path) -> str:
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The headings of a page, as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_each_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link in _LINK.findall(prose(page)):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_each_source_file_that_a_page_names_exists(page: Path) -> None:
    assert [path for path in _SOURCE.findall(prose(page)) if not (ROOT / path).exists()] == []


def test_each_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        links = [link.partition("#")[0] for link in _LINK.findall(prose(page))]
        waiting += [page.parent / path for path in links if path]
    assert [page_name(page) for page in PAGES if page.resolve() not in reached] == []


def test_the_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200
