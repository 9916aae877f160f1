"""The refiner: a network that looks again at one voice, with the tracks of all others at hand.

It sees the crop of the harmonic stack around a track (vocsep.pitch.refiner_features) and says, for each
frame, how likely each place within the crop is the voice's true F0, and how likely the voice is silent.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vocsep.estimator.network_settings import NetworkSettings
from vocsep.model import StoredModel, restored
from vocsep.pitch.blocks import TimeBlock
from vocsep.pitch.refiner_features import CHANNELS


@dataclass(frozen=True)
class RefinerSettings(NetworkSettings):
    """Sizes: channels of the convolutions, number of time blocks."""

    channels: int = 24
    blocks: int = 5


class RefinerNetwork(nn.Module):
    """Crop -> logits of the voice's place within it, and of silence as the last.

    Shape:
        ``(voices, CHANNELS, OFFSETS, frames) -> (voices, OFFSETS + 1, frames)``
    """

    def __init__(self, settings: RefinerSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or RefinerSettings()
        channels = self.settings.channels
        self.enter = nn.Conv2d(CHANNELS, channels, (5, 3), padding=(2, 1))
        self.second = nn.Conv2d(channels, channels, (3, 3), padding=1)
        self.blocks = nn.Sequential(*(TimeBlock(channels, 2**i) for i in range(self.settings.blocks)))
        self.place = nn.Conv2d(channels, 1, 1)
        self.silent = nn.Sequential(
            nn.Conv1d(2 * channels, channels, 3, padding=1), nn.ReLU(), nn.Conv1d(channels, 1, 1)
        )

    def forward(self, view: Tensor) -> Tensor:
        x = torch.relu_(self.second(torch.relu_(self.enter(view))))
        x = self.blocks(x)
        pooled = torch.cat((x.amax(dim=2), x.mean(dim=2)), dim=1)
        return torch.cat((self.place(x)[:, 0], self.silent(pooled)), dim=1)


def restore_refiner(stored: StoredModel) -> RefinerNetwork:
    """A network from stored weights and settings.

    Raises:
        ModelError: settings or shapes do not fit this version's network.
    """
    return restored(lambda settings: RefinerNetwork(RefinerSettings(**settings)), stored)
