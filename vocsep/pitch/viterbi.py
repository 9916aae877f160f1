"""Assignment of candidates to voices by the best path over ordered configurations.

A configuration says which candidate each voice sings in a frame, or that it is silent; voices never cross, so
the candidates of the sounding voices descend. The path through all frames that costs least is found by
dynamic programming (A. J. Viterbi, 1967). Costs are in nats:

- a frame: the log odds of a candidate's salience, plus a bonus for singing, when a voice takes it; and the
  distance of a voice from where it sings around that time, which is learned from the pass before;
- a step: semitones moved by each voice, up to a leap's worth; entering and leaving.
"""

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from vocsep.pitch.candidates import Candidates
from vocsep.spectra import HOP, SAMPLE_RATE

MOST_STATES = 260  # of a frame; with many voices the cheaper configurations are kept
BEAM = 40  # states of a frame from which paths go on
NEARBY = (4.8, 1.6)  # s, how far around a frame a voice's range is learned, pass by pass
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
    """

    bonus: float = 0.7
    glide: float = 1.5
    leap: float = 5.0
    enter: float = 2.5
    leave: float = 2.5
    outside: float = 0.15


def _configurations(voices: int, candidates: int) -> NDArray[np.int64]:
    """All ordered configurations ``(states, voices)``: index of a candidate, or ``candidates`` for silence.

    Candidates ascend in pitch and voices descend, so indices fall along a row.
    """
    rows = []
    for sounding in range(min(voices, candidates) + 1):
        for who in combinations(range(voices), sounding):
            for what in combinations(range(candidates), sounding):
                row = [candidates] * voices
                for voice, candidate in zip(who, reversed(what), strict=True):
                    row[voice] = candidate
                rows.append(row)
    return np.array(rows, dtype=np.int64)


def _affordable(voices: int, candidates: int) -> int:
    """Fewest of ``candidates`` (at least the number of voices) whose configurations can be listed at all."""
    while candidates > voices and _number_of_configurations(voices, candidates) > 20_000:
        candidates -= 1
    return candidates


def _number_of_configurations(voices: int, candidates: int) -> int:
    return sum(comb(voices, k) * comb(candidates, k) for k in range(min(voices, candidates) + 1))


def _best_path(
    candidates: Candidates,
    voices: int,
    costs: ViterbiCosts,
    centre: NDArray[np.float64] | None,
) -> NDArray[np.float64]:
    """One pass -> ``(voices, frames)``; ``centre``, of that shape in semitones: known ranges, if any."""
    states = _configurations(voices, candidates.count)
    salience = np.clip(candidates.salience, 1e-4, 1 - 1e-4)
    odds = np.log(salience) - np.log1p(-salience)
    frames, silent = candidates.frames, candidates.count
    pitch = np.concatenate(
        (np.where(np.isfinite(candidates.pitch), candidates.pitch, 0.0), np.zeros((frames, 1))), axis=1
    )
    take = np.where(np.isfinite(candidates.pitch), -(odds + costs.bonus), 1e6)
    take = np.concatenate((take, np.zeros((frames, 1))), axis=1)
    per_voice = np.repeat(take[:, None, :], voices, axis=1)
    if centre is not None:
        away = ((pitch[:, None, :] - centre.T[:, :, None]) / SPREAD) ** 2
        away[:, :, silent] = 0.0
        per_voice = per_voice + costs.outside * np.minimum(away, 16.0)
    step = np.empty((frames, silent + 1, silent + 1))
    step[0] = 0.0
    step[1:] = np.minimum(costs.glide * np.abs(pitch[:-1, :, None] - pitch[1:, None, :]), costs.leap)
    step[1:, silent, :] = costs.enter
    step[1:, :, silent] = costs.leave
    step[1:, silent, silent] = 0.0
    voice = np.arange(voices)
    kept: list[NDArray[np.int8]] = []
    back: list[NDArray[np.int32]] = []
    total, rows = np.zeros(1), states[:1]
    for frame in range(frames):
        emission = per_voice[frame][voice, states].sum(axis=1)
        order = (
            np.argpartition(emission, MOST_STATES)[:MOST_STATES] if len(states) > MOST_STATES else slice(None)
        )
        current, emission = states[order], emission[order]
        if frame == 0:
            total = emission
            back.append(np.zeros(len(current), np.int32))
        else:
            move = total[:, None].copy()
            for j in range(voices):
                move = move + step[frame][rows[:, j][:, None], current[:, j][None, :]]
            best = np.argmin(move, axis=0)
            total = move[best, np.arange(len(current))] + emission
            back.append(best.astype(np.int32))
        alive = np.argpartition(total, BEAM)[:BEAM] if len(total) > BEAM else np.arange(len(total))
        rows, total = current[alive], total[alive]
        back[-1] = back[-1][alive]
        kept.append(rows.astype(np.int8))  # hours of music are remembered
    tracks = np.full((voices, frames), np.nan)
    state = int(np.argmin(total))
    for frame in range(frames - 1, -1, -1):
        chosen = kept[frame][state]
        tracks[:, frame] = np.where(chosen == silent, np.nan, pitch[frame, chosen])
        state = int(back[frame][state])
    return tracks


def _range_nearby(tracks: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
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


def assign_viterbi(
    candidates: Candidates, voices: int, costs: ViterbiCosts | None = None
) -> NDArray[np.float64]:
    """Pitch of each voice, ``(voices, frames)`` in semitones, NaN = silent; voice 1 is the highest."""
    costs = costs or ViterbiCosts()
    fewer = _affordable(voices, candidates.count)
    if fewer < candidates.count:
        candidates = candidates.strongest(fewer)
    tracks = _best_path(candidates, voices, costs, None)
    if voices == 1:
        return tracks
    for seconds in NEARBY:
        centre = _range_nearby(tracks, seconds * SAMPLE_RATE / HOP)
        tracks = _best_path(candidates, voices, costs, centre)
    return tracks
