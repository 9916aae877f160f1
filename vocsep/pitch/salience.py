"""The salience network: how likely each F0 is sung in each frame.

A small convolutional network over F0 bins and time on the harmonic stack. It never hears a real singer: the
sound of synthetic ones (vocsep.singers) teaches it.

All layers are convolutions, so it moves along the axis of bins and hears octavists and the highest sopranos
with what it learned between 55 and 1320 Hz. The bins beyond are looked at by themselves, with an octave of
their neighbours. The bins between see zeros beyond, as they did in training (with one look at all bins F fell
by .0002 and .0016 on two real quartets, though nobody sings out there), unless somebody sings below them:
then they must see it, or they would hear the octave of it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vocsep.errors import SettingsError
from vocsep.estimator.network_settings import NetworkSettings
from vocsep.memory import still_wanted
from vocsep.model import StoredModel, restored
from vocsep.pitch.blocks import TimeBlock
from vocsep.pitch.harmonic_stack import (
    ALL,
    BELOW,
    BINS,
    BINS_PER_OCTAVE,
    HOP_COARSE,
    READINGS,
    TAUGHT,
    HarmonicStack,
)
from vocsep.precision import fast_convolutions, laid_out
from vocsep.spectra import HOP, frame_count

NEAR = 4  # bins to either side that the first two layers see
DEEP = 10  # frames of 32 ms with a salience above .5 below `BELOW`: somebody sings there


@dataclass(frozen=True)
class SalienceSettings(NetworkSettings):
    """Sizes: channels of the convolutions, of the octave-tall branch, and number of time blocks; and ``bins``
    that it is taught on, all or (as those before the range was widened) the ones from `BELOW` to `TAUGHT`.

    Raises:
        SettingsError: another number of bins.
    """

    channels: int = 24
    tall: int = 8
    blocks: int = 4
    bins: int = TAUGHT - BELOW

    def __post_init__(self) -> None:
        if self.bins not in (TAUGHT - BELOW, BINS):
            raise SettingsError(f"bins: {self.bins} F0 bins, {TAUGHT - BELOW} or {BINS} are possible")


class SalienceNetwork(nn.Module):
    """Harmonic stack -> logits of salience.

    Shape:
        ``(batch, 2 * READINGS, BINS, frames) -> (batch, BINS, frames)``, or any number of neighbouring bins
    """

    def __init__(self, settings: SalienceSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or SalienceSettings()
        channels, tall = self.settings.channels, self.settings.tall
        self.stack = HarmonicStack()
        self.enter = nn.Conv2d(2 * READINGS, channels, (5, 3), padding=(2, 1))
        self.second = nn.Conv2d(channels, channels, (5, 3), padding=(2, 1))
        # Octave and fifth errors need a view of an octave on either side.
        self.reduce = nn.Conv2d(channels, tall, 1)
        self.tall = nn.Conv2d(tall, tall, (2 * BINS_PER_OCTAVE + 1, 1), padding=(BINS_PER_OCTAVE, 0))
        self.join = nn.Conv2d(channels + tall, channels, 1)
        self.blocks = nn.Sequential(*(TimeBlock(channels, 2**i) for i in range(self.settings.blocks)))
        self.leave = nn.Conv2d(channels, 1, 1)
        nn.init.constant_(self.leave.bias, -3.0)  # type: ignore[arg-type]

    def forward(self, stack: Tensor) -> Tensor:
        """Logits of all bins of the stack."""
        return self._judged(self._near(stack), ALL)

    def _near(self, stack: Tensor) -> Tensor:
        """The layers that see `NEAR` bins to either side, ``(batch, channels, bins, frames)``."""
        return torch.relu_(self.second(torch.relu_(self.enter(stack))))

    def _judged(self, near: Tensor, bins: slice) -> Tensor:
        """Logits of the neighbouring ``bins`` of `_near` that are wanted; the others are context."""
        first, last, _ = bins.indices(near.shape[2])
        wide = torch.relu_(self.tall(torch.relu_(self.reduce(near))))
        # What is left reaches as many bins as there are blocks: the context of an octave has been heard.
        begin, end = max(first - self.settings.blocks, 0), last + self.settings.blocks
        x = torch.relu_(self.join(torch.cat((near[:, :, begin:end], wide[:, :, begin:end]), dim=1)))
        logits: Tensor = self.leave(self.blocks(x))
        return logits[:, 0, first - begin : last - begin]

    def heard(self, stack: Tensor) -> Tensor:
        """`forward` for a network that may have been taught on the bins up to `TAUGHT` alone.

        Args:
            stack: ``(1, 2 * READINGS, BINS, frames)``.
        """
        if self.settings.bins == BINS:
            return torch.as_tensor(self(stack))
        reach = BINS_PER_OCTAVE + self.settings.blocks  # bins to either side that `_judged` sees
        # Further inside than `NEAR` it does not matter whether the bins beyond are seen: heard once.
        middle = self._near(stack[:, :, BELOW:TAUGHT])
        below = self._near(stack[:, :, : BELOW + 2 * NEAR])[:, :, : BELOW + NEAR]
        above = self._near(stack[:, :, TAUGHT - 2 * NEAR :])[:, :, NEAR:]
        low = self._judged(torch.cat((below, middle[:, :, NEAR:reach]), dim=2), slice(0, BELOW))
        high = self._judged(torch.cat((middle[:, :, -reach:-NEAR], above), dim=2), slice(reach, None))
        deep = int((low > 0).any(dim=1).sum()) >= DEEP
        if deep:
            middle = torch.cat((below, middle[:, :, NEAR:]), dim=2)
        between = self._judged(middle, slice(BELOW if deep else 0, None))
        return torch.cat((low, between, high), dim=1)

    @torch.inference_mode()
    def salience(self, signal: Tensor, frames: slice = ALL) -> Tensor:
        """Salience of a signal at every frame of the analysis.

        The network learned with a hop of 32 ms. Even and odd frames pass through it apart, so the result has
        a frame every 16 ms and each path sees what it was trained on.

        Args:
            signal: ``(samples,)`` at 16 kHz.
            frames: that are wanted; the others are context.

        Returns:
            ``(BINS, frames wanted)``, 0 to 1, frame n centred on sample ``n * HOP``.
        """
        every = HOP_COARSE // HOP
        first, last, _ = frames.indices(frame_count(signal.shape[-1]))
        reach = every * (1 + 2**self.settings.blocks)  # frames to either side that the layers see
        begin = max(first - reach, 0)
        stack = self.stack(signal[None], HOP, slice(begin, last + reach))
        result = signal.new_zeros(BINS, stack.shape[-1])
        for phase in range(every):
            still_wanted()
            part = stack[..., phase::every]
            if part.shape[-1]:
                with fast_convolutions(signal.device):
                    logits = self.heard(laid_out(part))
                result[:, phase::every] = torch.sigmoid(logits.float())[0]
        return result[:, first - begin : last - begin]


def restore_network(stored: StoredModel) -> SalienceNetwork:
    """A network from stored weights and settings.

    Raises:
        ModelError: settings or shapes do not fit this version's network.
    """
    return restored(lambda settings: SalienceNetwork(SalienceSettings(**settings)), stored)
