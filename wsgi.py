"""The WSGI entry: `gunicorn wsgi:app`, or `flask --app wsgi run`."""

import sys

from medianest.app import create_app
from medianest.config import Settings
from medianest.logs import configure_logs
from medianest.resilience import ConfigurationError

try:
    settings = Settings.load()
    configure_logs(settings)
    app = create_app(settings)
except ConfigurationError as error:
    sys.exit(f"medianest: {error}")
