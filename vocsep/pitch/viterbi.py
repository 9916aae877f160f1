"""Assignment of candidates to voices by the best path over ordered configurations.

A configuration says which candidate each voice sings in a frame, or that it is silent; voices never cross, so
the candidates of the sounding voices descend. The path through all frames that costs least is found by
dynamic programming (A. J. Viterbi, 1967). Costs are in nats:

- a frame: the log odds of a candidate's salience, plus a bonus for singing, when a voice takes it; and the
  distance of a voice from where it sings around that time, which is learned from the pass before;
- a step: semitones moved by each voice, up to a leap's worth; entering and leaving.
"""

from dataclasses import dataclass
from itertools import combinations, pairwise
from math import comb

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.beam import beam_path, spread_ranges
from vocsep.pitch.candidates import Candidates, log_odds
from vocsep.pitch.gaps import voiced_runs
from vocsep.pitch.smoothing import gaussian_filter1d
from vocsep.spectra import HOP, SAMPLE_RATE

Array = NDArray[np.float64]

MOST_IN_UNISON = 6  # voices; with more, unison would double the thousands of configurations
MOST_LISTED = 8  # voices; the configurations of more are made best first (`vocsep.pitch.beam`)
MOST_STATES = 400  # of a frame; with many voices the cheaper configurations are kept
BEAM = 40  # states of a frame from which paths go on
TOGETHER = 256  # frames whose configurations are priced in one product
ONE_THREAD = 2**19  # multiplications of a product up to which OpenBLAS takes one thread (measured)
NEVER = 1e6  # nats, of a candidate that is not there
NEARBY = (4.8, 1.6)  # s, how far around a frame a voice's range is learned, pass by pass
STRANGE = 7.0  # semitones from the middle of what a voice sings by itself
SPREAD = 3.0  # semitones, what a voice moves around the middle of its range


@dataclass(frozen=True)
class ViterbiCosts:
    """Costs in nats.

    Attributes:
        bonus: gained by a voice for singing any candidate: where salience hesitates, a miss is the dearer
            mistake.
        glide: a semitone of movement between frames. leap: most that a movement may cost.
        enter, leave: a voice begins or ends.
        outside: one standard deviation squared away from the voice's own range.
        unison: gained by a voice that shares the candidate of its neighbour, whose salience counts once.
        stranger: what `outside` costs more in unison: who is far from home is hardly there.
    """

    bonus: float = 0.4
    glide: float = 1.5
    leap: float = 5.0
    enter: float = 2.5
    leave: float = 2.5
    outside: float = 0.15
    unison: float = 0.7
    stranger: float = 0.1


def _configurations(voices: int, candidates: int) -> NDArray[np.int64]:
    """All ordered configurations ``(states, voices)``: index of a candidate, or ``candidates`` for silence.

    Candidates ascend in pitch and voices descend, so indices fall along a row. Two neighbours may sing in
    unison, up to `MOST_IN_UNISON` voices.
    """
    rows = _apart(voices, candidates)
    if 1 < voices <= MOST_IN_UNISON:
        # A pair in unison moves as one voice: a row of one voice fewer, in which that voice stands twice.
        single = _apart(voices - 1, candidates)
        rows += [
            [*row[: first + 1], *row[first:]]
            for row in single
            for first in range(voices - 1)
            if row[first] != candidates
        ]
    return np.array(rows, dtype=np.int64)


def _apart(voices: int, candidates: int) -> list[list[int]]:
    """Configurations in which every candidate has one voice at most."""
    rows = []
    for sounding in range(min(voices, candidates) + 1):
        for who in combinations(range(voices), sounding):
            for what in combinations(range(candidates), sounding):
                row = [candidates] * voices
                for voice, candidate in zip(who, reversed(what), strict=True):
                    row[voice] = candidate
                rows.append(row)
    return rows


def _affordable(voices: int, candidates: int) -> int:
    """Fewest of ``candidates`` (at least the number of voices) whose configurations can be listed at all."""
    while candidates > voices and _number_of_configurations(voices, candidates) > 20_000:
        candidates -= 1
    return candidates


