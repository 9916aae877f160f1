"""Assignment for many voices: ordered configurations are made best first, and a beam of paths goes on.

Of nine voices and more the ordered configurations of a frame cannot be listed (2.7 million for twelve
voices and as many candidates). The cheapest ones can be made directly: voice by voice from the highest,
keeping the partial configurations whose cost so far plus the least cost of all voices below is smallest.
That least cost is exact, so no better configuration is ever dropped (A* with a perfect heuristic: P. E.
Hart, N. J. Nilsson and B. Raphael, "A formal basis for the heuristic determination of minimum cost paths",
1968).
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MOST_STATES = 200  # configurations of a frame
BEAM = 40  # of them, from which paths go on
BLOCK = 256  # frames whose configurations are made together


def best_configurations(cost: Array, most: int) -> tuple[NDArray[np.int8], Array]:
    """The cheapest ordered configurations of each frame.

    Candidates ascend in pitch and voices descend: each sounding voice has a lower candidate than those above.

    Args:
        cost: ``(frames, voices, candidates + 1)`` of each voice's choice, silence last.
        most: configurations to keep.

    Returns:
        ``(frames, kept, voices)`` choices and ``(frames, kept)`` their costs, infinite where there are fewer;
        in no order.
    """
    frames, voices, choices = cost.shape
    below = _least_below(cost)
    spent, limit = np.zeros((frames, 1)), np.full((frames, 1), choices - 1)
    rows = np.zeros((frames, 1, 0), np.int8)
    choice = np.arange(choices)
    at = np.arange(frames)[:, None]
    for voice in range(voices):
        reached = np.where(
            choice == choices - 1, limit[..., None], choice
        )  # the lowest candidate taken so far
        allowed = (choice < limit[..., None]) | (choice == choices - 1)
        paid = np.where(allowed, spent[..., None] + cost[:, voice, None, :], np.inf)
        hoped = (paid + below[at[..., None], voice + 1, reached]).reshape(frames, -1)
        kept = min(most, hoped.shape[1])
        best = np.argpartition(hoped, kept - 1, axis=1)[:, :kept]
        before, taken = best // choices, best % choices
        spent = np.take_along_axis(paid.reshape(frames, -1), best, axis=1)
        limit = np.take_along_axis(reached.reshape(frames, -1), best, axis=1)
        rows = np.concatenate((rows[at, before], taken[..., None].astype(np.int8)), axis=2)
    return rows, spent


def _least_below(cost: Array) -> Array:
    """Least cost of voice v and all below it while only candidates under a limit are free.

    Returns:
        ``(frames, voices + 1, candidates + 1)``: by voice and limit.
    """
    frames, voices, choices = cost.shape
    least = np.zeros((frames, voices + 1, choices))
    for voice in range(voices - 1, -1, -1):
        sung = np.minimum.accumulate(cost[:, voice, :-1] + least[:, voice + 1, :-1], axis=1)
        silent = cost[:, voice, -1:] + least[:, voice + 1]
        least[:, voice] = silent
        least[:, voice, 1:] = np.minimum(silent[:, 1:], sung)
    return least


def beam_path(cost: Array, step: Array, most: int = MOST_STATES, beam: int = BEAM) -> NDArray[np.int64]:
    """Choices ``(frames, voices)`` along the cheapest path that the beam finds.

    Args:
        cost: ``(frames, voices, candidates + 1)``, silence last.
        step: ``(frames, candidates + 1, candidates + 1)`` from the choice of the frame before to that of the
            frame, the same for every voice; that of the first frame does not count.
        most: configurations of a frame. beam: of them, from which paths go on.
    """
    frames, voices, _ = cost.shape
    kept: list[NDArray[np.int8]] = []
    back: list[NDArray[np.int64]] = []
    total, rows = np.zeros(1), np.zeros((1, voices), np.int8)
    every = np.arange(voices)
    for first in range(0, frames, BLOCK):
        made, costs = best_configurations(cost[first : first + BLOCK], most)
        for frame, (current, emission) in enumerate(zip(made, costs, strict=True), start=first):
            moved = step[frame][rows][:, every, current].sum(axis=2) if frame else np.zeros((1, len(current)))
            reached = total[:, None] + moved
            best = reached.argmin(axis=0)
            reached = reached[best, np.arange(len(current))] + emission
            alive = np.argpartition(reached, beam)[:beam] if len(reached) > beam else np.arange(len(reached))
            rows, total = current[alive], reached[alive]
            back.append(best[alive])
            kept.append(rows)
    path = np.zeros((frames, voices), np.int64)
    state = int(np.argmin(total))
    for frame in range(frames - 1, -1, -1):
        path[frame] = kept[frame][state]
        state = int(back[frame][state])
    return path


def spread_ranges(pitch: Array, salience: Array, voices: int) -> Array:
    """Where each voice may sing before anything is known: quantiles of all that is heard.

    Without them the first pass could not tell one silent voice from another.

    Args:
        pitch, salience: of the candidates, ``(frames, candidates)``.

    Returns:
        ``(voices, 1)`` semitones, the highest first.
    """
    there = np.isfinite(pitch) & (salience > 0.5)
    heard = np.sort(pitch[there]) if there.any() else np.array([60.0])
    return np.asarray(np.quantile(heard, (np.arange(voices, 0, -1) - 0.5) / voices)[:, None])
