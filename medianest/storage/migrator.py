"""Whether the tables are those of this version, and bringing them to it."""

from __future__ import annotations

import logging

from medianest.storage import schema
from medianest.storage.database import Database

__all__ = ["Migrator"]

logger = logging.getLogger(__name__)


class Migrator:
    """Knows the tables of a database; where `migrate`, it brings them to this version."""

    def __init__(self, database: Database, *, migrate: bool) -> None:
        self._database = database
        self._migrate = migrate
        self.revision: str | None = None
        """That of the tables; None until it has been seen."""
        self.is_current = False
        """Whether everything that this version needs of the tables is there."""
        self.is_preparing = False
        """Whether this process still brings them to its version for the first time."""

    def begin(self) -> None:
        """This process is about to bring them to its version."""
        self.is_preparing = True

    def prepare(self) -> None:
        """Bring the tables to this version, or see whether they are; and whether they still are.
        Raises the errors of medianest.storage.errors."""
        try:
            self._look(self._found())
        finally:
            self.is_preparing = False

    def _found(self) -> str:
        """The revision of the tables after what was to be done."""
        if not self._migrate or self.is_current:
            return self._database.revision() or schema.NO_TABLES
        before, found = self._database.upgrade()
        if before != found:
            logger.warning("database: migrated from %s to %s", before or "nothing", found)
        return found

    def _look(self, found: str) -> None:
        head, is_known = (
            schema.head_revision(),
            found in schema.known_revisions() | {schema.NO_TABLES},
        )
        if found not in (head, self.revision):
            advice = "medianest db upgrade" if is_known else "they are of a newer version"
            known = schema.in_words(found)
            logger.warning("database: %s, this version needs %s: %s", known, head, advice)
        # Another version has migrated while we run; what we use of the tables is still there.
        is_newer = self.is_current and not is_known
        self.revision, self.is_current = found, found == head or is_newer
