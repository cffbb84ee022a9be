"""Stations by words: of code, address and areas, by the beginnings of the words, with an index of the database's own.

SQLite: an FTS5 table. PostgreSQL: an index over a text vector. Both are made from the mirrored stations when those
change (`build`), and can be dropped and built again at any time.
"""

from __future__ import annotations

import re

from django.db import connection, transaction

_WORD = re.compile(r"\w+")
MOST_WORDS = 8


def build() -> None:
    """Make the index of all stations as they are now."""
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TABLE IF EXISTS station_words")
            cursor.execute(
                "CREATE VIRTUAL TABLE station_words "
                "USING fts5(station UNINDEXED, search, tokenize='unicode61', prefix='2 3')"
            )
            cursor.execute("INSERT INTO station_words SELECT id, search FROM storage_station")
        else:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # an index can't be made while checks of its rows wait
            cursor.execute(
                "CREATE INDEX IF NOT EXISTS station_words ON storage_station USING gin (to_tsvector('simple', search))"
            )
            cursor.execute("ANALYZE storage_station")


def stations(typed: str, most: int) -> list[str]:
    """Ids of at most `most` stations in which every typed word begins a word."""
    words = _WORD.findall(typed.casefold())[:MOST_WORDS]
    if not words:
        return []
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            asked = " ".join(f'"{word}"*' for word in words)
            cursor.execute("SELECT station FROM station_words WHERE search MATCH %s LIMIT %s", [asked, most])
        else:
            asked = " & ".join(f"{word}:*" for word in words)
            cursor.execute(
                "SELECT id FROM storage_station "
                "WHERE to_tsvector('simple', search) @@ to_tsquery('simple', %s) LIMIT %s",
                [asked, most],
            )
        return [row[0] for row in cursor.fetchall()]
