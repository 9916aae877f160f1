"""Mixture encoder of the paper, left half of figure 3."""

import torch
from torch import Tensor, nn

from vocsep.estimator.settings import EstimatorSettings
from vocsep.spectra import HOP, stft

FLOOR = 1e-5  # magnitude, before the logarithm
SMALLEST_DEVIATION = 1e-3  # nepers; the spectrogram of silence has deviation 0


def normalised_log_spectrogram(mixture: Tensor, fft_size: int) -> Tensor:
    """Log magnitudes less their mean, over their standard deviation, both over the excerpt.

    Args:
        mixture: ``(batch, samples)``.
        fft_size: samples in the window.

    Returns:
        ``(batch, frames, fft_size // 2 + 1)``.
    """
    spectrum = stft(mixture, fft_size, HOP).transpose(1, 2)
    log_magnitude = (spectrum.real.square() + spectrum.imag.square() + FLOOR**2).log() / 2
    deviation, mean = torch.std_mean(log_magnitude, (1, 2), keepdim=True)
    return (log_magnitude - mean) / deviation.clamp(min=SMALLEST_DEVIATION)


class MixtureEncoder(nn.Module):
    """Spectrogram -> recurrent layers -> latent mixture."""

    def __init__(self, settings: EstimatorSettings) -> None:
        """Build with ``encoder_units``, ``encoder_layers`` and ``latent`` of the settings."""
        super().__init__()
        bins = settings.fft_size // 2 + 1
        self.fft_size = settings.fft_size
        self.scale = nn.Parameter(torch.ones(bins))
        self.shift = nn.Parameter(torch.zeros(bins))
        self.recurrent = nn.GRU(bins, settings.encoder_units, settings.encoder_layers, batch_first=True)
        self.project = nn.Linear(settings.encoder_units, settings.latent)

    def forward(self, mixture: Tensor) -> Tensor:
        """``(batch, samples)`` -> ``(batch, frames, latent)``."""
        spectrogram = normalised_log_spectrogram(mixture, self.fft_size) * self.scale + self.shift
        hidden, _ = self.recurrent(spectrogram)
        latent: Tensor = self.project(hidden)
        return latent
