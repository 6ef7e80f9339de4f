"""A Flask app with a page of its own about what works and what does not.

It shows what the extension adds to any app: endpoints, a page, metrics and commands of its circuit
breakers, for those whom the app lets. The weather that it tells comes from the address in
WEATHER_URL; while no server listens there, the breaker of the view opens, and the page says so. It
needs `pip install 'medianest[endpoints]'`.

    WEATHER_URL=http://127.0.0.1:8080/ python examples/resilience_page.py 5000
    curl http://127.0.0.1:5000/forecast
    flask medianest status         # or open http://127.0.0.1:5000/resilience/page in a browser
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import urllib.request
from typing import Any

from flask import Flask, redirect, session

from medianest.flask import Resilience

app = Flask("weather")
app.secret_key = os.environ.get("SECRET_KEY", secrets.token_hex())


def who_may(role: str) -> Any:
    """Everybody may look; who has signed in may act as well."""
    if "user" in session:
        return session["user"]
    return role == "viewer" or redirect("/sign-in")


resilience = Resilience(
    app, endpoints="/resilience", page=True, metrics="/metrics", authorize=who_may
)


@app.get("/forecast")
@resilience.protect(service="weather", circuit_breaker={"failure_threshold": 2})
def forecast() -> Any:
    with urllib.request.urlopen(os.environ["WEATHER_URL"], timeout=2) as answer:
        return json.load(answer)


@app.get("/sign-in")
def sign_in() -> Any:
    session["user"] = "ada"  # an app of yours asks for a password first
    return redirect("/resilience/page/")


if __name__ == "__main__":
    app.run(port=int(sys.argv[1]))
