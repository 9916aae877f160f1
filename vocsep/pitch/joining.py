"""Unison as a state: who falls silent while a neighbour sings on in his range has joined the neighbour.

Two singers on one note are heard as one peak of the salience, and the assignment gives it to one of them. The
other is not silent: in homophony nobody rests for seconds while the others sing. So each voice that is silent
while others sing gets, for every frame, the choice between rest and the line of another voice; the cheapest path
(A. J. Viterbi, 1967) enters and leaves unisons with the pitch that the voice comes from and goes to. Rests that
are short cost less than to enter and leave, and a line far out of a voice's range is not its own.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.gaps import voiced_runs
from vocsep.spectra import HOP, SAMPLE_RATE

Array = NDArray[np.float64]

SHORTEST = 0.16  # s of a silence in which a unison is looked for


@dataclass(frozen=True)
class UnisonCosts:
    """Costs in nats.

    Attributes:
        rest: of a frame in which the voice rests while others sing.
        enter: of a unison, and again when it is left; ``change``: from one line to another.
        interval: a semitone from the voice's last note to the line, and from the line to its next, up to ``leap``.
        beyond: of a frame on a line, for a squared semitone beyond the voice's range; ``margin``: semitones that
            a range is wider than what was sung. away: of a frame, for a squared spread from the range's middle.
    """

    rest: float = 0.06
    enter: float = 1.0
    change: float = 1.5
    interval: float = 0.15
    leap: float = 1.8
    beyond: float = 0.04
    margin: float = 3.0
    away: float = 0.01


def join_unisons(pitch: Array, evidence: Array | None = None, costs: UnisonCosts | None = None) -> Array:
    """Tracks in which voices join others where they would else be silent.

    Args:
        pitch: ``(voices, frames)`` semitones, NaN = silent.
        evidence: ``(voices, frames)`` nats for two singers rather than one on each track; 0 = not known.
        costs: as above.

    Returns:
        ``(voices, frames)``; the same where a voice sings a pitch of its own.
    """
    costs = costs or UnisonCosts()
    evidence = np.zeros(pitch.shape) if evidence is None else evidence
    joined = pitch.copy()
    shortest = round(SHORTEST * SAMPLE_RATE / HOP)
    sung = np.isfinite(pitch)
    for voice, track in enumerate(pitch):
        if not sung[voice].any():
            continue
        others = np.delete(np.arange(len(pitch)), voice)
        someone = sung[others].any(axis=0)
        bounds = np.percentile(track[sung[voice]], (2, 50, 98))
        for first, last in voiced_runs(~sung[voice]):
            inside = someone[first:last]
            if inside.sum() < shortest:
                continue
            before = float(track[first - 1]) if first else np.nan
            after = float(track[last]) if last < len(track) else np.nan
            lines = pitch[others, first:last]
            choice = _best_lines(lines, evidence[others, first:last], (before, after), bounds, costs)
            taken = choice >= 0
            joined[voice, first:last][taken] = lines[choice[taken], np.flatnonzero(taken)]
    return np.asarray(joined)


def _best_lines(
    lines: Array, evidence: Array, beside: tuple[float, float], bounds: Array, costs: UnisonCosts
) -> NDArray[np.int64]:
    """Which line a silent voice is on in each frame of a gap, ``(frames,)``; -1 = it rests.

    Args:
        lines: ``(others, frames)`` semitones. evidence: of the same shape.
        beside: its own pitch before and after the gap, NaN where there is none.
        bounds: lowest, middle and highest pitch of the voice.
        costs: as above.
    """
    others, frames = lines.shape
    there = np.isfinite(lines)
    beyond = np.maximum(bounds[0] - costs.margin - lines, lines - bounds[2] - costs.margin).clip(0)
    at = costs.beyond * beyond**2 + costs.away * ((lines - bounds[1]) / 5.0) ** 2 - evidence
    place = np.full((others + 1, frames), 0.0)
    place[:-1] = np.where(there, at, 1e6)
    place[-1] = np.where(there.any(axis=0), costs.rest, 0.0)
    step = np.full((others + 1, others + 1), costs.change)
    np.fill_diagonal(step, 0.0)
    step[-1, :-1] = step[:-1, -1] = costs.enter
    step[-1, -1] = 0.0

    def interval(pitches: Array, pitch: float) -> Array:
        away = np.minimum(costs.interval * np.abs(pitches - pitch), costs.leap)
        return np.append(np.nan_to_num(away, nan=costs.leap if np.isfinite(pitch) else 0.0), 0.0)

    total = place[:, 0] + step[-1] + interval(lines[:, 0], beside[0])
    back = np.zeros((frames, others + 1), dtype=np.int64)
    for frame in range(1, frames):
        reached = total[:, None] + step
        # Entered later, a unison begins as far from the voice's last note as it would at once.
        reached[-1, :-1] += interval(lines[:, frame], beside[0])[:-1]
        back[frame] = reached.argmin(axis=0)
        total = reached.min(axis=0) + place[:, frame]
    total = total + step[:, -1] + interval(lines[:, -1], beside[1])
    state, path = int(total.argmin()), np.zeros(frames, dtype=np.int64)
    for frame in range(frames - 1, -1, -1):
        path[frame] = state
        state = int(back[frame, state])
    return np.where(path == others, -1, path)
