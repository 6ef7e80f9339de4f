"""What a record of a recovery keeps of what it was given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from medianest.resilience.recovery import NamedOperation
from medianest.resilience.recovery.record import RecoveryRecord, Step, brief

SHELF = NamedOperation(
    name="shop.shelf", service="shop", max_attempts=2, metadata={"method": "GET"}
)


# -- records ---------------------------------------------------------------------------------------


def test_a_record_is_told_as_plain_values() -> None:
    record = RecoveryRecord(
        at=datetime(2026, 1, 1, tzinfo=UTC),
        operation="shelf",
        service="shop",
        outcome="failed",
        recovered_by=None,
        error_type="ValueError",
        error_message="wrong",
        attempts=1,
        seconds=0.5,
        steps=(Step("repair", "raised", "in vain", 0.5, 1),),
    )
    told = record.as_dict()
    assert (told["at"], told["operation"], told["seconds"]) == (
        "2026-01-01T00:00:00.000Z",
        "shelf",
        0.5,
    )
    step = {"action": "repair", "outcome": "raised", "detail": "in vain", "seconds": 0.5}
    assert told["steps"] == [{**step, "attempt": 1, "count": 1}]


def test_plain_values_are_kept_as_they_are() -> None:
    given = {"none": None, "yes": True, "n": 10**30, "x": 1.5, "deep": {"list": [1, "two", None]}}
    assert brief(given) == given


def test_what_lies_too_deep_is_kept_by_its_type() -> None:
    """Keeps out: a secret deep down, told by the text of the dict around it."""
    assert brief({"a": {"b": {"c": {"token": 1}}}}) == {"a": {"b": {"c": "<dict>"}}}
    assert brief({"a": [[[1]]]}) == {"a": [["<list>"]]}
    assert brief({"a": [{"b": {"c": 1}}]}) == {"a": [{"b": "<dict>"}]}


def test_what_is_long_is_cut() -> None:
    kept = brief({"list": list(range(30)), "text": "x" * 300})
    assert kept == {"list": list(range(20)), "text": "x" * 200}
    assert list(brief({str(n): n for n in range(30)})) == [str(n) for n in range(20)]


def test_no_secret_is_kept_and_no_credential_of_a_url() -> None:
    kept = brief({"api_key": "x", "url": "http://kim:secret@nas/", "deep": {"Token": 1}})
    assert kept == {"api_key": "***", "url": "http://***@nas/", "deep": {"Token": "***"}}


def test_what_has_no_text_is_kept_by_its_type() -> None:
    class Mute:
        def __str__(self) -> NoReturn:
            raise RuntimeError

    assert brief({"x": Mute(), "nan": float("nan")}) == {"x": "<Mute>", "nan": "nan"}


def test_an_object_is_kept_by_its_text_and_without_one_by_its_type() -> None:
    """Keeps out: the operation in the queue, written out as Python in an answer of the API."""

    @dataclass
    class Login:
        password: str

    at = datetime(2026, 1, 1, tzinfo=UTC)
    kept = brief(
        {"login": Login("secret"), "plain": object(), "many": {1}, "at": at, "deep": {7: 1}}
    )
    assert kept == {
        "login": "<Login>",
        "plain": "<object>",
        "many": "<set>",
        "at": "2026-01-01 00:00:00+00:00",
        "deep": {"7": 1},
    }
