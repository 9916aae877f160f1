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
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import conv1d, pad

from vocsep.spectra import HOP, SAMPLE_RATE

Array = NDArray[np.float64]

EVERY = 64  # samples between those of a demodulated partial
PARTIALS, TOP = 10, 3_500.0  # looked at, and Hz below which they are
BANDWIDTH = 2.2  # periods of the line in the window that keeps its other partials out
FLOOR = 0.02  # share of a partial's energy that noise has at least
ALIKE = 0.01  # of an amplitude's energy: keeps two equal contours apart
SILENT = 1e-14  # power
BLOCK, LONGEST = (
    16,
    32,
)  # frames whose windows are summed together, and half of a window that reaches no further


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
        self.energies: dict[int, Tensor] = {}

    def costs(self, offsets: Tensor, half: int, partials: int) -> Tensor:
        """Negative log likelihood of contours in windows around each frame.

        Args:
            offsets: ``(pairs, 2, frames)`` semitones from the line.
            half: of a window, in samples of `EVERY`; at most ``2 * BLOCK``.
            partials: how many are looked at, at most.

        Returns:
            ``(pairs, frames)`` nats.
        """
        return self._left(self._products(offsets, partials), half)[0]

    def costs_and_slopes(self, offsets: Tensor, half: int, partials: int) -> tuple[Tensor, Tensor]:
        """`costs`, and the gradient of their sum, ``(pairs, 2, frames)`` nats a semitone.

        The gradient is written out, since autograd takes half as long again to twice as long. With a, b, c
        the windowed means of conj(w1) y, conj(w2) y and conj(w1) w2 for waves w, a share r = (E - X / D) / E
        is left, where X = own (|a|^2 + |b|^2) - 2 Re(conj(a) c b) and D = own^2 - |c|^2; all three turn with
        the phases.
        """
        products = self._products(offsets, partials)
        cost, slopes_of_means = self._left(products, half)
        slopes = spread(slopes_of_means, half, products.shape[-1])
        number = torch.arange(1, products.shape[2] + 1)[:, None] * 2.0
        turned = ((slopes.conj() * products).imag * number).sum(dim=2)  # (pairs, 3, samples)
        phase = turned[:, :2] + turned[:, 2:] * torch.tensor([[1.0], [-1.0]])
        later = phase.flip(-1).cumsum(dim=-1).flip(-1) * (2 * math.pi * EVERY / SAMPLE_RATE)
        sample = later * self.hertz * torch.exp2(self._drawn(offsets) / 12) * (math.log(2) / 12)
        gradient = torch.zeros_like(offsets)
        gradient.index_add_(-1, self.before, sample * (1 - self.share))
        gradient.index_add_(-1, self.before + 1, sample * self.share)
        return cost, gradient

    def _drawn(self, offsets: Tensor) -> Tensor:
        """Contours at the samples of demodulated partials."""
        return offsets[..., self.before] * (1 - self.share) + offsets[..., self.before + 1] * self.share

    def _products(self, offsets: Tensor, partials: int) -> Tensor:
        """conj(w1) y, conj(w2) y and conj(w1) w2 of each partial, ``(pairs, 3, partials, samples)``."""
        heard = self.partials[:partials]
        turned = torch.cumsum(self.hertz * (torch.exp2(self._drawn(offsets) / 12) - 1), dim=-1)
        angle = turned * (2 * math.pi * EVERY / SAMPLE_RATE)
        wave = torch.polar(torch.ones_like(angle), angle)
        waves = wave.new_empty(*wave.shape[:2], len(heard), wave.shape[-1])
        waves[:, :, 0] = wave
        for number in range(1, len(heard)):
            waves[:, :, number] = waves[:, :, number - 1] * wave
        products = wave.new_empty(len(wave), 3, len(heard), wave.shape[-1])
        torch.mul(waves.conj(), heard, out=products[:, :2])
        torch.mul(waves[:, 0].conj(), waves[:, 1], out=products[:, 2])
        return products

    def _left(self, products: Tensor, half: int) -> tuple[Tensor, Tensor]:
        """`costs`, and what their sum changes by with the means of ``products``: half of its gradient,
        ``(pairs, 3, partials, frames)``."""
        means = windowed(products, half, self.frames)
        one, other, both = means.unbind(dim=1)
        if half not in self.energies:
            self.energies[half] = windowed(self.partials.abs().square(), half, self.frames)
        energy = self.energies[half][: products.shape[2]]
        own = 1 + ALIKE
        crossed = both * other
        explained = own * (_power(one) + _power(other)) - 2 * (one.conj() * crossed).real
        apart = own**2 - _power(both)
        share = explained / apart
        left = (energy - share).clamp_min(0) + FLOOR * energy + SILENT
        cost = torch.log(left / (energy * (1 + FLOOR) + SILENT)).sum(dim=1)
        lever = (energy > share) / (left * apart)
        slopes = torch.empty_like(means)
        slopes[:, 0] = lever * (crossed - own * one)
        slopes[:, 1] = lever * (one * both.conj() - own * other)
        slopes[:, 2] = lever * (one * other.conj() - share * both)
        return cost, slopes


@cache
def _window(half: int) -> Tensor:
    """Hann windows around `BLOCK` frames, ``(samples, BLOCK)``; each sums up to 1."""
    rows = BLOCK * (HOP // EVERY) + 2 * half
    away = torch.arange(rows)[:, None] - half - torch.arange(BLOCK) * (HOP // EVERY)
    return torch.cos(math.pi * away / (2 * (half + 1))).square() * (away.abs() <= half) / (half + 1)


def windowed(values: Tensor, half: int, frames: int) -> Tensor:
    """Weighted means in windows around all frames, ``(..., samples)`` to ``(..., frames)``: of some
    neighbouring frames at a time, since windows are much shorter than stretches."""
    if values.is_complex():
        return torch.complex(windowed(values.real, half, frames), windowed(values.imag, half, frames))
    step, blocks = BLOCK * (HOP // EVERY), -(-frames // BLOCK)
    padded = pad(values, (half, blocks * step + half - values.shape[-1]))
    rows = padded.unfold(-1, step + 2 * half, step).reshape(-1, step + 2 * half)
    return (rows @ _window(half)).reshape(*values.shape[:-1], blocks * BLOCK)[..., :frames]


def spread(values: Tensor, half: int, samples: int) -> Tensor:
    """The transpose of `windowed`: ``(..., frames)`` to ``(..., samples)``."""
    if values.is_complex():
        return torch.complex(spread(values.real, half, samples), spread(values.imag, half, samples))
    step, blocks = BLOCK * (HOP // EVERY), -(-values.shape[-1] // BLOCK)
    padded = pad(values, (0, blocks * BLOCK - values.shape[-1])).reshape(*values.shape[:-1], blocks, BLOCK)
    parts = padded @ _window(half).T
    total = pad(parts[..., :step].flatten(-2), (0, 2 * half))
    total[..., step:] += pad(parts[..., step:], (0, step - 2 * half)).flatten(-2)[..., : -(step - 2 * half)]
    return total[..., half : half + samples]


def _power(values: Tensor) -> Tensor:
    return values.real.square() + values.imag.square()
