"""Every form that operators have: where it is, what they type, and what is so when it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.integration.page.home import ALERT, Home

__all__ = ["FORMS", "Form", "Spot"]

WHY: Final = "moving the server"
TOO_LONG: Final = "x" * 501

Spot = tuple[str, str]
"""The path of a page, and a selector of the form on it."""


@dataclass(frozen=True, kw_only=True)
class Form:
    """One of them. `rule` is where it sends, with <> for what differs; `find` makes the page show
    it; `wrong` is a field, what is refused in it, and what is said then."""

    rule: str
    button: str
    find: Callable[[Home], Spot]
    told: str
    holds: Callable[[Home], bool]
    typed: Mapping[str, str] = field(default_factory=lambda: {"Why": WHY})
    wrong: tuple[str, str, str] | None = ("Why", TOO_LONG, "Why: must have at most 500")

    def __str__(self) -> str:
        return self.button


BLANK: Final = ("Why", " ", "Why: must say why, in 1 to 500 characters")
FOR_LONG: Final = {"For how long": "8 hours", "Why": WHY}


def _breaker(action: str, first: str) -> Callable[[Home], Spot]:
    def find(home: Home) -> Spot:
        home.act(first, reason="before")
        return "/breakers/overseerr", f"form:has([value={action}])"

    return find


def _alert(home: Home) -> Spot:
    if ALERT in home.silences():
        home.send(f"/alerts/{ALERT}/silence", "DELETE")
    return "/alerts", f"form[action*='{ALERT}/silence']"


def _silence(home: Home) -> Spot:
    home.send(f"/alerts/{ALERT}/silence", duration_seconds=600, reason="before")
    return "/alerts", f"form[action*='{ALERT}/end']"


def _operation(deed: str) -> Callable[[Home], Spot]:
    """A dead letter, on the page of all operations or on its own."""

    def find(home: Home) -> Spot:
        letter = home.leave_dead_letter()
        return "/queue" if deed == "drop" else f"/queue/{letter}", f"#{deed}-{letter} form"

    return find


def _dead_letters(home: Home) -> Spot:
    home.leave_dead_letter()
    return "/queue", "#retry-all form"


def _nas(home: Home) -> Spot:
    if "nas" not in home.names():
        home.watch("nas")
    return "/dependencies/nas", "details form"


def _no_nas(home: Home) -> Spot:
    home.forget("nas")
    return "/dependencies", "form.act"


FORMS: Final = (
    Form(
        rule="/breakers/<>",
        button="Hold it open",
        find=_breaker("open", "enable"),
        typed=FOR_LONG,
        wrong=BLANK,
        told="overseerr is held open.",
        holds=lambda home: home.breaker() == "forced_open",
    ),
    Form(
        rule="/breakers/<>",
        button="Switch it off",
        find=_breaker("disable", "enable"),
        typed={"For how long": "until somebody ends it", "Why": WHY},
        wrong=BLANK,
        told="overseerr is switched off: every call is made.",
        holds=lambda home: home.breaker() == "disabled",
    ),
    Form(
        rule="/breakers/<>",
        button="Let it work by itself again",
        find=_breaker("enable", "open"),
        told="overseerr works by itself again.",
        holds=lambda home: home.breaker() == "closed",
    ),
    Form(
        rule="/breakers/<>",
        button="Close",
        find=_breaker("close", "open"),
        told="overseerr is closed.",
        holds=lambda home: home.breaker() == "closed",
    ),
    Form(
        rule="/breakers/<>",
        button="Reset",
        find=_breaker("reset", "open"),
        told="overseerr is closed, and its figures begin anew.",
        holds=lambda home: home.breaker() == "closed",
    ),
    Form(
        rule="/alerts/<>/silence",
        button="Silence it",
        find=_alert,
        typed=FOR_LONG,
        wrong=BLANK,
        told=f"{ALERT} is silenced.",
        holds=lambda home: ALERT in home.silences(),
    ),
    Form(
        rule="/alerts/<>/end-silence",
        button="Notify again",
        find=_silence,
        typed={},
        wrong=None,
        told=f"{ALERT} is told again.",
        holds=lambda home: ALERT not in home.silences(),
    ),
    Form(
        rule="/queue/<>/retry",
        button="Try it again",
        find=_operation("retry"),
        told="It is tried again as soon as possible.",
        holds=lambda home: home.state_of_last() in ("pending", "running"),
    ),
    Form(
        rule="/queue/<>/drop",
        button="Drop it for good",
        find=_operation("drop"),
        told="It is dropped.",
        holds=lambda home: home.state_of_last() is None,
    ),
    Form(
        rule="/queue/retry",
        button="Try all",
        find=_dead_letters,
        told="Dead letters that are tried again: ",
        holds=lambda home: home.state_of_last() in ("pending", "running"),
    ),
    Form(
        rule="/dependencies",
        button="Watch it",
        find=_no_nas,
        typed={
            "Name": "nas",
            "Address": "http://127.0.0.1:1/health",
            "Expected status": "200-204",
            "Type": "internal-service",
            "Criticality": "important",
            "Needs": "database",
        },
        wrong=("Needs", "nobody", "Needs: "),
        told="nas is watched from now on.",
        holds=lambda home: "nas" in home.names(),
    ),
    Form(
        rule="/dependencies/<>/remove",
        button="Remove nas",
        find=_nas,
        typed={},
        wrong=None,
        told="nas is watched no longer.",
        holds=lambda home: "nas" not in home.names(),
    ),
)
