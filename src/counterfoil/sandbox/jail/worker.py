"""The worker: imports the decoders once, then forks a child for every file.

The worker itself never reads a byte of a file. Over its one socket come, for each file, a line and two descriptors: the
file (memory) and the pipe for the answer. The line is `P` (photo) or `D` (document), then the kinds of printed codes
that are asked for. The child closes the socket, confines itself, decodes, answers and dies, so that whoever takes over
a child through a crafted file holds nothing but that file and its own answer.

Answer: for each picture a byte 0, width and height as 2 bytes each (big endian), width x height x 3 bytes, and where
codes were asked for, a byte 22, their number, and for each the place of its kind in the question, the length of its
payload and the payload, a byte each but the last; then one byte 1 for the end, or the number of a refusal.
"""

from __future__ import annotations

import gc
import os
import socket
import struct
import sys

import cv2
import numpy as np

from .codes import MAX_FILE_BYTES, MOST_PAYLOAD_BYTES, MOST_PRINTED, Code, Refused
from .confine import confine_child, has_seccomp, leave_system
from .decode import decode
from .printed import read_printed

STRANGER_CPU_S = 10
DOCUMENT_CPU_S = 40
PRINTED_CPU_S = 1
"""For the codes of one page: nothing new is begun after it."""
_LINE_BYTES = 200

cv2.setNumThreads(1)


def main(jailed: bool) -> None:
    """Serves the socket on descriptor 0 until the other side closes it."""
    done = ("no-network", "no-files", "own-user") if jailed else leave_system()
    channel = socket.socket(fileno=0)
    channel.sendall((" ".join((*done, *(("seccomp",) if has_seccomp() else ()), "rlimits"))).encode() + b"\n")
    gc.freeze()
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, _LINE_BYTES, 2)
        if not message:
            return
        child = os.fork()
        if child == 0:
            word, *names = message.decode("ascii").split()
            _one_file(channel, *descriptors, documents=word == "D", names=names)
        for descriptor in descriptors:
            os.close(descriptor)
        os.waitpid(child, 0)


def _one_file(channel: socket.socket, file: int, answer: int, *, documents: bool, names: list[str]) -> None:
    """Runs in the child; never returns."""
    try:
        channel.close()
        confine_child(DOCUMENT_CPU_S if documents else STRANGER_CPU_S)
    except OSError:
        _write(answer, bytes([Code.JAIL_FAILED]))
        os._exit(1)
    try:
        os.lseek(file, 0, os.SEEK_SET)
        for width, height, rgb in decode(os.read(file, MAX_FILE_BYTES + 1), documents=documents):
            _write(answer, struct.pack(">BHH", Code.PICTURE, width, height))
            _write(answer, rgb)
            if names:
                _write(answer, _printed(width, height, rgb, names))
        _write(answer, bytes([Code.END]))
    except Refused as refused:
        _write(answer, bytes([refused.code]))
    finally:
        os._exit(1)  # whatever else happened (nobody listens any more): the child must not run on as a worker


def _printed(width: int, height: int, rgb: bytes, names: list[str]) -> bytes:
    """What is said of the codes of a page: those that are short and printable, the first few in reading order."""
    pixels = np.frombuffer(rgb, np.uint8).reshape(height, width, 3)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
    said: dict[bytes, None] = {}
    for code in read_printed(grey, names, seconds=PRINTED_CPU_S, quick=True):
        payload = code.payload.encode("utf-8", "replace")
        if code.payload.isprintable() and len(payload) <= MOST_PAYLOAD_BYTES:
            said[bytes([names.index(code.name), len(payload)]) + payload] = None
    return bytes([Code.PRINTED, min(len(said), MOST_PRINTED)]) + b"".join(list(said)[:MOST_PRINTED])


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


if __name__ == "__main__":
    main(jailed="jailed" in sys.argv[1:])
