"""MediaNest: the resilient API in front of a home media stack."""

__version__ = "0.1.0"
