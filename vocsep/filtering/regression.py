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
from vocsep.memory import still_wanted

NEAR = 50.0  # Hz, partials that stay further apart do not see each other
FAR = 200.0  # Hz, nor do those whose mean frequencies are further apart, whatever they do
FRAMES = 256  # that are solved at once
TOGETHER = 16  # frames whose partials are multiplied at once: they stay in a processor's cache
RATIOS = (1.0, 1e9)  # bounds of s / P, in samples: keeps float32 safe, and what has no power silent
SAFER = 30.0  # by that is s raised where a matrix is not positive definite
ATTEMPTS = 6


@dataclass(frozen=True)
class Order:
    """Partials of each frame by frequency.

    Attributes:
        index: ``(frames, partials that exist)`` into the flattened ``(voices, partials)``.
        frequency: the same shape, Hz; infinite where a frame has fewer.
        reach: ``(frames,)``, how many places further a partial sees another one at most, at least 1.
    """

    index: Tensor
    frequency: Tensor
    reach: Tensor


def order(partials: Partials, near: float = NEAR) -> Order:
    """Sort partials, and find which come within ``near`` Hz of each other in the course of a window."""
    height = torch.where(partials.active, partials.frequency, torch.inf).flatten(1)
    height, index = height.sort(dim=1)
    most = int(partials.active.flatten(1).sum(dim=1).max())
    height, index = height[:, :most].contiguous(), index[:, :most].contiguous()
    count = partials.frequency.shape[2]
    voice, number = index // count, index % count + 1
    places = torch.stack([pitch.gather(1, voice) * number for pitch in partials.around])
    reach = torch.ones_like(index[:, 0])
    for apart in range(1, most):
        distance = height[:, apart:] - height[:, :-apart]
        exists = distance < FAR  # not a number where both are beyond the last partial
        if not exists.any():
            break
        closest = (places[..., apart:] - places[..., :-apart]).abs().amin(dim=0)
        near_some = (exists & (torch.minimum(distance, closest) < near)).any(dim=1)
        reach = torch.where(near_some, apart, reach)
    return Order(index, height, reach)


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
    arranged = order(partials, near)
    moments = partials.moments()
    together = TOGETHER if sums.device.type == "cpu" else FRAMES
    flat_sums, flat_ratios, flat = sums.flatten(1, 2), ratios.flatten(1, 2), found.flatten(1, 2)
    # Frames of like reach together: few have wide blocks.
    for own in torch.split(arranged.reach.argsort(), FRAMES):
        still_wanted()
        size = int(arranged.reach[own].max())
        blocks = -(-arranged.index.shape[1] // size)
        fill = blocks * size - arranged.index.shape[1]
        index = pad(arranged.index[own], (0, fill))
        frequency = pad(arranged.frequency[own], (0, fill), value=torch.inf)
        real = torch.isfinite(frequency)
        shape = (len(own), blocks, size)
        pieces = [torch.split(one, together) for one in (own, index, real, frequency.reshape(shape))]
        products = [
            _products(_waves(partials, *some).reshape(*heights.shape, -1), heights, moments)
            for *some, heights in zip(*pieces, strict=True)
        ]
        inner, outer = (torch.cat(parts) for parts in zip(*products, strict=True))
        both = index[..., None].expand(-1, -1, 2)
        ratio = torch.where(real[..., None], flat_ratios[own].gather(1, both).clamp(*RATIOS), 1.0)
        right = flat_sums[own].gather(1, both) * real[..., None]
        shape = (len(own), blocks, 2 * size)
        solved = _safely(inner, outer, ratio.reshape(shape), right.reshape(shape))
        # What fills up blocks points to the first partial and adds nothing to it.
        flat[own] = flat[own].scatter_add(1, both, solved.reshape(both.shape))
    return flat.reshape(sums.shape)


def _waves(partials: Partials, own: Tensor, index: Tensor, real: Tensor) -> Tensor:
    """Cosines, and then sines, of the partials ``index`` of the frames ``own`` every `STEP` samples,
    ``(frames, partials, 2 places)``; 0 where they are not ``real``."""
    count = partials.frequency.shape[2]
    phases = partials.phases()[own]
    places = phases.shape[2]
    voice = (index // count)[..., None].expand(-1, -1, places)
    angle = phases.gather(1, voice).mul_((index % count + 1)[..., None])
    waves = angle.new_empty(*index.shape, 2 * places)
    torch.cos(angle, out=waves[..., :places])
    torch.sin(angle, out=waves[..., places:])
    return waves.mul_(real[..., None])


def _safely(inner: Tensor, outer: Tensor, ratio: Tensor, right: Tensor) -> Tensor:
    """Solve with the ratios on the diagonal. What was taken for unseen can leave a matrix that is not
    positive definite; there the recording has to say less, until it is."""
    result = torch.zeros_like(right)
    todo = torch.arange(len(right), device=right.device)
    for _ in range(ATTEMPTS):
        matrix = inner[todo]
        matrix.diagonal(dim1=-2, dim2=-1).add_(ratio[todo])
        solved, failed = block_tridiagonal_solve(matrix, outer[todo], right[todo])
        result[todo] = torch.where(failed[:, None, None], 0.0, solved)
        todo = todo[failed]
        if not len(todo):
            break
        ratio = ratio * SAFER
    return result


def _products(waves: Tensor, frequency: Tensor, moments: Tensor) -> tuple[Tensor, Tensor]:
    """Blocks of ``B^H W B`` on the diagonal and to the right of it.

    Args:
        waves: ``(frames, blocks, size, 2 places)``, cosines and sines, 0 where there is no partial.
        frequency: ``(frames, blocks, size)`` Hz.
        moments: ``(3, places)``.

    Returns:
        ``(frames, blocks, 2 size, 2 size)`` and ``(frames, blocks - 1, 2 size, 2 size)``.
    """
    frames, blocks, size, places = waves.shape
    height = pad(frequency, (0, 0, 0, 1), value=torch.inf).reshape(frames, -1)
    seen = (height.unfold(1, 2 * size, size)[:, :, None] - frequency[..., None]).abs() < FAR
    # A block and the next one are neighbours in memory; after the last one of a frame there is nothing.
    rows = pad(waves, (0, 0, 0, 0, 0, 1)).reshape(-1, places)
    weighted = (rows.reshape(-1, 1, size, places) * moments.repeat(1, 2)[:, None]).flatten(1, 2)
    found = weighted.new_empty(len(weighted), 3 * size, 2 * size)
    parts = found.reshape(frames, blocks + 1, 3, size, 2 * size)[:, :blocks]
    matrix = waves.new_empty(frames, blocks, size, 2, 2 * size, 2, 2)
    # Of conj(c + i s) (c' + i s') the real part is (c, s) (c', s'), the imaginary one (c, s) (s', -c').
    cosines, sines = rows.chunk(2, dim=1)
    for part, both in enumerate((rows, torch.cat((sines, -cosines), dim=1))):
        torch.bmm(weighted[:-1], both.unfold(0, 2 * size, size), out=found[:-1])
        for own in range(2):
            for other in range(2):
                torch.mul(parts[:, :, own + other], seen, out=matrix[..., own, :, other, part])
    whole = torch.view_as_complex(matrix).reshape(frames, blocks, 2 * size, 4 * size)
    return whole[..., : 2 * size], whole[:, :-1, :, 2 * size :]


def block_tridiagonal_solve(diagonal: Tensor, right: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Solve positive definite systems by Cholesky's factors of a block tridiagonal matrix.

    Args:
        diagonal: ``(batch, blocks, n, n)``, Hermitian.
        right: ``(batch, blocks - 1, n, n)``, to the right of each of these but the last.
        values: ``(batch, blocks, n)``.

    Returns:
        ``(batch, blocks, n)``, and ``(batch,)`` whether a matrix was not positive definite.
    """
    blocks = diagonal.shape[1]
    failed = torch.zeros(len(values), dtype=torch.bool, device=values.device)
    factors, links, forward = [], [], []
    block, value = diagonal[:, 0], values[:, 0, :, None]
    for number in range(blocks):
        factor, info = torch.linalg.cholesky_ex(block)
        failed |= info != 0
        factor = torch.where(failed[:, None, None], torch.eye(block.shape[-1]).to(block), factor)
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
    return torch.cat(result[::-1], dim=2).transpose(1, 2), failed
