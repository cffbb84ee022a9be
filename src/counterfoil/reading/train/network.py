"""The digits network: a field's view in, one step per four pixels out, for each step how likely each sign stands there.

Convolutions only, so that any width works and a step sees 107 pixels and no more. 1.1 million weights. `heads`: one
last layer per script on the same trunk.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def _convolution(
    inputs: int, outputs: int, kernel: tuple[int, int], padding: tuple[int, int], stride: int, folded: bool
) -> nn.Module:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=folded)
    return convolution if folded else nn.Sequential(convolution, nn.BatchNorm2d(outputs))


class _Residual(nn.Module):  # type: ignore[misc]  # torch is no part of the type check
    """Two convolutions that add to what comes in. Nothing at first, so that a trained network can be made deeper."""

    def __init__(self, channels: int, kernel: tuple[int, int], folded: bool) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2)
        self.first = _convolution(channels, channels, kernel, padding, 1, folded)
        self.second = _convolution(channels, channels, kernel, padding, 1, folded)
        if not folded:
            nn.init.zeros_(self.second[1].weight)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.second(functional.relu(self.first(x))))


class Network(nn.Module):  # type: ignore[misc]  # torch is no part of the type check
    """Batch x 2 x 48 x width to batch x heads x (width / 4) x (1 + signs) log-probabilities; sign 0 is "nothing".

    `folded`: as it is shipped, what normalised each layer is part of its weights.
    """

    def __init__(self, signs: int, heads: int = 1, *, folded: bool = False) -> None:
        super().__init__()
        self.classes, self.heads = signs + 1, heads

        def block(
            inputs: int, outputs: int, kernel: tuple[int, int], padding: tuple[int, int], stride: int = 1
        ) -> nn.Module:
            return nn.Sequential(_convolution(inputs, outputs, kernel, padding, stride, folded), nn.ReLU(inplace=True))

        self.trunk = nn.Sequential(
            block(2, 32, (5, 5), (2, 2), 2),
            block(32, 64, (3, 3), (1, 1)),
            nn.MaxPool2d(2),
            block(64, 96, (3, 3), (1, 1)),
            block(96, 96, (3, 3), (1, 1)),
            nn.MaxPool2d((2, 1)),
            block(96, 128, (3, 3), (1, 1)),
            nn.MaxPool2d((2, 1)),
            _Residual(128, (3, 3), folded),
            block(128, 160, (3, 3), (0, 1)),
            nn.Dropout2d(0.1),
            block(160, 160, (1, 5), (0, 2)),
            _Residual(160, (1, 5), folded),
        )
        self.last = nn.Conv2d(160, self.classes * heads, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.last(self.trunk(x)).float()
        y = y.reshape(y.shape[0], self.heads, self.classes, y.shape[3])
        return torch.log_softmax(y.permute(0, 1, 3, 2), dim=3)


class Recurrent(nn.Module):  # type: ignore[misc]  # torch is no part of the type check
    """Takes and says what `Network` does, and fails at other fields: few convolutions, then a memory that goes over the
    whole field from both ends. 0.7 million weights."""

    def __init__(self, signs: int, heads: int = 1) -> None:
        super().__init__()
        self.classes, self.heads = signs + 1, heads

        def block(
            inputs: int, outputs: int, kernel: int = 3, stride: int = 1, padding: tuple[int, int] = (1, 1)
        ) -> nn.Module:
            return nn.Sequential(
                _convolution(inputs, outputs, (kernel, kernel), padding, stride, folded=False), nn.ReLU(inplace=True)
            )

        self.trunk = nn.Sequential(
            block(2, 32, 5, 2, (2, 2)),
            block(32, 64, stride=2),
            block(64, 64),
            nn.MaxPool2d((2, 1)),
            block(64, 128),
            block(128, 128),
            nn.MaxPool2d((2, 1)),
            block(128, 160, padding=(0, 1)),
            nn.Dropout2d(0.1),
        )
        self.memory = nn.GRU(160, 128, batch_first=True, bidirectional=True)
        self.last = nn.Linear(256, self.classes * heads)

    def forward(self, x: Tensor) -> Tensor:
        seen = self.trunk(x).squeeze(2).permute(0, 2, 1)
        with torch.autocast("cpu", enabled=False):
            remembered, _ = self.memory(seen.float())
            y: Tensor = self.last(remembered)
        return torch.log_softmax(y.reshape(*y.shape[:2], self.heads, self.classes).permute(0, 2, 1, 3), dim=3)
