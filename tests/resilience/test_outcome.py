"""Classifying what a call did: failure, ignored or unexpected."""

from __future__ import annotations

import errno
import socket
import urllib.error
from collections.abc import Callable
from email.message import Message
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from medianest.resilience import CircuitOpenError, ConfigurationError, Outcome
from medianest.resilience.outcome import Classifier, causes, example_of, is_timeout, status_of

FAILURE, IGNORED, UNEXPECTED = Outcome.FAILURE, Outcome.IGNORED, Outcome.UNEXPECTED


class AnswerError(Exception):
    """An error with a response, as HTTP libraries raise it."""

    def __init__(self, status: int) -> None:
        super().__init__(f"answered {status}")
        self.response = SimpleNamespace(status_code=status, headers={})


def raised(raiser: Callable[[], NoReturn]) -> Exception:
    """The exception as it arrives: with its causes set by `raise`."""
    try:
        raiser()
    except Exception as error:
        return error
    raise AssertionError("it raised nothing")


def test_without_expectations_every_exception_is_a_failure() -> None:
    assert Classifier()(ValueError()) is FAILURE
    assert Classifier()(AnswerError(404)) is FAILURE


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_no_exception_says_nothing_of_the_dependency(
    interrupt: type[SystemExit] | type[GeneratorExit] | type[KeyboardInterrupt],
) -> None:
    assert Classifier()(interrupt()) is IGNORED
    assert Classifier(expected_errors=BaseException)(interrupt()) is IGNORED


def test_a_refusal_says_nothing_of_the_dependency() -> None:
    assert Classifier(expected_errors=Exception)(CircuitOpenError("inner", 1.0)) is IGNORED


def test_an_error_that_is_not_expected_is_unexpected() -> None:
    assert Classifier(ConnectionError)(ValueError()) is UNEXPECTED
    assert Classifier(ConnectionError)(ConnectionResetError()) is FAILURE


def test_with_an_empty_list_no_error_is_expected() -> None:
    assert Classifier([])(ConnectionError()) is UNEXPECTED


def test_a_function_may_say_what_is_expected() -> None:
    classify = Classifier(lambda error: "down" in str(error))
    assert classify(ValueError("it is down")) is FAILURE
    assert classify(ValueError("it is up")) is UNEXPECTED


def test_one_of_many_expectations_is_enough() -> None:
    classify = Classifier([KeyError, "429", lambda error: str(error) == "odd"])
    assert [classify(e) for e in (KeyError(), AnswerError(429), ValueError("odd"))] == [FAILURE] * 3
    assert classify(AnswerError(430)) is UNEXPECTED


def test_ignored_errors_are_looked_at_first() -> None:
    classify = Classifier(expected_errors=OSError, ignored_errors=FileNotFoundError)
    assert classify(FileNotFoundError()) is IGNORED
    assert classify(PermissionError()) is FAILURE
    assert Classifier(ignored_errors="404")(AnswerError(404)) is IGNORED


@pytest.mark.parametrize(
    ("token", "status", "matches"),
    [
        ("5xx", 500, True),
        ("5xx", 599, True),
        ("5XX", 503, True),
        ("5xx", 499, False),
        ("5xx", 600, False),
        ("429", 429, True),
        ("429", 428, False),
        ("4xx", 404, True),
    ],
)
def test_a_status_token_matches_the_status_of_the_response(
    token: str, status: int, matches: bool
) -> None:
    assert (Classifier(token)(AnswerError(status)) is FAILURE) == matches


def test_a_status_stands_under_any_of_its_usual_names() -> None:
    for name in ("status_code", "status", "code"):
        error = Exception()
        setattr(error, name, 502)
        assert status_of(error) == 502
        nested: Any = Exception()
        nested.response = SimpleNamespace(**{name: 503})
        assert status_of(nested) == 503


def test_the_status_of_the_standard_library_is_found() -> None:
    error = urllib.error.HTTPError("http://plex", 503, "busy", Message(), None)
    try:
        assert Classifier("5xx")(error) is FAILURE
    finally:
        error.close()


@pytest.mark.parametrize("value", ["503", True, None, 503.0])
def test_only_a_whole_number_is_a_status(value: float | str | bool | None) -> None:
    error: Any = Exception()
    error.code = value
    assert status_of(error) is None


def test_a_token_matches_the_cause_given_by_from() -> None:
    def fails() -> NoReturn:
        raise RuntimeError("no answer") from TimeoutError()

    assert Classifier("timeout")(raised(fails)) is FAILURE


def test_a_token_matches_the_error_during_whose_handling_another_came() -> None:
    def fails() -> NoReturn:
        try:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")
        except OSError:
            raise RuntimeError("no answer")  # noqa: B904

    assert Classifier("ECONNREFUSED")(raised(fails)) is FAILURE


