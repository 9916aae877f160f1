"""The block that the pitch networks are built of."""

import torch
from torch import Tensor, nn


class TimeBlock(nn.Module):
    """Residual block: looks along time as far as its dilation reaches, then mixes its channels.

    Shape:
        ``(batch, channels, F0 bins, frames) -> `` the same.
    """

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.along = nn.Conv2d(channels, channels, (3, 3), padding=(1, dilation), dilation=(1, dilation))
        self.mix = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        # In place, as the gradient of a convolution asks for its input and not for its output.
        mixed: Tensor = self.mix(torch.relu_(self.along(x)))
        return mixed.add_(x).relu_()
