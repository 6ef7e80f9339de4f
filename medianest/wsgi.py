"""The WSGI entry: `gunicorn medianest.wsgi:app`, or `flask --app medianest.wsgi run`."""

import atexit
import os
import sys

from medianest.extras import extra

with extra("server"):
    from medianest.app import create_app
    from medianest.config import Settings
    from medianest.logs import configure_logs
    from medianest.resilience import ConfigurationError
    from medianest.web.auth import ensure_operator_token

__all__ = ["app"]

UNDER_GUNICORN = "gunicorn" in os.environ.get("SERVER_SOFTWARE", "")
WORKER_BOOT_ERROR = 3
"""Tells gunicorn that no other worker will do any better."""

try:
    settings = ensure_operator_token(Settings.load())
    configure_logs(settings)
    app = create_app(settings)
except ConfigurationError as error:
    print(f"medianest: {error}", file=sys.stderr)
    sys.exit(WORKER_BOOT_ERROR if UNDER_GUNICORN else 1)

background = app.extensions["medianest.background"]
# medianest.server.hooks starts it after fork; with any other configuration, or another server, the
# first request does.
if not app.testing:
    app.before_request(background.start)
atexit.register(background.stop)
