"""What the jail takes away from itself, by Linux system calls that Python has no words for.

Two moments: `leave_system` once, before the first file, where bubblewrap did not do it; `confine_child` in every child,
after its imports and before the first byte of the file.

* rlimits: CPU seconds, memory, no writing, no new process, few descriptors, no core dump;
* seccomp (x86-64, ARM64): an allow-list of what decoding needs; everything else answers "not permitted". No file can be
  opened, no socket made, no process started or looked into, no memory made executable.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import signal
import struct
import tempfile
from pathlib import Path

MEMORY_BYTES = 1_500_000_000
OPEN_FILES = 16
NOBODY = 65_534

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_CLONE_NEWNS = 0x0002_0000
_CLONE_NEWUTS = 0x0400_0000
_CLONE_NEWIPC = 0x0800_0000
_CLONE_NEWUSER = 0x1000_0000
_CLONE_NEWNET = 0x4000_0000

_libc = ctypes.CDLL(None, use_errno=True)

# Numbers from asm/unistd_64.h and asm-generic/unistd.h, in this order:
# read write close fstat lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn writev mremap madvise
# getpid exit exit_group futex clock_gettime clock_nanosleep getrandom sched_yield sched_getaffinity gettid sigaltstack
_ALLOWED = {
    "x86_64": (
        0xC000_003E,
        (0, 1, 3, 5, 8, 9, 10, 11, 12, 13, 14, 15, 20, 25, 28, 39, 60, 231, 202, 228, 230, 318, 24, 204, 186, 131),
        (9, 10),
    ),
    "aarch64": (
        0xC000_00B7,
        (
            63,
            64,
            57,
            80,
            62,
            222,
            226,
            215,
            214,
            134,
            135,
            139,
            66,
            216,
            233,
            172,
            93,
            94,
            98,
            113,
            115,
            278,
            124,
            123,
            178,
            132,
        ),
        (222, 226),
    ),
}
_RET_ALLOW = 0x7FFF_0000
_RET_EPERM = 0x0005_0000 | 1
_RET_KILL = 0x8000_0000
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_PROT_EXEC = 4
_ARGUMENT_2 = 32
"""Offset of the low half of the third argument in struct seccomp_data, on little-endian machines."""


def _filter() -> bytes | None:
    """The BPF program for this machine, or None where we have no list for it."""
    known = _ALLOWED.get(platform.machine())
    if known is None:
        return None
    architecture, allowed, memory = known
    plain = [number for number in allowed if number not in memory]

    def step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("=HBBI", code, yes, no, value)

    program = [step(_LOAD, 4), step(_EQUAL, architecture, 1, 0), step(_RETURN, _RET_KILL), step(_LOAD, 0)]
    # A match jumps over what is left: the other numbers, the refusal, and (for memory) straight to the argument test.
    total = len(memory) + len(plain)
    for place, number in enumerate([*memory, *plain]):
        left = total - place - 1
        program.append(step(_EQUAL, number, left + (1 if number in memory else 4), 0))
    program += [
        step(_RETURN, _RET_EPERM),
        step(_LOAD, _ARGUMENT_2),
        step(_ANY_BIT, _PROT_EXEC, 0, 1),
        step(_RETURN, _RET_EPERM),
        step(_RETURN, _RET_ALLOW),
    ]
    return b"".join(program)


def has_seccomp() -> bool:
    """Whether this machine has a list of system calls here. Children fail if the kernel then refuses it."""
    return _filter() is not None


def confine_child(cpu_s: int) -> None:
    """Takes everything away that decoding does not need. Raises OSError where the kernel refuses."""
    for what, limit in (
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (limit, limit))
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    program = _filter()
    if program is not None:
        code = ctypes.create_string_buffer(program, len(program))
        # struct sock_fprog: unsigned short length, then (after padding) the address
        head = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(code)))
        _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(head))


def leave_system() -> tuple[str, ...]:
    """Without bubblewrap: own network, empty root folder, nobody's rights, as far as the kernel lets us.

    Returns:
        The names of what succeeded, of "no-network", "no-files", "own-user".
    """
    done: list[str] = []
    root = os.getuid() == 0
    spaces = _CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWUTS | _CLONE_NEWNS | (0 if root else _CLONE_NEWUSER)
    if _libc.unshare(spaces) == 0:
        done.append("no-network")
    with contextlib.suppress(OSError):
        empty = tempfile.mkdtemp()
        os.chdir(empty)
        Path(empty).rmdir()
        os.chroot(".")
        done.append("no-files")
    if root:
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            done.append("own-user")
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # after the change of user, which clears it
    return tuple(done)


def _prctl(option: int, first: int, second: int = 0) -> None:
    arguments = (ctypes.c_ulong(value) for value in (first, second, 0, 0))
    if _libc.prctl(ctypes.c_int(option), *arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
