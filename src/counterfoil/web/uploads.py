"""Uploads stay in memory: what a stranger sent never touches a disk before it was sanitised."""

from __future__ import annotations

import io
from typing import Any

from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload

MAX_BYTES = 25 * 1024 * 1024
"""Of one file."""


class MemoryOnly(FileUploadHandler):
    """Keeps the bytes, forgets name and type; stops at 25 MB."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._data = io.BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start + len(raw_data) > MAX_BYTES:
            raise StopUpload(connection_reset=False)
        self._data.write(raw_data)

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        self._data.seek(0)
        return InMemoryUploadedFile(self._data, self.field_name, "photo", "application/octet-stream", file_size, None)
