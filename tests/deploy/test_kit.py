"""The deployment kit names only what there is: units that systemd takes, commands, options, settings, files.

The image itself is not built here: its base comes from a registry.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import click
import pytest

from counterfoil.cli.app import COMMANDS, counterfoil
from counterfoil.config.settings import Settings

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
INSTALLED = "/opt/counterfoil/bin/counterfoil"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def commanded(words: list[str]) -> None:
    """`counterfoil` has this command with these options, and it takes one folder."""
    name, *rest = words
    assert name in COMMANDS
    command = counterfoil.get_command(click.Context(counterfoil), name)
    assert command is not None
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= options
    assert [word for word in rest if word.startswith("/")], "the election's folder"


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_systemd_takes_each_unit_and_its_command_is_there(unit: Path, tmp_path: Path) -> None:
    text = unit.read_text("utf-8")
    program, *words = shlex.split(re.findall(r"^ExecStart=(.+)$", text, re.MULTILINE)[0])
    assert program == INSTALLED
    commanded(words)
    here = tmp_path / unit.name
    here.write_text(text.replace(INSTALLED, sys.executable), "utf-8")  # a program that is there
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--generators=no", str(here)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_there_is_a_unit_for_all_and_one_for_each_half() -> None:
    assert {unit.stem for unit in UNITS} == {"counterfoil", "counterfoil-web", "counterfoil-worker"}


def instructions() -> list[tuple[str, list[str]]]:
    """Of the container file, continued lines joined: (instruction, words)."""
    text = re.sub(r"\\\n", " ", (ROOT / "deploy/Containerfile").read_text("utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split()[0], line.split()[1:]) for line in lines]


def test_the_container_file_copies_what_there_is_and_runs_a_command_of_ours() -> None:
    found = instructions()
    known = {"FROM", "COPY", "RUN", "USER", "VOLUME", "EXPOSE", "ENV", "ENTRYPOINT", "CMD"}
    assert {name for name, _ in found} <= known
    stages = {words[-1] for name, words in found if name == "FROM" and "AS" in words}
    for name, words in found:
        if name != "COPY":
            continue
        if words[0].startswith("--from="):
            assert words[0].removeprefix("--from=") in stages
        else:
            assert all((ROOT / source).exists() for source in words[:-1]), words
    last = {name: words for name, words in found if name in ("ENTRYPOINT", "CMD", "USER", "EXPOSE")}
    assert last["ENTRYPOINT"] == ['["counterfoil"]']
    assert "counterfoil" in PROJECT["scripts"]
    commanded(re.findall(r'"([^"]+)"', " ".join(last["CMD"])))
    assert last["USER"] == ["counterfoil"]
    assert last["EXPOSE"] == [str(Settings(folder=Path("/election")).port)]


def test_settings_of_the_container_are_settings_and_its_python_is_new_enough() -> None:
    names = {field.name for field in fields(Settings)}
    given = {word.partition("=")[0] for name, words in instructions() if name == "ENV" for word in words}
    ours = {word.removeprefix("COUNTERFOIL_").lower() for word in given if word.startswith("COUNTERFOIL_")}
    assert ours and ours <= names
    least = tuple(map(int, PROJECT["requires-python"].removeprefix(">=").split(".")))
    for name, words in instructions():
        if name == "FROM":
            assert tuple(map(int, re.findall(r"python:(\d+)\.(\d+)", words[0])[0])) >= least


def test_what_the_container_copies_is_all_that_the_package_is_built_from() -> None:
    copied = {source for name, words in instructions() if name == "COPY" for source in words[:-1]}
    needed = {"pyproject.toml", PROJECT["readme"], *PROJECT["license-files"], "src"}
    assert needed <= copied
