"""What the mixture shows around one voice's track: the crop of the harmonic stack that F0 refinement sees.

The first estimate judges every F0 in every frame alike and knows nothing of voices. Once there are tracks,
each voice can be looked at again: a band of `REACH` bins to either side of its track, in which its partials
stand still, together with where the partials of all other voices lie.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vocsep.pitch.harmonic_stack import (
    ALL,
    BELOW,
    BINS,
    BINS_PER_OCTAVE,
    READINGS,
    TAUGHT,
    HarmonicStack,
    bins_of,
    log_magnitudes,
)
from vocsep.spectra import HOP

REACH = 12  # F0 bins to either side of the track: 4 semitones
OFFSETS = 2 * REACH + 1
OTHERS = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)  # harmonics at which partials of other voices are looked for
PARTIALS = 20  # of each other voice
WIDTH = 1.0  # bins, of a partial on the axis of frequency
FARTHEST = 12.0  # widths from a partial: nothing is left of it
# Shorter windows than the salience network's: how pitch moves in a glide or a consonant, once it is known
# roughly.
SHORT_HARMONICS = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)
SHORT_AGAIN = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
SHORT_WINDOWS = ((2048, 0.0), (1024, 700.0), (512, 2000.0))
SHORT_READINGS = len(SHORT_HARMONICS) + len(SHORT_AGAIN)
CHANNELS = (
    2 * READINGS + 2 * SHORT_READINGS + 1 + len(OTHERS) + 1
)  # stacks, salience, other voices' partials, voiced so far


def short_stack() -> HarmonicStack:
    """The stack of short windows."""
    return HarmonicStack(SHORT_HARMONICS, SHORT_AGAIN, SHORT_WINDOWS)


class BothStacks(nn.Module):
    """The salience network's stack and that of short windows, with a frame every `HOP` samples.

    Shape:
        ``(batch, samples) -> (batch, 2 * READINGS + 2 * SHORT_READINGS, BINS, frames)``
    """

    def __init__(self) -> None:
        super().__init__()
        self.long, self.short = HarmonicStack(), short_stack()

    def forward(self, signal: Tensor, frames: slice = ALL) -> Tensor:
        stacks = self.long, self.short
        sizes = sorted({size for stack in stacks for size, _ in stack.windows})
        levels = {size: log_magnitudes(signal, size, HOP) for size in sizes}
        return torch.cat([stack.read(levels, HOP, frames) for stack in stacks], dim=1)


def bins_of_tracks(pitch: NDArray[np.float64]) -> Tensor:
    """Tracks ``(voices, frames)`` in semitones (69 = 440 Hz) on the axis of F0 bins, a fraction."""
    return bins_of(torch.from_numpy(440.0 * 2 ** ((pitch - 69) / 12))).float()


def partial_map(bins: Tensor, voiced: Tensor) -> Tensor:
    """Where the partials of each voice lie: 1 on a partial, falling as a Gaussian of `WIDTH`.

    Args:
        bins: ``(voices, frames)`` F0 on the axis of F0 bins.
        voiced: ``(voices, frames)`` boolean.

    Returns:
        ``(voices, height, frames)`` on the same axis, continued upwards to the highest of `OTHERS`.
    """
    height = BINS + math.ceil(BINS_PER_OCTAVE * math.log2(OTHERS[-1])) + 1
    axis = torch.arange(height, device=bins.device, dtype=bins.dtype)[:, None]
    away = axis - bins[:, None, :]
    # The nearest partial is the one below or the one above.
    below = torch.exp2(away / BINS_PER_OCTAVE).floor_().clamp_(1, PARTIALS)
    above = (below + 1).clamp_(max=PARTIALS)
    nearest = torch.minimum(*((away - BINS_PER_OCTAVE * number.log2_()).abs_() for number in (below, above)))
    # Bounded, as an exponential that underflows takes many times as long.
    shown = nearest.clamp_(max=FARTHEST * WIDTH).div_(WIDTH).square_().mul_(-0.5).exp_()
    return shown * voiced[:, None, :]


def refiner_features(stack: Tensor, salience: Tensor, bins: Tensor, voiced: Tensor) -> Tensor:
    """Crops for all voices of a stretch.

    Args:
        stack: ``(2 * READINGS + 2 * SHORT_READINGS, BINS, frames)``, of both harmonic stacks.
        salience: ``(BINS, frames)``, the first estimate, 0 to 1.
        bins: ``(voices, frames)`` the tracks on the axis of F0 bins, continued through silence.
        voiced: ``(voices, frames)`` boolean, where the tracks say that the voice sings.

    Returns:
        ``(voices, CHANNELS, OFFSETS, frames)``; the middle row is the bin nearest to the track, and what lies
        outside of the bins that the refiner was taught is 0.
    """
    voices = len(bins)
    offsets = torch.arange(-REACH, REACH + 1, device=bins.device)
    rows = bins.round().long()[:, None, :] + offsets[None, :, None]  # (voices, OFFSETS, frames)
    inside = (rows >= BELOW) & (rows < TAUGHT)
    seen = torch.cat((stack, salience[None]))
    rows_inside = rows.clamp(0, BINS - 1)
    index = rows_inside[:, None].expand(-1, len(seen), -1, -1)
    crop = seen.expand(voices, -1, -1, -1).gather(2, index) * inside[:, None]
    maps = partial_map(bins, voiced)
    others = torch.stack(
        [maps[[k for k in range(voices) if k != voice]].amax(dim=0) for voice in range(voices)]
        if voices > 1
        else [torch.zeros_like(maps[0])]
    )
    covered = []
    for harmonic in OTHERS:
        shift = round(BINS_PER_OCTAVE * math.log2(harmonic))
        covered.append(others.gather(1, rows_inside + shift))
    state = voiced[:, None, None, :].to(crop.dtype).expand(-1, 1, OFFSETS, -1)
    return torch.cat((crop, torch.stack(covered, dim=1), state), dim=1)