def test_a_cause_hidden_by_from_none_is_not_looked_at() -> None:
    def fails() -> NoReturn:
        try:
            raise TimeoutError
        except TimeoutError:
            raise RuntimeError("no answer") from None

    assert Classifier("timeout")(raised(fails)) is UNEXPECTED


def test_a_token_matches_an_error_carried_as_an_argument_or_a_reason() -> None:
    assert Classifier("timeout")(RuntimeError("no answer", TimeoutError())) is FAILURE
    carrier: Any = RuntimeError()
    carrier.reason = TimeoutError()
    assert Classifier("timeout")(carrier) is FAILURE


def test_a_status_is_found_along_the_causes() -> None:
    def fails() -> NoReturn:
        raise RuntimeError from AnswerError(503)

    assert Classifier("5xx")(raised(fails)) is FAILURE


def test_causes_that_go_in_a_circle_end() -> None:
    first, second = RuntimeError(1), RuntimeError(2)
    first.__cause__, second.__cause__ = second, first
    assert list(causes(first)) == [first, second]


def test_an_endless_chain_of_causes_is_looked_at_to_a_bound() -> None:
    error = RuntimeError()
    for _ in range(1_000):
        above = RuntimeError()
        above.__cause__ = error
        error = above
    assert len(list(causes(error))) == 20


@pytest.mark.parametrize("name", ["ReadTimeout", "ConnectTimeoutError", "TimeoutException"])
def test_a_timeout_is_known_by_its_name(name: str) -> None:
    assert is_timeout(type(name, (Exception,), {})())
    assert is_timeout(type("Own", (type(name, (Exception,), {}),), {})())


def test_a_name_that_only_contains_timeout_is_none() -> None:
    assert not is_timeout(type("TimeoutConfigMissing", (Exception,), {})())


def test_enotfound_is_a_name_that_does_not_resolve() -> None:
    assert Classifier("ENOTFOUND")(socket.gaierror(-2, "not known")) is FAILURE
    assert Classifier("enotfound")(OSError(errno.ECONNREFUSED, "x")) is UNEXPECTED


def test_an_errno_name_matches_that_errno_only() -> None:
    classify = Classifier("ECONNRESET")
    assert classify(OSError(errno.ECONNRESET, "reset")) is FAILURE
    assert classify(OSError(errno.ECONNREFUSED, "refused")) is UNEXPECTED
    assert classify(ValueError(errno.ECONNRESET)) is UNEXPECTED


@pytest.mark.parametrize("unknown", ["ECONREFUSED", "600", "5x", "", "timeouts", "errorcode"])
def test_an_unknown_token_is_an_error_that_says_what_is_allowed(unknown: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Classifier(["timeout", unknown])
    message = str(caught.value)
    assert message.startswith(f"expected_errors: {unknown!r} is not")
    for allowed in ("exception type", "function", '"timeout"', '"ENOTFOUND"', '"5xx"'):
        assert allowed in message


@pytest.mark.parametrize("nonsense", [5, [None], int, [int], b"timeout"])
def test_what_is_no_expectation_is_refused_and_the_option_named(nonsense: Any) -> None:
    with pytest.raises(ConfigurationError, match="ignored_errors: "):
        Classifier(ignored_errors=nonsense)


TOKENS = ["timeout", " ENOTFOUND ", "econnrefused", "5xx", "429"]


@pytest.mark.parametrize("token", TOKENS)
def test_an_error_for_a_rehearsal_is_one_that_its_token_matches(token: Any) -> None:
    error = example_of(token)
    matched = [other for other in TOKENS if Classifier(other)(error) is FAILURE]
    assert matched == [token]
    assert "a rehearsal of" in str(error)


def test_the_error_for_a_rehearsal_says_what_it_is() -> None:
    assert str(example_of("timeout")) == "a rehearsal of a timeout"
    assert example_of("ENOTFOUND").args == (socket.EAI_NONAME, "a rehearsal of an unknown name")
    assert example_of("EPIPE").args == (errno.EPIPE, "a rehearsal of EPIPE")
    error = example_of("5xx")
    assert (str(error), status_of(error)) == ("a rehearsal of 5xx", 500)


def test_what_is_no_token_cannot_be_rehearsed() -> None:
    with pytest.raises(ConfigurationError, match=r"^error: 'x' is not an exception type"):
        example_of("x")


def test_what_cannot_be_looked_through_is_told_as_it_is() -> None:
    with pytest.raises(ConfigurationError, match=r"^expected_errors: 5 is not an exception type"):
        Classifier(5)  # type: ignore[arg-type]
