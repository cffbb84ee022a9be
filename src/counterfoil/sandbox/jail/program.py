"""A program of ours in the jail: it gets ready once, then a child of it answers each question and dies.

Whoever takes over a child through what it was asked holds nothing but that question and its own answer: the next one
goes to a new child of the same, untouched worker. The module is found by its name and has one function:

    prepare(setup: bytes) -> Callable[[bytes], bytes]

It imports and loads all that it will ever need (a child can open no file) and starts no thread (a child has none).

Answer: one byte, 0 or 1 (it raised something), then the bytes of the answer up to the end of the pipe.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import socket
from collections.abc import Callable

from .confine import confine_child, has_seccomp, leave_system

ANSWERED, RAISED, NOT_CONFINED = 0, 1, 2
NICE = 10


def main(module: str, *, jailed: bool, cpu_s: int, memory_bytes: int) -> None:
    """Serves the socket on descriptor 0 until the other side closes it."""
    with contextlib.suppress(OSError):
        os.nice(NICE)  # within its session, see `launch`
    channel = socket.socket(fileno=0)
    _, (setup,), _, _ = socket.recv_fds(channel, 1, 1)
    answer: Callable[[bytes], bytes] = importlib.import_module(module).prepare(_content(setup))
    os.close(setup)
    done = ("no-network", "no-files", "own-user") if jailed else leave_system()
    channel.sendall((" ".join((*done, *(("seccomp",) if has_seccomp() else ()), "rlimits"))).encode() + b"\n")
    gc.collect()
    gc.freeze()
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, 1, 2)
        if not message:
            return
        child = os.fork()
        if child == 0:
            question, pipe = descriptors
            _one_question(channel, question, pipe, answer, cpu_s, memory_bytes)
        for descriptor in descriptors:
            os.close(descriptor)
        os.waitpid(child, 0)


def _one_question(
    channel: socket.socket,
    question: int,
    pipe: int,
    answer: Callable[[bytes], bytes],
    cpu_s: int,
    memory_bytes: int,
) -> None:
    """Runs in the child; never returns."""
    try:
        channel.close()
        confine_child(cpu_s, memory_bytes)
    except OSError:
        _write(pipe, bytes([NOT_CONFINED]))
        os._exit(1)
    try:
        said = answer(_content(question))
        _write(pipe, bytes([ANSWERED]))
        _write(pipe, said)
    except Exception:  # a text could carry anything, so none crosses
        _write(pipe, bytes([RAISED]))
    finally:
        os._exit(1)  # whatever else happened (nobody listens any more): the child must not run on as a worker


def _content(descriptor: int) -> bytes:
    size = os.lseek(descriptor, 0, os.SEEK_END)
    os.lseek(descriptor, 0, os.SEEK_SET)
    parts = []
    while size > 0:
        part = os.read(descriptor, size)
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
