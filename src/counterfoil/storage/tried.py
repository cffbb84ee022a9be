"""The configured PostgreSQL and buckets, tried for `counterfoil preflight`: is each there, durable, quick enough?

Leaves out Django: the preflight's own server is a scratch one on SQLite. What is written is deleted again: a small
table, an object of some bytes; nothing that is there already is read.
"""

from __future__ import annotations

import os
import secrets
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from counterfoil.primitives.errors import CounterfoilError
from counterfoil.storage.objects import Bucket
from counterfoil.workflow.preflight import SYNC_MS, Check
from counterfoil.workflow.stores import StoreError

LEAST_POSTGRESQL = 15
"""The version that the tests run on."""
OBJECT_MS = 2000.0
"""A sender waits for one object; a bucket that takes longer keeps a decoder's place for nothing."""
_CONNECT_S = 10
_COMMITS = 30
_OBJECTS = 5
_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


def database_check(address: str, password: Path) -> Check:
    """A connection, the version, durable settings, and the time of a commit.

    Args:
        address: postgresql://user@host:port/name
        password: the file that has it, if there is one.
    """
    title = "PostgreSQL"
    words = password.read_text("utf-8").strip() if password.exists() else None
    try:
        with psycopg.connect(address, password=words, connect_timeout=_CONNECT_S, autocommit=True) as connection:
            version = connection.info.server_version // 10_000
            off = [name for name in _DURABLE if _shown(connection, name) == "off"]
            encoding = _shown(connection, "server_encoding")
            took = statistics.median(_commits(connection))
    except psycopg.Error as error:
        # The first line names host, port and user, never the password.
        said = str(error).strip().split("\n")[0][:200]
        return Check("database", title, said, "see that it runs, and that `database` and keys/database.password fit")
    mend = ""
    if version < LEAST_POSTGRESQL:
        mend = f"use PostgreSQL {LEAST_POSTGRESQL} or newer"
    elif off:
        mend = f"what was acknowledged could be lost: turn on {', '.join(off)}"
    elif encoding != "UTF8":
        mend = "make the database with the encoding UTF8"
    elif took > SYNC_MS:
        mend = "a photo waits for two commits: use a database that is nearer, or on a quicker disk"
    return Check("database", title, f"version {version}, one commit {took:.1f} ms (median of {_COMMITS})", mend)


def _shown(connection: psycopg.Connection, name: str) -> str:
    row = connection.execute(sql.SQL("SHOW {}").format(sql.Identifier(name))).fetchone()
    return str(row[0]) if row else ""


def _commits(connection: psycopg.Connection) -> Iterator[float]:
    """Milliseconds of each."""
    table = sql.Identifier(f"counterfoil_preflight_{secrets.token_hex(8)}")
    connection.execute(sql.SQL("CREATE TABLE {} (number integer)").format(table))
    try:
        for number in range(_COMMITS):
            began = time.perf_counter()
            connection.execute(sql.SQL("INSERT INTO {} VALUES (%s)").format(table), (number,))
            yield (time.perf_counter() - began) * 1000
    finally:
        connection.execute(sql.SQL("DROP TABLE {}").format(table))


def bucket_check(code: str, title: str, address: str, keys: Path, name: str) -> Check:
    """A tiny object put, read and deleted, some times over.

    Args:
        name: of the files of its key, `<keys>/<name>.id` and `<keys>/<name>.secret`.
    """
    try:
        bucket = Bucket.of(address, keys, name)
        took = statistics.median(_objects(bucket))
        kept = bucket.versioned()
    except CounterfoilError as error:
        return Check(code, title, str(error), "see the sentence on the left")
    text = f"{bucket.where()}: put, read and deleted in {took:.0f} ms (median of {_OBJECTS})"
    if kept:
        return Check(code, title, text, "it keeps what is deleted as old versions: turn versioning off")
    mend = "" if took <= OBJECT_MS else "senders wait for it: use a bucket that is nearer"
    return Check(code, title, text, mend)


def _objects(bucket: Bucket) -> Iterator[float]:
    for _ in range(_OBJECTS):
        key, data, began = f"preflight-{secrets.token_hex(8)}", os.urandom(1000), time.perf_counter()
        with _gone_afterwards(bucket, key):
            bucket.put(key, data)
            if bucket.get(key) != data:
                where = bucket.where(key)
                raise StoreError(
                    f"{where}: expected what was just stored, found something else",
                    code="object-differs",
                    passing=False,
                )
        yield (time.perf_counter() - began) * 1000


@contextmanager
def _gone_afterwards(bucket: Bucket, key: str) -> Iterator[None]:
    try:
        yield
    finally:
        bucket.delete(key)
