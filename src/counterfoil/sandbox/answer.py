"""One file over to a worker, and its answer back, held to the rules byte by byte.

The answer is the only thing that comes out of the jail, and a decoder taken over by a crafted file writes it. So:
sizes within the limits, exactly the pixels they promise, a known number at the end, nothing behind it, all before the
deadline.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import socket
import struct
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from counterfoil.sandbox.jail.codes import BYTES_PER_PIXEL, KEPT_SIDE, Code
from counterfoil.sandbox.launch import Worker, memory_file
from counterfoil.sandbox.refusals import FileRefused, SandboxStopped, SandboxUnavailable, refused_numbers

_PIPE_BYTES = 1 << 20
"""The most a process without privileges may ask for (/proc/sys/fs/pipe-max-size)."""


@dataclass(frozen=True, slots=True)
class Pixels:
    """One decoded picture: plain sRGB, the right way up, `rgb` row by row, 3 bytes a pixel."""

    width: int
    height: int
    rgb: bytes | bytearray


def hand_over(worker: Worker, data: bytes, *, documents: bool, deadline: float) -> Answer:
    """Gives `data` to the worker; `deadline` is on the monotonic clock. Raises SandboxStopped if the worker is gone."""
    return Answer(give(worker, data, b"D" if documents else b"P"), deadline)


def give(worker: Worker, data: bytes, word: bytes) -> int:
    """Hands `data` to the worker; the descriptor from which its answer is read, without blocking.

    Raises:
        SandboxStopped: the worker is gone.
    """
    with memory_file(data) as file:
        ours, theirs = os.pipe2(os.O_CLOEXEC)
        try:
            with contextlib.suppress(OSError):  # only speed: a larger pipe means fewer turns
                fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            socket.send_fds(worker.channel, [word], [file, theirs])
        except OSError as error:
            os.close(ours)
            raise SandboxStopped("the decoder had ended before it saw the file", "decoder-stopped") from error
        finally:
            os.close(theirs)
    os.set_blocking(ours, False)
    return ours


class Pipe:
    """What a worker's child writes, byte by byte, before the deadline (on the monotonic clock)."""

    def __init__(self, descriptor: int, deadline: float) -> None:
        self._descriptor, self._deadline = descriptor, deadline
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def _exactly(self, size: int) -> bytearray:
        data = bytearray(size)
        view = memoryview(data)
        while view:
            got = self._some(view)
            if not got:
                raise SandboxStopped("the decoder ended without an answer", "decoder-stopped")
            view = view[got:]
        return data

    def everything(self, most: int) -> bytes:
        """All that is written, up to the end of the pipe. Raises SandboxStopped: more than `most` bytes."""
        data = bytearray()
        buffer = memoryview(bytearray(1 << 16))
        while got := self._some(buffer):
            data += buffer[:got]
            if len(data) > most:
                raise _broken(f"an answer of at most {most} bytes")
        return bytes(data)

    def _some(self, into: memoryview) -> int:
        """Reads at least one byte into `into`; 0 at the end of the answer."""
        while True:
            left_ms = int((self._deadline - time.monotonic()) * 1000)
            if left_ms <= 0 or not self._poll.poll(left_ms):
                raise SandboxStopped("the decoder took too long", "decoder-timeout")
            with contextlib.suppress(BlockingIOError):
                return os.readv(self._descriptor, [into])


class Answer(Pipe):
    """What a worker's child writes about one file."""

    def next(self) -> Pixels | None:
        """The next picture, or None after the last.

        Raises:
            FileRefused: the file is not taken.
            SandboxUnavailable: the child could not confine itself, and so did not look at the file.
            SandboxStopped: no answer in time, an answer cut off, or one against the rules.
        """
        number = self._exactly(1)[0]
        if number == Code.PICTURE:
            width, height = struct.unpack(">HH", self._exactly(4))
            if not (0 < width <= KEPT_SIDE and 0 < height <= KEPT_SIDE):
                raise _broken(f"sides of 1 to {KEPT_SIDE} pixels, found {width} x {height}")
            return Pixels(width, height, self._exactly(width * height * BYTES_PER_PIXEL))
        if self._some(memoryview(bytearray(1))):
            raise _broken("nothing after the end, found more")
        if number == Code.END:
            return None
        if number in refused_numbers():
            raise FileRefused(Code(number))
        if number == Code.JAIL_FAILED:
            raise SandboxUnavailable("the worker could not confine itself")
        raise _broken(f"a known number, found {number}")


def _broken(what: str) -> SandboxStopped:
    return SandboxStopped(f"the decoder broke its rules: expected {what}", "decoder-broke-rules")
