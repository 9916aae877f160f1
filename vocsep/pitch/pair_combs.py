"""How well two contours near one line explain what two voices sing together.

The partials of both, demodulated with the phase of the line, are in a window

    y_k(t) = a_k exp(i k theta_1(t)) + b_k exp(i k theta_2(t)) + noise,
    theta_v(t) = 2 pi int (F0_v - F0_line) dt.

The amplitudes are constant within it, but the contours move as they do, so that the window can be longer than
the half of a vibrato: when two singers cross, each partial keeps its amplitude only on the right one of both
contours. Least squares over a_k and b_k leave a share r_k of the energy; with noise of unknown power,
``sum_k log r_k`` is the negative log likelihood of the contours up to a factor (Y. Bresler and A. Macovski,
IEEE Trans. ASSP 34(5), 1986).
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import conv1d

from vocsep.spectra import HOP, SAMPLE_RATE

Array = NDArray[np.float64]

EVERY = 64  # samples between those of a demodulated partial
PARTIALS, TOP = 10, 3_500.0  # looked at, and Hz below which they are
BANDWIDTH = 2.2  # periods of the line in the window that keeps its other partials out
FLOOR = 0.02  # share of a partial's energy that noise has at least
ALIKE = 0.01  # of an amplitude's energy: keeps two equal contours apart
SILENT = 1e-14  # power


class PairCombs:
    """Demodulated partials of two voices in a stretch of frames.

    Args:
        sound: ``(samples,)`` mono at 16 kHz, the recording without other voices.
        line: ``(all frames,)`` semitones without gaps, between both voices.
        first, last: the stretch, ``last`` excluded; at least two frames.
    """

    def __init__(self, sound: Tensor, line: Array, first: int, last: int) -> None:
        self.frames = last - first
        self.line = torch.from_numpy(line[first:last]).float()
        at = np.arange((first - 4) * HOP, (last + 4) * HOP)  # more than the window of the lowest line
        frequency = 440.0 * 2 ** ((np.interp(at / HOP, np.arange(len(line)), line) - 69) / 12)
        middle = float(np.median(frequency))
        width = int(BANDWIDTH / middle * SAMPLE_RATE) | 1
        kernel = torch.hann_window(width + 2, periodic=False)[1:-1]
        inside = torch.from_numpy((at >= 0) & (at < len(sound)))
        heard = torch.where(inside, sound[torch.from_numpy(at).clamp(0, len(sound) - 1)], 0.0)
        angle = torch.from_numpy(-2 * np.pi * (np.cumsum(frequency) / SAMPLE_RATE % 1)).float()
        turn, turned = torch.polar(torch.ones(len(at)), angle), heard.to(torch.complex64)
        rows = []
        for _ in range(max(min(PARTIALS, int(TOP / middle)), 1)):
            turned = turned * turn
            parts = conv1d(
                torch.view_as_real(turned).T[:, None],
                (kernel / kernel.sum())[None, None],
                None,
                1,
                width // 2,
            )
            rows.append(torch.complex(parts[0, 0], parts[1, 0])[4 * HOP : -4 * HOP : EVERY])
        self.partials = torch.stack(rows)  # (partials, samples)
        self.hertz = torch.from_numpy(frequency[4 * HOP : -4 * HOP : EVERY]).float()
        place = torch.arange(len(self.hertz)) * (EVERY / HOP)
        self.before = place.long().clamp(max=self.frames - 2)
        self.share = place - self.before
        self.windows: dict[int, Tensor] = {}

    def costs(self, offsets: Tensor, half: int, partials: int) -> Tensor:
        """Negative log likelihood of contours in windows around each frame.

        Args:
            offsets: ``(pairs, 2, frames)`` semitones from the line.
            half: of a window, in samples of `EVERY`.
            partials: how many are looked at, at most.

        Returns:
            ``(pairs, frames)`` nats.
        """
        heard = self.partials[:partials]
        drawn = offsets[..., self.before] * (1 - self.share) + offsets[..., self.before + 1] * self.share
        turned = torch.cumsum(self.hertz * (torch.exp2(drawn / 12) - 1), dim=-1)
        angle = (
            turned[:, :, None]
            * torch.arange(1, len(heard) + 1)[:, None]
            * (2 * math.pi * EVERY / SAMPLE_RATE)
        )
        waves = torch.polar(torch.ones_like(angle), angle)  # (pairs, 2, partials, samples)
        window = self._windows(half)
        sums = _mean(waves.conj() * heard, window)
        one, other = sums[:, 0], sums[:, 1]
        both = _mean(waves[:, 0].conj() * waves[:, 1], window)
        energy = heard.abs().square() @ window
        own = 1 + ALIKE
        explained = own * (_power(one) + _power(other)) - 2 * (one.conj() * both * other).real
        left = (energy - explained / (own**2 - _power(both))).clamp_min(0) + FLOOR * energy + SILENT
        return torch.log(left / (energy * (1 + FLOOR) + SILENT)).sum(dim=1)

    def _windows(self, half: int) -> Tensor:
        """Hann windows around all frames, ``(samples, frames)``, whose sum is 1 inside of the stretch."""
        if half not in self.windows:
            away = torch.arange(len(self.hertz))[:, None] - torch.arange(self.frames) * (HOP // EVERY)
            shape = torch.cos(math.pi * away / (2 * (half + 1))).square() * (away.abs() <= half)
            self.windows[half] = shape / (half + 1)
        return self.windows[half]


def _mean(values: Tensor, window: Tensor) -> Tensor:
    """Complex ``(..., samples)`` in windows ``(samples, frames)``."""
    return torch.complex(values.real @ window, values.imag @ window)


def _power(values: Tensor) -> Tensor:
    return values.real.square() + values.imag.square()
