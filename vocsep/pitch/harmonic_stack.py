"""Harmonic stack: what the spectrum holds at the harmonics of every F0 that could be sung.

For each F0 bin b and each harmonic h the log magnitude at exactly h * f_b is read off a spectrogram whose
window suits that frequency: long for low partials, which lie close together, short for high ones, which move
with the vibrato. A second reading is relative to the surroundings in frequency, so that a weak voice or a
dull recording still shows its partials. Compare R. Bittner, B. McFee, J. Salamon, P. Li and J. P. Bello,
"Deep salience representations for F0 estimation in polyphonic music", ISMIR 2017 (harmonic constant-Q
transform).
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool1d, pad

from vocsep.spectra import SAMPLE_RATE, power, stft

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
BLOCK = 64  # frames that are read at a time
ALL = slice(None)


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
    inaudible: Tensor

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
        inaudible = (target >= 0.98 * SAMPLE_RATE / 2).reshape(-1).nonzero()[:, 0]
        self.register_buffer("index", index.reshape(-1), persistent=False)
        self.register_buffer("weight", weight.reshape(-1, 1).float(), persistent=False)
        self.register_buffer("inaudible", inaudible, persistent=False)

    def forward(self, signal: Tensor, hop: int = HOP_COARSE, frames: slice = ALL) -> Tensor:
        levels = {size: log_magnitudes(signal, size, hop) for size, _ in self.windows}
        return self.read(levels, hop, frames)

    @torch.no_grad()
    def read(self, levels: Mapping[int, Tensor], hop: int, frames: slice = ALL) -> Tensor:
        """The stack, from spectrograms that may serve several stacks.

        Args:
            levels: of each window, `log_magnitudes`.
            hop: of them.
            frames: that are wanted; the others are only heard for how loud they are.

        Returns:
            ``(batch, 2 * readings, BINS, frames wanted)``.
        """
        of_windows = [levels[size] for size, _ in self.windows]
        reach = 2 * (REFERENCE_FRAMES * HOP_COARSE // hop) + 1
        loudest = torch.stack([level.amax(dim=2) for level in of_windows]).amax(dim=0)
        top = max_pool1d(loudest[:, None], reach, stride=1, padding=reach // 2)  # (batch, 1, frames)
        floors = [level.amax(dim=(1, 2), keepdim=True) - RANGE - 1.0 for level in of_windows]
        begin, end, _ = frames.indices(top.shape[-1])
        stack = top.new_empty(len(top), 2, self.readings * BINS, end - begin)
        # A few frames at a time stay in a processor's cache from the first step to the last.
        step = BLOCK if top.device.type == "cpu" else end - begin
        for first in range(begin, end, max(step, 1)):
            some = slice(first, min(first + step, end))
            parts = [
                torch.maximum(level[:, some], low) for level, low in zip(of_windows, floors, strict=True)
            ]
            contrasts = [
                part - mean_around(part, round(SURROUNDINGS * size / SAMPLE_RATE))
                for part, (size, _) in zip(parts, self.windows, strict=True)
            ]
            relative, contrast = (stack[:, kind, :, first - begin : some.stop - begin] for kind in (0, 1))
            read = self._read([level[:, some] for level in of_windows])
            relative.copy_(read.sub_(top[..., some]).div_(RANGE).add_(1.0).clamp_(0.0, 1.0))
            contrast.copy_(self._read(contrasts).div_(2.0).clamp_(-1.0, 1.0))
        stack.index_fill_(2, self.inaudible, 0.0)
        return stack.reshape(len(top), 2 * self.readings, BINS, end - begin)

    def _read(self, spectra: Sequence[Tensor]) -> Tensor:
        """Linear in frequency: ``(batch, frames, bins)`` of each window -> ``(batch, readings * BINS,
        frames)``."""
        rows = torch.cat([one.transpose(1, 2) for one in spectra], dim=1)
        return torch.lerp(rows.index_select(1, self.index), rows.index_select(1, self.index + 1), self.weight)


def log_magnitudes(signal: Tensor, size: int, hop: int) -> Tensor:
    """Decimal logarithms of amplitudes, halved, ``(batch, samples) -> (batch, frames, size // 2 + 1)``.

    Divided by the sum of the window, a sinusoid shows its amplitude whatever the window.
    """
    spectrum = stft(signal, size, hop).transpose(1, 2)
    return power(spectrum).sqrt_().mul_(2 / size).add_(1e-8).log10_()


def mean_around(level: Tensor, reach: int) -> Tensor:
    """Mean over ``reach`` bins to either side, fewer at the ends, of ``(batch, frames, bins)``."""
    bins, width = level.shape[-1], 2 * reach + 1
    sums = pad(level, (1, 0)).cumsum(dim=-1)
    within = pad(sums[..., width:] - sums[..., : bins + 1 - width], (reach, reach))
    within[..., :reach] = sums[..., reach + 1 : width]
    within[..., bins - reach :] = sums[..., -1:] - sums[..., bins + 1 - width : bins - reach]
    place = torch.arange(bins, device=level.device)
    return within.div_((place + reach + 1).clamp_max(bins) - (place - reach).clamp_min(0))


def bins_of(frequencies: Tensor) -> Tensor:
    """Position of frequencies in Hz on the axis of F0 bins (a fraction; 0 Hz gives minus infinity)."""
    return BINS_PER_OCTAVE * (torch.log2(frequencies) - math.log2(ANCHOR)) + BELOW
