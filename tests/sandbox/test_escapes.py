"""Attacks from inside: the decoder is taken over, and the jail must hold. Run in the real jail, of both kinds."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from counterfoil.sandbox import Sandbox, SandboxStopped, launch

ATTACKER = Path(__file__).with_name("attacker.py")
Attack = Callable[[str], tuple[int, int, int]]


def taken_over(folder: Path) -> Path:
    """The jail's own folder, but with an attacker where the decoders were, and one second of CPU."""
    jail = folder / "jail"
    shutil.copytree(launch.JAIL, jail, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ATTACKER, jail / "decode.py")
    worker = jail / "worker.py"
    worker.write_text(worker.read_text("utf-8").replace("STRANGER_CPU_S = 10", "STRANGER_CPU_S = 1"), "utf-8")
    return jail


@pytest.fixture(scope="module", params=[True, False], ids=["bubblewrap", "own"])
def box(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "JAIL", taken_over(tmp_path_factory.mktemp("attacker")))
        patch.setenv("COUNTERFOIL_SECRET", "not for the jail")
        with Sandbox(workers=1, bubblewrap=request.param, wall_s=60) as sandbox:
            assert sandbox.level.name == ("bubblewrap" if request.param else "own")
            yield sandbox


@pytest.fixture
def attack(box: Sandbox) -> Attack:
    def run(what: str) -> tuple[int, int, int]:
        (pixels,) = box.pictures(what.encode())
        return pixels.rgb[0], pixels.rgb[1], pixels.rgb[2]

    return run


def refused(answer: tuple[int, int, int]) -> bool:
    return answer[0] == 1


def test_both_kinds_of_jail_are_full_on_this_machine(box: Sandbox) -> None:
    assert box.level.full
    assert "no-network" in str(box.level)


def test_attack_send_the_photo_out_by_network(attack: Attack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        assert refused(attack(f"connect {server.getsockname()[1]}"))
        assert refused(attack(f"udp {server.getsockname()[1]}"))
        with pytest.raises(TimeoutError):
            server.accept()


def test_attack_reach_a_local_service_by_its_socket_file(attack: Attack, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        assert refused(attack(f"unix {path}"))


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", "/proc/1/environ", "/dev/null", __file__, "/"])
def test_attack_read_a_file(attack: Attack, path: str) -> None:
    assert refused(attack(f"read {path}"))


def test_attack_leave_a_file_behind(attack: Attack, tmp_path: Path) -> None:
    for path in (tmp_path / "x", Path("/tmp/counterfoil-escape"), Path("/counterfoil-escape")):  # noqa: S108
        assert refused(attack(f"write {path}"))
        assert not path.exists()


@pytest.mark.parametrize("what", ["fork", "program /bin/true", f"program {sys.executable}", "replace /bin/true"])
def test_attack_start_a_process(attack: Attack, what: str) -> None:
    assert refused(attack(what))


@pytest.mark.parametrize("process", [1, 2, -1, os.getpid(), os.getppid()], ids=["init", "2", "all", "tests", "above"])
def test_attack_end_or_look_into_another_process(attack: Attack, process: int) -> None:
    for what in ("kill", "trace", "look_into"):
        assert refused(attack(f"{what} {process}"))


@pytest.mark.parametrize("what", ["namespace", "code", "root", "descriptors", "variables", "modules"])
def test_attack_gain_more_than_the_file(attack: Attack, what: str) -> None:
    assert refused(attack(what))


def test_attack_take_two_gigabytes_of_memory(attack: Attack) -> None:
    assert attack("memory") == (1, 12, 0)


def test_a_thread_is_allowed_for_heic_needs_one(attack: Attack) -> None:
    assert attack("thread") == (0, 0, 0)


@pytest.mark.parametrize("what", ["spin", "crash", "leave"])
def test_attack_never_answer(box: Sandbox, what: str) -> None:
    with pytest.raises(SandboxStopped) as stopped:
        list(box.pictures(what.encode()))
    assert stopped.value.code == "decoder-stopped", "the CPU limit ends it, not the wall clock"
    assert next(iter(box.pictures(b"thread"))).width == 1, "the next file is served"


def test_attack_sleep_past_the_deadline(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "JAIL", taken_over(tmp_path))
        with Sandbox(workers=1, wall_s=0.5) as sandbox:
            with pytest.raises(SandboxStopped) as stopped:
                list(sandbox.pictures(b"sleep"))
            assert stopped.value.code == "decoder-timeout"
            assert next(iter(sandbox.pictures(b"thread"))).width == 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("00 0001 0001 aabbcc", "decoder-stopped"),  # no end
        ("00 0001", "decoder-stopped"),
        ("00 0002 0002 aabbcc 01", "decoder-stopped"),  # pixels missing
        ("00 0001 0001 aabbcc 01 00", "decoder-broke-rules"),  # more after the end
        ("01 ff", "decoder-broke-rules"),
        ("00 ffff ffff", "decoder-broke-rules"),
        ("00 07d1 0001", "decoder-broke-rules"),  # 2,001 wide
        ("00 0000 0005", "decoder-broke-rules"),
        ("c8", "decoder-broke-rules"),
        ("0f 0f", "decoder-broke-rules"),  # a refusal, and something more
        ("00 0001 0001 aabbcc " * 22 + "01", "decoder-broke-rules"),  # 22 pages
    ],
)
def test_attack_answer_against_the_rules(box: Sandbox, answer: str, code: str) -> None:
    with pytest.raises(SandboxStopped) as stopped:
        list(box.pictures(f"say {answer.replace(' ', '')}".encode()))
    assert stopped.value.code == code
    assert next(iter(box.pictures(b"thread"))).width == 1
