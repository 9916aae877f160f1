"""Unison as a state: who falls silent while a neighbour sings on in his range has joined the neighbour.

Two singers on one note are heard as one peak of the salience, and the assignment gives it to one of them. The
other is not silent: in homophony nobody rests for seconds while the others sing. Nor does he sing the weak
peaks that are left over, for a moment each, above and below. So wherever a voice is silent, or has only short
notes between silences, each frame is given to rest, to its own track, or to the line of another voice; the
cheapest path (A. J. Viterbi, 1967) enters and leaves unisons with the pitch that the voice comes from and
goes to. Rests that are short cost less than to enter and leave, long ones cost less a frame, and a line far
out of a voice's range is not its own.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.gaps import voiced_runs
from vocsep.spectra import HOP, SAMPLE_RATE

Array = NDArray[np.float64]

SHORTEST = 0.16  # s of a silence in which a unison is looked for
BRIEF = 0.6  # s of a note that is doubted between silences
LONG = 6.0  # s of a silence from which on a rest costs no more
COVERED = (12.0, 19.0, 24.0)  # semitones above another voice at which a pitch may be that voice's partials
NEAR = 0.5  # semitones from there
NEVER = 1e6  # nats, of a line that is not there


@dataclass(frozen=True)
class UnisonCosts:
    """Costs in nats.

    Attributes:
        rest: of a frame in which the voice rests while others sing.
        enter: of a unison, and again when it is left; ``change``: from one line to another.
        interval: a semitone from the voice's last note to the line, and from the line to its next, up to
        ``leap``.
        beyond: of a frame on a line, for a squared semitone beyond the voice's range; ``margin``: semitones
            that a range is wider than what was sung. away: of a frame, for 5 semitones, squared, from its
            middle.
        own: gained by a frame on the voice's own track, for each nat of log odds above ``doubt``, and above
            ``covered`` more where the pitch may be partials of another voice.
    """

    rest: float = 0.1
    enter: float = 1.0
    change: float = 1.5
    interval: float = 0.15
    leap: float = 1.8
    beyond: float = 0.04
    margin: float = 3.0
    away: float = 0.006
    own: float = 0.15
    doubt: float = 0.5
    covered: float = 1.5


def join_unisons(pitch: Array, odds: Array, costs: UnisonCosts | None = None) -> Array:
    """Tracks in which voices join others where they would else be silent.

    Args:
        pitch: ``(voices, frames)`` semitones, NaN = silent.
        odds: ``(voices, frames)`` log odds of the salience of each track's pitch; not read where it is
        silent.
        costs: as above.

    Returns:
        ``(voices, frames)``.
    """
    costs = costs or UnisonCosts()
    joined = pitch.copy()
    sung = np.isfinite(pitch)
    for voice, track in enumerate(pitch):
        if not sung[voice].any():
            continue
        others = np.delete(np.arange(len(pitch)), voice)
        place = _place_costs(pitch[voice], odds[voice], pitch[others], costs)
        someone = np.asarray(sung[others].any(axis=0))
        for first, last in _doubtful(sung[voice], someone):
            before = float(track[first - 1]) if first else np.nan
            after = float(track[last]) if last < len(track) else np.nan
            lines = np.concatenate((track[None, first:last], pitch[others, first:last]))
            choice = _best_lines(lines, place[:, first:last], (before, after), costs)
            frames = np.arange(last - first)
            joined[voice, first:last] = np.where(choice >= 0, lines[choice.clip(0), frames], np.nan)
    return np.asarray(joined)


def _doubtful(sung: NDArray[np.bool_], others: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Frames between a voice's lasting notes: first and one past the last of each such run.

    Args:
        sung: ``(frames,)``, where the voice sings. others: where another voice does.
    """
    brief, shortest = round(BRIEF * SAMPLE_RATE / HOP), round(SHORTEST * SAMPLE_RATE / HOP)
    lasting = np.zeros_like(sung)
    for first, last in voiced_runs(sung):
        lasting[first:last] = last - first > brief
    return [(a, b) for a, b in voiced_runs(~lasting) if (~sung[a:b] & others[a:b]).sum() >= shortest]


def _place_costs(own: Array, odds: Array, others: Array, costs: UnisonCosts) -> Array:
    """Cost in each frame of a voice's own track, of each other line, and of rest, ``(others + 2,
    frames)``."""
    there, sings = np.isfinite(others), np.isfinite(own)
    lowest, middle, highest = np.percentile(own[sings], (2, 50, 98))
    beyond = np.maximum(lowest - costs.margin - others, others - highest - costs.margin).clip(0)
    joined = costs.beyond * beyond**2 + costs.away * ((others - middle) / 5.0) ** 2
    above = (own - others)[:, None] - np.array(COVERED)[:, None]
    covered = (np.abs(above) < NEAR).any(axis=(0, 1))
    sure = np.where(sings, odds, 0.0) - costs.doubt - costs.covered * covered
    rest = np.zeros(len(own))
    someone = there.any(axis=0)
    for first, last in voiced_runs(~sings & someone):
        rest[first:last] = costs.rest * min(1.0, LONG * SAMPLE_RATE / HOP / (last - first))
    place = np.empty((len(others) + 2, len(own)))
    place[0] = np.where(sings, -costs.own * sure.clip(0), NEVER)
    place[1:-1] = np.where(there, joined, NEVER)
    place[-1] = np.where(sings, 0.2, rest)  # what was heard is not taken for a rest
    return place


def _best_lines(
    lines: Array, place: Array, beside: tuple[float, float], costs: UnisonCosts
) -> NDArray[np.int64]:
    """Which line a voice is on in each frame of a gap, ``(frames,)``; 0 = its own, -1 = it rests.

    Args:
        lines: ``(others + 1, frames)`` semitones, its own first, NaN = silent.
        place: ``(others + 2, frames)`` cost of each, rest last.
        beside: its pitch before and after the gap, NaN where there is none.
        costs: as above.
    """
    count, frames = lines.shape
    fixed = np.full((count + 1, count + 1), costs.change)
    fixed[0, -1] = fixed[-1, 0] = 0.0
    fixed[-1, 1:-1] = fixed[1:-1, -1] = costs.enter
    np.fill_diagonal(fixed, 0.0)

    def interval(one: Array, other: Array | float) -> Array:
        return np.nan_to_num(np.minimum(costs.interval * np.abs(one - other), costs.leap))

    # After and before a rest, a unison is as far from the voice's own notes as without it.
    entry, leave = (np.where(np.arange(count)[:, None] > 0, interval(lines, note), 0.0) for note in beside)

    total = place[:, 0].copy()
    total[:-1] += interval(lines[:, 0], beside[0]) + np.append(0.0, np.full(count - 1, costs.enter))
    back = np.zeros((frames, count + 1), dtype=np.int64)
    for frame in range(1, frames):
        reached = total[:, None] + fixed
        reached[:-1, :-1] += interval(lines[:, frame - 1, None], lines[:, frame])
        reached[-1, :-1] += entry[:, frame]
        reached[:-1, -1] += leave[:, frame - 1]
        back[frame] = reached.argmin(axis=0)
        total = reached.min(axis=0) + place[:, frame]
    total[:-1] += interval(lines[:, -1], beside[1]) + np.append(0.0, np.full(count - 1, costs.enter))
    state, path = int(total.argmin()), np.zeros(frames, dtype=np.int64)
    for frame in range(frames - 1, -1, -1):
        path[frame] = state
        state = int(back[frame, state])
    return np.where(path == count, -1, path)
