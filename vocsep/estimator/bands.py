"""Sums of spectra over mel bands whose weights decay on both sides, for all bands at once. Ours.

Bin f, at the place p(f) on the mel scale in units of the distance between two bands, weighs T_b(f) = exp(-D
|p(f) - b|) in band b. A product with all of T would take every bin to every band. But what lies above band a
reaches a band b < a by exp(-D (a - b)) times what reaches a itself, and below likewise. So the bins are taken
in blocks, each to the bands that lie in it alone, and a small matrix takes these sums on to the other bands:

    x @ T = [ x_1 @ T_1, x_2 @ T_2, ... ] @ S,    exactly, with a third of the multiplications.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vocsep.source.voice import mel
from vocsep.spectra import SAMPLE_RATE

BAND_DECAY = 1.8  # D, nepers of weight lost within the distance between two bands
COLUMNS = 16  # bands of a block: products with fewer columns, or with numbers between, take no less time


def band_centres(bands: int) -> Tensor:
    """Centres of mel bands from 0 to 8 kHz, ``(bands,)`` in Hz."""
    top = mel(torch.tensor(SAMPLE_RATE / 2))
    return 700 * (10 ** (torch.linspace(0, 1, bands) * top / 2595) - 1)


def _places(bands: int, fft_size: int) -> Tensor:
    """p: places of bins on the mel scale, 0 at the first band and ``bands - 1`` at the last."""
    frequencies = torch.linspace(0, SAMPLE_RATE / 2, fft_size // 2 + 1)
    return mel(frequencies) / mel(frequencies[-1]) * (bands - 1)


def _decayed(distance: Tensor) -> Tensor:
    return torch.exp(-BAND_DECAY * distance.abs())


def band_weights(bands: int, fft_size: int) -> Tensor:
    """T: weights of bins in bands, ``(bins, bands)``, decaying exponentially with distance in mel.

    The tails matter between the harmonics of a high voice: there the nearest harmonics on both sides speak
    for the band.
    """
    return _decayed(_places(bands, fft_size).unsqueeze(-1) - torch.arange(bands))


class BandSums(NamedTuple):
    """x -> x @ T.

    Attributes:
        blocks: of bins, one after the other: T_i of the bands in each, ``(bins, COLUMNS)``, columns beyond
            them 0.
        spread: S, ``(blocks * COLUMNS, bands)``.
    """

    blocks: tuple[Tensor, ...]
    spread: Tensor

    @classmethod
    def of(cls, bands: int, fft_size: int, like: Tensor) -> "BandSums":
        """Those of `band_weights`, in the precision and on the device of ``like``."""
        places, every = _places(bands, fft_size), torch.arange(bands)
        count = max(math.ceil((bands - 1) / (COLUMNS - 1)), 1)
        edges = [round(block * (bands - 1) / count) for block in range(count + 1)]
        bounds = [0, *(int((places < edge).sum()) for edge in edges[1:-1]), len(places)]
        weights, blocks = band_weights(bands, fft_size), []
        spread = torch.zeros(count, COLUMNS, bands)
        for block in range(count):
            first, last = edges[block], edges[block + 1]
            own = weights.new_zeros(bounds[block + 1] - bounds[block], COLUMNS)
            own[:, : last - first + 1] = weights[bounds[block] : bounds[block + 1], first : last + 1]
            blocks.append(own.to(like))
            inside = (every >= first) & (every <= last)
            spread[block, every[inside] - first, every[inside]] = 1
            spread[block, 0, :first] = _decayed(every[:first] - first)
            spread[block, last - first, last + 1 :] = _decayed(every[last + 1 :] - last)
        return cls(tuple(blocks), spread.flatten(0, 1).to(like))

    def __call__(self, spectra: Tensor) -> Tensor:
        """``(..., bins)`` -> ``(..., bands)``."""
        rows = spectra.reshape(-1, spectra.shape[-1])
        found = rows.new_empty(len(rows), len(self.blocks), COLUMNS)
        first = 0
        for number, weights in enumerate(self.blocks):
            torch.mm(rows[:, first : first + len(weights)], weights, out=found[:, number])
            first += len(weights)
        return (found.flatten(1) @ self.spread).view(*spectra.shape[:-1], -1)
