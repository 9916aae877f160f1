"""The default network, ours: dilated convolutions over the comb features of each voice.

All voices share the weights and hear of each other through the mean over voices of every hidden layer, so
their number may differ between training and use, and their order does not matter. Time is covered
symmetrically and finitely, so overlapping pieces of a long recording agree inside. Everything is relative to
the RMS of the excerpt, so that the loudness of a recording does not matter either.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from vocsep.estimator.decoder import scaled_midi
from vocsep.estimator.features import CombFeatures
from vocsep.estimator.heads import FrameHead
from vocsep.estimator.settings import EstimatorSettings

FEATURES_PER_BAND = 4
PITCH_FEATURES = 2
KERNEL = 3  # frames under a dilated convolution
DILATION_GROWTH = 3  # reaches 1 + 3 + 9 + 27 = 40 frames, 0.64 s, to both sides with four blocks
FIRST_RESIDUAL = 0.3  # initial scale of what a block adds
FIRST_NOISE_DB = -12.0  # noise amplitude below white noise at the mixture's mean band level


class VoiceBlock(nn.Module):
    """x + project(act(convolve(x) + exchange(mean of x over voices)))."""

    def __init__(self, units: int, dilation: int) -> None:
        """Channels and distance between the taps, in frames."""
        super().__init__()
        self.convolve = nn.Conv1d(units, units, KERNEL, padding=dilation, dilation=dilation)
        self.exchange = nn.Conv1d(units, units, 1, bias=False)
        self.project = nn.Conv1d(units, units, 1)
        with torch.no_grad():
            self.project.weight *= FIRST_RESIDUAL

    def forward(self, x: Tensor, voices: int) -> Tensor:
        """``(batch * voices, units, frames)`` -> the same shape."""
        shape = (-1, voices, *x.shape[1:])
        shared = self.exchange(x.reshape(shape).mean(1))
        hidden = (self.convolve(x).reshape(shape) + shared.unsqueeze(1)).reshape(x.shape)
        added: Tensor = self.project(leaky_relu(hidden, 0.1))
        return x + added


class CombNetwork(nn.Module):
    """Comb features and F0 -> raw parameters of each voice."""

    def __init__(self, settings: EstimatorSettings) -> None:
        """Build with ``bands``, ``units`` and ``blocks`` of the settings."""
        super().__init__()
        units = settings.units
        self.enter = nn.Linear(FEATURES_PER_BAND * settings.bands + PITCH_FEATURES, units)
        self.blocks = nn.ModuleList(VoiceBlock(units, DILATION_GROWTH**i) for i in range(settings.blocks))
        self.frame_head = FrameHead(units, settings, 0.0, 0.0)
        self.noise_head = nn.Linear(units, settings.noise_bands)
        # log10 of the bounds: in the range where (7) is exponential, raw = log10(value / maximum)
        self.log_maxima = math.log10(settings.alpha_maximum), math.log10(settings.gain_maximum)

    def forward(self, comb: CombFeatures, f0: Tensor) -> tuple[Tensor, Tensor]:
        """Raw parameters: what the network adds, in the logarithm, to the closed-form guesses at alpha and g.

        Args:
            comb: features.
            f0: ``(batch, voices, frames)`` Hz.

        Returns:
            frame_raw: ``(batch, voices, frames, 2 + order + 1)``.
            noise_raw: ``(batch, voices, L)``, from the mean over frames.
        """
        batch, voices, frames = f0.shape
        pitch = torch.stack([4 * scaled_midi(f0) - 2, (f0 > 0).to(f0)], -1)
        entered = leaky_relu(self.enter(torch.cat([comb.features, pitch], -1)), 0.1)
        x = entered.reshape(batch * voices, frames, -1).transpose(1, 2)
        for block in self.blocks:
            x = block(x, voices)
        hidden = x.transpose(1, 2).reshape(batch, voices, frames, -1)
        raw = self.frame_head(hidden)
        guess = torch.zeros_like(raw)
        guess[..., 0] = comb.log_alpha / math.log(10) - self.log_maxima[0]
        first_gain = comb.log_gain / math.log(10) + FIRST_NOISE_DB / 20 - self.log_maxima[1]
        guess[..., 1] = first_gain.expand_as(f0)
        return raw + guess, self.noise_head(hidden.mean(2))
