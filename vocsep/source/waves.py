"""Sums over partials, and of partials, for all of a voice's partials at once.

Partial k of a voice with phase phi is ``exp(i k phi)``. In blocks of samples the cosines and sines of all
partials are one matrix; to project a signal on them or to sound them is one product with it. The matrix of a
few blocks at a time stays in a processor's cache.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from vocsep.memory import still_wanted

CACHED = 1 << 19  # numbers of a matrix on a processor, 2 MB: with half of that, calls take longer than sums
LARGE = 1 << 26  # elsewhere


def correlations(angle: Tensor, signal: Tensor, shapes: Tensor, counts: Tensor) -> Tensor:
    """Sums over each block of ``x(t) s(t) exp(-i k phi(t))``, k = 1, 2, ...

    Args:
        angle: phi, ``(blocks, samples)`` radians.
        signal: x, the same shape.
        shapes: s, ``(shapes, samples)``.
        counts: ``(blocks,)``, partials that matter in each block; sums of others may be 0.

    Returns:
        ``(blocks, most partials, shapes)``, complex.
    """
    most = int(counts.max()) if len(counts) else 0
    sums = torch.zeros(len(angle), most, len(shapes), dtype=torch.complex64, device=angle.device)
    real = torch.view_as_real(sums)
    for some, waves in _matrices(angle, counts):
        number = waves.shape[1] // 2
        found = ((signal[some][:, None] * shapes) @ waves.transpose(1, 2)).transpose(1, 2)
        real[some, :number, :, 0] = found[:, :number]
        real[some, :number, :, 1] = found[:, number:].neg()
    return sums


def demodulated(
    angle: Tensor, signal: Tensor, windows: Sequence[Tensor], hop: int, counts: Tensor
) -> list[Tensor]:
    """Amplitudes of partials in windows, ``2 sum w(t) x(t) exp(-i k phi(t)) / sum w(t)``, k = 1, 2, ...

    Args:
        angle: phi, ``(blocks * hop,)`` radians.
        signal: x, the same shape; the first of the longest windows begins with it.
        windows: w, each an even number of times ``hop`` long; all have their middle in the same places.
        hop: samples between windows.
        counts: ``(blocks,)``, partials that matter in each block of ``hop`` samples.

    Returns:
        of each window ``(places, most partials)``, complex.
    """
    parts = [(2 * window / window.sum()).reshape(-1, hop) for window in windows]
    sums = correlations(angle.reshape(-1, hop), signal.reshape(-1, hop), torch.cat(parts), counts)
    longest = max(map(len, parts))
    places, column, found = len(sums) - longest + 1, 0, []
    for part in parts:
        lead = (longest - len(part)) // 2
        shifted = [
            sums[lead + block : lead + block + places, :, column + block] for block in range(len(part))
        ]
        found.append(torch.stack(shifted).sum(dim=0))
        column += len(part)
    return found


def along(amplitudes: Tensor, turns: Tensor) -> Tensor:
    """Real parts of sums over k of ``A_k z^k``, k = 1, 2, ...

    Args:
        amplitudes: A, ``(frames, partials)``, complex. turns: z, ``(frames, points)``, complex.

    Returns:
        ``(frames, points)``.
    """
    total = torch.zeros_like(turns)
    for column in reversed(amplitudes.unbind(dim=1)):  # Horner's rule
        total = (total + column[:, None]) * turns
    return total.real


def sounded(angle: Tensor, coefficients: Tensor, shapes: Tensor, counts: Tensor) -> Tensor:
    """Real part of the sums over k and s of ``c_ks s(t) exp(i k phi(t))``.

    Args:
        angle, shapes, counts: as in `correlations`; partials beyond the counts are left out.
        coefficients: c, ``(blocks, most partials, shapes)``, complex.

    Returns:
        ``(blocks, samples)``.
    """
    sound = torch.zeros_like(angle)
    for some, waves in _matrices(angle, counts):
        given = coefficients[some, : waves.shape[1] // 2]
        rows = torch.cat((given.real, -given.imag), dim=1).transpose(1, 2)  # (blocks, shapes, 2 partials)
        sound[some] = ((rows @ waves) * shapes).sum(dim=1)
    return sound


def _matrices(angle: Tensor, counts: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Cosines, and below them sines, of the partials of some blocks: ``(blocks, 2 partials, samples)``."""
    most = int(counts.max()) if len(counts) else 0
    size = CACHED if angle.device.type == "cpu" else LARGE
    step = max(size // max(2 * most * angle.shape[1], 1), 1)
    of_groups = [int(group.max()) for group in torch.split(counts.cpu(), step)]
    for first, number in zip(range(0, len(angle), step), of_groups, strict=True):
        still_wanted()
        if number:
            some = slice(first, min(first + step, len(angle)))
            yield some, _waves(angle[some], number)


def _waves(angle: Tensor, number: int) -> Tensor:
    """Cosines, and below them sines, of multiples 1 to ``number`` of angles:
    ``(blocks, samples) -> (blocks, 2 number, samples)``.

    Those of m + 1 to 2 m are those of 1 to m, turned by m: products take half as long as cosines, and err
    less than cosines of large angles in single precision.
    """
    waves = angle.new_empty(len(angle), 2 * number, angle.shape[1])
    cosine, sine = waves[:, :number], waves[:, number:]
    torch.cos(angle, out=cosine[:, 0])
    torch.sin(angle, out=sine[:, 0])
    known = 1
    while known < number:
        further = slice(known, min(2 * known, number))
        real, imaginary = (rows[:, : further.stop - known] for rows in (cosine, sine))
        by_real, by_imaginary = (rows[:, known - 1 : known] for rows in (cosine, sine))
        torch.mul(real, by_real, out=cosine[:, further]).addcmul_(imaginary, by_imaginary, value=-1)
        torch.mul(real, by_imaginary, out=sine[:, further]).addcmul_(imaginary, by_real)
        known = further.stop
    return waves
