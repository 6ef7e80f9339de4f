"""Requests for media, as clients make them."""

from flask import Flask
from werkzeug.test import TestResponse

REQUESTS = "/api/v1/media/requests"


CLIENT = {"Authorization": "Bearer the-client-token"}


UNKNOWN = 9_000_001


def look(app: Flask, answer: TestResponse) -> TestResponse:
    return app.test_client().get(answer.headers["Location"], headers=CLIENT)
