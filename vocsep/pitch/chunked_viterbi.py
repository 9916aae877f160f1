"""Viterbi's recursion over the frames of a recording, in chunks that take each step together.

A frame needs the one before, and computes so little that most of its time goes into beginning it. But what
the surviving states cost soon depends on where the recursion began by a constant only. So a chunk that
begins `WARM` frames early, with nothing known of what was before, has mostly forgotten that when it counts;
where it has not, its frames are done again until both agree (S. Maleki, M. Musuvathi and T. Mytkowicz,
"Parallelizing dynamic programming through rank convergence", PPoPP 2014). The path is that of one pass over
all frames.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from vocsep.memory import still_wanted, worked_on_cores

WARM = 24  # frames that a chunk begins early: most chunks agree after 10, nine of ten after 30
LONGEST = 160  # frames of a chunk that count
AT_ONCE = 12  # chunks that take each step together
AGREED = 1e-3  # nats of single precision


@dataclass(frozen=True)
class Survivors:
    """What is left after a frame, of one frame of each chunk, or of all frames: ``(frames, ..., states)``.

    Attributes:
        names: of the states, ascending, so that they can be compared.
        costs: of the cheapest path to each, less what the cheapest of all costs.
        back: where the state before it stood among those of the frame before.
    """

    names: NDArray[np.int32]
    costs: NDArray[np.float32]
    back: NDArray[np.int16]

    def __getitem__(self, frames: NDArray[np.int64] | slice) -> "Survivors":
        return Survivors(self.names[frames], self.costs[frames], self.back[frames])

    def agrees(self, other: "Survivors") -> bool:
        """Whether what comes later costs the same after both."""
        return np.array_equal(self.names, other.names) and bool(
            np.abs(self.costs - other.costs).max(initial=0.0) < AGREED
        )


NAMES = tuple(field.name for field in fields(Survivors))

# Takes a step in frames (one of each chunk) from the survivors of those before; from None it begins.
Advance = Callable[[NDArray[np.int64], Survivors | None], Survivors]


def survivors_of_frames(frames: int, advance: Advance) -> Survivors:
    """The survivors of each frame, as if one pass had gone through all of them.

    Args:
        frames: their number, one or more.
        advance: takes a step; in any thread.
    """
    count = max(-(-(frames - WARM) // LONGEST), 1)
    begins = np.arange(count) * max(frames - WARM, 0) // count
    ends = np.append(begins[1:] + WARM, frames)
    groups = [slice(first, first + AT_ONCE) for first in range(0, count, AT_ONCE)]

    def of_group(group: slice) -> list[Survivors]:
        return _chunks(begins[group], ends[group], advance)

    chunks = [chunk for found in worked_on_cores(groups, of_group) for chunk in found]
    if count == 1:
        return chunks[0]
    counted = [chunks[0], *(chunk[WARM:] for chunk in chunks[1:])]
    whole = Survivors(*(np.concatenate([getattr(part, name) for part in counted]) for name in NAMES))
    for chunk, first in zip(chunks[1:], ends[:-1].tolist(), strict=True):
        exact = whole[first - 1 : first]
        if exact.agrees(chunk[WARM - 1 : WARM]):
            continue
        for frame in range(first, frames):
            exact, guessed = advance(np.array([frame]), exact), whole[frame : frame + 1]
            agreed = exact.agrees(guessed)
            for name in NAMES:
                getattr(whole, name)[frame] = getattr(exact, name)[0]
            if agreed:
                break
    return whole


def _chunks(begins: NDArray[np.int64], ends: NDArray[np.int64], advance: Advance) -> list[Survivors]:
    """The survivors of each chunk's frames, first and one past the last of which are given."""
    steps, latest = [], None
    for step in range(int((ends - begins).max())):
        still_wanted()
        latest = advance(np.minimum(begins + step, ends - 1), latest)
        steps.append(latest)
    names, costs, back = (np.stack([getattr(step, name) for step in steps], axis=1) for name in NAMES)
    return [
        Survivors(names[chunk, :length], costs[chunk, :length], back[chunk, :length])
        for chunk, length in enumerate((ends - begins).tolist())
    ]
