"""`counterfoil reader train`: from MNIST's strokes and drawn fields to the weights that ship, and how they were made.

One process draws fields (`simulate.lessons`) while this one trains (`reading.train`, needs torch). The drawing process
gives its batches in one order, so that the seed decides everything but rounding.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Full
from typing import Any

import cv2

from counterfoil.primitives.errors import InputError
from counterfoil.simulate.lessons import BATCH, CHUNK, Batch, chunk
from counterfoil.simulate.mnist import hashes, mnist
from counterfoil.simulate.written import SIGNS

OTHERS = ("arabic", "persian", "devanagari")
"""The scripts of one network, a last layer each."""
RATE = 2.5e-3
"""The highest learning rate of a training from nothing."""
_WAIT_S = 5.0


def _offer(out: Any, seed: int, chunks: int, folder: Path | None, scripts: tuple[str, ...], limit: int) -> None:
    """The background process: chunks in their order into a queue of bounded length, as long as somebody trains."""
    cv2.setNumThreads(1)
    strokes = None if folder is None else mnist(folder, "train", limit)
    trainer = multiprocessing.parent_process()
    for number in range(chunks):
        batches = chunk(seed, number, strokes, scripts[number % len(scripts)])
        while True:
            try:
                out.put(batches, timeout=_WAIT_S)
                break
            except Full:
                if trainer is None or not trainer.is_alive():
                    out.cancel_join_thread()
                    return


def stream(
    seed: int, steps: int, folder: Path | None, scripts: tuple[str, ...], limit: int
) -> Iterator[tuple[int, Batch]]:
    """`steps` batches with the number of their script, made in one process beside, always in the same order."""
    context = multiprocessing.get_context("spawn")
    queue: Any = context.Queue(maxsize=8)
    chunks = -(-steps // (CHUNK // BATCH))
    process = context.Process(target=_offer, args=(queue, seed, chunks, folder, scripts, limit), daemon=True)
    process.start()
    given = 0
    try:
        for number in range(chunks):
            while True:
                try:
                    batches = queue.get(timeout=_WAIT_S)
                    break
                except Empty:
                    if not process.is_alive():
                        raise RuntimeError(
                            "the process that draws training fields ended early; its message is above"
                        ) from None
            for batch in batches:
                if given < steps:
                    given += 1
                    yield number % len(scripts), batch
    finally:
        process.terminate()
        process.join()


def _made_before(state: Path) -> dict[str, Any]:
    """What is known of the state that a training starts from."""
    told: dict[str, Any] = {"state_sha256": hashlib.sha256(state.read_bytes()).hexdigest()}
    beside = state.with_name("weights.json")
    if beside.exists():
        told |= json.loads(beside.read_text("utf-8"))["files"].get(state.stem, {})
    return told


def teach(
    out: Path,
    *,
    folder: Path | None,
    numerals: str,
    seed: int,
    steps: int,
    threads: int,
    note: Callable[[str], None],
    start: Path | None = None,
    limit: int = 20000,
    rate: float = RATE,
    blend: float = 1.0,
    recurrent: bool = False,
) -> dict[str, Any]:
    """Train a network on `steps` batches and write `out/NAME.onnx` and its line of `out/weights.json`; NAME is
    `numerals`, or `recurrent` for the other network (Western digits only).

    `folder`: MNIST's files, its first `limit` training pictures are used; needed for `western`. `start`: a saved state
    to go on from; `rate`: the highest learning rate; `blend`: how much of the new weights is taken beside `start`'s.
    Returns what `weights.json` says of the file.

    Raises:
        InputError: the extra `train` is not installed, MNIST is not there, there is no such state or it is
            of another kind of network.
    """
    if numerals == "western" and folder is None:
        raise InputError("--digits", expected="the folder of MNIST's files for Western digits", found="none")
    if recurrent and numerals != "western":
        raise InputError("--recurrent", expected="Western digits", found=f"--numerals {numerals}", do="leave one out")
    if start is not None and not start.is_file():
        raise InputError(str(start), expected="the state that an earlier training left", found="no file")
    try:
        from counterfoil.reading.train import learn  # noqa: PLC0415 torch
    except ModuleNotFoundError as error:
        raise InputError(
            "training", expected="the extra `train`", found=str(error), do="pip install 'counterfoil[train]'"
        ) from None
    scripts = ("western",) if numerals == "western" else OTHERS
    source = None if numerals != "western" else folder
    batches = stream(seed, steps, source, scripts, limit)
    out.mkdir(parents=True, exist_ok=True)
    name = "recurrent" if recurrent else numerals
    data = learn.train(
        batches,
        signs=len(SIGNS),
        heads=len(scripts),
        seed=seed,
        steps=steps,
        threads=threads,
        rate=rate,
        note=note,
        start=start,
        keep=out / f"{name}.pt",
        blend=blend if start else 1.0,
        recurrent=recurrent,
    )
    (out / f"{name}.onnx").write_bytes(data)
    made: dict[str, Any] = {
        "file": f"{name}.onnx",
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "scripts": list(scripts),
        "signs": SIGNS,
        "seed": seed,
        "steps": steps,
        "batch": BATCH,
        "mnist_train_pictures": limit if source else 0,
        "mnist_sha256": dict(hashes(source, "train")) if source else {},
        "command": "counterfoil reader train OUT "
        + ("--recurrent" if recurrent else f"--numerals {numerals}")
        + f" --seed {seed} --steps {steps}"
        + (f" --digits MNIST --pictures {limit}" if source else "")
        + (f" --rate {rate:g}" if rate != RATE else "")
        + (f" --start {start.parent.name}/{start.name}" if start else "")
        + (f" --blend {blend:g}" if start and blend != 1 else ""),
        "goes_on_from": _made_before(start) if start else None,
        **learn.made_with(),
    }
    path = out / "weights.json"
    listed: dict[str, Any] = (
        json.loads(path.read_text("utf-8")) if path.exists() else {"schema": "counterfoil-weights/1", "files": {}}
    )
    listed["files"][name] = made
    path.write_text(json.dumps(listed, indent=1, sort_keys=True) + "\n", "utf-8")
    return made
