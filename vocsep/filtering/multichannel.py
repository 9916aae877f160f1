"""Multichannel Wiener filtering: voices are told apart by where they stand, besides by what they sing.

With ``x`` the channels of the recording in one bin and frame and ``c_j`` the image of voice j in them,

    c_j(f, n) ~ N(0, v_j(f, n) R_j(f)),   S(f, n) = sum_j v_j(f, n) R_j(f),   c_j = v_j R_j S^-1 x,

where the powers ``v_j`` begin as the masks have them and the spatial covariances ``R_j``, free in each bin,
begin as the identity: then ``c_j`` is the masked recording. Rounds of expectation and maximisation make both
fit the recording. The covariance becomes the mean of what is expected of the voice given the recording,
weighted by where the voice is strong (A. A. Nugraha, A. Liutkus and E. Vincent, "Multichannel music
separation with deep neural networks", EUSIPCO 2016; the model: N. Q. K. Duong, E. Vincent and R. Gribonval,
"Under-determined reverberant audio source separation using a full-rank spatial covariance model", IEEE TASLP
2010), the powers follow by the multiplicative update of multichannel NMF (H. Sawada, H. Kameoka, S. Araki and
N. Ueda, "Multichannel extensions of non-negative matrix factorization", IEEE TASLP 2013).

A Hermitian matrix of C channels is held as C^2 real numbers in an orthonormal basis, so that traces of
products are inner products and sums over voices or frames are products of real matrices.
"""

from dataclasses import dataclass
from itertools import combinations
from math import frexp, isqrt

import torch
from torch import Tensor

from vocsep.spectra import power

ROUNDS = 6
FROM_ROUND = 2  # in which powers begin to follow: covariances come first
LOADING = 1e-3  # of the mean power of the channels, in the covariance of the recording
FLOOR = 1e-10  # of the loudest bin's power
BLOCK = 32  # bins at once: what a round needs stays in the processor's cache
DIFFERENT = 1e-5  # of the energy outside the strongest direction; less brings nothing (measured)


def channels_differ(audio: Tensor) -> bool:
    """Whether the channels hold more than one signal at several gains.

    The measure is the share of energy that is left when the strongest principal component of the channels is
    taken away: 0 for a mono recording, whatever the gain of its copies.

    Args:
        audio: ``(channels, samples)``.
    """
    if audio.shape[0] < 2:
        return False
    exact = audio.cpu().double()
    energies = torch.linalg.eigvalsh(exact @ exact.T)
    return bool(energies[:-1].sum() > DIFFERENT * energies.sum())


@dataclass(frozen=True)
class SpatialFilter:
    """Images of the voices in the channels, not yet multiplied out.

    Attributes:
        powers: ``(bins, voices, frames)``.
        covariances: ``(bins, voices, channels, channels)``, complex.
        whitened: ``(bins, channels, frames)``, ``S^-1 x``.
        rest: ``(bins, channels, frames)``, what the model leaves of the recording; shared out by power, so
            that the images add up to the recording.
    """

    powers: Tensor
    covariances: Tensor
    whitened: Tensor
    rest: Tensor

    def image(self, voice: int) -> Tensor:
        """Spectrum of one voice in all channels, ``(channels, bins, frames)``."""
        level = self.covariances.diagonal(dim1=-2, dim2=-1).real.sum(dim=-1)
        loudness = self.powers * level[..., None]
        share = loudness[:, voice] / loudness.sum(dim=1)
        own = _own_image(self.powers, self.covariances, self.whitened, voice)
        return (own + share[:, None] * self.rest).transpose(0, 1)


def spatial_filter(spectrum: Tensor, shares: Tensor, rounds: int = ROUNDS) -> SpatialFilter:
    """Fit spatial covariances and powers to a recording.

    Args:
        spectrum: ``(channels, bins, frames)``, complex.
        shares: ``(voices, bins, frames)`` of each voice, add up to one: soft masks. Their part of the mean
            power of the channels is where powers begin.
        rounds: of expectation and maximisation; with none, images are the recording times the shares.
    """
    channels, bins, frames = spectrum.shape
    result = SpatialFilter(
        shares.new_empty(bins, len(shares), frames),
        spectrum.new_empty(bins, len(shares), channels, channels),
        spectrum.new_empty(bins, channels, frames),
        spectrum.new_empty(bins, channels, frames),
    )
    # Determinants of a quiet recording's covariances would underflow. A power of 2 rounds nothing.
    scale = 2.0 ** frexp(float(power(spectrum).amax().sqrt()))[1]
    for low in range(0, bins, BLOCK):
        block = slice(low, low + BLOCK)
        level = spectrum[:, block].transpose(0, 1) / scale
        powers = shares[:, block].transpose(0, 1) * power(level).mean(dim=1, keepdim=True) + FLOOR
        powers, result.covariances[block], whitened, rest = _fitted(level, powers, rounds)
        result.powers[block] = powers * scale**2
        result.whitened[block] = whitened / scale
        result.rest[block] = rest * scale
    return result


