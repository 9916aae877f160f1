"""Voice decoder of the paper, right half of figure 3: latent mixture and one F0 -> raw parameters."""

import torch
from torch import Tensor, nn

from vocsep.estimator.heads import FIRST_ALPHA_DB, FIRST_GAIN_DB, FrameHead, raw_from_level
from vocsep.estimator.settings import EstimatorSettings

HIGHEST_MIDI = 127.0


def scaled_midi(f0: Tensor) -> Tensor:
    """F0 as MIDI number over 127, 0 where unvoiced; same shape.

    >>> float(scaled_midi(torch.tensor(440.0)) * 127)
    69.0
    """
    midi = 69 + 12 * torch.log2(f0.clamp(min=1e-3) / 440)
    return torch.where(f0 > 0, (midi / HIGHEST_MIDI).clamp(0, 1), 0.0)


def multi_layer_perceptron(inputs: int, units: int, layers: int = 3) -> nn.Sequential:
    """Linear layer, layer normalisation, leaky rectifier; ``layers`` times."""
    modules: list[nn.Module] = []
    for layer in range(layers):
        modules += [nn.Linear(inputs if layer == 0 else units, units), nn.LayerNorm(units), nn.LeakyReLU()]
    return nn.Sequential(*modules)


class VoiceDecoder(nn.Module):
    """The same weights for every voice."""

    def __init__(self, settings: EstimatorSettings) -> None:
        """Build with ``latent`` and ``decoder_units`` of the settings."""
        super().__init__()
        units = settings.decoder_units
        self.from_f0 = multi_layer_perceptron(1, units)
        self.from_mixture = multi_layer_perceptron(settings.latent, units)
        self.recurrent = nn.GRU(2 * units, units, batch_first=True)
        self.to_source = multi_layer_perceptron(units, units)
        self.frame_head = FrameHead(
            units,
            settings,
            raw_from_level(FIRST_ALPHA_DB, settings.alpha_maximum),
            raw_from_level(FIRST_GAIN_DB, settings.gain_maximum),
        )
        self.noise_head = nn.GRU(units, settings.noise_bands, batch_first=True)

    def forward(self, latent: Tensor, f0: Tensor) -> tuple[Tensor, Tensor]:
        """Raw parameters of each voice.

        Args:
            latent: ``(batch, frames, latent)``.
            f0: ``(batch, voices, frames)`` Hz.

        Returns:
            frame_raw: ``(batch, voices, frames, 2 + order + 1)``.
            noise_raw: ``(batch, voices, L)``, the last state of a recurrent layer.
        """
        batch, voices, frames = f0.shape
        pitch = self.from_f0(scaled_midi(f0).reshape(batch * voices, frames, 1))
        mixture = self.from_mixture(latent).repeat_interleave(voices, 0)  # a copy for each voice
        hidden, _ = self.recurrent(torch.cat([mixture, pitch], -1))
        source = self.to_source(hidden)
        _, last = self.noise_head(source)
        return self.frame_head(source).reshape(batch, voices, frames, -1), last[0].reshape(batch, voices, -1)
