"""Starting one worker in the strongest jail this machine has, and saying which that is.

* bubblewrap where it is installed and works (some containers forbid it): nothing but the interpreter, its libraries and
  the decoders can be seen, read-only; no network, no capability, no variable of ours;
* else the worker leaves the network, the files and our user by itself as far as the kernel lets it, and says how far;
  what it imports before are the same libraries and no other;
* never less than rlimits: a machine without them (or without Linux's memory files) gets a refusal.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from counterfoil.sandbox.refusals import SandboxUnavailable

START_S = 20.0
"""Importing the decoders takes 0.2 s; a loaded two-core machine was seen to need 5 s."""

_ENDING_S = 0.1
_DECODERS = (
    *("PIL", "pillow_heif", "_pillow_heif", "pypdfium2", "pypdfium2_raw", "pypdfium2_cfg"),
    *("cv2", "numpy", "zxingcpp"),  # for the codes printed on a page
)
_VARIABLES = {"OPENBLAS_NUM_THREADS": "1"}
"""Numpy's library else starts a thread and takes memory for every core, in a process that forks."""
JAIL = Path(__file__).parent / "jail"
_SITE = "/decoders"


@dataclass(frozen=True, slots=True)
class Level:
    """How strong the jail is. `name` is "bubblewrap" or "own"; `measures` are those that hold.

    Measures: "no-network", "no-files", "own-user", "seccomp", "rlimits".
    """

    name: str
    measures: frozenset[str]

    @property
    def full(self) -> bool:
        """Whether nothing is missing: no network, no files, a list of allowed system calls."""
        return {"no-network", "no-files", "seccomp", "rlimits"} <= self.measures

    def __str__(self) -> str:
        return f"{self.name}: {', '.join(sorted(self.measures))}"


@dataclass(slots=True)
class Worker:
    """A running worker: its process and the socket over which it is handed files."""

    process: subprocess.Popen[bytes]
    channel: socket.socket
    level: Level

    def gone(self) -> bool:
        """Whether the process itself has ended, or does so at this moment."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_ENDING_S)
        return self.process.poll() is not None

    def end(self) -> None:
        """Kills the worker and all that it started; waits for it."""
        self.channel.close()
        _kill(self.process)


@dataclass(frozen=True, slots=True)
class Inside:
    """What runs in the jail.

    `found`: name in the jail's library folder -> path here. `calls`: lines of Python that begin it, with `{jailed}` for
    whether bubblewrap is around it. `setup`: what it is handed before it says that it is ready.
    """

    found: Mapping[str, Path]
    calls: str
    setup: bytes | None = None
    start_s: float = START_S
    nice: int = 0
    """Of its whole session; above 0 all else that runs here goes first, 19 is the last."""


def start(*, bubblewrap: bool, inside: Inside | None = None) -> Worker:
    """One worker, under bubblewrap or by itself; without `inside` the decoders.

    Raises:
        SandboxUnavailable: it does not come up.
    """
    program = shutil.which("bwrap")
    if bubblewrap and program is None:
        raise SandboxUnavailable("bubblewrap (bwrap) is not installed")
    inside = inside or _decoders()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    command = [program, *bubblewrap_command(inside)] if bubblewrap and program else _bare(inside)
    with theirs:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter on our own module
            command,
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_VARIABLES,
            start_new_session=True,  # and so no terminal; bubblewrap need not open another one within
        )
    if inside.nice:
        _give_way(process, inside.nice)
    ours.settimeout(inside.start_s)
    try:
        if inside.setup is not None:
            with memory_file(inside.setup) as file:
                socket.send_fds(ours, [b"S"], [file])
        words = ours.makefile("r", encoding="ascii", newline="\n").readline(200).split()
    except (OSError, ValueError):
        words = []
    if "rlimits" not in words:
        ours.close()
        _kill(process)
        raise SandboxUnavailable(f"the worker did not start {'under bubblewrap' if bubblewrap else 'by itself'}")
    ours.settimeout(None)
    return Worker(process, ours, Level("bubblewrap" if bubblewrap else "own", frozenset(words)))


def _give_way(process: subprocess.Popen[bytes], nice: int) -> None:
    """Lets all of its session come last. Its own processes cannot: many kernels share time by session first, and `nice`
    counts only within one."""
    with contextlib.suppress(OSError):  # such a kernel this is not
        Path(f"/proc/{process.pid}/autogroup").write_text(f"{nice}\n", "ascii")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Ends the whole group: without bubblewrap a child at work is not in a space that ends with its worker."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _interpreter() -> list[str]:
    # -I: no variables, no user folder; -S: no site-packages; -B: nothing is written
    return [str(Path(sys.executable).resolve()), "-I", "-S", "-B"]


def _decoders() -> Inside:
    found = {"jail": JAIL, **packages(_DECODERS)}
    return Inside(found, "from jail.worker import main; main(jailed={jailed})")


def packages(names: Iterable[str]) -> dict[str, Path]:
    """Name in the jail's library folder -> path here, of these packages and the shared libraries beside them.

    Raises:
        SandboxUnavailable: one is not installed.
    """
    found: dict[str, Path] = {}
    for name in names:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise SandboxUnavailable(f"{name} is not installed")
        origin = Path(spec.origin)
        path = origin.parent if origin.name == "__init__.py" else origin
        found[path.name] = path
        for project in _projects().get(name, ()):
            libraries = path.parent / f"{project.lower().replace('-', '_').replace('.', '_')}.libs"
            if libraries.is_dir():
                found[libraries.name] = libraries
    return found


@functools.cache
def _projects() -> Mapping[str, list[str]]:
    """Package as it is imported -> what brings it, as it is installed."""
    return importlib.metadata.packages_distributions()


@contextlib.contextmanager
def memory_file(data: bytes) -> Iterator[int]:
    """The descriptor of a file in memory that holds `data`."""
    file = os.memfd_create("question", os.MFD_CLOEXEC)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(file, view) :]
        yield file
    finally:
        os.close(file)


_BY_NAME = """
import sys
from importlib.machinery import PathFinder

