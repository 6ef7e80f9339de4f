"""What a strategy may decorate: the forms that work, and where to put it on those that do not."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NoReturn
from xmlrpc.client import ServerProxy

import pytest

from medianest.resilience import ConfigurationError, Fallback, Retry, State, Strategy
from medianest.resilience.decorating import refuse_unfinished
from tests.resilience.conftest import MakeBreaker


@pytest.fixture(params=["breaker", "retry", "fallback"])
def strategy(request: pytest.FixtureRequest, make_breaker: MakeBreaker) -> Strategy:
    kinds: dict[str, Callable[[], Strategy]] = {
        "breaker": lambda: make_breaker(),
        "retry": lambda: Retry(),
        "fallback": lambda: Fallback(value="default"),
    }
    return kinds[request.param]()


def test_static_and_class_methods_work_in_either_order(strategy: Strategy) -> None:
    class Client:
        @strategy
        @staticmethod
        def above(number: int) -> int:
            return number

        @staticmethod
        @strategy
        def beneath(number: int) -> int:
            return number

        @strategy
        @classmethod
        def of_class(cls, number: int) -> tuple[type[Any], int]:
            return cls, number

    for owner in (Client, Client()):
        assert (owner.above(1), owner.beneath(2)) == (1, 2)
        assert owner.of_class(3) == (Client, 3)


def test_a_method_that_fails_is_seen_in_every_form(make_breaker: MakeBreaker) -> None:
    breaker = make_breaker(failure_threshold=1)

    class Client:
        @breaker
        @classmethod
        def get(cls) -> NoReturn:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        Client().get()
    assert breaker.state is State.OPEN


def chunks() -> Iterator[int]:
    yield 1


async def later() -> int:
    return 1


@contextmanager
def block() -> Iterator[int]:
    yield 1


@asynccontextmanager
async def async_block() -> AsyncIterator[int]:
    yield 1


class Client:
    def chunks(self) -> Iterator[int]:
        yield 1

    @staticmethod
    def static_chunks() -> Iterator[int]:
        yield 1

    def __call__(self) -> Iterator[int]:
        yield 1


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (chunks, r"is a generator: protect the code that consumes it, or hold a permit"),
        (functools.partial(chunks), "is a generator"),
        (functools.partial(functools.partial(chunks)), "is a generator"),
        (Client().chunks, "is a generator"),
        (functools.partial(Client().chunks), "is a generator"),
        (vars(Client)["static_chunks"], "is a generator"),
        (Client(), "is a generator"),
        (functools.partial(Client()), "is a generator"),
        (later, "is asynchronous"),
        (block, r"is a context manager: put `with breaker:` around its yield"),
        (functools.partial(block), "is a context manager"),
        (async_block, "is a context manager"),
        (Client, r"is a class: decorate its methods, or have it made by call\(Client, ...\)"),
        (property(chunks), "is a property: put the decorator beneath @property"),  # type: ignore[arg-type]
        (functools.cached_property(chunks), "beneath @property"),  # type: ignore[arg-type]
        (5, "only a function can be protected, not 5"),
    ],
)
def test_what_does_nothing_until_it_is_used_is_refused_with_where_to_put_it(
    strategy: Strategy, function: Any, told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        strategy(function)


def passing_on(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args)

    return wrapper


def consuming(function: Callable[[], Iterator[int]]) -> Callable[..., list[int]]:
    @functools.wraps(function)
    def wrapper(*args: Any) -> list[int]:
        return list(function(*args))

    return wrapper


@pytest.mark.parametrize("function", [chunks, later, block, async_block])
def test_a_generator_in_disguise_is_told_at_the_first_call(
    strategy: Strategy, function: Callable[..., Any]
) -> None:
    """Keeps out: an error of the generator that no breaker and no fallback ever sees."""
    protected = strategy(passing_on(function))
    with pytest.raises(ConfigurationError, match="has done nothing yet: put the decorator on"):
        protected()


def test_a_generator_that_another_decorator_consumes_is_protected(strategy: Strategy) -> None:
    assert strategy(consuming(chunks))() == [1]


def test_a_class_can_be_made_by_a_call(strategy: Strategy) -> None:
    assert isinstance(strategy.call(Client), Client)
    assert strategy(int)("5") == 5


def test_a_plain_function_has_nothing_more_around_it(make_breaker: MakeBreaker) -> None:
    def plain() -> int:
        return 1

    protected: Any = make_breaker()(plain)
    assert protected.__wrapped__ is plain
    protected = make_breaker()(passing_on(plain))
    assert protected.__wrapped__.__wrapped__ is plain


def test_an_object_that_has_every_attribute_is_no_endless_method() -> None:
    """Keeps out: whoever asks it for `__func__` gets another one like it, for ever."""
    refuse_unfinished(ServerProxy("http://localhost/").system.listMethods)


@pytest.mark.parametrize("function", [later, chunks, block])
def test_what_is_refused_is_named(strategy: Strategy, function: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        strategy(functools.partial(function))
    assert str(caught.value).startswith(f"functools.partial({function!r}) is a")


def test_a_coroutine_that_a_call_returns_is_told_by_the_function(strategy: Strategy) -> None:
    def begins() -> Any:
        return later()

    with pytest.raises(ConfigurationError) as caught:
        strategy.call(begins)
    assert str(caught.value) == f"{begins!r} returned a coroutine, which has done nothing"
