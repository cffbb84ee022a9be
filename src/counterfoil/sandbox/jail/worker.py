"""The worker: imports the decoders once, then forks a child for every file.

The worker itself never reads a byte of a file. Over its one socket come two descriptors per file: the file (memory) and
the pipe for the answer. The child closes the socket, confines itself, decodes, answers and dies, so that whoever takes
over a child through a crafted file holds nothing but that file and its own answer.

Answer: for each picture a byte 0, width and height as 2 bytes each (big endian), width x height x 3 bytes; then one
byte 1 for the end, or the number of a refusal.
"""

from __future__ import annotations

import gc
import os
import socket
import struct
import sys

from .codes import MAX_FILE_BYTES, Code, Refused
from .confine import confine_child, has_seccomp, leave_system
from .decode import decode

STRANGER_CPU_S = 10
DOCUMENT_CPU_S = 40


def main(jailed: bool) -> None:
    """Serves the socket on descriptor 0 until the other side closes it."""
    done = ("no-network", "no-files", "own-user") if jailed else leave_system()
    channel = socket.socket(fileno=0)
    channel.sendall((" ".join((*done, *(("seccomp",) if has_seccomp() else ()), "rlimits"))).encode() + b"\n")
    gc.freeze()
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, 1, 2)
        if not message:
            return
        child = os.fork()
        if child == 0:
            _one_file(channel, *descriptors, documents=message == b"D")
        for descriptor in descriptors:
            os.close(descriptor)
        os.waitpid(child, 0)


def _one_file(channel: socket.socket, file: int, answer: int, *, documents: bool) -> None:
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
        _write(answer, bytes([Code.END]))
    except Refused as refused:
        _write(answer, bytes([refused.code]))
    finally:
        os._exit(1)  # whatever else happened (nobody listens any more): the child must not run on as a worker


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


if __name__ == "__main__":
    main(jailed="jailed" in sys.argv[1:])
