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

NEAR = 50.0  # Hz, partials that stay further apart do not see each other
FAR = 200.0  # Hz, nor do those whose mean frequencies are further apart, whatever they do
FRAMES = 256  # that are solved at once
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
    places = torch.arange(most, device=index.device)
    apart = places[None] - places[:, None]
    reach = []
    for own in torch.split(torch.arange(partials.frames, device=index.device), FRAMES):
        exists = torch.isfinite(height[own])
        distance = (height[own][:, None] - height[own][..., None]).abs()
        exists = exists[:, None] & exists[..., None] & (distance < FAR)
        for pitch in partials.around[:, own]:
            place = pitch.gather(1, voice[own]) * number[own]
            distance = torch.minimum(distance, (place[:, None] - place[..., None]).abs())
        reach.append((apart * (exists & (distance < near))).amax(dim=(1, 2)))
    return Order(index, height, torch.cat(reach).clamp_min(1))


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
    flat_sums, flat_ratios, flat = sums.flatten(1, 2), ratios.flatten(1, 2), found.flatten(1, 2)
    # Frames of like reach together: few have wide blocks.
    for own in torch.split(arranged.reach.argsort(), FRAMES):
        size = int(arranged.reach[own].max())
        blocks = -(-arranged.index.shape[1] // size)
        fill = blocks * size - arranged.index.shape[1]
        index = pad(arranged.index[own], (0, fill))
        frequency = pad(arranged.frequency[own], (0, fill), value=torch.inf)
        real = torch.isfinite(frequency)
        waves = _waves(partials, own, index) * real[..., None]
        shape = (len(own), blocks, size)
        inner, outer = _products(waves.reshape(*shape, -1), frequency.reshape(shape), partials.moments())
        both = index[..., None].expand(-1, -1, 2)
        ratio = torch.where(real[..., None], flat_ratios[own].gather(1, both).clamp(*RATIOS), 1.0)
        right = flat_sums[own].gather(1, both) * real[..., None]
        shape = (len(own), blocks, 2 * size)
        solved = _safely(inner, outer, ratio.reshape(shape), right.reshape(shape))
        # What fills up blocks points to the first partial and adds nothing to it.
        flat[own] = flat[own].scatter_add(1, both, solved.reshape(both.shape))
    return flat.reshape(sums.shape)


def _waves(partials: Partials, own: Tensor, index: Tensor) -> Tensor:
    """Partials ``index`` of the frames ``own`` every `STEP` samples, ``(frames, partials, places)``."""
    count = partials.frequency.shape[2]
    phases = partials.phases()[own]
    voice = (index // count)[..., None].expand(-1, -1, phases.shape[2])
    angle = phases.gather(1, voice) * (index % count + 1)[..., None]
    return torch.polar(torch.ones_like(angle), angle)


def _safely(inner: Tensor, outer: Tensor, ratio: Tensor, right: Tensor) -> Tensor:
    """Solve with the ratios on the diagonal. What was taken for unseen can leave a matrix that is not
    positive definite; there the recording has to say less, until it is."""
    result = torch.zeros_like(right)
    todo = torch.arange(len(right), device=right.device)
    for _ in range(ATTEMPTS):
        matrix = inner[todo] + torch.diag_embed(ratio[todo])
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
    seen = distance.abs() < FAR
    size = waves.shape[2]
    parts = [((waves.conj() * weight) @ both) * seen for weight in moments]
    rows = torch.stack(
        (torch.stack((parts[0], parts[1]), dim=-1), torch.stack((parts[1], parts[2]), dim=-1)), dim=-3
    )  # (frames, blocks, size, 2, 2 size, 2)
    matrix = rows.reshape(*waves.shape[:2], 2 * size, 4 * size)
    return matrix[..., : 2 * size].contiguous(), matrix[:, :-1, :, 2 * size :].contiguous()


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
