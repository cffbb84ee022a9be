"""One file over to a worker, and its answer back, held to the rules byte by byte.

The answer is the only thing that comes out of the jail, and a decoder taken over by a crafted file writes it. So:
sizes within the limits, exactly the pixels they promise, few and short payloads of the codes that were asked for, a
known number at the end, nothing behind it, all before the deadline.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from counterfoil.sandbox.jail.codes import BYTES_PER_PIXEL, KEPT_SIDE, MOST_PAYLOAD_BYTES, MOST_PRINTED, Code
from counterfoil.sandbox.launch import Worker, memory_file
from counterfoil.sandbox.refusals import FileRefused, SandboxStopped, SandboxUnavailable, refused_numbers

_PIPE_BYTES = 1 << 20
"""The most a process without privileges may ask for (/proc/sys/fs/pipe-max-size)."""
PRINTED_WALL_S = 5.0
"""How long the codes of a photo may take once its pixels are there; looking for them takes a hundredth of that."""


@dataclass(frozen=True, slots=True)
class PrintedCode:
    """A code that was asked for, and what it says: a text of at most 200 bytes that can be printed."""

    name: str
    """As it was asked for: `qr`, or a family of AprilTags such as `36h10`."""
    payload: str


@dataclass(frozen=True, slots=True)
class Pixels:
    """One decoded picture: plain sRGB, the right way up, `rgb` row by row, 3 bytes a pixel."""

    width: int
    height: int
    rgb: bytes | bytearray
    codes: tuple[PrintedCode, ...] = ()


def hand_over(worker: Worker, data: bytes, *, documents: bool, codes: Sequence[str], deadline: float) -> Answer:
    """Gives `data` to the worker; `deadline` is on the monotonic clock. Raises SandboxStopped if the worker is gone."""
    line = " ".join(["D" if documents else "P", *codes]).encode("ascii")
    return Answer(give(worker, data, line), deadline, documents=documents, codes=codes)


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

    def __init__(self, descriptor: int, deadline: float, *, documents: bool = False, codes: Sequence[str] = ()) -> None:
        super().__init__(descriptor, deadline)
        self._documents, self._names = documents, codes
        self.over = False
        """A photo's pixels are there and nothing more is to come, though its codes were not told."""

    def next(self) -> Pixels | None:
        """The next picture, or None after the last.

        Raises:
            FileRefused: the file is not taken.
            SandboxUnavailable: the child could not confine itself, and so did not look at the file.
            SandboxStopped: no answer in time, an answer cut off, or one against the rules.
        """
        if self.over:
            return None
        number = self._exactly(1)[0]
        if number == Code.PICTURE:
            width, height = struct.unpack(">HH", self._exactly(4))
            if not (0 < width <= KEPT_SIDE and 0 < height <= KEPT_SIDE):
                raise _broken(f"sides of 1 to {KEPT_SIDE} pixels, found {width} x {height}")
            rgb = self._exactly(width * height * BYTES_PER_PIXEL)
            return Pixels(width, height, rgb, self._codes() if self._names else ())
        if self._some(memoryview(bytearray(1))):
            raise _broken("nothing after the end, found more")
        if number == Code.END:
            return None
        if number in refused_numbers():
            raise FileRefused(Code(number))
        if number == Code.JAIL_FAILED:
            raise SandboxUnavailable("the worker could not confine itself")
        raise _broken(f"a known number, found {number}")

    def _codes(self) -> tuple[PrintedCode, ...]:
        """The codes of the page whose pixels were read. A photo is whole without them: none of their trouble is its."""
        if self._documents:
            return self._printed()
        self._deadline = min(self._deadline, time.monotonic() + PRINTED_WALL_S)
        try:
            return self._printed()
        except SandboxStopped:
            self.over = True
            return ()

    def _printed(self) -> tuple[PrintedCode, ...]:
        number, count = self._exactly(2)
        if number != Code.PRINTED or count > MOST_PRINTED:
            raise _broken(f"at most {MOST_PRINTED} codes")
        codes = []
        for _ in range(count):
            kind, length = self._exactly(2)
            if kind >= len(self._names) or length > MOST_PAYLOAD_BYTES:
                raise _broken(f"a code that was asked for, of at most {MOST_PAYLOAD_BYTES} bytes")
            try:
                payload = self._exactly(length).decode("utf-8")
            except UnicodeDecodeError:
                raise _broken("a code's text in UTF-8") from None
            if not payload.isprintable():
                raise _broken("a code's text that can be printed")
            codes.append(PrintedCode(self._names[kind], payload))
        return tuple(codes)


def _broken(what: str) -> SandboxStopped:
    return SandboxStopped(f"the decoder broke its rules: expected {what}", "decoder-broke-rules")
