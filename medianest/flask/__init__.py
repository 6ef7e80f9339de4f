"""The Flask extension for any app: guards around its views, admission, an end to what waits."""

from medianest.extras import extra

with extra("flask"):
    from medianest.flask.extension import Resilience

__all__ = ["Resilience"]
