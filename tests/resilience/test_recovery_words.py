"""What recovery keeps, lists and says: records, named operations, predictions, complaints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from medianest.resilience import (
    RETRY_OPERATION,
    CircuitOpenError,
    ConfigurationError,
    ErrorRecoveryManager,
    ManualClock,
    MemoryLastGood,
    Recovery,
    RecoveryContext,
    UnknownNameError,
)
from medianest.resilience.recovery import NamedOperation
from medianest.resilience.recovery.good_answers import GoodAnswers
from medianest.resilience.recovery.operations import NamedOperations
from tests.resilience import recovering
from tests.resilience.recovering import CONTEXT, broken
from tests.support.narrowing import not_none

SHELF = NamedOperation(
    name="shop.shelf", service="shop", max_attempts=2, metadata={"method": "GET"}
)


# -- named operations ------------------------------------------------------------------------------


def test_a_rehearsed_call_tells_what_a_real_one_would() -> None:
    context = SHELF.rehearsal({"name": "films", "method": "POST"})
    assert context == RecoveryContext(
        operation="shop.shelf",
        service="shop",
        metadata={"name": "films", "method": "GET"},
        good=None,
        rehearsal=True,
    )
    assert SHELF.rehearsal().metadata == {"method": "GET"}


def test_operations_are_listed_by_their_names_and_an_unknown_one_is_told_with_them() -> None:
    operations = NamedOperations()
    with pytest.raises(UnknownNameError) as caught:
        operations.get("x")
    assert str(caught.value) == "there is no operation 'x'; there are: none"
    cart = NamedOperation(name="shop.cart", service="shop")
    for each in (SHELF, cart):
        operations.register(each)
    assert operations.all() == (cart, SHELF)
    with pytest.raises(UnknownNameError) as caught:
        operations.get("x")
    assert str(caught.value) == "there is no operation 'x'; there are: shop.cart, shop.shelf"


def test_a_service_is_rehearsed_with_the_errors_of_its_own() -> None:
    operations = NamedOperations()
    operations.sample_with("shop", lambda token: LookupError(f"sold out: {token}"))
    assert str(operations.sample_error("shop", "timeout")) == "sold out: timeout"
    assert isinstance(operations.sample_error("other", "timeout"), TimeoutError)
    refusal = operations.sample_error("shop", "circuit-open")
    assert isinstance(refusal, CircuitOpenError)
    assert (refusal.name, refusal.retry_after) == ("shop", 30)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "", "service": "shop"}, "operation name must be 1 to 100"),
        ({"name": "x", "service": ""}, "service of operation 'x': name must be 1 to 100"),
        ({"name": "x", "service": "s", "max_attempts": 0}, "max_attempts must be a whole number"),
    ],
)
def test_a_wrong_operation_is_refused(options: Any, message: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        NamedOperation(**options)
    assert str(caught.value).startswith(message)


# -- predictions -----------------------------------------------------------------------------------


def test_it_is_predicted_what_would_be_tried_and_why_the_rest_would_not(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]], clock: ManualClock
) -> None:
    act("others", 5, "answer", concerns=lambda context: context.service == "other")
    act("repair", 4, RETRY_OPERATION, cooldown=60)
    act("waits", 3, "answer", optional=True)
    act("declines", 2, "answer", should_execute=lambda error, context: False)
    manager.suspended = lambda action: "later" if action.name == "waits" else None

    def predicted(context: Any) -> Any:
        return [
            (each.action, each.priority, each.applies, each.why_not)
            for each in manager.predict(TimeoutError("x"), context)
        ]

    told = [
        ("others", 5, False, "it is for others"),
        ("repair", 4, True, None),
        ("waits", 3, False, "later"),
        ("declines", 2, False, "it does not apply"),
    ]
    assert predicted(CONTEXT) == told
    with pytest.raises(ConnectionError):
        manager.with_recovery(broken, CONTEXT)
    told[1] = ("repair", 4, False, "it cools down for 60 s")
    assert predicted(CONTEXT) == told
    assert predicted(RecoveryContext(operation="op", service="elsewhere"))[1][2]


def test_the_actions_for_an_operation_are_told_by_their_names(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    act("any", 1, "answer")
    act("others", 2, "answer", concerns=lambda context: context.service == "other")
    act("shops", 3, "answer", concerns=lambda context: context.operation == "shop.shelf")
    assert manager.actions_for(SHELF) == ("shops", "any")


# -- complaints ------------------------------------------------------------------------------------


class BrokenStore(MemoryLastGood[Any]):
    """Keeps nothing, and cannot be read."""

    def put(self, key: Any, answer: Any, asked_at: Any) -> NoReturn:
        raise OSError("the disk is full")

    def get(self, key: Any) -> NoReturn:
        raise OSError("the disk is gone")


@pytest.fixture
def answers(clock: ManualClock) -> Any:
    return GoodAnswers(
        BrokenStore(60, clock=clock),
        operation="shop.shelf",
        service="shop",
        key=lambda name, *, page: (name, page),
        arguments=("name", "page"),
        handles=lambda error: bool(1 / 0),
    )


def test_a_store_that_keeps_nothing_is_told_once(
    answers: Any, caplog: pytest.LogCaptureFixture
) -> None:
    ask = answers.remembering(lambda function, args, kwargs: "answer")
    for _ in range(2):
        assert ask(None, ("films",), {"page": 1}) == "answer"
    assert caplog.messages == ["good answers of shop.shelf cannot be kept"]
    assert not_none(caplog.records[0].exc_info)[0] is OSError


def test_a_store_that_cannot_be_read_has_no_answer(
    answers: Any, caplog: pytest.LogCaptureFixture
) -> None:
    good = answers.of_call(("films",), {"page": 1})
    assert good.declined(CircuitOpenError("shop", 1)).why.startswith("there is no good answer")
    assert caplog.messages == ["no good answer of shop.shelf can be found"]


def test_a_predicate_that_fails_serves_nothing_and_is_told(
    answers: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert answers.of_call(("films",), {"page": 1}).declined(ValueError()) is not None
    assert caplog.messages == ["handles of 'shop.shelf' failed"]


def test_a_rehearsal_with_what_can_be_no_key_is_told_what_is_taken(answers: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        answers.rehearsed({"name": [], "page": 1})
    assert str(caught.value) == "shop.shelf takes plain values of name, page"


@pytest.mark.parametrize(
    ("option", "given", "message"),
    [
        (
            "store",
            {},
            "recovery of 'x': last_good must keep answers as MemoryLastGood does, not {}",
        ),
        ("key", 5, "recovery of 'x': key must be a function, not 5"),
        ("stale", 5, "recovery of 'x': stale must be a function, not 5"),
        ("handles", "x", "handles: 'x' is not an exception type"),
    ],
)
def test_what_good_answers_cannot_be_made_of_is_told(option: Any, given: Any, message: Any) -> None:
    options = {"store": MemoryLastGood(60), "key": str, option: given}
    with pytest.raises(ConfigurationError) as caught:
        GoodAnswers(options.pop("store"), operation="x", service="shop", **options)
    assert str(caught.value).startswith(message)


def test_why_no_old_answer_is_served(clock: ManualClock) -> None:
    answers = GoodAnswers(
        MemoryLastGood(60, clock=clock),
        operation="shelf",
        service="shop",
        key=lambda name: name,
        handles="timeout",
    )
    good = not_none(answers.of_call(("films",), {}))
    assert (
        not_none(good.declined(ValueError())).why == "an old answer is no help against this error"
    )
    why = "there is no good answer that is young enough"
    assert not_none(good.declined(TimeoutError())).why == good.serve(TimeoutError()).why == why
    assert not_none(answers.rehearsed({}).declined(TimeoutError())).why == why


def test_nobody_has_asked_yet(clock: ManualClock) -> None:
    answers = GoodAnswers(
        MemoryLastGood(60, clock=clock),
        operation="shelf",
        service="shop",
        key=str,
        arguments=("n",),
    )
    assert (
        not_none(answers.rehearsed({}).declined(TimeoutError())).why
        == "nobody has asked for it yet"
    )


def test_a_rehearsal_is_served_the_good_answer_for_its_arguments(
    manager: ErrorRecoveryManager, recovery: Recovery, ask: Callable[..., Any]
) -> None:
    for name in ("films", "shows"):
        ask(name)
    context = manager.operations.get(recovering.SHELF).rehearsal({"name": "films"})
    served = not_none(context.good).serve(ConnectionError("down"), rehearsal=True)
    assert served == (["films"], 0)


def test_a_name_that_is_taken_by_another_operation_is_told() -> None:
    operations = NamedOperations()
    operations.register(SHELF)
    with pytest.raises(ConfigurationError) as caught:
        operations.register(NamedOperation(name="shop.shelf", service="another"))
    assert str(caught.value) == "operation 'shop.shelf' is registered already"
