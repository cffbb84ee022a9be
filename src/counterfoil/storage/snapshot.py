"""The database as it is at one moment, as files: a copy of SQLite's, or PostgreSQL's tables as it copies them itself.

* The snapshot is one moment for all tables; who works meanwhile is not stopped.
* Put back only into a database whose tables the same migrations made: the names of all applied ones are compared.
* A job queue, sessions and log-in states in the making are not part of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from counterfoil.primitives.errors import RecordError

LEFT_OUT = ("django_session", "storage_session", "django_tasks_db_dbtaskresult", "django_migrations")
_MIGRATIONS = "SELECT app || '.' || name FROM django_migrations ORDER BY 1"


def migrations() -> list[str]:
    """The applied migrations."""
    with connection.cursor() as cursor:
        cursor.execute(_MIGRATIONS)
        return [row[0] for row in cursor.fetchall()]


def tables() -> list[str]:
    """The tables of a snapshot, in a fixed order."""
    found = set(connection.introspection.django_table_names(only_existing=True))
    return sorted(found - set(LEFT_OUT))


def take(to: Path) -> list[str]:
    """Write the snapshot into the empty folder `to`; the names of its files."""
    if connection.vendor == "sqlite":
        _copy_sqlite(Path(connection.settings_dict["NAME"]), to / "sqlite3")
        return ["sqlite3"]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for table in tables():
            with (to / f"{table}.copy").open("wb") as file, _raw(cursor).copy(_statement(table, "TO STDOUT")) as rows:
                for data in rows:
                    file.write(data)
    return [f"{table}.copy" for table in tables()]


def put_back(source: Path) -> None:
    """Replace what the (migrated) database holds by the snapshot in `source`, in one transaction.

    Raises:
        RecordError: the snapshot is of another kind of database.
    """
    if (connection.vendor == "sqlite") != (source / "sqlite3").exists():
        raise RecordError(
            f"expected a backup of a {connection.vendor} database, found one of another kind; set `database` as it was "
            "when the backup was made",
            code="other-database",
        )
    if connection.vendor == "sqlite":
        connection.close()
        _copy_sqlite(source / "sqlite3", Path(connection.settings_dict["NAME"]))
        return
    with transaction.atomic(), connection.cursor() as cursor:
        names = ", ".join(connection.ops.quote_name(table) for table in tables())
        cursor.execute(f"TRUNCATE {names} CASCADE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        for table in tables():
            with (
                (source / f"{table}.copy").open("rb") as file,
                _raw(cursor).copy(_statement(table, "FROM STDIN")) as to,
            ):
                for data in iter(lambda file=file: file.read(1 << 20), b""):  # type: ignore[misc]
                    to.write(data)
        for statement in connection.ops.sequence_reset_sql(_style(), _models()):
            cursor.execute(statement)


def pictures(snapshot: Path) -> Iterator[str]:
    """The SHA-256 of every private picture that the snapshot's rows name."""
    if (snapshot / "sqlite3").exists():
        with closing(sqlite3.connect(snapshot / "sqlite3")) as copy:
            query = "SELECT picture FROM storage_arrival UNION SELECT picture FROM storage_copy"
            yield from (row[0] for row in copy.execute(query) if row[0])
        return
    seen: set[str] = set()
    for table in ("storage_arrival", "storage_copy"):
        place = [column.name for column in _columns(table)].index("picture")
        with (snapshot / f"{table}.copy").open("rb") as file:
            for line in file:
                name = line.rstrip(b"\n").split(b"\t")[place].decode("ascii")
                if name and name not in seen:
                    seen.add(name)
                    yield name


def check(snapshot: Path) -> None:
    """That the snapshot can be read as a database.

    Raises:
        RecordError: it can't.
    """
    if not (snapshot / "sqlite3").exists():
        return
    with closing(sqlite3.connect(snapshot / "sqlite3")) as copy:
        (said,) = copy.execute("PRAGMA integrity_check").fetchone()
        if said != "ok":
            raise RecordError(f"expected a sound copy of the database, found: {said}", code="bad-backup")


def _copy_sqlite(source: Path, to: Path) -> None:
    with closing(sqlite3.connect(source, timeout=30)) as from_, closing(sqlite3.connect(to)) as target:
        target.execute("PRAGMA secure_delete=ON")
        from_.backup(target)
        for table in LEFT_OUT[:3]:
            if target.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [table]).fetchone():
                target.execute(f"DELETE FROM {table}")  # noqa: S608 - from the fixed list above
        target.commit()


def _raw(cursor: Any) -> Any:
    """psycopg's own cursor."""
    return cursor.cursor


def _statement(table: str, direction: str) -> str:
    columns = ", ".join(connection.ops.quote_name(column.name) for column in _columns(table))
    return f"COPY {connection.ops.quote_name(table)} ({columns}) {direction}"


def _columns(table: str) -> list[Any]:
    with connection.cursor() as cursor:
        return sorted(connection.introspection.get_table_description(cursor, table), key=lambda c: str(c.name))


def _models() -> list[Any]:
    from django.apps import apps  # noqa: PLC0415

    return [model for model in apps.get_models(include_auto_created=True) if model._meta.db_table in tables()]


def _style() -> Any:
    from django.core.management.color import no_style  # noqa: PLC0415

    return no_style()
