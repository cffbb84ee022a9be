"""What the jail takes away from itself, by Linux system calls that Python has no words for.

Two moments: `leave_system` once, before the first file, where bubblewrap did not do it; `confine_child` in every child,
after its imports and before the first byte of the file.

* rlimits: CPU seconds, memory, no writing, few descriptors, no core dump, and without seccomp no thread or process;
* seccomp (x86-64, ARM64): an allow-list of what decoding needs; everything else answers "not permitted". No file can be
  opened, no socket made, no process started or looked into, no memory made executable; a thread may be.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import resource
import signal
import struct
import tempfile
from pathlib import Path
from typing import NamedTuple

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
# read write close fstat lseek munmap brk rt_sigaction rt_sigprocmask rt_sigreturn writev mremap madvise getpid exit
# exit_group futex clock_gettime clock_nanosleep getrandom sched_yield sched_getaffinity gettid sigaltstack rseq
# set_robust_list
_X86_64 = (0, 1, 3, 5, 8, 11, 12, 13, 14, 15, 20, 25, 28, 39, 60, 231, 202, 228, 230, 318, 24, 204, 186, 131, 334, 273)
_ARM64 = (
    *(63, 64, 57, 80, 62, 215, 214, 134, 135, 139, 66, 216, 233, 172, 93, 94, 98, 113, 115, 278, 124, 123, 178, 132),
    *(293, 99),
)


class _Calls(NamedTuple):
    architecture: int
    allowed: tuple[int, ...]
    memory: tuple[int, int]
    """mmap, mprotect: allowed without PROT_EXEC."""
    clone: int
    """Allowed for threads only: libde265 reads HEIC in one, and fails without."""


_CALLS = {
    "x86_64": _Calls(0xC000_003E, _X86_64, (9, 10), 56),
    "aarch64": _Calls(0xC000_00B7, _ARM64, (222, 226), 220),
}
_CLONE3 = 435
_ALLOW, _KILL, _DENY = 0x7FFF_0000, 0x8000_0000, 0x0005_0000
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENT_0, _ARGUMENT_2 = 0, 4, 16, 32
"""Offsets in struct seccomp_data; of arguments the low half, on little-endian machines."""
_PROT_EXEC = 4
_CLONE_THREAD = 0x0001_0000


def _filter() -> bytes | None:
    """The BPF program for this machine, or None where we have no list for it."""
    calls = _CALLS.get(platform.machine())
    if calls is None:
        return None

    def step(code: int, value: int, yes: int = 0, no: int = 0) -> tuple[int, int, int, int]:
        return code, yes, no, value

    program = [step(_LOAD, _ARCHITECTURE), step(_EQUAL, calls.architecture, 1, 0), step(_RETURN, _KILL)]
    program.append(step(_LOAD, _NUMBER))
    for number in calls.allowed:
        program += [step(_EQUAL, number, 0, 1), step(_RETURN, _ALLOW)]
    for number in calls.memory:
        program += [step(_EQUAL, number, 0, 4), step(_LOAD, _ARGUMENT_2), step(_ANY_BIT, _PROT_EXEC, 0, 1)]
        program += [step(_RETURN, _DENY | errno.EPERM), step(_RETURN, _ALLOW)]
    program += [step(_EQUAL, calls.clone, 0, 4), step(_LOAD, _ARGUMENT_0), step(_ANY_BIT, _CLONE_THREAD, 1, 0)]
    program += [step(_RETURN, _DENY | errno.EPERM), step(_RETURN, _ALLOW)]
    # The C library asks clone3 first, whose flags no filter can see, and takes clone if there is no such call.
    program += [step(_EQUAL, _CLONE3, 0, 1), step(_RETURN, _DENY | errno.ENOSYS), step(_RETURN, _DENY | errno.EPERM)]
    return b"".join(struct.pack("=HBBI", *line) for line in program)


def has_seccomp() -> bool:
    """Whether this machine has a list of system calls here. Children fail if the kernel then refuses it."""
    return _filter() is not None


def confine_child(cpu_s: int, memory_bytes: int = MEMORY_BYTES) -> None:
    """Takes everything away that decoding does not need. Raises OSError where the kernel refuses."""
    limits = {
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    program = _filter()
    if program is None:
        limits[resource.RLIMIT_NPROC] = 0  # it counts threads too; the filter knows them from processes
    for what, limit in limits.items():
        resource.setrlimit(what, (limit, limit))
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
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
