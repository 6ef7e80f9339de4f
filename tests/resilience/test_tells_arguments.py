"""What is told to whoever calls something with wrong arguments, of functions made here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict, Unpack

import pytest

from medianest.resilience import ConfigurationError
from medianest.resilience.arguments import tells_arguments


class Size(TypedDict, total=False):
    height: int
    width: int


@pytest.fixture
def pack() -> Any:
    """A function that names some of its keywords and takes those of a Size besides."""

    @tells_arguments
    def pack(what: str, weight: int = 1, *, lid: bool = True, **size: Unpack[Size]) -> Any:
        return what, weight, lid, size

    return pack


@pytest.fixture
def make_box() -> Any:
    """A class."""

    @tells_arguments
    class Box:
        def __init__(self, size: int, *, lid: bool = True) -> None:
            self.size, self.lid = size, lid

    return Box


def told(call: Callable[[], object]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        call()
    return str(caught.value)


def test_what_is_right_is_handed_on(pack: Any, make_box: Any) -> None:
    assert pack("films", 2, lid=False, height=3) == ("films", 2, False, {"height": 3})
    box = make_box(3, lid=False)
    assert isinstance(box, make_box)
    assert (box.size, box.lid) == (3, False)
    assert (pack.__name__, make_box.__name__) == ("pack", "Box")


def test_a_wrong_argument_is_told_with_all_that_are_taken(pack: Any) -> None:
    takes = "it takes what, weight, lid, height, width"
    assert told(pack) == f"pack: missing a required argument: 'what'; {takes}"
    assert told(lambda: pack("films", 1, 2)) == f"pack: too many positional arguments; {takes}"
    assert told(lambda: pack("films", what="shows")) == (
        f"pack: multiple values for argument 'what'; {takes}"
    )


def test_a_class_is_told_by_its_name_and_without_itself(make_box: Any) -> None:
    assert told(make_box) == "Box: missing a required argument: 'size'; it takes size, lid"
    assert told(lambda: make_box(1, color="red")) == (
        "Box: unknown option color; allowed are size, lid"
    )
    assert told(lambda: make_box(1, size=2)) == (
        "Box: multiple values for argument 'size'; it takes size, lid"
    )


def test_what_takes_nothing_or_anything_says_so() -> None:
    @tells_arguments
    def nothing() -> None: ...

    @tells_arguments
    def anything(what, **more):  # type: ignore[no-untyped-def]
        return what, more

    many: Any = nothing
    none: Any = anything
    assert told(lambda: many(1)) == "nothing: too many positional arguments; it takes no arguments"
    assert told(none) == "anything: missing a required argument: 'what'; it takes what"


def test_an_error_of_its_own_is_raised_as_it_is() -> None:
    @tells_arguments
    def fails(number: int) -> int:
        return number + None  # type: ignore[operator]

    with pytest.raises(TypeError, match="unsupported operand") as caught:
        fails(1)
    assert not isinstance(caught.value, ConfigurationError)
