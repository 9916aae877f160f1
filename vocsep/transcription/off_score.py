"""What parts sing in bars that the score lacks.

Parts may cross there as well. Each has its place, the mean of what is written for it before and after, and
comes from its last written note and goes to its next. The cheapest path through all that they can sing at
once (A. J. Viterbi, 1967) gives the salience of a candidate once, however many sing it. A movement costs each
part by itself, so the best predecessor is found for one part after the other, not for all pairs of states.
"""

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.candidates import Candidates, log_odds

Array = NDArray[np.float64]

LONGEST = 1875  # frames, 30 s: no bars are left out of a score for longer
STATES = 8000  # of a frame
REACH = 30  # frames, within which a part comes from a written note, or goes to one
BONUS = 0.4  # nats, for singing a candidate at all
UNISON = 0.4  # nats, for each who sings it as well
HOME = 0.006  # nats, a squared semitone from the place of a part
GLIDE, LEAP = 1.5, 5.0  # nats a semitone of movement, and at most
TURN = 2.5  # nats, to begin or to end
SHARE = 0.25  # of a candidate's worth that counts when the choices of a part are chosen
NEVER = 1e6  # nats, of a candidate that is not there


def sung_off_score(candidates: Candidates, written: Array, first: int, last: int, home: Array) -> Array:
    """Pitch of each part in a stretch in which nothing is written.

    Args:
        candidates: of the whole recording.
        written: ``(parts, frames)`` semitones, NaN = rest or off the score.
        first, last: frames of the stretch, one past the end.
        home: ``(parts,)`` semitones, about where each part sings there.

    Returns:
        ``(parts, last - first)`` semitones, NaN = silent.
    """
    heard = Candidates(candidates.pitch[first:last], candidates.salience[first:last])
    index, place, cost = _choices(heard, home)
    before, after = written[:, max(first - REACH, 0) : first], written[:, last : last + REACH]
    for edge, note in ((0, _first_note(before[:, ::-1])), (-1, _first_note(after))):
        cost[:, edge] += np.nan_to_num(_movement(place[:, edge], note[:, None]))
    chosen = _cheapest(_worth(heard), index, place, cost)
    return np.asarray(np.take_along_axis(place, chosen[:, :, None], axis=2)[:, :, 0])


def _choices(heard: Candidates, home: Array) -> tuple[NDArray[np.int64], Array, Array]:
    """What each part may choose in each frame, the last choice to be silent, ``(parts, frames, choices)``:
    number of the candidate (-1 = none), its semitones (NaN = silent), and what its height costs."""
    parts, count = len(home), heard.count
    # As many as keep the states of all parts together few.
    kept = min(count, int(STATES ** (1 / parts)) - 1)
    there = np.isfinite(heard.pitch)
    pitch = np.where(there, heard.pitch, 0.0)
    away = np.where(there, HOME * (pitch - home[:, None, None]) ** 2, NEVER)
    index = np.argsort(away - SHARE * _worth(heard), axis=2, kind="stable")[..., :kept]
    place = np.take_along_axis(np.broadcast_to(pitch, away.shape), index, axis=2)
    silent = ((0, 0), (0, 0), (0, 1))
    return (
        np.pad(index, silent, constant_values=-1),
        np.pad(place, silent, constant_values=np.nan),
        np.pad(np.take_along_axis(away, index, axis=2), silent),
    )


def _worth(heard: Candidates) -> Array:
    """What it gains to sing each candidate, ``(frames, candidates)`` nats."""
    return np.where(np.isfinite(heard.pitch), log_odds(heard.salience) + BONUS, 0.0)


def _first_note(beside: Array) -> Array:
    """The first note of each row, ``(parts,)``; NaN where there is none."""
    if not beside.shape[1]:
        return np.full(len(beside), np.nan)
    first = np.isfinite(beside).argmax(axis=1)
    return np.asarray(beside[np.arange(len(beside)), first])


def _movement(one: Array, other: Array) -> Array:
    return np.asarray(np.minimum(GLIDE * np.abs(one - other), LEAP))


def _cheapest(worth: Array, index: NDArray[np.int64], place: Array, cost: Array) -> NDArray[np.int64]:
    """Choice of each part in each frame, ``(parts, frames)``, on the path that costs least.

    Args:
        worth: ``(frames, candidates)`` nats. index, place, cost: of `_choices`.
    """
    parts, frames, choices = index.shape
    back = np.zeros((frames, parts, *(choices,) * parts), dtype=np.int8)
    total = _frame_cost(worth[0], index[:, 0], cost[:, 0])
    for frame in range(1, frames):
        step = _movement(place[:, frame - 1, :, None], place[:, frame, None, :])
        step[:, -1, :-1] = step[:, :-1, -1] = TURN
        step[:, -1, -1] = 0.0
        for part in range(parts):
            reached = np.moveaxis(total, part, -1)[..., None] + step[part]
            best = reached.argmin(axis=-2)
            back[frame, part] = np.moveaxis(best, -1, part)
            total = np.moveaxis(reached.min(axis=-2), -1, part)
        total = total + _frame_cost(worth[frame], index[:, frame], cost[:, frame])
    chosen = np.zeros((parts, frames), dtype=np.int64)
    state = [int(axis) for axis in np.unravel_index(int(total.argmin()), total.shape)]
    for frame in range(frames - 1, -1, -1):
        chosen[:, frame] = state
        # Parts moved one after the other, so they are traced back the other way round.
        for part in reversed(range(parts)):
            state[part] = int(back[frame, part][tuple(state)])
    return chosen


def _frame_cost(worth: Array, index: NDArray[np.int64], cost: Array) -> Array:
    """Nats of all choices at once in one frame, one axis a part.

    Args:
        worth: ``(candidates,)``. index, cost: ``(parts, choices)``.
    """
    parts = len(index)
    singing = (index[..., None] == np.arange(len(worth))).astype(np.int8)
    # One axis for each part, and one of candidates.
    apart = [np.expand_dims(row, [a for a in range(parts) if a != part]) for part, row in enumerate(singing)]
    taken = reduce(np.add, apart)
    sung = taken > 0
    shared = taken.sum(axis=-1) - sung.sum(axis=-1)
    return np.asarray(reduce(np.add.outer, cost) - sung @ worth - UNISON * shared, dtype=np.float64)
