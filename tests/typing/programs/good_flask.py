"""Guards around the views of an app."""

from flask import Blueprint, Flask, Response, redirect
from werkzeug.wrappers import Response as AnyResponse

from medianest.flask import Resilience

app = Flask(__name__)
shop = Blueprint("shop", __name__)
resilience = Resilience(app)
resilience.guard("/reports", service="reports", timeout=5, retry=2)
blueprint: Blueprint = resilience.protect(shop, service="shop", max_concurrent=4)


def who_may(role: str) -> str | AnyResponse:
    return "ada" if role == "viewer" else redirect("/login")


shown = Resilience(
    Flask("site"), endpoints="/resilience", page=True, metrics="/metrics", authorize=who_may
)


@app.get("/titles/<int:number>")
@resilience.protect(service="titles", circuit_breaker={"failure_threshold": 2})
def title(number: int) -> dict[str, int]:
    return {"number": number}


answer: Response = title(5)
