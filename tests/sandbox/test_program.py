"""A program of ours in the jail: what it is handed and says, and what it can see. Both kinds of jail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from counterfoil.sandbox import Program, SandboxStopped, SandboxUnavailable, launch
from counterfoil.sandbox.jail.program import NICE

ASKED = "tests.sandbox.asked"
HERE = Path(__file__).parents[2]


@pytest.fixture(params=[True, False], ids=["bubblewrap", "own"])
def bubblewrap(request: pytest.FixtureRequest) -> bool:
    kind: bool = request.param
    return kind


@pytest.fixture
def program(bubblewrap: bool) -> Iterator[Program]:
    with Program(ASKED, ["tests"], b"handed", bubblewrap=bubblewrap, answer_bytes=1000) as found:
        assert found.level.name == ("bubblewrap" if bubblewrap else "own")
        yield found


def test_a_program_answers_and_remembers_nothing(program: Program) -> None:
    assert program.ask(b"say 1234") == b"1234"
    assert program.ask(b"setup") == b"handed"
    assert [program.ask(b"remember x") for _ in range(2)] == [b"x", b"x"]


@pytest.mark.parametrize("attack", ["much 1001", "raise a text", "silence", "spin"])
def test_attack_an_answer_against_the_rules_is_none(bubblewrap: bool, attack: str) -> None:
    with Program(ASKED, ["tests"], b"", bubblewrap=bubblewrap, answer_bytes=1000, cpu_s=1) as program:
        with pytest.raises(SandboxStopped):
            program.ask(attack.encode())
        assert program.ask(b"say on") == b"on"


@pytest.mark.parametrize("name", ["connect 80", "fork", "read /etc/passwd", f"read {__file__}", "code", "namespace"])
def test_attack_a_program_that_was_taken_over_reaches_nothing(program: Program, name: str) -> None:
    assert program.ask(name.encode()) == b"refused"


def _says(path: Path, word: str) -> bool:
    try:
        return word.encode() in path.read_bytes()
    except OSError:  # it has ended
        return False


def test_all_else_goes_before_a_program(program: Program) -> None:
    """Where the kernel shares time by session (`autogroup`), each process says its session's share."""
    assert program.ask(b"say on") == b"on"
    ours = [folder for folder in Path("/proc").glob("[0-9]*") if _says(folder / "cmdline", ASKED)]
    assert ours
    groups = [folder / "autogroup" for folder in ours if (folder / "autogroup").exists()]
    assert all(group.read_text().split()[-1] == str(NICE) for group in groups)
    assert max(os.getpriority(os.PRIO_PROCESS, int(folder.name)) for folder in ours) == NICE


def test_a_package_that_is_not_named_cannot_be_seen_in_either_jail(bubblewrap: bool, tmp_path: Path) -> None:
    module = "tests.sandbox.imports"
    with Program(module, ["tests", "yaml"], b"yaml json", bubblewrap=bubblewrap) as program:
        assert program.ask(b"") == b"yaml json"
    with Program(module, ["tests", "numpy"], b"numpy cv2 zxingcpp PIL django pytest", bubblewrap=bubblewrap) as program:
        assert program.ask(b"") == b"numpy"


def test_a_program_without_what_it_imports_does_not_come_up_in_the_weaker_jail_either() -> None:
    with Program("counterfoil.reading.codes", ["numpy"], b"") as program, pytest.raises(SandboxUnavailable):
        program.ask(b"")


def test_the_jail_holds_the_shared_libraries_of_what_is_named_and_no_other() -> None:
    assert set(launch.packages(["counterfoil", "yaml"])) == {"counterfoil", "yaml"}
    assert set(launch.packages(["numpy", "cv2", "PIL"])) == {
        *("numpy", "numpy.libs", "cv2", "opencv_python_headless.libs", "PIL", "pillow.libs"),
    }


def test_folders_of_installed_packages_are_covered_where_the_interpreter_has_some() -> None:
    command = launch.bubblewrap_command()
    binds = [Path(command[at + 1]) for at, word in enumerate(command) if word == "--ro-bind"]
    covered = [Path(command[at + 1]) for at, word in enumerate(command) if word == "--tmpfs"]
    open_folders = [path for path in binds if path.name in ("lib", "lib64") or path.name.startswith("python3")]
    assert open_folders
    for folder in open_folders:
        for name in ("site-packages", "dist-packages"):
            for found in folder.glob(f"python3*/{name}"):
                assert any(found.is_relative_to(path) for path in covered), found
