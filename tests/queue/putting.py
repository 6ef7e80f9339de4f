"""What the tests of the queue put into it."""

from typing import Any

from medianest.queue.operations import Accepted
from tests.queue.by_hand import QueueByHand

PAYLOAD = {"media_id": 1}


def put(queue: QueueByHand, key: str = "a", **options: Any) -> Accepted:
    return queue.enqueue("h", PAYLOAD, key, **options)
