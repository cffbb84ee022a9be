"""The digits network: a field's view in, one step per four pixels out, for each step how likely each sign stands there.

Convolutions only, so that any width works and a step sees about 100 pixels around it and no more. About 0.6 million
weights. `heads`: one last layer per script on the same trunk.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def _block(inputs: int, outputs: int, kernel: tuple[int, int], padding: tuple[int, int], stride: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Network(nn.Module):  # type: ignore[misc]  # torch is no part of the type check
    """Batch x 2 x 48 x width to batch x heads x (width / 4) x (1 + signs) log-probabilities; sign 0 is "nothing"."""

    def __init__(self, signs: int, heads: int = 1) -> None:
        super().__init__()
        self.classes, self.heads = signs + 1, heads
        self.trunk = nn.Sequential(
            _block(2, 32, (5, 5), (2, 2), 2),
            _block(32, 64, (3, 3), (1, 1)),
            nn.MaxPool2d(2),
            _block(64, 96, (3, 3), (1, 1)),
            _block(96, 96, (3, 3), (1, 1)),
            nn.MaxPool2d((2, 1)),
            _block(96, 128, (3, 3), (1, 1)),
            nn.MaxPool2d((2, 1)),
            _block(128, 160, (3, 3), (0, 1)),
            nn.Dropout2d(0.1),
            _block(160, 160, (1, 5), (0, 2)),
        )
        self.last = nn.Conv2d(160, self.classes * heads, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.last(self.trunk(x)).float()
        y = y.reshape(y.shape[0], self.heads, self.classes, y.shape[3])
        return torch.log_softmax(y.permute(0, 1, 3, 2), dim=3)
