"""What an answer of Plex says of its own list: where it begins, and whether it is empty.

An empty list is served as what there is. A server in trouble may send one beside numbers that say
otherwise; then what is remembered is better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from medianest.media.errors import UnusableAnswerError
from medianest.media.parsing import listed
from medianest.media.plex.models import MediaContainer

__all__ = ["SERVICE", "begins_at", "doubt", "doubt_of_hubs", "unless_nothing_is_left"]

SERVICE: Final = "plex-media-server"
"""The name of the dependency, its circuit breaker and its bulkhead."""

T = TypeVar("T")


def begins_at(about: MediaContainer, sent: int, offset: int) -> int:
    """The place in a section of the first of `sent` items, where those from `offset` on were asked
    for: that, while the answer's own numbers allow it.

    A server that pages tells an offset or how many there are in all. One that does not, or behind
    a proxy that drops headers, sends the whole section, whatever it says its offset is.
    """
    total = about.total_size
    if about.offset is not None and (total is None or sent < total):
        return min(about.offset, offset)
    is_page = total is not None and sent <= total - offset
    return offset if is_page else 0


def unless_nothing_is_left(
    answer: T, left: Sequence[Any], sent: Sequence[Any], doubtful: str | None
) -> T:
    """The answer, unless nothing is left of what was sent, or it is `doubtful` why nothing was:
    then UnusableAnswerError, with the answer as its rest."""
    if left:
        return answer
    if sent:
        doubtful = f"none of the {len(sent)} elements of its answer is valid"
    if doubtful:
        raise UnusableAnswerError(SERVICE, doubtful, rest=answer)
    return answer


def doubt(container: Mapping[str, Any], name: str, offset: int = 0) -> str | None:
    """Why an answer with nothing from `offset` on in the list `name` is not believed to say that
    there is nothing; None where it is.

    An explicit `[]` says so as well as `"size": 0` does: whoever writes it has looked, while `null`
    may stand for what could not be found out.
    """
    about, given = MediaContainer.model_validate(container), container.get(name)
    remaining = (about.total_size or 0) - offset
    if remaining > 0:
        return f"its answer is empty, though it says that {remaining} remain"
    if listed(given):
        return None  # all of them are before the offset
    if about.size:
        return f"its answer is empty, though it says that it lists {about.size}"
    if about.size is None and given is None:
        return "its answer is empty, and does not say that there is nothing"
    return None


def doubt_of_hubs(container: Mapping[str, Any]) -> str | None:
    """The same for the hubs of a search. Some hold people or genres, in lists of other names."""
    hubs = listed(container.get("Hub"))
    if not hubs:
        return doubt(container, "Hub")
    return next(filter(None, map(_doubt_of_hub, hubs)), None)


def _doubt_of_hub(hub: Any) -> str | None:
    if not isinstance(hub, Mapping) or any(
        isinstance(each, list) and each for each in hub.values()
    ):
        return None
    return doubt(hub, "Metadata")
