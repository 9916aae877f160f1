"""Long recordings in overlapping chunks: bounded memory, and edges that nobody hears.

Chunk edges lie on even seconds, where frame and sample grids of every rate meet (2 s = 125 frames). Around an
edge both chunks are faded linearly into each other; their weights add up to one, so the stems still add up to
the recording.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

LENGTH = 24  # s between edges
FADE = 1  # s on either side of an edge in which both chunks are heard
SHORTEST = 4  # s, between edges where memory is small
CONTEXT = 2  # s on either side of an edge that a chunk knows


@dataclass(frozen=True)
class Chunk:
    """One chunk, all in seconds: known from ``begin`` to ``end``, heard from ``first`` to ``last``."""

    begin: int
    end: float
    first: int
    last: float
    fades_in: bool
    fades_out: bool

    @property
    def edges(self) -> tuple[float, float]:
        """Where it takes over from the chunk before, and the next one from it: the middles of fades."""
        return self.first + FADE * self.fades_in, self.last - FADE * self.fades_out

    def weights(self, sample_rate: int, samples: int) -> NDArray[np.float32]:
        """Weight of each of the ``samples`` heard samples, ``(samples, 1)``."""
        weights = np.ones((samples, 1), np.float32)
        length = 2 * FADE * sample_rate
        ramp = ((np.arange(length, dtype=np.float32) + 0.5) / length)[:, None]
        if self.fades_in:
            weights[: len(ramp)] = ramp
        if self.fades_out:
            weights[-len(ramp) :] = 1 - ramp
        return weights


def halves(chunk: Chunk) -> list[Chunk]:
    """A chunk as two, with an edge between them; none where they were shorter than `SHORTEST`.

    >>> [(c.begin, c.end, c.first, c.last) for c in halves(plan_chunks(24.5)[0])]
    [(0, 14, 0, 13), (10, 24.5, 11, 24.5)]
    """
    edge = (chunk.first + int(chunk.last)) // 4 * 2
    if edge - chunk.first < SHORTEST:
        return []
    return [
        replace(chunk, end=edge + CONTEXT, last=edge + FADE, fades_out=True),
        replace(chunk, begin=edge - CONTEXT, first=edge - FADE, fades_in=True),
    ]


def plan_chunks(seconds: float, length: int = LENGTH) -> list[Chunk]:
    """Chunks of ``length`` seconds (an even number) that cover ``seconds`` seconds; the last is half as long
    at least and one and a half times at most, as memory goes with the longest.

    >>> [(c.first, c.last) for c in plan_chunks(59.5)]
    [(0, 25), (23, 59.5)]
    """
    count = max(int(seconds / length + 0.5), 1)
    chunks = []
    for index in range(count):
        low, high = index * length, (index + 1) * length
        inner, final = index > 0, index + 1 == count
        chunks.append(
            Chunk(
                begin=low - CONTEXT if inner else 0,
                end=seconds if final else min(high + CONTEXT, seconds),
                first=low - FADE if inner else 0,
                last=seconds if final else min(high + FADE, seconds),
                fades_in=inner,
                fades_out=not final,
            )
        )
    return chunks
