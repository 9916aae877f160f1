"""The default network, ours: dilated convolutions over the comb features of each voice.

All voices share the weights (parts may have a last block and heads of their own) and hear of each other
through the mean over voices of every hidden layer, so their number may differ between training and use, and
their order does not matter. Time is covered symmetrically and finitely, so overlapping pieces of a long
recording agree inside. Everything is relative to the RMS of the excerpt, so that the loudness of a recording
does not matter either.

By default it hears one frame in four: parameters every 64 ms, linear in between, separate as well as
parameters every 16 ms do (docs/measurements.md).
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from vocsep.estimator.decoder import scaled_midi
from vocsep.estimator.features import CombFeatures, upsampled
from vocsep.estimator.heads import FrameHead
from vocsep.estimator.parts import SHARED, decode_voices
from vocsep.estimator.settings import EstimatorSettings
from vocsep.estimator.voice_block import VoiceBlock

FEATURES_PER_BAND = 4
PITCH_FEATURES = 2
DILATION_GROWTH = 3  # three blocks reach 1 + 3 + 9 = 13 of the frames that are heard, 0.83 s, to both sides
FIRST_NOISE_DB = -12.0  # noise amplitude below white noise at the mixture's mean band level


class PartDecoder(nn.Module):
    """The last block and the heads, for one part alone."""

    def __init__(self, settings: EstimatorSettings) -> None:
        """Build with ``units`` and ``blocks`` of the settings."""
        super().__init__()
        self.block = VoiceBlock(settings.units, DILATION_GROWTH ** (settings.blocks - 1))
        self.frame_head = FrameHead(settings.units, settings, 0.0, 0.0)
        self.noise_head = nn.Linear(settings.units, settings.noise_bands)


class CombNetwork(nn.Module):
    """Comb features and F0 -> raw parameters of each voice."""

    def __init__(self, settings: EstimatorSettings) -> None:
        """Build with ``bands``, ``units`` and ``blocks`` of the settings."""
        super().__init__()
        units, self.step = settings.units, settings.frame_step
        self.enter = nn.Linear(FEATURES_PER_BAND * settings.bands + PITCH_FEATURES, units)
        self.blocks = nn.ModuleList(VoiceBlock(units, DILATION_GROWTH**i) for i in range(settings.blocks))
        self.frame_head = FrameHead(units, settings, 0.0, 0.0)
        self.noise_head = nn.Linear(units, settings.noise_bands)
        self.part_decoders = nn.ModuleList(PartDecoder(settings) for _ in settings.decoders)
        # log10 of the bounds: in the range where (7) is exponential, raw = log10(value / maximum)
        self.log_maxima = math.log10(settings.alpha_maximum), math.log10(settings.gain_maximum)

    def begin_decoders(self) -> None:
        """Let the decoders of parts begin as the shared one."""
        for part in self.part_decoders:
            for name in ("block", "frame_head", "noise_head"):
                shared = self.blocks[-1] if name == "block" else self.get_submodule(name)
                part.get_submodule(name).load_state_dict(shared.state_dict())

    def forward(
        self, comb: CombFeatures, f0: Tensor, decoders: Sequence[int], stride: int = 1
    ) -> tuple[Tensor, Tensor]:
        """Raw parameters: what the network adds, in the logarithm, to the closed-form guesses at alpha and g.

        Args:
            comb: features of every ``frame_step``-th frame, guesses of every frame.
            f0: ``(batch, voices, frames)`` Hz.
            decoders: which one reads each voice (`vocsep.estimator.parts`).
            stride: frames between those that are wanted. Of the frames that are heard the last block computes
                no others, if it is a multiple of the step.

        Returns:
            frame_raw: ``(batch, voices, wanted frames, 2 + order + 1)``.
            noise_raw: ``(batch, voices, L)``, from the mean over these frames.
        """
        heard = f0[..., :: self.step]
        pitch = torch.stack([4 * scaled_midi(heard) - 2, (heard > 0).to(heard)], -1)
        among, between = divmod(stride, self.step)
        entered = leaky_relu(self.enter(torch.cat([comb.features, pitch], -1)), 0.1)
        x = entered.transpose(1, 2)
        for block in self.blocks[:-1]:
            x = block(x)

        def decode(which: int, voices: list[int]) -> tuple[Tensor, Tensor]:
            own = self if which == SHARED else self.part_decoders[which]
            block = self.blocks[-1] if which == SHARED else own.get_submodule("block")
            all_voices = len(voices) == x.shape[2]
            some, mean = (x, None) if all_voices else (x[:, :, voices], x.mean(2))
            hidden = block(some, mean, 1 if between else among)
            frame_raw: Tensor = own.get_submodule("frame_head")(hidden)
            noise_raw: Tensor = own.get_submodule("noise_head")(hidden.mean(1))
            return frame_raw.transpose(1, 2), noise_raw

        raw, noise_raw = decode_voices(decoders, decode)
        if between:
            raw = upsampled(raw, f0.shape[-1], self.step)[..., ::stride, :]
        guess = torch.zeros_like(raw)
        guess[..., 0] = comb.log_alpha[..., ::stride] / math.log(10) - self.log_maxima[0]
        first_gain = comb.log_gain[..., ::stride] / math.log(10) + FIRST_NOISE_DB / 20 - self.log_maxima[1]
        guess[..., 1] = first_gain.expand_as(guess[..., 1])
        return raw + guess, noise_raw
