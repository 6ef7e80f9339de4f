"""The database, of either kind: migrations, transactions, own errors."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from medianest.storage import (
    SchemaError,
)
from medianest.storage.database import Database
from medianest.storage.migrator import Migrator
from medianest.storage.schema import NO_TABLES, head_revision, in_words, known_revisions


def one(connection: Any) -> Any:
    return connection.execute(text("SELECT 1")).scalar()


def test_migrations_make_the_tables_and_doing_it_again_does_nothing(
    connect: Callable[..., Database], url: str
) -> None:
    database = connect(url)
    assert database.revision() is None
    with pytest.raises(SchemaError, match="medianest db upgrade"):
        database.read(lambda c: c.execute(text("SELECT * FROM audit")).all())
    assert database.upgrade() == (None, head_revision())
    assert database.upgrade() == (head_revision(), head_revision())
    assert database.revision() == head_revision()


def test_alembic_knows_the_same_revisions() -> None:
    config = Config()
    config.set_main_option("script_location", "medianest.storage:migrations")
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_current_head() == head_revision()
    assert {each.revision for each in scripts.walk_revisions()} == known_revisions()


def test_alembic_is_loaded_when_there_is_something_to_migrate() -> None:
    """Keeps out: a tenth of a second of each start, for nothing."""
    asked = "import sys, medianest.storage; print('alembic' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", asked], text=True) == "False\n"


@pytest.mark.parametrize(
    ("revision", "words"),
    [
        (None, "it has no tables yet"),
        (NO_TABLES, "it has no tables yet"),
        ("0003", "its tables are at 0003"),
    ],
)
def test_where_the_tables_are_is_told_in_words(revision: str | None, words: str) -> None:
    """Keeps out: tables that are "at none"."""
    assert in_words(revision) == words


def test_an_empty_database_that_is_not_to_be_migrated_is_logged_with_what_to_do(
    connect: Callable[..., Database], url: str, caplog: pytest.LogCaptureFixture
) -> None:
    Migrator(connect(url), migrate=False).prepare()
    assert caplog.messages == [
        f"database: it has no tables yet, this version needs {head_revision()}: "
        "medianest db upgrade"
    ]


def test_many_processes_that_migrate_at_once_do_it_once(
    connect: Callable[..., Database], url: str
) -> None:
    databases = [connect(url) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        befores = [before for before, _ in pool.map(lambda d: d.upgrade(), databases)]
    assert sorted(befores, key=str) == [head_revision()] * 5 + [None]


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    def insert_and_fail(connection: Connection) -> Any:
        connection.execute(text("CREATE TABLE t (x INTEGER)"))
        return 1 / 0

    with pytest.raises(ZeroDivisionError):
        database.write(insert_and_fail)
    with pytest.raises(SchemaError):
        database.read(lambda c: c.execute(text("SELECT * FROM t")).all())


def test_tables_newer_than_this_version_are_told(database: Database) -> None:
    database.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(SchemaError, match="newer than this version"):
        database.upgrade()
