"""The HTTP server: gunicorn's arbiter and parsers around an event loop of our own."""
