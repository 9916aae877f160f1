"""U-Net with F0 control: the supervised baseline of the paper (section IV-C).

D. Petermann, P. Chandna, H. Cuesta, J. Bonada and E. Gomez, "Deep learning based source separation applied
to choir ensembles", ISMIR 2020: a U-Net looks at the magnitude spectrogram of the mixture and masks it; the
F0 of one voice tells it which voice is wanted (feature-wise linear modulation, FiLM, after G. Meseguer-Brocal
and G. Peeters, "Conditioned-U-Net", ISMIR 2019). One voice at a time; the same weights serve all voices.

FiLM is applied once, to the spectrogram before the first layer: a scale and a shift for each bin and frame,
as the authors of the paper have it in the code of their experiments; deeper down harmonics have no bins of
their own. What neither paper says is chosen here: the control is a Gaussian around the exact F0, not around
the nearest bin; rectifiers follow the layers of the control network; the network sees magnitudes of a chunk
divided by their maximum.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from vocsep.estimator.network_settings import NetworkSettings
from vocsep.spectra import HOP, stft

UNET_FFT = 1024  # samples at 16 kHz: the window; the hop is HOP, so its frames are those of the F0
BINS = UNET_FFT // 2 + 1
LOWEST = 32.703  # Hz, C1: the control's first bin
BINS_AN_OCTAVE = 60  # of the control: 20 cents each
CONTROL_BINS = 6 * BINS_AN_OCTAVE + 1
CONTROL_UNITS = (16, 64, 256)  # of the control network's convolutions over time
CONTROL_FRAMES = 10  # each of them sees so many frames
DROPPED_LAYERS = 3  # innermost layers of the decoder that learn with dropout

# ``small`` is the default, ``published`` has the published size.
PRESETS: dict[str, dict[str, Any]] = {"small": {}, "published": {"base_channels": 16}}
BOUNDS = {"base_channels": (1, 128), "layers": (1, 7), "dropout": (0.0, 0.9)}


@dataclass(frozen=True)
class UnetSettings(NetworkSettings):
    """What a U-Net is made of.

    Attributes:
        base_channels: of the first layer; each layer has twice those of the one before. 16 is published; 8
            learns twice as fast.
        layers: of the encoder and of the decoder; each halves (doubles) bins and frames.
        dropout: share of channels left out of the innermost decoder layers while learning.

    Raises:
        SettingsError: a value is of the wrong kind or outside its bounds.
    """

    network: ClassVar[str] = "U-Net"
    bounds: ClassVar[Mapping[str, tuple[float, float]]] = BOUNDS
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS

    base_channels: int = 8
    layers: int = 6
    dropout: float = 0.5

    def __post_init__(self) -> None:
        self.check_bounds()


def control_of(f0: Tensor) -> Tensor:
    """What tells the network which voice is wanted: a bump around its F0.

    Args:
        f0: ``(..., frames)`` Hz, 0 = unvoiced.

    Returns:
        ``(..., CONTROL_BINS, frames)``: a Gaussian of one bin (20 cents) around F0, clamped into the six
        octaves from C1; bin 0 is 1 where the voice is unvoiced, and nothing else.
    """
    bins = torch.arange(1, CONTROL_BINS, device=f0.device, dtype=torch.float32)
    place = 1 + BINS_AN_OCTAVE * torch.log2(f0.clamp_min(LOWEST) / LOWEST)
    place = place.clamp_max(CONTROL_BINS - 1)
    bump = torch.exp(-0.5 * (bins[:, None] - place[..., None, :]).square())
    voiced = (f0 > 0)[..., None, :]
    return torch.cat([(~voiced).float(), bump * voiced], dim=-2)


class ControlNetwork(nn.Module):
    """Scale and shift of each bin and frame of the spectrogram, from the F0 of the wanted voice."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        sizes = (CONTROL_BINS, *CONTROL_UNITS)
        for before, after in itertools.pairwise(sizes):
            # Even kernels: one frame more is seen of the past than of the future.
            pad = nn.ConstantPad1d((CONTROL_FRAMES // 2, CONTROL_FRAMES - 1 - CONTROL_FRAMES // 2), 0.0)
            layers += [pad, nn.Conv1d(before, after, CONTROL_FRAMES), nn.ReLU()]
        self.code = nn.Sequential(*layers)
        self.scale = nn.Conv1d(CONTROL_UNITS[-1], BINS, 1)
        self.shift = nn.Conv1d(CONTROL_UNITS[-1], BINS, 1)

    def forward(self, f0: Tensor) -> tuple[Tensor, Tensor]:
        """``(batch, frames)`` Hz -> scale and shift, ``(batch, BINS, frames)`` each."""
        code = self.code(control_of(f0))
        return self.scale(code), self.shift(code)


class Unet(nn.Module):
    """Mask of the wanted voice from the mixture's magnitudes.

    Args:
        settings: sizes; the default has 3.0 million parameters, the published one 10.3 million.
    """

    def __init__(self, settings: UnetSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or UnetSettings()
        depth = self.settings.layers
        widths = [1] + [self.settings.base_channels * 2**layer for layer in range(depth)]
        self.control = ControlNetwork()
        self.encoder = nn.ModuleList(
            nn.Sequential(_strided(nn.Conv2d, a, b), nn.BatchNorm2d(b), nn.LeakyReLU(0.2))
            for a, b in itertools.pairwise(widths)
        )
        # From the innermost layer outwards; all but the first also see the encoder's layer of their size.
        self.decoder = nn.ModuleList(
            _strided(nn.ConvTranspose2d, widths[n] * (1 if n == depth else 2), widths[n - 1])
            for n in range(depth, 0, -1)
        )
        self.after = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(widths[n - 1]),
                nn.ReLU(),
                nn.Dropout2d(self.settings.dropout if depth - n < DROPPED_LAYERS else 0.0),
            )
            for n in range(depth, 1, -1)
        )

    def forward(self, magnitudes: Tensor, f0: Tensor) -> Tensor:
        """Mask of one voice for each example.

        Args:
            magnitudes: ``(batch, BINS, frames)`` of the mixture, at any level.
            f0: ``(batch, frames)`` Hz of the wanted voice, 0 = unvoiced.

        Returns:
            ``(batch, BINS, frames)`` within 0 .. 1.
        """
        scale, shift = self.control(f0)
        peak = magnitudes.amax(dim=(1, 2), keepdim=True).clamp_min(1e-9)
        x = (magnitudes / peak * scale + shift)[:, None]
        x = x.contiguous(memory_format=torch.channels_last)
        skips = [x]
        for layer in self.encoder:
            skips.append(layer(skips[-1]))
        x = skips.pop()
        for n, layer in enumerate(self.decoder):
            wanted = skips[-1].shape[-2:]  # odd sizes have two candidates for their double
            x = layer(x, output_size=wanted)
            skip = skips.pop()
            if n < len(self.after):
                x = torch.cat([self.after[n](x), skip], dim=1)
        return torch.sigmoid(x[:, 0].float())


def _strided(kind: type[nn.Conv2d] | type[nn.ConvTranspose2d], before: int, after: int) -> Any:
    return kind(before, after, kernel_size=5, stride=2, padding=2)


def magnitudes_of(signal: Tensor) -> Tensor:
    """Magnitude spectrogram that the U-Net sees, ``(..., samples) -> (..., BINS, frames)``."""
    return stft(signal, UNET_FFT, HOP).abs()
