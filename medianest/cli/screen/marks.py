"""A shape and a colour for each state; the word stands beside them."""

from __future__ import annotations

from typing import Final

from medianest.cli.screen.table import Cell

__all__ = ["badness", "mark", "state_cell", "status_cell", "switch"]

_OF_STATUS: Final = {
    "healthy": ("●", "green"),
    "degraded": ("▲", "yellow"),
    "unhealthy": ("✖", "red"),
    "unknown": ("?", "cyan"),
    "warning": ("▲", "yellow"),
    "critical": ("✖", "red"),
}
_OF_STATE: Final = {
    "closed": ("────", None),
    "open": ("─╱ ─", "red"),  # noqa: RUF001 (a switch)
    "half_open": ("─┄┄─", "yellow"),
    "forced_open": ("─╳ ─", "magenta"),  # noqa: RUF001
    "disabled": ("─◇──", "magenta"),
}
_WORST_FIRST: Final = (
    *("unhealthy", "critical", "open", "forced_open", "degraded", "warning", "half_open"),
    *("disabled", "unknown", "healthy", "closed"),
)
_IN_WORDS: Final = {"half_open": "half open", "forced_open": "forced open"}


def badness(word: str) -> int:
    """Puts statuses and states into an order, the worst first."""
    return _WORST_FIRST.index(word) if word in _WORST_FIRST else 0


def mark(status: str) -> Cell:
    """The shape of a status or a severity."""
    return Cell(*_OF_STATUS.get(status, ("?", "cyan")))


def status_cell(status: str) -> Cell:
    """The word of a status or a severity."""
    return Cell(status, _OF_STATUS.get(status, ("", None))[1])


def switch(state: str | None) -> Cell:
    """A circuit breaker as a switch in a line: joined, a gap, a probe, or somebody's lock."""
    return Cell(*_OF_STATE.get(state or "", ("", None)))


def state_cell(state: str | None) -> Cell:
    """The state of a circuit breaker in words."""
    return Cell(_IN_WORDS.get(state or "", state or ""), _OF_STATE.get(state or "", ("", None))[1])
