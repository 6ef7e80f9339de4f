"""Sessions of `requests` through breakers and pipelines, as their users test them."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import responses

from medianest.bridges.requests import RequestRefusedError, ResilientAdapter
from medianest.resilience import (
    Bulkhead,
    BulkheadFullError,
    CallRefusedError,
    CircuitBreaker,
    CircuitOpenError,
    Coalesce,
    ConfigurationError,
    Fallback,
    ManualClock,
    MemoryLastGood,
    Pipeline,
    Retry,
    State,
    Strategy,
)

URL = "https://weather.example.org/today"


@pytest.fixture
def mocked() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        yield mocked


@pytest.fixture
def session_of() -> Iterator[Callable[..., requests.Session]]:
    """`session_of(strategy, **options)` sends everything through it."""
    made = []

    def make(strategy: Strategy, **options: Any) -> requests.Session:
        session = requests.Session()
        session.mount("https://", ResilientAdapter(strategy, **options))
        made.append(session)
        return session

    yield make
    for session in made:
        session.close()


@pytest.fixture
def breaker(clock: ManualClock) -> CircuitBreaker:
    return CircuitBreaker("weather", failure_threshold=2, clock=clock)


def test_answers_are_what_they_would_be_without_it(
    mocked: responses.RequestsMock,
    session_of: Callable[..., requests.Session],
    breaker: CircuitBreaker,
) -> None:
    mocked.get(URL, json={"sky": "blue"}, headers={"Set-Cookie": "a=1"})
    session = session_of(breaker)
    answer = session.get(URL, params={"at": "noon"})
    assert (answer.json(), answer.request.url) == ({"sky": "blue"}, f"{URL}?at=noon")
    assert session.cookies["a"] == "1"
    assert breaker.snapshot().counts.successes == 1


def test_answers_of_500_and_429_open_the_breaker_and_are_returned(
    mocked: responses.RequestsMock,
    session_of: Callable[..., requests.Session],
    breaker: CircuitBreaker,
) -> None:
    mocked.get(URL, status=503, body="later")
    mocked.get(URL, status=429)
    session = session_of(breaker)
    assert [session.get(URL).status_code for _ in range(2)] == [503, 429]
    assert breaker.state is State.OPEN
    with pytest.raises(RequestRefusedError):
        session.get(URL)
    assert len(mocked.calls) == 2


def test_a_404_is_an_answer(
    mocked: responses.RequestsMock,
    session_of: Callable[..., requests.Session],
    breaker: CircuitBreaker,
) -> None:
    mocked.get(URL, status=404)
    session = session_of(breaker)
    assert [session.get(URL).status_code for _ in range(3)] == [404] * 3
    assert breaker.snapshot().counts.successes == 3


def test_a_refusal_is_an_error_of_requests_and_one_of_ours(
    session_of: Callable[..., requests.Session], breaker: CircuitBreaker
) -> None:
    """Keeps out: code that catches RequestException, and ends with the first open breaker."""
    breaker.open("moving house")
    with pytest.raises(requests.ConnectionError) as caught:
        session_of(breaker).get(URL)
    error = caught.value
    assert isinstance(error, CallRefusedError)
    assert isinstance(error.__cause__, CircuitOpenError)
    assert (error.name, error.retry_after) == ("weather", error.__cause__.retry_after)
    assert str(error) == str(error.__cause__)
    assert isinstance(error.request, requests.PreparedRequest)
    assert error.request.url == URL


def test_what_cannot_be_reached_counts_and_is_raised_as_it_is(
    mocked: responses.RequestsMock,
    session_of: Callable[..., requests.Session],
    breaker: CircuitBreaker,
) -> None:
    mocked.get(URL, body=requests.ConnectionError("refused"))
    with pytest.raises(requests.ConnectionError, match="refused"):
        session_of(breaker).get(URL)
    assert breaker.snapshot().counts.failures == 1


def test_a_question_is_asked_again_and_told_how_long_to_wait(
    mocked: responses.RequestsMock, session_of: Callable[..., requests.Session], clock: ManualClock
) -> None:
    mocked.get(URL, status=429, headers={"Retry-After": "7"})
    mocked.get(URL, json={})
    before = clock.now()
    retry = Retry(max_attempts=3, initial_delay=0, clock=clock)
    assert session_of(retry, clock=clock).get(URL).status_code == 200
    assert clock.now() - before >= 7


def test_what_is_not_safe_is_sent_once(
    mocked: responses.RequestsMock,
    session_of: Callable[..., requests.Session],
    clock: ManualClock,
    breaker: CircuitBreaker,
) -> None:
    """Keeps out: an order that is placed three times."""
    mocked.post(URL, status=503)
    mocked.post(URL, body=requests.ConnectionError("reset"))
    retry = Retry(max_attempts=3, initial_delay=0, clock=clock)
    session = session_of(Pipeline("weather", [Pipeline("inner", [retry, breaker])]))
    assert session.post(URL).status_code == 503
    assert len(mocked.calls) == 1
    with pytest.raises(requests.ConnectionError, match="reset"):
        session_of(retry).post(URL)
    assert len(mocked.calls) == 2
    assert breaker.snapshot().counts.failures == 1


def test_an_answer_is_returned_though_its_retry_is_refused(
    mocked: responses.RequestsMock, session_of: Callable[..., requests.Session], clock: ManualClock
) -> None:
    """Keeps out: a refusal for whoever opened the breaker, in the place of the answer."""
    mocked.get(URL, status=503)
    breaker = CircuitBreaker("weather", failure_threshold=2, clock=clock)
    retry = Retry(max_attempts=3, initial_delay=0, clock=clock)
    session = session_of(Pipeline("weather", [retry, breaker]))
    assert session.get(URL).status_code == 503
    assert breaker.state is State.OPEN
    with pytest.raises(RequestRefusedError):
        session.get(URL)
    assert len(mocked.calls) == 2


def test_a_fallback_answers_with_a_response(
    mocked: responses.RequestsMock, session_of: Callable[..., requests.Session]
) -> None:
    mocked.get(URL, status=500)

    def answer(error: BaseException) -> requests.Response:
        made = requests.Response()
        made.status_code, made.raw = 203, io.BytesIO(str(error).encode())
        return made

    assert session_of(Fallback(answer)).get(URL).text == "it answered 500"
    streamed = session_of(Fallback(answer)).get(URL, stream=True)
    assert list(streamed.iter_content(100)) == [b"it answered 500"]
    with pytest.raises(ConfigurationError, match=r"must answer with a requests\.Response, not {}"):
        session_of(Fallback(value={})).get(URL)


def test_a_last_good_answer_is_known_by_what_was_asked(
    mocked: responses.RequestsMock, session_of: Callable[..., requests.Session], clock: ManualClock
) -> None:
    mocked.get(URL, body="sun")
    mocked.get(f"{URL}?at=night", body="moon")
    kept = Fallback(last_good=MemoryLastGood(60, clock=clock), key=lambda request: request.url)
    session = session_of(kept)
    assert session.get(URL).text == "sun"
    mocked.reset()
    mocked.get(URL, status=500)
    assert session.get(URL).text == "sun"


def test_callers_with_the_same_question_share_an_answer(
    mocked: responses.RequestsMock, session_of: Callable[..., requests.Session]
) -> None:
    mocked.get(URL, status=502, body="no")
    shared = Coalesce(name="weather", key=lambda request: request.url, timeout=5)
    assert session_of(shared).get(URL).text == "no"


def test_a_streamed_answer_holds_its_place_until_it_ends(
    mocked: responses.RequestsMock,
    session_of: Callable[..., requests.Session],
    clock: ManualClock,
    breaker: CircuitBreaker,
) -> None:
    mocked.get(URL, body=b"x" * 10)
    bulkhead = Bulkhead("weather", max_concurrent=1, clock=clock)
    session = session_of(Pipeline("weather", [breaker, bulkhead]))
    first = session.get(URL, stream=True)
    with pytest.raises(RequestRefusedError) as caught:
        session.get(URL)
    assert isinstance(caught.value.__cause__, BulkheadFullError)
    assert breaker.snapshot().counts.successes == 0
    assert b"".join(first.iter_content(4)) == b"x" * 10
    assert (bulkhead.snapshot().in_use, breaker.snapshot().counts.successes) == (0, 1)
    second = session.get(URL, stream=True)
    assert second.raw.read(3) == b"xxx"
    second.close()
    assert (bulkhead.snapshot().in_use, breaker.snapshot().counts.successes) == (0, 1)
    third = session.get(URL, stream=True)
    assert third.raw.read() == b"x" * 10
    assert bulkhead.snapshot().in_use == 0


def test_a_streamed_answer_that_is_dropped_gives_its_place_back(
    mocked: responses.RequestsMock,
    session_of: Callable[..., requests.Session],
    breaker: CircuitBreaker,
) -> None:
    session = session_of(Pipeline("weather", [breaker, Bulkhead("weather", max_concurrent=1)]))
    for _ in range(3):  # who looks at the status alone drops the body
        mocked.get(URL, body=b"x" * 10)
        assert session.get(URL, stream=True).status_code == 200
        mocked.reset()  # which has it still
    assert breaker.snapshot().in_flight <= 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((None,), "a ResilientAdapter takes a strategy such as"),
        ((CircuitBreaker,), "a ResilientAdapter takes a strategy such as"),
    ],
)
def test_what_is_no_strategy_is_told(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        ResilientAdapter(*arguments)


@pytest.mark.parametrize("timeout", [0, -1, "5", (1, "5"), float("nan")])
def test_a_wrong_timeout_is_told(
    session_of: Callable[..., requests.Session],
    breaker: CircuitBreaker,
    timeout: Any,
) -> None:
    with pytest.raises(ConfigurationError, match="timeout must be seconds"):
        session_of(breaker).get(URL, timeout=timeout)