def _number_of_configurations(voices: int, candidates: int) -> int:
    return sum(comb(voices, k) * comb(candidates, k) for k in range(min(voices, candidates) + 1))


def _frame_costs(
    candidates: Candidates, voices: int, costs: ViterbiCosts, centre: Array | None
) -> tuple[Array, Array, Array]:
    """Cost of each voice's choice in each frame, of unison, and of each pair of successive choices.

    Returns:
        ``(frames, voices, candidates + 1)``, silence last; ``(frames, voices - 1, candidates)``, added
        where a voice shares one with the next; ``(frames, candidates + 1, candidates + 1)`` from the frame
        before.
    """
    there = np.isfinite(candidates.pitch)
    pitch = np.where(there, candidates.pitch, 0.0)
    odds = log_odds(candidates.salience)
    sing = np.repeat(np.where(there, -(odds + costs.bonus), NEVER)[:, None], voices, axis=1)
    # Two voices on one candidate have its odds twice, but it was heard once.
    once = np.where(there, odds + costs.bonus - costs.unison, 0.0)
    sharing = np.repeat(once[:, None], voices - 1, axis=1)
    if centre is not None:
        away = np.minimum(((pitch[:, None, :] - centre.T[:, :, None]) / SPREAD) ** 2, 16.0)
        sing = sing + costs.outside * away
        sharing = sharing + costs.stranger * (away[:, :-1] + away[:, 1:])
    choice = np.pad(sing, ((0, 0), (0, 0), (0, 1)))
    step = np.zeros((candidates.frames, candidates.count + 1, candidates.count + 1))
    moved = np.abs(pitch[:-1, :, None] - pitch[1:, None, :])
    step[1:, :-1, :-1] = np.minimum(costs.glide * moved, costs.leap)
    step[1:, -1, :-1] = costs.enter
    step[1:, :-1, -1] = costs.leave
    return choice, sharing, step


def _best_path(candidates: Candidates, voices: int, costs: ViterbiCosts, centre: Array | None) -> Array:
    """One pass -> ``(voices, frames)``; ``centre``, of that shape in semitones: known ranges, if any."""
    choice, sharing, step = _frame_costs(candidates, voices, costs, centre)
    if voices > MOST_LISTED:
        return _pitch_of(candidates, beam_path(choice, step))
    states = _configurations(voices, candidates.count)
    # One column a state, one row a choice of a voice: sums over voices become matrix products.
    made = (states.T[:, None, :] == np.arange(candidates.count + 1)[:, None]).astype(np.float32)
    made = made.reshape(-1, len(states))
    pairs = (states[:, 1:] == states[:, :-1]) & (states[:, 1:] != candidates.count)
    shared = pairs.T[:, None, :] & (states.T[1:, None, :] == np.arange(candidates.count)[:, None])
    made = np.concatenate((made, shared.reshape(-1, len(states)).astype(np.float32)))
    weight = np.concatenate(
        (choice.reshape(candidates.frames, -1), sharing.reshape(candidates.frames, -1)), axis=1
    ).astype(np.float32)
    step = step.astype(np.float32)
    # A row of ones below the choices adds what the path has cost so far in the same product.
    moves = np.concatenate((made[: choice[0].size], np.ones((1, len(states)), np.float32)))
    kept: list[NDArray[np.int8]] = []  # of all frames, small numbers: hours of music are remembered
    back: list[NDArray[np.int16]] = []
    total, rows = np.zeros(1, np.float32), states[:1]
    for frame in range(candidates.frames):
        if frame % TOGETHER == 0:
            emissions = _product(weight[frame : frame + TOGETHER], made)
        emission = emissions[frame % TOGETHER]
        current, into = states, moves
        if len(states) > MOST_STATES:
            cheap = np.argpartition(emission, MOST_STATES)[:MOST_STATES]
            current, into, emission = states[cheap], moves[:, cheap], emission[cheap]
        changes = step[frame].take(rows, axis=0).reshape(len(rows), -1)
        move = _product(np.concatenate((changes, total[:, None]), axis=1), into)
        # The least along columns is many times as fast as its place, which only few states need.
        reached = move.min(axis=0) + emission
        alive = np.argpartition(reached, BEAM)[:BEAM] if len(reached) > BEAM else np.arange(len(reached))
        best = move[:, alive].argmin(axis=0)
        rows, total = current[alive], reached[alive]
        total -= total.min()  # single precision tells paths apart, but not from the cost of an hour
        back.append(best.astype(np.int16))
        kept.append(rows.astype(np.int8))
    tracks = np.full((voices, candidates.frames), np.nan)
    state = int(np.argmin(total))
    for frame in range(candidates.frames - 1, -1, -1):
        chosen = kept[frame][state]
        sings = chosen < candidates.count
        tracks[sings, frame] = candidates.pitch[frame, chosen[sings]]
        state = int(back[frame][state])
    return tracks


