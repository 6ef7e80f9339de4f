"""What a process tells the others, and waits for no answer: it may be lost, or come late."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from medianest.peers.messages import Bulletin

__all__ = ["Bulletins"]

logger = logging.getLogger(__name__)

Act = Callable[[str, dict[str, Any]], object]


class Bulletins:
    """`send(message)` tells all others. Thread-safe."""

    def __init__(self, send: Callable[[Bulletin], object]) -> None:
        self._send = send
        self._handlers: dict[str, Act] = {}

    def on(self, topic: str, act: Act) -> None:
        """Have `act(sender, body)` done, in the listening thread, with what another process tells;
        what it raises is logged as something that nobody can read."""
        self._handlers[topic] = act

    def tell(self, topic: str, body: dict[str, Any]) -> None:
        """Tell all others; waits for nothing. `body` are plain JSON values, of 50,000 bytes at
        most: what is longer does not get there."""
        self._send(Bulletin(topic, body))

    def hear(self, sender: str, message: Bulletin) -> None:
        """One of the others tells something."""
        act = self._handlers.get(message.topic)
        if act is None:
            return
        try:
            act(sender, message.body)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            logger.debug("%s tells of %s what is none: %r", sender, message.topic, error)
