"""The tables and the verdict, as text."""

from __future__ import annotations

import os
import platform
import statistics
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.coalescing import CALLERS, Shared
from benchmarks.crowd import CROWD, Crowd
from benchmarks.flask_view import Served
from benchmarks.measure import FAILURE, REFUSED, SUCCESS, THREADED, Cell
from benchmarks.pages import EVERY, PAGES, Looked
from benchmarks.queue import FEW, MANY, Rate, among
from benchmarks.scrapes import A_SECOND, Scraped

__all__ = [
    "Grid",
    "Verdict",
    "print_crowds",
    "print_machine",
    "print_pages",
    "print_rates",
    "print_scrapes",
    "print_shared",
    "print_tables",
    "print_verdicts",
    "print_views",
    "verdicts",
]

BASELINE = "circuitbreaker"

IS_NEW = sys.version_info >= (3, 14)
"""Since 3.14 the baseline, a chain of plain calls, gains more than what reads clocks and raises."""

PACKAGES = [
    "medianest",
    "circuitbreaker",
    "pybreaker",
    "pyresilience",
    "interlock-cb",
    "baldur-framework",
    "stamina",
    "tenacity",
    "flask",
    "gunicorn",
]


class Grid:
    """Cells by table, row and column."""

    def __init__(self, cells: list[Cell]) -> None:
        self._cells = {(cell.table, cell.row, cell.column): cell for cell in cells}

    def find(self, table: str, row: str, column: str) -> Cell | None:
        """One cell."""
        return self._cells.get((table, row, column))

    def rows(self, table: str) -> list[str]:
        """The rows of a table, in order."""
        return list(dict.fromkeys(row for name, row, _ in self._cells if name == table))

    def ratio(self, table: str, row: str, column: str) -> float | None:
        """Time relative to the baseline's in the same column, or to its guarded success."""
        mine = self.find(table, row, column)
        base = self.find("breakers", BASELINE, column)
        return mine.ratio(base) if mine and base else None


@dataclass(frozen=True)
class Verdict:
    """One required ratio: `bound` is the most, or the least when `at_least`; `aim` is what is
    wished for where that is not reached yet."""

    claim: str
    value: float | None
    bound: float
    aim: float | None = None
    at_least: bool = False

    @property
    def held(self) -> bool:
        """Whether it was measured and is within the bound."""
        if self.value is None:
            return False
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def __str__(self) -> str:
        value = "  -  " if self.value is None else f"{self.value:5.4g}"
        sign = ">=" if self.at_least else "<="
        aim = "" if self.aim is None else f" (aim {self.aim})"
        return (
            f"{'held' if self.held else 'missed':7}{value}  {sign} {self.bound}{aim}  {self.claim}"
        )


def print_machine(rounds: int) -> None:
    """What it ran on."""
    print(f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}")
    print(f"{platform.python_implementation()} {platform.python_version()}")
    print(", ".join(f"{package} {_version(package)}" for package in PACKAGES))
    print(f"medians of {rounds} interleaved rounds; xN: N times as long as {BASELINE} there")


def print_tables(grid: Grid) -> None:
    """All that was measured per call."""
    print(f"\n{'ns per call':24}{SUCCESS:>18}{FAILURE:>18}{REFUSED:>18}{THREADED + ', noop':>20}")
    for row in grid.rows("breakers"):
        timed = [_time(grid, row, column) for column in (SUCCESS, FAILURE, REFUSED)]
        print(f"{row:24}" + "".join(f"{cell:>18}" for cell in timed) + _throughput(grid, row))
    print("\nstacks on the success path, xN: of one call of circuitbreaker's")
    _print_single(grid, "stacks")
    print("\nretry alone on the success path")
    _print_single(grid, "retries")


def print_crowds(found: list[Crowd]) -> None:
    """Many breakers in turn."""
    print(f"\n{'ns per call':24}{'one':>10}{f'{CROWD:,} in turn':>18}{'ratio':>8}")
    for crowd in found:
        alone, among = 1e9 * crowd.alone, 1e9 * crowd.among
        print(f"{crowd.row:24}{alone:>10,.0f}{among:>18,.0f}{crowd.ratio:>8.2f}")


def print_shared(found: Shared) -> None:
    """Coalescing."""
    print(f"\n{'coalescing, whole stack':38}{'us':>10}")
    print(f"{'a call, direct':38}{1e6 * found.direct:>10.2f}")
    print(f"{'a call that nobody shares, as a flight':38}{1e6 * found.flight:>10.2f}")
    print(f"{f'{CALLERS} callers of one question, beyond it':38}{1e6 * found.beyond:>10,.0f}")
    print(f"calls that those {CALLERS} made: {found.calls:.3g}")


def print_rates(rates: list[Rate]) -> None:
    """The queue."""
    print(f"\n{'deferred operations a second, SQLite':38}{'median':>10}{'slowest':>10}")
    for rate in rates:
        print(f"{rate.what:38}{rate.median:>10,.0f}{rate.least:>10,.0f}")


def print_views(served: list[Served]) -> None:
    """A bare Flask view and a guarded one."""
    print(f"\n{'Flask, requests per second':34}{'bare':>10}{'guarded':>10}{'ratio':>8}")
    for view in served:
        if view.ratio is None:
            print(f"{view.how:34}{view.why:>28}")
        else:
            print(f"{view.how:34}{view.bare:>10,.0f}{view.guarded:>10,.0f}{view.ratio:>8.3f}")


