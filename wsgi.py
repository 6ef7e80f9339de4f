"""The app where `flask` looks for it in a clone."""

from medianest.wsgi import app

__all__ = ["app"]
