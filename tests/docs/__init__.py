"""README and docs: what they show is run, and what they point to is there."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])


def page_name(page: Path) -> str:
    """A page as people name it, such as docs/library.md."""
    return page.relative_to(ROOT).as_posix()
