"""Viterbi's recursion over the frames of a recording, in chunks that take each step together.

A frame needs the one before, and computes so little that most of its time goes into beginning it. But what
the surviving states cost soon depends on where the recursion began by a constant only. So a chunk that
begins `WARM` frames early, with nothing known of what was before, has mostly forgotten that when it counts;
where it has not, its frames are done again until both agree (S. Maleki, M. Musuvathi and T. Mytkowicz,
"Parallelizing dynamic programming through rank convergence", PPoPP 2014). The path is that of one pass over
all frames.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vocsep.memory import still_wanted, worked_on_cores

WARM = 24  # frames that a chunk begins early: most chunks agree after 10, nine of ten after 30
LONGEST = 160  # frames of a chunk that count
AT_ONCE = 12  # chunks that take each step together
AGREED = 1e-3  # nats of single precision

Integers = NDArray[np.signedinteger[Any]]


@dataclass(frozen=True)
class Survivors:
    """What is left after a frame, of one frame of each chunk, or of all frames: ``(frames, ..., states)``.

    Attributes:
        names: of the states, ascending, so that they can be compared.
        costs: of the cheapest path to each, less what the cheapest of all costs.
        back: where the state before it stood among those of the frame before.
    """

    names: Integers
    costs: NDArray[np.float32]
    back: Integers

    def __getitem__(self, frames: NDArray[np.int64] | NDArray[np.bool_] | slice) -> "Survivors":
        return Survivors(self.names[frames], self.costs[frames], self.back[frames])

    def __setitem__(self, frames: NDArray[np.int64], some: "Survivors") -> None:
        self.names[frames], self.costs[frames], self.back[frames] = some.names, some.costs, some.back

    def room_for(self, frames: int) -> "Survivors":
        """As many in each frame, not filled in yet."""
        return Survivors(
            *(np.empty((frames, *part.shape[1:]), part.dtype) for part in (self.names, self.costs, self.back))
        )

    def agrees(self, other: "Survivors") -> bool:
        """Whether what comes later costs the same after both."""
        return np.array_equal(self.names, other.names) and bool(
            np.abs(self.costs - other.costs).max(initial=0.0) < AGREED
        )

    def path(self) -> Integers:
        """Names of the states along the cheapest path, ``(frames, ...)``; of all frames."""
        frames, *lanes, states = self.names.shape
        names, back = (part.reshape(frames, -1, states) for part in (self.names, self.back))
        places = np.empty((frames, names.shape[1], 1), np.int64)
        for lane, place in enumerate(self.costs[-1].argmin(axis=-1).flat):
            backwards = []
            for before in back[::-1, lane].tolist():  # lists: an array's element takes many times as long
                backwards.append(place)
                place = before[place]
            places[::-1, lane, 0] = backwards
        return np.take_along_axis(names, places, axis=-1).reshape(frames, *lanes)


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
    found = advance(begins[:1], None).room_for(frames)
    seams = found.room_for(count)  # what each chunk has where its frames begin to count

    def of_group(chunks: slice) -> None:
        first, last, latest = begins[chunks], ends[chunks], None
        for step in range(int((last - first).max())):
            still_wanted()
            at = np.minimum(first + step, last - 1)
            latest = advance(at, latest)
            counts = (first + step < last) & ((step >= WARM) | (first == 0))
            found[at[counts]] = latest[counts]
            if step == WARM - 1:
                seams[np.arange(count)[chunks]] = latest

    worked_on_cores([slice(first, first + AT_ONCE) for first in range(0, count, AT_ONCE)], of_group)
    for chunk, seam in enumerate(ends[:-1].tolist(), start=1):
        exact = found[seam - 1 : seam]
        if exact.agrees(seams[chunk : chunk + 1]):
            continue
        for frame in range(seam, frames):
            at = np.array([frame])
            exact, guessed = advance(at, exact), found[at]
            found[at] = exact
            if exact.agrees(guessed):
                break
    return found
