"""Uploads stay in memory: what a stranger sent never touches a disk before it was sanitised."""

from __future__ import annotations

import io
from typing import Any

from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest

MAX_BYTES = 25 * 1000 * 1000
"""Of one file. Of a larger one nothing is kept but its size, so that the others of the same form can be taken."""


class MemoryOnly(FileUploadHandler):
    """Keeps the bytes, forgets name and type.

    Args:
        most: bytes of one file, where a page for organisations takes larger ones. Such a page also gets the name.
    """

    def __init__(self, request: HttpRequest | None = None, most: int | None = None) -> None:
        super().__init__(request)
        self._most, self._keeps_name = most or MAX_BYTES, most is not None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._data = io.BytesIO()
        self._too_large = False

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if self._too_large or start + len(raw_data) > self._most:
            self._data, self._too_large = io.BytesIO(), True
        else:
            self._data.write(raw_data)

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        self._data.seek(0)
        name = (self.file_name if self._keeps_name else None) or "photo"
        return InMemoryUploadedFile(self._data, self.field_name, name, "application/octet-stream", file_size, None)
