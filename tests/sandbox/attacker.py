"""Stands where the decoders stand, in the real jail: what a crafted file could do if it took one over.

The file is the name of an attack and its argument. Each answers a picture of one pixel: (0, 0, 0) if the attack was
possible, else (1, errno, 0). Carried into the jail in place of `decode.py`, so it imports nothing of ours.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator


def decode(data: bytes, *, documents: bool) -> Iterator[tuple[int, int, bytes]]:
    name, _, argument = data.decode().partition(" ")
    try:
        ATTACKS[name](argument)
    except MemoryError:
        yield 1, 1, bytes([1, 12, 0])
    except OSError as error:
        yield 1, 1, bytes([1, error.errno or 255, 0])
    except (subprocess.SubprocessError, RuntimeError):
        yield 1, 1, bytes([1, 255, 0])
    else:
        yield 1, 1, bytes([0, 0, 0])


def connect(port: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as out:
        out.connect(("127.0.0.1", int(port)))


def udp(port: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(b"here I am", ("127.0.0.1", int(port)))


def unix(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as out:
        out.connect(path)


def read(path: str) -> None:
    with open(path, "rb") as file:  # noqa: PTH123 - as an attacker would
        file.read(1)


def write(path: str) -> None:
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(b"x")


def fork(_: str) -> None:
    if os.fork() == 0:
        os._exit(0)


def program(path: str) -> None:
    subprocess.run([path], check=True, stdin=subprocess.DEVNULL)


def replace(path: str) -> None:
    os.execv(path, [path])  # noqa: S606


def kill(process: str) -> None:
    os.kill(int(process), signal.SIGKILL)


def trace(process: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(16, int(process), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def look_into(process: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    here = ctypes.create_string_buffer(8)
    entry = (ctypes.c_void_p * 2)(ctypes.addressof(here), 8)
    there = (ctypes.c_void_p * 2)(0x400000, 8)
    if libc.process_vm_readv(int(process), entry, 1, there, 1, 0) < 0:
        raise OSError(ctypes.get_errno(), "process_vm_readv")


def namespace(_: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x10000000) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


def code(_: str) -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def memory(_: str) -> None:
    mmap.mmap(-1, 2_000_000_000).close()


def root(_: str) -> None:
    os.setuid(0)
    os.chroot("/")


def descriptors(_: str) -> None:
    """What else is open: only the file, the answer, and the three of any program may be."""
    found = []
    for number in range(3, 16):
        with contextlib.suppress(OSError):
            os.fstat(number)
            found.append(number)
    if len(found) <= 2:
        raise OSError(1, "no more than the file and the answer")


def spin(_: str) -> None:
    while True:
        pass


def sleep(_: str) -> None:
    threading.Event().wait(60)


def crash(_: str) -> None:
    ctypes.string_at(0)


def leave(_: str) -> None:
    os._exit(0)


def thread(_: str) -> None:
    line = threading.Thread(target=lambda: None)
    line.start()
    line.join()


def variables(_: str) -> None:
    if not any("SECRET" in name for name in os.environ):
        raise OSError(1, "no variable of ours")


def modules(_: str) -> None:
    if not any(name.startswith(("counterfoil", "django")) for name in sys.modules):
        raise OSError(1, "nothing of ours is loaded")


def say(what: str) -> None:
    """Writes its own answer to whatever is open, and ends."""
    for number in range(3, 16):
        with contextlib.suppress(OSError):
            os.write(number, bytes.fromhex(what))
    os._exit(0)


ATTACKS: dict[str, Callable[[str], None]] = {
    function.__name__: function
    for function in (connect, udp, unix, read, write, fork, program, replace, kill, trace, look_into, namespace, code)
} | {
    function.__name__: function
    for function in (memory, root, descriptors, spin, sleep, crash, leave, thread, variables, modules, say)
}
