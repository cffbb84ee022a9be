"""Spreading work: the same answers in the same order, however many hands there are."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from numpy.random import Generator

from counterfoil.forensics.spread import spread
from counterfoil.primitives.errors import InputError, Refusal

TASKS = [5, 3, 8, 1, 9, 2]


def draw(count: int, rng: Generator) -> tuple[int, int]:
    """The task's own number, and a number that only its seed and place decide."""
    return count, int(rng.integers(0, 2**62, count)[-1])


def refuse_three(count: int, rng: Generator) -> int:
    if count == 3:
        raise InputError("task", expected="anything but 3", found="3")
    return count + int(rng.integers(1))


def test_answers_stand_in_the_order_of_the_tasks() -> None:
    assert [count for count, _ in spread(draw, TASKS, workers=1)] == TASKS


def test_two_processes_answer_as_one_does() -> None:
    assert spread(draw, TASKS, workers=2, seed=4) == spread(draw, TASKS, workers=1, seed=4)


def test_equal_tasks_draw_different_numbers_and_another_seed_gives_others() -> None:
    first = [number for _, number in spread(draw, [4, 4, 4], workers=1, seed=1)]
    assert len(set(first)) == 3
    assert set(first).isdisjoint(number for _, number in spread(draw, [4, 4, 4], workers=1, seed=2))


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_a_task_is_the_error_of_the_call(workers: int) -> None:
    with pytest.raises(InputError, match="anything but 3"):
        spread(refuse_three, TASKS, workers=workers)


def test_progress_counts_up_to_all_tasks() -> None:
    seen: list[tuple[int, int]] = []
    spread(draw, TASKS, workers=1, progress=lambda done, whole: seen.append((done, whole)))
    assert seen == [(i, 6) for i in range(1, 7)]


def test_no_tasks_no_answers() -> None:
    assert spread(draw, [], workers=4) == []


@pytest.mark.parametrize(
    ("options", "word"),
    [({"workers": 0}, "workers"), ({"seed": -1}, "seed"), ({"workers": 2, "scheduler": "tcp://x:1"}, "workers")],
)
def test_options_that_contradict_are_refused(options: dict[str, object], word: str) -> None:
    with pytest.raises(InputError, match=word):
        spread(draw, TASKS, **options)  # type: ignore[arg-type]


def test_without_the_extra_an_address_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(Refusal, match=r"counterfoil\[cluster\]"):
        spread(draw, TASKS, scheduler="tcp://127.0.0.1:1")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """A real scheduler and one worker on this machine, ended by their ids."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "DASK_TEMPORARY_DIRECTORY": str(tmp_path),
    }
    address_file = tmp_path / "scheduler.json"
    log = (tmp_path / "log").open("w")
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    command += ["--no-dashboard", "--no-show", "--scheduler-file", str(address_file)]
    scheduler = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
    command = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(address_file)]
    command += ["--host", "127.0.0.1", "--nthreads", "1", "--nworkers", "1", "--no-dashboard", "--no-nanny"]
    worker = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 90
        address = ""
        while time.monotonic() < deadline and not address:
            if address_file.exists() and "Registered to" in (tmp_path / "log").read_text():
                address = _address(address_file)
            time.sleep(0.1)
        assert address, (tmp_path / "log").read_text()
        yield address
    finally:
        for process in (worker, scheduler):
            process.send_signal(signal.SIGTERM)
        for process in (worker, scheduler):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        log.close()


def _address(path: Path) -> str:
    return str(json.loads(path.read_text())["address"])


def test_a_cluster_answers_as_one_process_does_and_hands_errors_back(cluster: str) -> None:
    assert spread(draw, TASKS, scheduler=cluster, seed=4) == spread(draw, TASKS, workers=1, seed=4)
    with pytest.raises(InputError, match="anything but 3"):
        spread(refuse_three, TASKS, scheduler=cluster)


def test_an_address_where_nobody_listens_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["counterfoil.forensics.spread"], "_TIMEOUT_S", 1)
    with pytest.raises(Refusal, match="check the address"):
        spread(draw, TASKS, scheduler="tcp://127.0.0.1:9")
