"""Overseerr: its client, what it says, and what is asked of it."""
