"""What is kept of the documents of the dead, so that no sum goes backwards when a process dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from medianest.peers.membership import is_dead
from medianest.peers.posts import RETIRED, Post, Posts

__all__ = ["Fold", "Retirement"]

Fold = Callable[[Any, Any], Any]

_FILE: Final = "retirement"
"""Is locked by whoever folds."""


class Retirement:
    """Folds the documents of a topic, once each: first the sum is written with the names of those
    that are in it, and then their files are removed. Who dies in between leaves names whose files
    are only to be removed."""

    def __init__(self, folder: Path, posts: Posts, fold: Fold | None) -> None:
        self._folder, self._posts, self._fold = folder, posts, fold
        self._known: tuple[tuple[int, ...], Post] | None = None

    def kept(self, server: str) -> Post | None:
        """What is kept of the dead of that server, if anything."""
        mark, known = self._posts.mark(RETIRED), self._known
        if mark is None:
            return None
        if known is None or known[0] != mark:
            post = self._posts.read(RETIRED)
            if post is None:
                return None
            known = self._known = mark, post
        return known[1] if known[1].server == server else None

    def fold(self, server: str, now: float) -> None:
        """Fold what the dead have left, unless somebody else is at it. Those of other servers have
        left nothing. Raises OSError, and ValueError where the sum is too large."""
        is_over = self._posts.mark(RETIRED) is not None and self.kept(server) is None
        if not is_over and not self._dead():
            return
        with self._locked() as is_mine:
            if is_mine:
                self._fold_all(server, now, self._dead())
                if self.kept(server) is None:
                    self._posts.remove(RETIRED)

    def _dead(self) -> list[str]:
        names = {*self._posts.names(), *self._posts.begun()} - {RETIRED}
        return [each for each in sorted(names) if is_dead(self._folder, each)]

    def _fold_all(self, server: str, now: float, dead: list[str]) -> None:
        before = self._kept_now(server)
        left = [each for each in before.folded if each in dead]
        found = [self._posts.read(each) for each in dead if each not in left]
        kept = replace(before, at=now, folded=tuple(left))
        for post in found:
            if post is not None and post.server == server:
                kept = self._with(kept, post)
        if kept.folded != before.folded:
            self._posts.write(kept)
        for each in dead:
            self._posts.remove(each)

    def _kept_now(self, server: str) -> Post:
        kept = self._posts.read(RETIRED)
        if kept is None or kept.server != server:
            return Post(RETIRED, server, 0.0, None)
        return kept

    def _with(self, kept: Post, post: Post) -> Post:
        if self._fold is None:
            return kept
        try:
            document = self._fold(kept.document, post.document)
        except ValueError:
            return kept  # it is damaged, and costs itself only
        return replace(kept, document=document, folded=(*kept.folded, post.name))

    @contextmanager
    def _locked(self) -> Iterator[bool]:
        """Whether it is this process that folds now; the kernel frees it when one dies."""
        try:
            file = os.open(self._folder / _FILE, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            yield False
            return
        try:
            is_mine = False
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                is_mine = True
            yield is_mine
        finally:
            os.close(file)
