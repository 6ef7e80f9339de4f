"""What `gunicorn` reads in a clone, anew on each SIGHUP."""

from medianest.server.configuration import configuration

globals().update(configuration())
