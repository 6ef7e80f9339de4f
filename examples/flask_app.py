"""A Flask app that answers while the service behind it does not.

It shows the extension: a guard around a path prefix, with a fallback for everybody; a protected
view without one, whose clients are told to come back; and what the app knows of its own state. The
service is a server of weather at the address in WEATHER_URL; while none listens there, the
fallback answers. It needs `pip install 'medianest[flask]'`.

    WEATHER_URL=http://127.0.0.1:8080/ python examples/flask_app.py 5000
    curl http://127.0.0.1:5000/api/forecast http://127.0.0.1:5000/map http://127.0.0.1:5000/state
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from typing import Any

from flask import Flask

from medianest.flask import Resilience

app = Flask(__name__)
app.config["RESILIENCE_REQUEST_TIMEOUT"] = 5
resilience = Resilience(app)
resilience.guard(
    "/api",
    service="weather",
    circuit_breaker={"failure_threshold": 2, "counting": "consecutive"},
    fallback=lambda error: {"sky": "unknown"},
    authorize=lambda: True,  # the fallback holds nothing that is anybody's own
)


def ask_weather() -> Any:
    with urllib.request.urlopen(os.environ["WEATHER_URL"], timeout=2) as answer:
        return json.load(answer)


@app.get("/api/forecast")
def forecast() -> Any:
    return ask_weather()


@app.get("/map")
@resilience.protect(service="map", circuit_breaker={"failure_threshold": 1})
def weather_map() -> str:
    return f"a map in {ask_weather()['sky']}"


@app.get("/state")
def state() -> dict[str, str]:
    return {each.name: each.state.value for each in resilience.registry.breakers()}


if __name__ == "__main__":
    app.run(port=int(sys.argv[1]))
