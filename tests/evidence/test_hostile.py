"""Hostile files: each ends as a clean picture or a named refusal; the server stays up, small and in time."""

from __future__ import annotations

import resource
import time

import pytest

from counterfoil.sandbox import FileRefused, Sandbox
from counterfoil.sandbox.pool import DOCUMENT_FACTOR, STRANGER_WALL_S
from tests.evidence import hostile
from tests.sandbox import files

SEED, MUTATED = 20261122, 460


@pytest.mark.parametrize("name", files.special())
def test_a_hand_made_file_is_taken_or_refused_in_time_and_memory(sandbox: Sandbox, name: str) -> None:
    data = files.special()[name]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = hostile.tried(sandbox, name, data)
    grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert outcome.seconds < STRANGER_WALL_S * DOCUMENT_FACTOR
    assert grown_mib < 120, "the parent holds the file and one reduced picture, whatever the file claims"
    assert outcome.code != "decoder-broke-rules"
    assert not outcome.leaked
    assert len(list(sandbox.pictures(files.jpeg()))) == 1, "the next sender is served"


def test_bombs_are_refused_before_they_are_decoded(sandbox: Sandbox) -> None:
    for name in ("png of 65,000 x 65,000 in 85 bytes", "png of 10,000 x 10,000", "tiff of 60,000 x 60,000"):
        started = time.process_time()
        with pytest.raises(FileRefused) as refused:
            list(sandbox.pictures(files.special()[name](), documents=True))
        assert refused.value.code in ("too-many-pixels", "side-too-long")
        assert time.process_time() - started < 1


@pytest.mark.slow
def test_mutated_files_never_harm_the_server() -> None:
    codes, wrong = hostile.campaign(SEED, MUTATED)
    assert wrong == []
    assert codes.total() == MUTATED + len(files.special()) >= 500
    assert codes["taken"] > 0, "some damage goes unnoticed; the rest is refused by name"
    assert codes["damaged"] > MUTATED / 4


def test_the_same_seed_gives_the_same_files() -> None:
    assert list(hostile.mutated(3, 40)) == list(hostile.mutated(3, 40))
    assert list(hostile.mutated(3, 40)) != list(hostile.mutated(4, 40))
