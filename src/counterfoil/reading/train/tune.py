"""Our network taught further on fields that people settled: a few rounds, from the shipped weights, seeded.

The loss is CTC alone: which sign follows which is known, where each stands is not. What is learned of one form is
forgotten of others, so the new weights are the mean of the old ones and of those after the last round (Wortsman et al.
2022, "Robust fine-tuning of zero-shot models"). The file keeps its shape: only numbers change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

from counterfoil.primitives.errors import Refusal
from counterfoil.reading.lessons import Lesson, floats
from counterfoil.reading.train.network import Network
from counterfoil.reading.views import STRIDE, VIEW_HEIGHT

RATE: Final = 2e-4
BLEND: Final = 0.5
"""Part of the new weights beside the old ones."""
BATCH: Final = 32


def tuned(weights: bytes, lessons: Sequence[Lesson], *, rounds: int, seed: int, note: Callable[[str], None]) -> bytes:
    """The ONNX file after so many rounds over the lessons, on one thread: the same lessons give the same bytes.

    Raises:
        Refusal: the loss is no number any more.
    """
    model = onnx.load_from_string(weights)
    names = _layers(model)
    held = {
        one.name: torch.from_numpy(onnx.numpy_helper.to_array(one).astype(np.float32))
        for one in model.graph.initializer
    }
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    network = _network(names, held)
    chooser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.0)
    random = np.random.default_rng(seed)
    for number in range(rounds):
        total = 0.0
        order = random.permutation(len(lessons))
        for start in range(0, len(order), BATCH):
            loss = _loss(network, [lessons[at] for at in order[start : start + BATCH]])
            chooser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            chooser.step()
            total += loss.item()
        if not np.isfinite(total):
            raise Refusal(
                "The network forgets all it knew from these lessons; nothing was changed.", code="no-learning"
            )
        note(f"round {number + 1} of {rounds}: loss {total / -(-len(order) // BATCH):.4f}")
    for layer, pair in zip(_convolutions(network), names, strict=True):
        for name, taught in zip(pair, (layer.weight, layer.bias), strict=True):
            held[name] = (1 - BLEND) * held[name] + BLEND * taught.detach()
    for one in model.graph.initializer:
        kind = onnx.helper.tensor_dtype_to_np_dtype(one.data_type)
        one.CopyFrom(onnx.numpy_helper.from_array(held[one.name].numpy().astype(kind), one.name))
    return bytes(model.SerializeToString())


def _network(names: Sequence[tuple[str, str]], held: Mapping[str, Tensor]) -> Network:
    network = Network(held[names[-1][1]].shape[0] - 1, folded=True)
    network.eval()
    for layer, (weight, bias) in zip(_convolutions(network), names, strict=True):
        layer.weight, layer.bias = nn.Parameter(held[weight].clone()), nn.Parameter(held[bias].clone())
    return network


def _convolutions(network: nn.Module) -> list[nn.Conv2d]:
    """In the order in which they run."""
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)]


def _layers(model: onnx.ModelProto) -> list[tuple[str, str]]:
    """Names of weight and bias of each convolution, in their order."""
    cast = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "Cast"}
    return [
        (cast.get(node.input[1], node.input[1]), cast.get(node.input[2], node.input[2]))
        for node in model.graph.node
        if node.op_type == "Conv"
    ]


def _loss(network: nn.Module, lessons: Sequence[Lesson]) -> Tensor:
    width = max(lesson.view.shape[2] for lesson in lessons)
    x = np.zeros((len(lessons), 2, VIEW_HEIGHT, width), np.float32)
    for row, lesson in zip(x, lessons, strict=True):
        row[:, :, : lesson.view.shape[2]] = floats(lesson.view)
    out = network(torch.from_numpy(x))[:, 0]
    return functional.ctc_loss(
        out.permute(1, 0, 2),
        torch.tensor([sign for lesson in lessons for sign in lesson.signs], dtype=torch.int64),
        torch.tensor([lesson.view.shape[2] // STRIDE for lesson in lessons]),
        torch.tensor([len(lesson.signs) for lesson in lessons]),
        zero_infinity=True,
    )
