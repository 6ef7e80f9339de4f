"""Name look-ups that end with the deadline: the system's resolver cannot be interrupted."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from typing import Any, Protocol

from medianest.resilience import remaining

__all__ = ["resolve", "time_left"]


class LookUpPlaces(Protocol):
    """Look-ups that may hang at once, as a semaphore has them."""

    def acquire(self, *, timeout: float) -> bool:
        """Take one, within so many seconds; whether there was one."""
        ...

    def release(self) -> None:
        """Give it back."""
        ...


_LOOK_UPS: LookUpPlaces = threading.BoundedSemaphore(8)
"""Name look-ups that may hang at once: the system's resolver cannot be interrupted."""


def time_left() -> float:
    """Seconds until the deadline. Raises TimeoutError when there are none."""
    left = remaining(default=60.0)
    if left <= 0:
        raise TimeoutError("the deadline passed")
    return left


def resolve(host: str, port: int, places: LookUpPlaces = _LOOK_UPS) -> list[tuple[int, Any]]:
    """Family and address of each way to a host, within the deadline. `places` are for the
    look-ups that may hang at once.

    Raises socket.gaierror for an unknown name, TimeoutError when the look-up takes too long.
    """
    flags = 0
    try:
        ipaddress.ip_address(host)
        flags = socket.AI_NUMERICHOST  # nothing to ask anybody, so nothing that could hang
    except ValueError:
        return _look_up_beside(host, port, places)
    return _resolve(host, port, flags)


def _resolve(host: str, port: int, flags: int = 0) -> list[tuple[int, Any]]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [(family, address) for family, _, _, _, address in found]


def _look_up_beside(host: str, port: int, places: LookUpPlaces) -> list[tuple[int, Any]]:
    """In a thread beside this one, which leaves it behind if it hangs."""
    if not places.acquire(timeout=time_left()):
        raise TimeoutError("too many DNS lookups hang")
    answers: queue.SimpleQueue[list[tuple[int, Any]] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(_resolve(host, port))
        except (OSError, UnicodeError) as error:
            answers.put(error if isinstance(error, OSError) else socket.gaierror(str(error)))
        finally:
            places.release()

    try:
        threading.Thread(target=ask, name=f"look-up-{host}", daemon=True).start()
    except RuntimeError as error:  # the system gives no more threads
        places.release()
        raise OSError(str(error)) from error
    try:
        answer = answers.get(timeout=time_left())
    except queue.Empty:
        raise TimeoutError(f"the DNS lookup of {host} takes too long") from None
    if isinstance(answer, OSError):
        raise answer
    return answer
