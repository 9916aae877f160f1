"""Harmonic stack: what the spectrum holds at the harmonics of every F0 that could be sung.

For each F0 bin b and each harmonic h the log magnitude at exactly h * f_b is read off a spectrogram whose
window suits that frequency: long for low partials, which lie close together, short for high ones, which move
with the vibrato. A second reading is relative to the surroundings in frequency, so that a weak voice or a
dull recording still shows its partials. Compare R. Bittner, B. McFee, J. Salamon, P. Li and J. P. Bello,
"Deep salience representations for F0 estimation in polyphonic music", ISMIR 2017 (harmonic constant-Q
transform).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool1d, max_pool1d

from vocsep.spectra import SAMPLE_RATE, stft

BINS_PER_OCTAVE = 36
ANCHOR = 55.0  # Hz, F0 of bin `BELOW`
BELOW = 21  # bins under it, down to 36.7 Hz: two semitones under an octavist's E1
BINS = BELOW + 181  # F0 bins, up to 1760 Hz: two semitones above G6
TAUGHT = BELOW + 166  # bins from 55 Hz to here, up to 1320 Hz: what the shipped networks were taught on
HARMONICS = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0)
# Harmonics that are read a second time, with the next shorter window: when do notes change?
AGAIN = (1.0, 2.0, 3.0, 4.0)
READINGS = len(HARMONICS) + len(AGAIN)
WINDOWS = ((4096, 0.0), (2048, 450.0), (1024, 1800.0))  # samples, and the lowest frequency in Hz served
HOP_COARSE = 512  # samples, hop of the network: every second frame of the analysis
RANGE = 3.5  # decades of magnitude below the loudest that are seen
REFERENCE_FRAMES = 125  # frames of 32 ms to either side over which the loudest is sought: 4 s
SURROUNDINGS = 300.0  # Hz to either side


def bin_frequencies() -> Tensor:
    """F0 of each bin, ``(BINS,)`` in Hz."""
    return ANCHOR * 2.0 ** (torch.arange(-BELOW, BINS - BELOW, dtype=torch.float64) / BINS_PER_OCTAVE)


class HarmonicStack(nn.Module):
    """Harmonic stack of a signal; holds only tables.

    Args:
        harmonics: what is read at each F0 bin, in multiples of F0.
        again: harmonics that are read a second time, with the next shorter window.
        windows: samples, and the lowest frequency in Hz served, longest first.

    Shape:
        input ``(batch, samples)`` at 16 kHz -> output ``(batch, 2 * readings, BINS, frames)``, dimensionless,
        about 0 to 1; frame n is centred on sample ``n * hop``; readings = harmonics + again.
    """

    index: Tensor
    weight: Tensor
    audible: Tensor

    def __init__(
        self,
        harmonics: tuple[float, ...] = HARMONICS,
        again: tuple[float, ...] = AGAIN,
        windows: tuple[tuple[int, float], ...] = WINDOWS,
    ) -> None:
        super().__init__()
        self.windows, self.readings = windows, len(harmonics) + len(again)
        target = torch.tensor(harmonics + again, dtype=torch.float64)[:, None] * bin_frequencies()[None, :]
        second = torch.arange(self.readings)[:, None] >= len(harmonics)
        thresholds = torch.tensor([lowest for _, lowest in windows[1:]])
        window = (target[..., None] >= thresholds).sum(dim=-1) + second.long()
        window = window.clamp_max(len(windows) - 1)
        index = torch.zeros_like(target, dtype=torch.long)
        weight = torch.zeros_like(target)
        first = 0
        for number, (size, _) in enumerate(windows):
            position = target * size / SAMPLE_RATE
            low = position.floor().clamp(0, size // 2 - 1)
            index = torch.where(window == number, first + low.long(), index)
            weight = torch.where(window == number, (position - low).clamp(0, 1), weight)
            first += size // 2 + 1
        audible = target < 0.98 * SAMPLE_RATE / 2
        self.register_buffer("index", index.reshape(-1), persistent=False)
        self.register_buffer("weight", weight.reshape(-1, 1).float(), persistent=False)
        self.register_buffer("audible", audible.reshape(-1, 1).float(), persistent=False)

    def forward(self, signal: Tensor, hop: int = HOP_COARSE) -> Tensor:
        levels, contrasts, loudest = [], [], []
        for size, _ in self.windows:
            # Divided by the sum of the window, a sinusoid shows its amplitude (halved) whatever the window.
            magnitude = stft(signal, size, hop).abs() / (size / 2)
            level = (magnitude + 1e-8).log10()
            width = 2 * round(SURROUNDINGS * size / SAMPLE_RATE) + 1
            floored = torch.maximum(level, level.amax(dim=(1, 2), keepdim=True) - RANGE - 1.0)
            around = avg_pool1d(
                floored.transpose(1, 2), width, stride=1, padding=width // 2, count_include_pad=False
            ).transpose(1, 2)
            levels.append(level)
            contrasts.append(floored - around)
            loudest.append(level.amax(dim=1))
        reach = 2 * (REFERENCE_FRAMES * HOP_COARSE // hop) + 1
        top = torch.stack(loudest).amax(dim=0)
        top = max_pool1d(top[:, None], reach, stride=1, padding=reach // 2)  # (batch, 1, frames)
        relative = (self._read(torch.cat(levels, dim=1)) - top) / RANGE + 1.0
        contrast = self._read(torch.cat(contrasts, dim=1)) / 2.0
        batch, _, frames = relative.shape
        stack = torch.stack((relative.clamp(0.0, 1.0), contrast.clamp(-1.0, 1.0)), dim=1)
        stack = stack * self.audible
        return stack.reshape(batch, 2 * self.readings, BINS, frames)

    def _read(self, spectra: Tensor) -> Tensor:
        """Linear in frequency: ``(batch, all bins, frames) -> (batch, readings * BINS, frames)``."""
        low = spectra.index_select(1, self.index)
        high = spectra.index_select(1, self.index + 1)
        return torch.lerp(low, high, self.weight)


def bins_of(frequencies: Tensor) -> Tensor:
    """Position of frequencies in Hz on the axis of F0 bins (a fraction; 0 Hz gives minus infinity)."""
    return BINS_PER_OCTAVE * (torch.log2(frequencies) - math.log2(ANCHOR)) + BELOW