def _product(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """Product of matrices, in parts that BLAS leaves to one thread: threads that wait for each other over so
    little take longer than one."""
    rows = max(ONE_THREAD // right.size, 2)
    if len(left) <= rows:
        return left @ right
    return np.concatenate([left[first : first + rows] @ right for first in range(0, len(left), rows)])


def _pitch_of(candidates: Candidates, path: NDArray[np.int64]) -> Array:
    """Choices ``(frames, voices)`` as pitch ``(voices, frames)``, NaN = silent."""
    pitch = np.pad(candidates.pitch, ((0, 0), (0, 1)), constant_values=np.nan)
    return np.asarray(np.take_along_axis(pitch, path, axis=1).T)


def _range_nearby(tracks: Array, sigma: float) -> Array:
    """Where each voice has been singing around each frame, ``(voices, frames)`` in semitones.

    A Gaussian mean in time over the frames in which nearly everybody sings: only those tell who is who.
    """
    sure = np.isfinite(tracks).sum(axis=0) >= max(len(tracks) - 1, 1)
    centre = np.zeros_like(tracks)
    for voice, track in enumerate(tracks):
        known = np.isfinite(track) & sure
        known = known if known.any() else np.isfinite(track)
        usual = float(np.median(track[known])) if known.any() else 60.0
        weight = gaussian_filter1d(known.astype(float), sigma, mode="constant")
        total = gaussian_filter1d(np.where(known, track, 0.0), sigma, mode="constant")
        centre[voice] = (total + 1e-2 * usual) / (weight + 1e-2)
    return centre


def _without_strangers(tracks: Array) -> Array:
    """Silence a voice where it only echoes its neighbour, far from what it sings by itself.

    Unison keeps the others in their places; but where one voice sings alone, the one beside it would double
    it.
    """
    kept = tracks.copy()
    order = range(len(tracks))
    for voice, other in [*pairwise(order), *pairwise(reversed(order))]:
        together = tracks[voice] == tracks[other]
        own = tracks[voice][np.isfinite(tracks[voice]) & ~together]
        if not len(own):
            continue
        for first, last in voiced_runs(together):
            if abs(np.median(tracks[voice, first:last]) - np.median(own)) > STRANGE:
                kept[voice, first:last] = np.nan
    return np.asarray(kept)


def assign_viterbi(candidates: Candidates, voices: int, costs: ViterbiCosts | None = None) -> Array:
    """Pitch of each voice, ``(voices, frames)`` in semitones, NaN = silent; voice 1 is the highest."""
    costs = costs or ViterbiCosts()
    if voices > MOST_LISTED:
        known = spread_ranges(candidates.pitch, candidates.salience, voices)
        tracks = _best_path(candidates, voices, costs, known.repeat(candidates.frames, axis=1))
    else:
        candidates = candidates.strongest(_affordable(voices, candidates.count))
        tracks = _best_path(candidates, voices, costs, None)
    if voices == 1:
        return tracks
    for seconds in NEARBY:
        centre = _range_nearby(tracks, seconds * SAMPLE_RATE / HOP)
        tracks = _best_path(candidates, voices, costs, centre)
    return _without_strangers(tracks)
