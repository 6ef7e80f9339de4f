"""An operation and its payload, as they are told and as they are refused."""

from typing import Any

import pytest

from medianest.queue.errors import PayloadError, QueueFullError
from medianest.queue.operations import Operation, checked_payload
from medianest.queue.set_back import sent_before
from tests.queue.making import NOW, at, operation


@pytest.mark.parametrize(
    ("waiting", "client", "text"),
    [
        (1, None, "1 operation waits or could not be done, and no more are kept"),
        (2, None, "2 operations wait or could not be done, and no more are kept"),
        (1, "kim", "1 operation of kim waits or could not be done, and no more are kept"),
    ],
)
def test_a_full_queue_says_whose_operations_wait(waiting: Any, client: Any, text: Any) -> None:
    error = QueueFullError(waiting, client)
    assert (str(error), error.client, error.retry_after) == (text, client, 30)


def test_an_operation_is_told_as_plain_values() -> None:
    told = operation(payload={"n": 1}).as_dict()
    assert (told["id"], told["payload"], told["finished_at"]) == ("1", {"n": 1}, None)
    assert told["created_at"] == "2025-12-31T23:58:20.000Z"
    assert told.keys() == set(Operation.__slots__)


@pytest.mark.parametrize(
    ("state", "ends", "seen"),
    [("running", 1, "running"), ("running", 0, "pending"), ("dead", 0, "dead")],
)
def test_one_whose_lease_is_over_waits_again(state: Any, ends: Any, seen: Any) -> None:
    assert operation(state=state, run_at=at(ends)).state_at(NOW) == seen


def test_a_payload_may_have_just_so_many_bytes() -> None:
    payload = {"title": "ä"}  # with the letter as \u00e4
    assert checked_payload(payload, 19) is payload
    with pytest.raises(PayloadError) as caught:
        checked_payload(payload, 18)
    assert str(caught.value) == "the payload has 19 bytes; at most 18 are kept"


@pytest.mark.parametrize("payload", [{"n": float("nan")}, {"n": object()}, {(1, 2): 3}])
def test_a_payload_that_is_no_json_is_refused(payload: Any) -> None:
    with pytest.raises(PayloadError, match=r"^the payload is not JSON: ."):
        checked_payload(payload, 1000)


@pytest.mark.parametrize(
    "payload",
    [
        {"api_key": "x"},
        {"deep": {"api_key": "x"}},
        {"list": [1, {"fine": 1}, {"api_key": "x"}]},
        {"tuple": ({"api_key": "x"},)},
    ],
)
def test_secrets_are_not_kept_wherever_they_are(payload: Any) -> None:
    with pytest.raises(PayloadError) as caught:
        checked_payload(payload, 1000)
    assert str(caught.value) == "the payload has 'api_key', and secrets are not kept"


def test_a_payload_without_secrets_is_kept() -> None:
    payload = {"deep": {"list": [1, "api_key"]}}
    assert checked_payload(payload, 1000) is payload


@pytest.mark.parametrize(("sent", "before"), [(-5, -5), (60, 60), (61, -86_400)])
def test_what_was_sent_in_a_time_to_come_was_sent_long_ago(sent: Any, before: Any) -> None:
    assert sent_before(at(sent), NOW) == at(before)
