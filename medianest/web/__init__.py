"""The Flask edge. `Resilience` is the extension for any Flask app."""

from medianest.flask.extension import Resilience

__all__ = ["Resilience"]
