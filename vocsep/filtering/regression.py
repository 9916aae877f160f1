"""Bayesian regression: the amplitudes of all partials of a recording at once, frame by frame.

With W = diag(w^2), B the partials of a frame, P their expected powers (prior variances) and s the variance of
what is no partial,

    theta = (B^H W B + s P^-1)^-1 B^H W x

is the mean of the amplitudes given the recording x, where masks would share out the bins of a spectrogram. It
tells partials apart that fall into one bin, because their phases are known (`vocsep.filtering.partials`).
Partials far apart do not see each other through the window. So, in the order of their frequencies, the
matrix is block tridiagonal, and it is factored block by block for all frames at once.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from vocsep.filtering.partials import Partials

NEAR = 45.0  # Hz, partials further apart do not see each other
FRAMES = 512  # that are solved at once
RATIOS = (1e-3, 1e9)  # bounds of s / P, in samples: keeps float32 safe, and what has no power silent


@dataclass(frozen=True)
class Order:
    """Partials of each frame by frequency, in blocks that see the next block at most.

    Attributes:
        index: ``(frames, blocks, size)`` into the flattened ``(voices, partials)``.
        real: the same shape; false where a block is filled up with nothing.
        frequency: the same shape, Hz.
    """

    index: Tensor
    real: Tensor
    frequency: Tensor


def order(partials: Partials, near: float = NEAR) -> Order:
    """Sort partials; the size of blocks is that of the largest group within ``near`` Hz."""
    height = torch.where(partials.active, partials.frequency, torch.inf).flatten(1)
    height, index = height.sort(dim=1)
    most = max(int(partials.active.flatten(1).sum(dim=1).max()), 1)
    height, index = height[:, :most].contiguous(), index[:, :most]
    reach = torch.searchsorted(height, height + near) - torch.arange(most, device=height.device) - 1
    size = max(int(torch.where(torch.isfinite(height), reach, 0).max()), 1)
    fill = -most % size
    height = pad(height, (0, fill), value=torch.inf)
    index = pad(index, (0, fill))
    shape = (len(height), -1, size)
    return Order(index.reshape(shape), torch.isfinite(height).reshape(shape), height.reshape(shape))


def amplitudes(partials: Partials, sums: Tensor, ratios: Tensor, near: float = NEAR) -> Tensor:
    """Mean of the amplitudes given the recording.

    Args:
        partials: of the recording.
        sums: ``(frames, voices, partials, 2)``, what `Partials.project` makes of the recording.
        ratios: s / P of the amplitudes a and b in a frame, of the shape of ``sums``; in samples: 1 is the
            variance of noise whose power, complex, is that of the partial.
        near: Hz, how far partials see.

    Returns:
        a and b, of the shape of ``sums``.
    """
    found = torch.zeros_like(sums)
    if not partials.active.any():
        return found
    sorted_ = order(partials, near)
    size = sorted_.index.shape[2]
    phases, moments = partials.phases(), partials.moments()
    flat_sums, flat_ratios, flat = sums.flatten(1, 2), ratios.flatten(1, 2), found.flatten(1, 2)
    numbers = sums.shape[2]
    for first in range(0, partials.frames, FRAMES):
        own = slice(first, first + FRAMES)
        index, real = sorted_.index[own], sorted_.real[own]
        frames, blocks = index.shape[:2]
        flat_index = index.flatten(1)[..., None].expand(-1, -1, 2)
        of_voice = (flat_index[..., :1] // numbers).expand(-1, -1, phases.shape[2])
        angle = phases[own].gather(1, of_voice) * (flat_index[..., :1] % numbers + 1)
        waves = torch.polar(torch.ones_like(angle), angle) * real.flatten(1)[..., None]
        waves = waves.reshape(frames, blocks, size, -1)
        inner, outer = _products(waves, sorted_.frequency[own], moments, near)
        shape = (frames, blocks, 2 * size)
        ratio = flat_ratios[own].gather(1, flat_index).clamp(*RATIOS).reshape(frames, blocks, size, 2)
        ratio = torch.where(real[..., None], ratio, 1.0)
        inner.diagonal(dim1=-2, dim2=-1).add_(ratio.reshape(shape))
        right = flat_sums[own].gather(1, flat_index).reshape(frames, blocks, size, 2) * real[..., None]
        solved = block_tridiagonal_solve(inner, outer, right.reshape(shape))
        # What fills up blocks points to the first partial: it must not overwrite it.
        flat[own] = flat[own].scatter_add(1, flat_index, solved.reshape(frames, blocks * size, 2))
    return flat.reshape(sums.shape)


def _products(waves: Tensor, frequency: Tensor, moments: Tensor, near: float) -> tuple[Tensor, Tensor]:
    """Blocks of ``B^H W B`` on the diagonal and to the right of it.

    Args:
        waves: ``(frames, blocks, size, places)``, complex, 0 where there is no partial.
        frequency: ``(frames, blocks, size)`` Hz.
        moments: ``(3, places)``.

    Returns:
        ``(frames, blocks, 2 size, 2 size)`` and ``(frames, blocks - 1, 2 size, 2 size)``.
    """
    after = torch.cat((waves[:, 1:], torch.zeros_like(waves[:, :1])), dim=1)
    above = torch.cat((frequency[:, 1:], torch.full_like(frequency[:, :1], torch.inf)), dim=1)
    both = torch.cat((waves, after), dim=2).transpose(2, 3)
    distance = torch.cat((frequency, above), dim=2)[..., None, :] - frequency[..., None]
    seen = distance.abs() < near
    size = waves.shape[2]
    parts = [((waves.conj() * weight) @ both) * seen for weight in moments]
    rows = torch.stack(
        (torch.stack((parts[0], parts[1]), dim=-1), torch.stack((parts[1], parts[2]), dim=-1)), dim=-3
    )  # (frames, blocks, size, 2, 2 size, 2)
    matrix = rows.reshape(*waves.shape[:2], 2 * size, 4 * size)
    return matrix[..., : 2 * size].contiguous(), matrix[:, :-1, :, 2 * size :].contiguous()


def block_tridiagonal_solve(diagonal: Tensor, right: Tensor, values: Tensor) -> Tensor:
    """Solve positive definite systems by Cholesky's factors of a block tridiagonal matrix.

    Args:
        diagonal: ``(batch, blocks, n, n)``, Hermitian.
        right: ``(batch, blocks - 1, n, n)``, to the right of each of these but the last.
        values: ``(batch, blocks, n)``.

    Returns:
        ``(batch, blocks, n)``.
    """
    blocks = diagonal.shape[1]
    factors, links, forward = [], [], []
    block, value = diagonal[:, 0], values[:, 0, :, None]
    for number in range(blocks):
        factor = torch.linalg.cholesky(block)
        last = number + 1 == blocks
        known = value if last else torch.cat((value, right[:, number]), dim=2)
        solved = torch.linalg.solve_triangular(factor, known, upper=False)
        factors.append(factor)
        forward.append(solved[..., :1])
        if not last:
            link = solved[..., 1:]
            links.append(link)
            adjoint = link.mH
            block = diagonal[:, number + 1] - adjoint @ link
            value = values[:, number + 1, :, None] - adjoint @ forward[-1]
    result: list[Tensor] = []
    for number in reversed(range(blocks)):
        value = forward[number]
        if result:
            value = value - links[number] @ result[-1]
        result.append(torch.linalg.solve_triangular(factors[number].mH, value, upper=True))
    return torch.cat(result[::-1], dim=2).transpose(1, 2)
