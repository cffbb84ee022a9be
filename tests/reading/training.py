"""`python -m tests.reading.training`: a short training of the digits network, twice; needs the extra `train`.

Holds that the loss falls, that the same seed gives the same file, that the file says the same as the network, and that
a training can go on from another's state and be blended with it. Takes some minutes; the test suite itself needs no
torch. Ends with 1 if anything failed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from counterfoil.primitives.errors import InputError
from counterfoil.reading.train.network import Network, Recurrent
from counterfoil.reading.views import VIEW_HEIGHT
from counterfoil.simulate.written import SIGNS
from counterfoil.workflow.train_reader import teach
from tests.reading.drawn_fields import MNIST

STEPS = 100


def _session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def main() -> int:
    failed = []

    def held(what: str, good: bool) -> None:
        print(("held: " if good else "FAILED: ") + what, flush=True)  # noqa: T201 - a program for the terminal
        if not good:
            failed.append(what)

    with tempfile.TemporaryDirectory() as name:
        folder, said = Path(name), list[str]()
        made = [
            teach(folder / run, folder=None, numerals="others", seed=5, steps=STEPS, threads=1, note=said.append)
            for run in ("a", "b")
        ]
        losses = [float(line.split("loss ")[1].split(",")[0]) for line in said[: STEPS // 50]]
        held(f"the loss falls: {losses}", losses[-1] < 0.5 * losses[0])
        held("the same seed gives the same file", made[0]["sha256"] == made[1]["sha256"])
        teach(
            folder / "r",
            folder=MNIST,
            numerals="western",
            seed=7,
            steps=STEPS // 2,
            threads=1,
            note=said.append,
            limit=2000,
            recurrent=True,
        )
        for network, path in (
            (Network(len(SIGNS), 3), folder / "a" / "others"),
            (Recurrent(len(SIGNS)), folder / "r" / "recurrent"),
        ):
            network.load_state_dict(torch.load(path.with_suffix(".pt"), weights_only=True))
            x = np.random.default_rng(1).random((2, 2, VIEW_HEIGHT, 96), np.float32)
            (told,) = _session(path.with_suffix(".onnx")).run(None, {"x": x})
            with torch.no_grad():
                own = network.eval()(torch.from_numpy(x)).numpy()
            held(
                f"{path.stem}: the file says what the network says",
                bool(np.abs(np.exp(told) - np.exp(own)).max() < 0.01),
            )
        start = folder / "a" / "others.pt"
        try:
            teach(
                folder / "e",
                folder=MNIST,
                numerals="western",
                seed=1,
                steps=1,
                threads=1,
                note=said.append,
                start=start,
                recurrent=True,
            )
            refused = False
        except InputError as error:
            refused = "same kind" in str(error)
        held("a state of another kind of network is refused", refused)
        more = [
            teach(
                folder / run,
                folder=None,
                numerals="others",
                seed=6,
                steps=8,
                threads=1,
                note=said.append,
                start=start,
                blend=blend,
            )
            for run, blend in (("c", 1.0), ("d", 0.5))
        ]
        held(
            "weights.json says what a training went on from",
            [one["goes_on_from"]["sha256"] for one in more] == [made[0]["sha256"]] * 2,
        )
        before, after, mean = (
            torch.load(folder / run / "others.pt", weights_only=True)["last.weight"] for run in ("a", "c", "d")
        )
        held("a training goes on from there", 0 < float((after - before).abs().max()) < 0.1)
        held("a blend is the mean of before and after", torch.allclose(mean, (before + after) / 2, atol=1e-6))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
