"""Parts on one note or near it, whose singers are known elsewhere: both F0, and who sings which.

The salience and the refiner show two singers who are less than a semitone apart as one peak, and both get
it. Without the combs of the other voices (`vocsep.pitch.combs_apart`), the recording says where both contours
are, and where they cross (`vocsep.pitch.pair_search`). Where a third is near, its comb cannot be taken out
before its F0 is known, and parts are looked at in turn (`vocsep.pitch.crowded_parts`). Who of a pair sings
which of both contours is then told by `vocsep.pitch.part_names`.
"""

from itertools import combinations

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from vocsep.pitch.combs_apart import combs_apart
from vocsep.pitch.crowded_parts import looked_apart
from vocsep.pitch.pair_contours import BESIDE, NEAR, lasting_runs, pair_contours
from vocsep.pitch.part_names import APART, Pair, name_parts

Array = NDArray[np.float64]
Runs = list[tuple[int, int]]

LATE = 5  # frames by which a score may be early or late
WIDER = 3  # frames on either side of where it is crowded that count as well
SAME = 0.15  # semitones between tracks, up to which both have one F0


def close_parts(audio: NDArray[np.float32], pitch: Array, written: Array) -> Array:
    """Tracks in which parts that are near each other have F0 of their own.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        pitch: ``(parts, frames)`` semitones, NaN = silent.
        written: the same shape, what each part is to sing; NaN = nothing, or not known.

    Returns:
        The same shape, silent where ``pitch`` is, and where a part that has a rest was given another's F0;
        the same object where no two parts are near each other.
    """
    pitch = _without_ghosts(pitch, written)
    near = _near(pitch, written)
    if not near.any():
        return pitch
    many = near.sum(axis=1) > 1
    crowded = many | (near & many).any(axis=1)
    widened = np.stack([np.convolve(row, np.ones(2 * WIDER + 1), "same") > 0 for row in crowded])
    looked = looked_apart(audio, pitch, widened)
    runs = {}
    for one, other in combinations(range(len(pitch)), 2):
        runs[one, other] = lasting_runs(near[one, other] & ~(crowded[one] | crowded[other]))
    parted, exchange = _parted(audio, looked, runs)
    return name_parts(audio, parted, written, exchange)


def _without_ghosts(pitch: Array, written: Array) -> Array:
    """Tracks, silent where a part has a rest and the F0 of another, who has a note: of two singers on one
    note, who begins later or stops earlier is given the other's F0 meanwhile."""
    rests = ~np.isfinite(written)
    ghosts = ((np.abs(pitch[:, None] - pitch) < SAME) & rests[:, None] & ~rests).any(axis=1)
    return np.where(ghosts, np.nan, pitch) if ghosts.any() else pitch


def _near(pitch: Array, written: Array) -> NDArray[np.bool_]:
    """Where two parts are near each other and written to be, ``(parts, parts, frames)``.

    Elsewhere, tracks that are near each other may be one voice's, and have no two F0 to be found.
    """
    heard, told = (np.abs(rows[:, None] - rows) for rows in (pitch, written))
    # Scores are some frames early or late, and NaN compares as false.
    written_near = np.pad(told < APART, ((0, 0), (0, 0), (LATE, LATE)))
    near = (heard < NEAR) & sliding_window_view(written_near, 2 * LATE + 1, axis=-1).any(axis=-1)
    near[np.arange(len(pitch)), np.arange(len(pitch))] = False
    return np.asarray(near)


def _parted(
    audio: NDArray[np.float32], pitch: Array, runs: dict[Pair, Runs]
) -> tuple[Array, dict[Pair, Array]]:
    """Tracks with both contours of each pair found again in its runs, and what it would cost to exchange them
    from each frame on (`name_parts`)."""
    if not any(runs.values()):
        return pitch, {}
    wanted = np.zeros(pitch.shape[1], dtype=np.bool_)
    for first, last in (run for found in runs.values() for run in found):
        wanted[max(first - BESIDE, 0) : last + BESIDE] = True
    apart = combs_apart(audio, pitch, wanted)
    others = torch.from_numpy(np.ascontiguousarray(audio)).float() - apart.sum(dim=0)
    parted = pitch.copy()
    exchange: dict[Pair, Array] = {}
    for pair, found in runs.items():
        if found:
            rows = list(pair)
            sound = others + apart[rows].sum(dim=0)
            parted[rows], exchange[pair] = pair_contours(sound, parted[rows], found)
    return parted, exchange
