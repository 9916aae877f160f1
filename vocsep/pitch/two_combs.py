"""Two voices near one line: the likelihood of each pair of F0 on a grid around it, and their best path.

Two singers on one note differ by 10 to 80 cents from moment to moment, mostly by their vibratos, which the
salience shows as one peak. The partials tell them apart, since their difference grows with the number of the
partial. Demodulated with the phase of the line, partial k is in a short window the sum of two exponentials,

    y_k(t) = a_k exp(2 pi i k d1 t) + b_k exp(2 pi i k d2 t) + noise,

whose offsets d1 and d2 are the same for all partials. Least squares over the amplitudes leave a share r_k of
the energy, and if the noise of each partial is unknown, the log likelihood of (d1, d2) is ``-sum_k log r_k``,
up to a factor (maximum likelihood of superimposed signals, Y. Bresler and A. Macovski, IEEE Trans. ASSP
34(5), 1986, here for partials that are tied together). By how much a pair explains more than the best single
F0 says whether two voices sing there at all.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vocsep.spectra import HOP, SAMPLE_RATE

Array = NDArray[np.float64]

SPAN, STEP = 150.0, 5.0  # cents to either side of the line, and between places of the grid
WINDOW = 0.048  # s; vibratos move by 30 cents within half of it
RATE = 500  # samples a second of a demodulated partial
PARTIALS, TOP = 14, 4_000.0  # looked at, and Hz below which they are
BANDWIDTH = 2.2  # periods of the line in the window that keeps its other partials out
FLOOR = 0.02  # share of a partial's energy that noise has at least
ALIKE = 0.01  # of an amplitude's energy: keeps two equal offsets apart
GLIDE = 0.02  # nats a cent that a voice moves against the line from frame to frame
BLOCK = 128  # frames looked at together


@dataclass(frozen=True)
class Pairs:
    """Two offsets from a line for each frame.

    Attributes:
        cents: ``(2, frames)``, the higher first.
        gain: ``(frames,)`` nats by which the best pair explains more than the best single F0.
    """

    cents: Array
    gain: Array


def grid(span: float = SPAN, step: float = STEP) -> Array:
    """Offsets from the line, in cents."""
    return np.arange(-span, span + step / 2, step)


def best_pairs(
    audio: NDArray[np.float32], line: Array, first: int, span: float = SPAN, step: float = STEP
) -> Pairs:
    """The best path of pairs along a line.

    Args:
        audio: ``(samples,)`` mono at 16 kHz, the whole recording.
        line: ``(frames,)`` semitones without gaps, at least one.
        first: the recording's frame at which the line begins.
        span, step: of the `grid`.
    """
    cents = grid(span, step)
    places = len(cents)
    one, other = np.triu_indices(places)
    frequency = 440.0 * 2 ** ((line - 69) / 12)
    table = np.empty((len(line), places, places), np.float32)
    for begin in range(0, len(line), BLOCK):
        own = slice(begin, begin + BLOCK)
        explained = pair_likelihood(audio, frequency, first, np.arange(len(line))[own], cents).numpy()
        table[own, one, other] = table[own, other, one] = explained
    single = np.diagonal(table, axis1=1, axis2=2).max(axis=1)
    path = _best_path(-table, GLIDE * step)
    return Pairs(-np.sort(-cents[path].T, axis=0), (table.max(axis=(1, 2)) - single).astype(np.float64))


def pair_likelihood(
    audio: NDArray[np.float32],
    frequency: Array,
    first: int,
    wanted: NDArray[np.int64],
    cents: Array,
) -> Tensor:
    """Log likelihood of each pair of places of the grid.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        frequency: ``(frames,)`` Hz of the line. first: the recording's frame at which it begins.
        wanted: frames of the line that are looked at.
        cents: the `grid`.

    Returns:
        ``(frames, pairs)`` nats, pairs as in ``numpy.triu_indices``.
    """
    places = torch.from_numpy(np.exp2(cents / 1200) - 1).float()
    one, other = torch.triu_indices(len(places), len(places))
    pitch = torch.from_numpy(frequency[wanted]).float()
    partials = demodulated(audio, frequency, first, wanted)
    count = partials.shape[-1]
    time = (torch.arange(count) - count // 2) / RATE
    window = torch.hann_window(count + 2, periodic=False)[1:-1]
    window = window / window.sum()
    total = torch.zeros(len(wanted), len(one))
    for number, partial in enumerate(partials, start=1):
        offset = number * pitch[:, None] * places  # Hz, (frames, places)
        waves = torch.polar(window.expand(*offset.shape, -1), -2 * math.pi * offset[..., None] * time)
        sums = torch.einsum("npt,nt->np", waves, partial)
        energy = (partial.abs().square() * window).sum(dim=-1, keepdim=True)
        alike = _of_window(window, time, offset[:, other] - offset[:, one])
        power, own = sums.abs().square(), 1 + ALIKE
        both = (sums[:, one].conj() * sums[:, other]).real
        explained = own * (power[:, one] + power[:, other]) - 2 * alike * both
        left = 1 - explained / (own**2 - alike.square()) / energy.clamp_min(1e-12)
        total -= (number * pitch < TOP)[:, None] * torch.log(left.clamp_min(0) + FLOOR)
    return total


def _of_window(window: Tensor, time: Tensor, offset: Tensor) -> Tensor:
    """Fourier transform of a symmetric window at offsets in Hz, by a table."""
    most = float(offset.abs().max()) + 1
    table = torch.cos(2 * math.pi * torch.linspace(0, most, 2000)[:, None] * time) @ window
    return table[(offset.abs() * (1999 / most)).round().long()]


def demodulated(
    audio: NDArray[np.float32], frequency: Array, first: int, wanted: NDArray[np.int64]
) -> Tensor:
    """Partials around frames, without the turning that the line explains, and without other partials.

    Args:
        audio, frequency, first, wanted: as in `pair_likelihood`.

    Returns:
        ``(partials, frames, samples at RATE)``, complex.
    """
    step, half = SAMPLE_RATE // RATE, round(WINDOW * RATE) // 2
    width = round(BANDWIDTH * SAMPLE_RATE / float(np.median(frequency))) | 1
    smooth = np.hanning(width + 2)[1:-1]
    reach = half * step + width // 2
    around = np.arange(-reach, reach + 1)
    frames = np.arange(len(frequency))
    at = wanted[:, None] + around / HOP
    # The phase from the middle of each window on; a constant is nothing to an amplitude.
    angle = np.cumsum(np.interp(at, frames, frequency), axis=1) * (2 * np.pi / SAMPLE_RATE)
    sample = (first + wanted[:, None]) * HOP + around
    inside = (sample >= 0) & (sample < len(audio))
    sound = np.where(inside, audio[sample.clip(0, len(audio) - 1)], 0.0)
    kernel = np.zeros((len(around), 2 * half + 1), np.float32)
    for place in range(2 * half + 1):
        kernel[place * step : place * step + width, place] = 2 * smooth / smooth.sum()
    turn = torch.polar(torch.ones(angle.shape), torch.from_numpy(-np.mod(angle, 2 * np.pi)).float())
    turned = torch.from_numpy(sound).to(torch.complex64)
    low = torch.from_numpy(kernel).to(torch.complex64)
    found = []
    for _ in range(min(PARTIALS, int(TOP / frequency.min()) + 1)):
        turned = turned * turn
        found.append(turned @ low)
    return torch.stack(found)


def _best_path(cost: NDArray[np.float32], glide: float) -> NDArray[np.int64]:
    """The cheapest path through tables of costs (A. J. Viterbi, 1967), when a step costs its distance.

    Args:
        cost: ``(frames, places, places)``, symmetric. glide: of a step to the next place.

    Returns:
        ``(frames, 2)`` places.
    """
    places = np.arange(cost.shape[1])
    lean = glide * places.astype(np.float32)
    reached = [cost[0]]
    for here in cost[1:]:
        table = reached[-1]
        for _ in range(2):  # one voice's steps, and then the other's
            up = np.minimum.accumulate(table - lean, axis=1) + lean
            down = (np.minimum.accumulate((table + lean)[:, ::-1], axis=1))[:, ::-1] - lean
            table = np.minimum(up, down).T
        reached.append(table + here)
    path = np.zeros((len(cost), 2), dtype=np.int64)
    path[-1] = np.unravel_index(reached[-1].argmin(), cost.shape[1:])
    for frame in range(len(cost) - 2, -1, -1):
        steps = np.abs(places[:, None] - path[frame + 1]) * glide
        path[frame] = np.unravel_index(
            (reached[frame] + steps[:, :1] + steps[None, :, 1]).argmin(), cost.shape[1:]
        )
    return path
