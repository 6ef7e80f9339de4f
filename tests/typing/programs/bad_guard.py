from flask import Flask

from medianest.flask import Resilience

resilience = Resilience(Flask(__name__))
resilience.guard("/reports", service="reports", timout=5)  # wrong


@resilience.protect(service="titles", max_concurent=2)  # wrong
def title(number: int) -> str:
    return str(number)


@resilience.protect(service="titles")
def other(number: int) -> str:
    return str(number)


other("five")  # wrong