def print_scrapes(found: Scraped) -> None:
    """What being looked at costs."""
    alone, scraped = statistics.median(found.alone), statistics.median(found.scraped)
    print(f"\n{'media endpoint, requests per second':34}{'alone':>10}{'scraped':>10}{'ratio':>8}")
    print(f"{f'{A_SECOND} looks a second':34}{alone:>10,.0f}{scraped:>10,.0f}{found.ratio:>8.3f}")
    print(f"slowest of {found.looks} looks: {1000 * found.slowest_look:.0f} ms")


def print_pages(found: Looked) -> None:
    """What open pages cost."""
    closed, opened = statistics.median(found.closed), statistics.median(found.open)
    print(f"\n{'media endpoint, requests per second':34}{'closed':>10}{'open':>10}{'ratio':>8}")
    what = f"{PAGES} pages, each asks every {EVERY:.0f} s"
    print(f"{what:34}{closed:>10,.0f}{opened:>10,.0f}{found.ratio:>8.3f}")
    poll, request = 1000 * found.each_poll, 1000 * found.each_request
    print(f"idle: {poll:.2f} ms of the processor a poll, {request:.2f} ms any request at this pace")
    print(f"{found.unchanged:.1%} of {len(found.statuses)} polls of idle pages found nothing new")
    if found.paints:
        paint, empty = statistics.median(found.paints), statistics.median(found.empty_paints)
        print(f"first paint: {1000 * paint:.0f} ms, of an empty page {1000 * empty:.0f} ms")
    else:
        print("first paint: no browser here")


def verdicts(
    grid: Grid,
    crowds: list[Crowd],
    served: list[Served],
    rates: list[Rate],
    looked_at: Scraped,
    pages: Looked,
) -> list[Verdict]:
    """What the project requires of itself."""
    by_name = {rate.what: rate.median for rate in rates}
    enqueued = min(each for name, each in by_name.items() if name.startswith("enqueued"))
    among_many = by_name[among(MANY)] / by_name[among(FEW)]
    poll = pages.each_poll / pages.each_request
    return [
        *_per_call(grid),
        Verdict(f"a breaker of {CROWD:,} in turn, to one", crowds[0].ratio, 4.0, 1.0),
        Verdict("ns that recovery adds to the stack", _added(grid), 60.0),
        Verdict("operations enqueued a second", enqueued, 300.0, at_least=True),
        Verdict("operations done a second", by_name["done"], 300.0, at_least=True),
        Verdict(f"done among {MANY:,}, to {FEW}", among_many, 1 / 1.2, at_least=True),
        *(
            Verdict(f"guarded Flask view, {view.how}", view.ratio, 0.95, at_least=True)
            for view in served
            if view.is_served  # a call without a server is no request; its row is information
        ),
        Verdict("media endpoint while it is scraped", looked_at.ratio, 0.95, at_least=True),
        Verdict(f"media endpoint with {PAGES} open pages", pages.ratio, 0.95, at_least=True),
        Verdict("the processor's time for a poll of an idle page, to any request", poll, 1.0),
        Verdict("polls of idle pages that find nothing new", pages.unchanged, 0.95, at_least=True),
    ]


def _per_call(grid: Grid) -> list[Verdict]:
    """Relative to the baseline's, which differs by interpreter."""
    closed = grid.ratio("breakers", "ours", SUCCESS)
    stack = grid.ratio("stacks", "ours", SUCCESS)
    failure = grid.ratio("breakers", "ours", FAILURE)
    refused = grid.ratio("breakers", "ours", REFUSED)
    threaded = grid.ratio("breakers", "ours", THREADED)
    faster = 1 / threaded if threaded else None
    if IS_NEW:
        return [
            Verdict("closed, success", closed, 0.9, 0.8),
            Verdict("whole stack, success", stack, 1.4, 1.15),
            Verdict("failure", failure, 1.9, 1.8),
            Verdict("refused", refused, 0.57, 0.45),
            Verdict("throughput of 8 threads", faster, 1.1, 1.3, at_least=True),
        ]
    return [
        Verdict("closed, success", closed, 0.62),
        Verdict("whole stack, success", stack, 1.05, 1.0),
        Verdict("failure", failure, 1.75),
        Verdict("refused", refused, 0.5, 0.4),
        Verdict("throughput of 8 threads", faster, 1.5, at_least=True),
    ]


def _added(grid: Grid) -> float | None:
    """Nanoseconds, by the median of the differences within each round."""
    plain = grid.find("stacks", "ours", SUCCESS)
    more = grid.find("stacks", "ours, and recovery", SUCCESS)
    if plain is None or more is None or not plain.seconds or not more.seconds:
        return None
    pairs = zip(more.seconds, plain.seconds, strict=True)
    return 1e9 * statistics.median(longer - shorter for longer, shorter in pairs)


def print_verdicts(all_verdicts: list[Verdict]) -> None:
    """Held or missed."""
    print(f"\nverdict, relative to {BASELINE} in this run, and to the bare view")
    for verdict in all_verdicts:
        print(verdict)


def _print_single(grid: Grid, table: str) -> None:
    for row in grid.rows(table):
        print(f"{row:24}{_time(grid, row, SUCCESS, table):>18}")


def _time(grid: Grid, row: str, column: str, table: str = "breakers") -> str:
    cell = grid.find(table, row, column)
    if cell is None:
        return "-"
    if cell.median is None:
        return "failed"
    ratio = grid.ratio(table, row, column)
    against = "" if ratio is None else f"x{ratio:.2f}"
    return f"{cell.median * 1e9:,.0f}{against:>9}"


def _throughput(grid: Grid, row: str) -> str:
    cell, ratio = grid.find("breakers", row, THREADED), grid.ratio("breakers", row, THREADED)
    if cell is None or cell.median is None:
        return f"{'failed':>20}"
    against = "" if ratio is None else f"x{1 / ratio:.2f}"
    return f"{1e-6 / cell.median:>9.2f} M/s{against:>7}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
