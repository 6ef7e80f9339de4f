"""Where guards may stand: not where strangers would get their answers, nor where none would run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from types import FrameType, FunctionType
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from flask import Flask

from medianest.guards.guard import Guard
from medianest.resilience import ConfigurationError

__all__ = ["ProtectedViews", "refuse_outside", "refuse_wrapped"]

View = Callable[..., Any]

_MOST_DECORATORS = 100


def refuse_outside(guard: Guard, where: str) -> None:
    """Refuse a guard that would answer strangers where all decorators of views are inside it.
    Raises ConfigurationError."""
    if guard.answers_strangers:
        raise ConfigurationError(
            f"the guard of {guard.service!r} on {where} may be outside of decorators such as "
            f"login_required, and its fallback or recovery would answer strangers then: give it "
            f"authorize=, a function that returns True for those who may have these answers, or "
            f"put protect(...) directly above the def of the view"
        )


def refuse_wrapped(guard: Guard, view: View, frame: FrameType) -> None:
    """The same for a guard around one view, unless it is known that no decorator is inside.
    `frame` is where the view is decorated. Raises ConfigurationError."""
    if not _is_bare(view, frame):
        refuse_outside(guard, f"the view {getattr(view, '__qualname__', view)!r}")


def _is_bare(view: View, frame: FrameType | None) -> bool:
    """Whether a view is a function as it was written where it is decorated.

    `__wrapped__` tells of decorators only where they use functools.wraps. But code that is written
    in a function or a module is a constant of it, and what a decorator puts around a view is
    written in the decorator, which has returned.
    """
    passes_on = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS  # as do those made by as_view
    if not isinstance(view, FunctionType) or view.__code__.co_flags & passes_on:
        return False
    while frame is not None:
        if any(constant is view.__code__ for constant in frame.f_code.co_consts):
            return True
        frame = frame.f_back
    return False


class ProtectedViews:
    """The views that `protect` decorates, so that it is known when Flask has them without it."""

    def __init__(self) -> None:
        self._guarded: WeakKeyDictionary[View, WeakSet[View]] = WeakKeyDictionary()

    def add(self, view: View, guarded: View, apps: Iterable[Flask]) -> None:
        """Remember a view and what `protect` made of it. Raises ConfigurationError when one of the
        apps has the view itself."""
        innermost = list(_layers(view))[-1]
        for app in apps:
            self._refuse_unguarded(innermost, app)
        if isinstance(innermost, FunctionType):
            self._guarded.setdefault(innermost, WeakSet()).add(guarded)

    def check(self, app: Flask) -> None:
        """Raise ConfigurationError when an app has one of the views, and not what `protect` made
        of it."""
        reached = {id(layer) for view in app.view_functions.values() for layer in _layers(view)}
        for view, guarded in list(self._guarded.items()):
            if not any(id(each) in reached for each in guarded):
                self._refuse_unguarded(view, app)

    def _refuse_unguarded(self, view: View, app: Flask) -> None:
        for endpoint, registered in app.view_functions.items():
            if registered is view:
                raise ConfigurationError(
                    f"the view {endpoint!r} is registered without its guard, which would never "
                    f"run: put @resilience.protect(...) below the route, directly above the def"
                )


def _layers(view: View) -> Iterator[View]:
    """A view, and what is inside of it as far as decorators tell."""

    def inside() -> Iterator[View]:
        layer: Any = view
        while layer is not None:
            yield layer
            layer = getattr(layer, "__wrapped__", None)

    return islice(inside(), _MOST_DECORATORS)
