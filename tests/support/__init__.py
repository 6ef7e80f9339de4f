"""What several rooms' tests need: servers to start, things to wait for, values to be sure of."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The clone."""
