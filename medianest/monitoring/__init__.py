"""Watching the real things: the wiring of the monitor, and who is told."""
