"""Training of the digits network from a stream of batches, and its export to ONNX.

The loss is CTC (which sign follows which) and, since the strokes are drawn by us, where each sign stands. Seeded; with
the same number of threads and the same torch the same weights come out. Weights are averaged over the last steps.
"""

from __future__ import annotations

import copy
import io
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from counterfoil.primitives.errors import InputError
from counterfoil.reading.train.network import Network, Recurrent
from counterfoil.reading.views import VIEW_HEIGHT

_AVERAGE = 0.998
_MARKS_WEIGHT = 1.0


class Batch(Protocol):
    """See `simulate.lessons.Batch`."""

    @property
    def x(self) -> NDArray[np.float32]: ...
    @property
    def steps(self) -> NDArray[np.int64]: ...
    @property
    def signs(self) -> NDArray[np.int64]: ...
    @property
    def lengths(self) -> NDArray[np.int64]: ...
    @property
    def marks(self) -> NDArray[np.int64]: ...


def loss_of(out: Tensor, batch: Batch) -> Tensor:
    """`out`: batch x steps x classes."""
    ctc = functional.ctc_loss(
        out.permute(1, 0, 2),
        torch.from_numpy(batch.signs),
        torch.from_numpy(batch.steps),
        torch.from_numpy(batch.lengths),
        zero_infinity=True,
        reduction="sum",
    ) / len(batch.steps)
    marks = torch.from_numpy(batch.marks)
    classes = out.shape[2]
    weight = torch.ones(classes)
    weight[0] = 0.3
    where = functional.nll_loss(out.reshape(-1, classes), marks.reshape(-1), weight, ignore_index=-1)
    return ctc + _MARKS_WEIGHT * where


def train(
    batches: Iterator[tuple[int, Batch]],
    *,
    signs: int,
    heads: int,
    seed: int,
    steps: int,
    threads: int,
    rate: float,
    note: Callable[[str], None],
    start: Path | None = None,
    keep: Path | None = None,
    blend: float = 1.0,
    recurrent: bool = False,
) -> bytes:
    """Train on (head, batch) pairs; the ONNX file. `rate`: the highest of the learning rates, reached after a tenth of
    the steps. `start`, `keep`: a state to go on from, and where it is put. `blend`: how much the new weights count
    beside those of `start`, at the end: what is learned of hard lessons is forgotten of plain ones, and the mean of
    both keeps most of each (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models"). `recurrent`: the other
    network.

    Raises:
        InputError: `start` is of another kind of network.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    network = (Recurrent if recurrent else Network)(signs, heads)
    if start is not None:
        known = torch.load(start, weights_only=True)
        if known["last.weight"].shape[0] != network.last.weight.shape[0]:  # another script: the trunk alone
            known = {name: value for name, value in known.items() if not name.startswith("last.")}
        ours = network.state_dict()
        if any(name not in ours or value.shape != ours[name].shape for name, value in known.items()):
            raise InputError(str(start), expected="a state of the same kind of network", found="another")
        network.load_state_dict(known, strict=False)
    network = network.to(memory_format=torch.channels_last)
    average, before = copy.deepcopy(network), copy.deepcopy(network)
    chooser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.01)
    plan = torch.optim.lr_scheduler.OneCycleLR(chooser, rate, total_steps=steps, pct_start=0.1, final_div_factor=50)
    began, sum_loss = time.monotonic(), 0.0
    for number, (head, batch) in enumerate(batches, 1):
        network.train()
        x = torch.from_numpy(batch.x).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            out = network(x)
        loss = loss_of(out[:, head], batch)
        chooser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        chooser.step()
        plan.step()
        _move(average, network, min(_AVERAGE, number / (number + 20)))
        sum_loss += loss.item()
        if number % 50 == 0:
            note(f"{number} of {steps}: loss {sum_loss / 50:.3f}, {time.monotonic() - began:.0f} s")
            sum_loss = 0.0
        if keep is not None and (number % 500 == 0 or number == steps):
            torch.save(average.state_dict(), keep)
    if blend < 1:
        _move(before, average, 1 - blend)
        if keep is not None:
            torch.save(before.state_dict(), keep)
        return export(before)
    return export(average)


def _move(average: nn.Module, network: nn.Module, share: float) -> None:
    with torch.no_grad():
        for a, b in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
            if a.dtype.is_floating_point:
                a.mul_(share).add_(b, alpha=1 - share)
            else:
                a.copy_(b)


def export(network: nn.Module) -> bytes:
    """ONNX with weights in half precision: input `x`, output `y` as `Network` says; any batch and width."""
    network = copy.deepcopy(network).eval()
    out = io.BytesIO()
    torch.onnx.export(
        network,
        (torch.zeros(1, 2, VIEW_HEIGHT, 64),),
        out,
        input_names=["x"],
        output_names=["y"],
        dynamic_axes={"x": {0: "batch", 3: "width"}, "y": {0: "batch", 2: "steps"}},
        opset_version=17,
        dynamo=False,
    )
    return _halved(out.getvalue())


def _halved(data: bytes) -> bytes:
    """Large weights as 16-bit floats, each with a cast back that the runtime folds when it loads."""
    model = onnx.load_from_string(data)
    graph = model.graph
    casts = []
    for weight in list(graph.initializer):
        if weight.data_type != onnx.TensorProto.FLOAT or np.prod(weight.dims) < 1024:
            continue
        name = weight.name
        half = onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(weight).astype(np.float16), name + ".half")
        graph.initializer.remove(weight)
        graph.initializer.append(half)
        casts.append(onnx.helper.make_node("Cast", [half.name], [name], to=onnx.TensorProto.FLOAT))
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend([*casts, *nodes])
    model.doc_string = ""
    model.producer_name = "counterfoil reader train"
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def made_with() -> dict[str, str]:
    """The versions that the weights depend on."""
    return {"torch": str(torch.__version__), "onnx": str(onnx.__version__), "machine": platform.machine()}
