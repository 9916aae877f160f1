"""From the raw outputs of a network to bounded source parameters: the right side of figure 3."""

import math

import torch
from torch import Tensor, nn

from vocsep.estimator.settings import EstimatorSettings
from vocsep.source.excitation import exponential_sigmoid
from vocsep.source.lsf import lsf_from_increments
from vocsep.source.voice import SourceParameters

FIRST_WEIGHT = 0.01  # standard deviation of the weights of the last layers: the first output varies little
FIRST_ALPHA_DB = -26.0  # of a harmonic below full scale: four voices then peak near 1
FIRST_GAIN_DB = -56.0  # noise starts 30 dB below the harmonics
NOISE_MAXIMUM = 2.0  # y_max of (7) for the magnitudes of the noise filter


def raw_from_level(level_db: float, maximum: float) -> float:
    """Inverse of (7) far below its maximum: the raw output that gives an amplitude of ``level_db``.

    >>> round(raw_from_level(-40.0, 1.0), 3)
    -2.0
    """
    return level_db / 20 - math.log10(maximum)


class FrameHead(nn.Linear):
    """Last linear layer for what varies from frame to frame: alpha, g and K + 1 increments."""

    def __init__(self, inputs: int, settings: EstimatorSettings, alpha_bias: float, gain_bias: float) -> None:
        """Begin near constants: alpha and g as the biases say, equally spaced frequencies (1/A = 1)."""
        super().__init__(inputs, 2 + settings.lsf_order + 1)
        with torch.no_grad():
            nn.init.normal_(self.weight, std=FIRST_WEIGHT)
            self.bias.zero_()
            self.bias[0], self.bias[1] = alpha_bias, gain_bias


def bounded_parameters(
    f0: Tensor, frame_raw: Tensor, noise_raw: Tensor, settings: EstimatorSettings, scale: Tensor | None = None
) -> SourceParameters:
    """Exponential sigmoids (7) and line spectral frequencies (10), (11).

    Args:
        f0: ``(batch, voices, frames)`` Hz, 0 where unvoiced.
        frame_raw: ``(batch, voices, frames, 2 + order + 1)`` output of `FrameHead`.
        noise_raw: ``(batch, voices, L)``.
        settings: bounds.
        scale: ``(batch, 1, 1)`` amplitude that alpha and g are relative to; None is 1.

    Returns:
        Source parameters.
    """
    alpha = exponential_sigmoid(frame_raw[..., 0], settings.alpha_maximum)
    gain = exponential_sigmoid(frame_raw[..., 1], settings.gain_maximum)
    return SourceParameters(
        f0=f0,
        alpha=alpha if scale is None else alpha * scale,
        gain=gain if scale is None else gain * scale,
        lsf=lsf_from_increments(frame_raw[..., 2:], settings.minimum_lsf_gap),
        noise_magnitudes=exponential_sigmoid(noise_raw, NOISE_MAXIMUM),
    )
