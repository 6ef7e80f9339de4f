"""What a strategy may decorate: the forms that work, and where to put it on those that do not."""

from __future__ import annotations

import functools
from contextlib import asynccontextmanager, contextmanager
from xmlrpc.client import ServerProxy

import pytest

from medianest.resilience import ConfigurationError, Fallback, Retry, State
from medianest.resilience.decorating import refuse_unfinished


@pytest.fixture(params=["breaker", "retry", "fallback"])
def strategy(request, make_breaker):
    return {
        "breaker": lambda: make_breaker(),
        "retry": lambda: Retry(),
        "fallback": lambda: Fallback(value="default"),
    }[request.param]()


def test_static_and_class_methods_work_in_either_order(strategy):
    class Client:
        @strategy
        @staticmethod
        def above(number):
            return number

        @staticmethod
        @strategy
        def beneath(number):
            return number

        @strategy
        @classmethod
        def of_class(cls, number):
            return cls, number

    for owner in (Client, Client()):
        assert (owner.above(1), owner.beneath(2)) == (1, 2)
        assert owner.of_class(3) == (Client, 3)


def test_a_method_that_fails_is_seen_in_every_form(make_breaker):
    breaker = make_breaker(failure_threshold=1)

    class Client:
        @breaker
        @classmethod
        def get(cls):
            raise ConnectionError

    with pytest.raises(ConnectionError):
        Client().get()
    assert breaker.state is State.OPEN


def chunks():
    yield 1


async def later():
    return 1


@contextmanager
def block():
    yield 1


@asynccontextmanager
async def async_block():
    yield 1


class Client:
    def chunks(self):
        yield 1

    @staticmethod
    def static_chunks():
        yield 1

    def __call__(self):
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
        (property(chunks), "is a property: put the decorator beneath @property"),
        (functools.cached_property(chunks), "beneath @property"),
        (5, "only a function can be protected, not 5"),
    ],
)
def test_what_does_nothing_until_it_is_used_is_refused_with_where_to_put_it(
    strategy, function, told
):
    with pytest.raises(ConfigurationError, match=told):
        strategy(function)


def passing_on(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)

    return wrapper


def consuming(function):
    @functools.wraps(function)
    def wrapper(*args):
        return list(function(*args))

    return wrapper


@pytest.mark.parametrize("function", [chunks, later, block, async_block])
def test_a_generator_in_disguise_is_told_at_the_first_call(strategy, function):
    """Keeps out: an error of the generator that no breaker and no fallback ever sees."""
    protected = strategy(passing_on(function))
    with pytest.raises(ConfigurationError, match="has done nothing yet: put the decorator on"):
        protected()


def test_a_generator_that_another_decorator_consumes_is_protected(strategy):
    assert strategy(consuming(chunks))() == [1]


def test_a_class_can_be_made_by_a_call(strategy):
    assert isinstance(strategy.call(Client), Client)
    assert strategy(int)("5") == 5


def test_a_plain_function_has_nothing_more_around_it(make_breaker):
    def plain():
        return 1

    assert make_breaker()(plain).__wrapped__ is plain
    assert make_breaker()(passing_on(plain)).__wrapped__.__wrapped__ is plain


def test_an_object_that_has_every_attribute_is_no_endless_method():
    """Keeps out: whoever asks it for `__func__` gets another one like it, for ever."""
    refuse_unfinished(ServerProxy("http://localhost/").system.listMethods)
