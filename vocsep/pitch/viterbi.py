"""Assignment of candidates to voices by the best path over ordered configurations.

A configuration says which candidate each voice sings in a frame, or that it is silent; voices never cross, so
the candidates of the sounding voices descend. The path through all frames that costs least is found by
dynamic programming (A. J. Viterbi, 1967). Costs are in nats:

- a frame: the log odds of a candidate's salience, plus a bonus for singing, when a voice takes it; and the
  distance of a voice from where it sings around that time, which is learned from the pass before;
- a step: semitones moved by each voice, up to a leap's worth; entering and leaving.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.beam import beam_path, spread_ranges
from vocsep.pitch.candidates import Candidates, log_odds
from vocsep.pitch.chunked_viterbi import Advance, Survivors, survivors_of_frames
from vocsep.pitch.configurations import affordable, ordered_configurations
from vocsep.pitch.gaps import voiced_runs
from vocsep.pitch.smoothing import gaussian_filter1d
from vocsep.spectra import HOP, SAMPLE_RATE

Array = NDArray[np.float64]

MOST_LISTED = 8  # voices; the configurations of more are made best first (`vocsep.pitch.beam`)
MOST_STATES = 400  # of a frame; with many voices the cheaper configurations are kept
BEAM = 40  # states of a frame from which paths go on
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
        unison: gained by a voice that shares the candidate of its neighbour, whose salience counts once;
            None: no candidate is shared.
        stranger: what `outside` costs more in unison: who is far from home is hardly there.
    """

    bonus: float = 0.4
    glide: float = 1.5
    leap: float = 5.0
    enter: float = 2.5
    leave: float = 2.5
    outside: float = 0.15
    unison: float | None = 0.7
    stranger: float = 0.1


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
    once = np.where(there, odds + costs.bonus - (costs.unison or 0.0), 0.0)
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
    states = ordered_configurations(voices, candidates.count, unison=costs.unison is not None)
    survivors = survivors_of_frames(candidates.frames, _advance(choice, sharing, step, states))
    return _pitch_of(candidates, states[survivors.path()])


def _advance(choice: Array, sharing: Array, step: Array, states: NDArray[np.int64]) -> Advance:
    """A step of the recursion over `_frame_costs`: the `BEAM` cheapest ``states`` of some frames survive."""
    frames, _, choices = choice.shape
    # One column a state, one row a choice of a voice: sums over voices become matrix products.
    made = (states.T[:, None, :] == np.arange(choices)[:, None]).astype(np.float32)
    made = made.reshape(-1, len(states))
    pairs = (states[:, 1:] == states[:, :-1]) & (states[:, 1:] != choices - 1)
    shared = pairs.T[:, None, :] & (states.T[1:, None, :] == np.arange(choices - 1)[:, None])
    emitted = np.concatenate((made, shared.reshape(-1, len(states)).astype(np.float32)))
    priced = np.concatenate((choice.reshape(frames, -1), sharing.reshape(frames, -1)), axis=1)
    # A row of ones below the choices adds what the path has cost so far in the same product.
    moves = np.concatenate((made, np.ones((1, len(states)), np.float32)))
    columns = np.ascontiguousarray(moves.T)
    weight, changed = priced.astype(np.float32), step.astype(np.float32)
    beam = min(BEAM, len(states))

    def advance(at: NDArray[np.int64], before: Survivors | None) -> Survivors:
        chunk = np.arange(len(at))[:, None]
        emission = _product(weight[None, at], emitted)[0]
        names, into = np.arange(len(states))[None].repeat(len(at), axis=0), moves
        if len(states) > MOST_STATES:
            names = np.argpartition(emission, MOST_STATES, axis=1)[:, :MOST_STATES]
            emission, into = emission[chunk, names], columns[names].swapaxes(1, 2)
        if before is None:
            move = np.zeros((len(at), 1, names.shape[1]), np.float32)
        else:
            changes = changed[at[:, None, None], states[before.names]].reshape(len(at), beam, -1)
            move = _product(np.concatenate((changes, before.costs[..., None]), axis=2), into)
        # The least along columns is many times as fast as its place, which only few states need.
        reached = move.min(axis=1) + emission
        alive = np.argpartition(reached, beam - 1, axis=1)[:, :beam]
        alive = alive[chunk, names[chunk, alive].argsort(axis=1)]
        back = move.swapaxes(1, 2)[chunk, alive].argmin(axis=2)
        costs = reached[chunk, alive]
        # Single precision tells paths apart, but not from the cost of an hour.
        costs -= costs.min(axis=1, keepdims=True)
        return Survivors(names[chunk, alive].astype(np.int32), costs, back.astype(np.int16))

    return advance


def _product(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """Matrices ``(chunks, rows, inner)`` times one for all or one for each, in parts that BLAS leaves to one
    thread: threads that wait for each other over so little take longer than one."""
    chunks, rows, inner = left.shape
    most = max(ONE_THREAD // (inner * right.shape[-1]), 1)
    parts = next(parts for parts in range(1, rows + 1) if rows % parts == 0 and rows <= most * parts)
    product = left.reshape(chunks, parts, -1, inner) @ right[..., None, :, :]
    return product.reshape(chunks, rows, -1)


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
        candidates = candidates.strongest(affordable(voices, candidates.count))
        tracks = _best_path(candidates, voices, costs, None)
    if voices == 1:
        return tracks
    for seconds in NEARBY:
        centre = _range_nearby(tracks, seconds * SAMPLE_RATE / HOP)
        tracks = _best_path(candidates, voices, costs, centre)
    return _without_strangers(tracks)