class ByName:
    def find_spec(name, path=None, target=None):
        return PathFinder.find_spec(name, {sites!r}.get(name)) if path is None and name in {sites!r} else None

sys.meta_path.append(ByName)
{calls}
"""
"""Finds the packages that are named and none that lies beside them; after the other finders, for OpenCV looks for its
inner library under its own name."""


def _bare(inside: Inside) -> list[str]:
    sites = {
        name.partition(".")[0]: [str(path.parent)] for name, path in inside.found.items() if path.suffix != ".libs"
    }
    return [*_interpreter(), "-c", _BY_NAME.format(sites=sites, calls=inside.calls.format(jailed=False))]


def bubblewrap_command(inside: Inside | None = None) -> list[str]:
    """The arguments of `bwrap`; without `inside` those of the decoders."""
    inside = inside or _decoders()
    arguments = ["--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--clearenv"]
    for name, value in _VARIABLES.items():
        arguments += ["--setenv", name, value]
    for path in _system_folders():
        if path.is_symlink() and path.parent == Path("/"):
            arguments += ["--symlink", str(path.readlink()), str(path)]
        else:
            arguments += ["--ro-bind", str(path), str(path)]
    for path in _others():
        arguments += ["--tmpfs", str(path), "--remount-ro", str(path)]
    arguments += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--tmpfs", "/tmp"]  # noqa: S108 - in the jail
    for name, path in inside.found.items():
        arguments += ["--ro-bind", str(path), f"{_SITE}/{name}"]
    start = f"import sys; sys.path.insert(0, {_SITE!r}); {inside.calls.format(jailed=True)}"
    return [*arguments, "--remount-ro", "/", "--chdir", "/", *_interpreter(), "-c", start]


def _system_folders() -> list[Path]:
    """Where the interpreter, its library and the system's C library lie; outer folders before inner ones."""
    interpreter = Path(sys.executable).resolve()
    wanted = {
        *(Path(root) for root in ("/lib", "/lib64", "/usr/lib", "/usr/lib64")),
        Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix, "base": sys.base_prefix})),
        Path(sys.base_prefix, "lib"),
        interpreter,
    }
    there = sorted(path for path in wanted if path.exists())
    return [path for path in there if path.is_symlink() or not any(other in path.parents for other in there)]


def _others() -> list[Path]:
    """Folders of installed packages within the system folders: what is needed of them is bound by name."""
    roots = [path for path in _system_folders() if path.is_dir() and not path.is_symlink()]
    named = ("site-packages", "dist-packages")
    return sorted(path for root in roots for name in named for path in root.glob(f"python3*/{name}") if path.is_dir())