def _fitted(spectrum: Tensor, powers: Tensor, rounds: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The fields of `SpatialFilter` for a block of bins: ``(bins, channels, frames)``, ``(bins, voices,
    frames)``."""
    channels = spectrum.shape[1]
    spectrum, powers = spectrum.contiguous(), powers.contiguous()
    covariances = torch.eye(channels, dtype=spectrum.dtype, device=spectrum.device)
    covariances = covariances.expand(*powers.shape[:2], channels, channels)
    for index in range(rounds):
        real = _real(covariances)
        inverse = _inverse(real.transpose(1, 2) @ powers)
        found = _outer(_times(inverse, spectrum))  # S^-1 x x^H S^-1
        # Expected of voice j: v R + v R (S^-1 x x^H S^-1 - S^-1) v R. Frames count by the root of the voice's
        # power and by its share of the bin squared: what others sing would leak into its covariance.
        weight = powers.sqrt() * (powers / powers.sum(dim=1, keepdim=True)).square()
        weight = weight / weight.sum(dim=2, keepdim=True)
        change = _complex((weight * powers) @ (found - inverse).transpose(1, 2), channels)
        covariances = covariances + covariances @ change @ covariances
        level = covariances.diagonal(dim1=-2, dim2=-1).real.sum(dim=-1)[..., None]
        covariances = covariances + torch.diag_embed((1e-6 * level).expand(-1, -1, channels))
        if index >= FROM_ROUND:
            real = _real(covariances)
            wanted, given = (real @ found).clamp_min(0.0), (real @ inverse).clamp_min(1e-30)
            powers = powers * (wanted / given).sqrt() + FLOOR
    total = _real(covariances).transpose(1, 2) @ powers
    whitened = _times(_inverse(total), spectrum)
    rest = spectrum.clone()
    for voice in range(powers.shape[1]):
        rest -= _own_image(powers, covariances, whitened, voice)
    return powers, covariances, whitened, rest


def _own_image(powers: Tensor, covariances: Tensor, whitened: Tensor, voice: int) -> Tensor:
    """``v_j R_j S^-1 x``, ``(bins, channels, frames)``."""
    return powers[:, voice, None] * (covariances[:, voice] @ whitened)


def _real(matrices: Tensor) -> Tensor:
    """Hermitian ``(..., channels, channels)`` -> ``(..., channels ** 2)``: the diagonal, then real and
    imaginary parts above it times the root of 2."""
    row, column = _above(matrices.shape[-1])
    above = matrices[..., row, column] * 2**0.5
    diagonal = matrices.diagonal(dim1=-2, dim2=-1).real
    return torch.cat((diagonal, above.real, above.imag), dim=-1)


def _complex(numbers: Tensor, channels: int) -> Tensor:
    """The way back from `_real`."""
    row, column = _above(channels)
    middle = channels + len(row)
    above = torch.complex(numbers[..., channels:middle], numbers[..., middle:]) / 2**0.5
    matrices = torch.diag_embed(numbers[..., :channels]).to(above.dtype)
    matrices[..., row, column] = above
    matrices[..., column, row] = above.conj()
    return matrices


def _above(channels: int) -> tuple[list[int], list[int]]:
    """Rows and columns of what is above the diagonal."""
    pairs = list(combinations(range(channels), 2))
    return [row for row, _ in pairs], [column for _, column in pairs]


def _inverse(total: Tensor) -> Tensor:
    """Inverse of covariances ``(bins, channels ** 2, frames)``, loaded, as numbers of the same shape."""
    channels = isqrt(total.shape[1])
    load = total[:, :channels].mean(dim=1) * LOADING
    if channels == 2:  # a hundred times as fast as what is for any number
        first, second = total[:, 0] + load, total[:, 1] + load
        determinant = first * second - total[:, 2:].square().sum(dim=1) / 2
        return torch.stack((second, first, -total[:, 2], -total[:, 3]), dim=1) / determinant[:, None]
    matrices = _complex(total.transpose(1, 2), channels)
    matrices = matrices + torch.diag_embed(load[..., None].expand(-1, -1, channels))
    return _real(torch.linalg.inv(matrices)).transpose(1, 2)


def _times(numbers: Tensor, vectors: Tensor) -> Tensor:
    """Hermitian ``(bins, channels ** 2, frames)`` times ``(bins, channels, frames)``."""
    channels = vectors.shape[1]
    row, column = _above(channels)
    out = numbers[:, :channels] * vectors
    for index, (i, j) in enumerate(zip(row, column, strict=True), channels):
        above = torch.complex(numbers[:, index], numbers[:, index + len(row)]) / 2**0.5
        out[:, i] += above * vectors[:, j]
        out[:, j] += above.conj() * vectors[:, i]
    return out


def _outer(vectors: Tensor) -> Tensor:
    """``y y^H`` of ``(bins, channels, frames)``: ``(bins, channels ** 2, frames)``."""
    row, column = _above(vectors.shape[1])
    above = vectors[:, row] * vectors[:, column].conj() * 2**0.5
    return torch.cat((power(vectors), above.real, above.imag), dim=1)
