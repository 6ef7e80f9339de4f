"""`python -m benchmarks [--rounds N] [--strict]`: measure, print, judge."""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import sys
import tempfile
import time

from benchmarks import coalescing, crowd, flask_view, obeyed, pages, queue, scrapes
from benchmarks.measure import cells, measure
from benchmarks.table import (
    Grid,
    print_crowds,
    print_machine,
    print_pages,
    print_rates,
    print_scrapes,
    print_shared,
    print_tables,
    print_verdicts,
    print_views,
    verdicts,
)


def main() -> int:
    """Exit code 0, or 1 when `--strict` and a required ratio is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="interleaved rounds (40)")
    parser.add_argument("--strict", action="store_true", help="fail when a ratio is missed")
    options = parser.parse_args()
    started = time.monotonic()
    logging.disable(logging.CRITICAL)  # some peers log each failure
    all_cells = cells()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        # Some peers write into the working directory, and to the terminal how they are set up.
        with contextlib.redirect_stderr(io.StringIO()):
            measure(all_cells, options.rounds)
        crowds = crowd.crowds()
        flown = coalescing.shared()
        rates = queue.rates()
        served = flask_view.serve()
        looked_at = scrapes.scraped()
        looked = pages.looked()
        heard = obeyed.obeyed()
    grid = Grid(all_cells)
    judged = verdicts(grid, crowds, served, rates, looked_at, looked)
    print_machine(options.rounds)
    print_tables(grid)
    print_crowds(crowds)
    print_shared(flown)
    print_rates(rates)
    print_views(served)
    print_scrapes(looked_at)
    print_pages(looked)
    obeyed.print_obeyed(heard)
    print_verdicts(judged)
    print(f"\nit took {time.monotonic() - started:.0f} s")
    return int(options.strict and not all(verdict.held for verdict in judged))


if __name__ == "__main__":
    sys.exit(main())
