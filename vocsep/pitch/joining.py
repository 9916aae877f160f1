"""Unison as a state: who falls silent while a neighbour sings on in his range has joined the neighbour.

Two singers on one note are heard as one peak of the salience, and the assignment gives it to one of them. The
other is not silent: in homophony nobody rests for seconds while the others sing. Nor does he sing the weak
peaks that are left over, for a moment each, above and below. So wherever a voice is silent, or has only short
notes between silences, each frame is given to rest, to its own track, or to the line of another voice; the
cheapest path (A. J. Viterbi, 1967) enters and leaves unisons with the pitch that the voice comes from and
goes to. Rests that are short cost less than to enter and leave, long ones cost less a frame, and a line far
out of a voice's range is not its own. Unisons begin where the line begins a note: in the middle of one that
is held, a silence is rather a rest. Lines that meet can be changed there for nothing.

Where two voices were given one track, one of them may have been on another one: such a stretch is decided
again as well, for one voice after the other, so that no line is left by all.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.gaps import voiced_runs
from vocsep.spectra import HOP, SAMPLE_RATE

Array = NDArray[np.float64]

SHORTEST = 0.16  # s of a silence in which a unison is looked for
BRIEF = 0.6  # s of a note that is doubted between silences
BREATH = 0.6  # s of a silence that can be a breath
LONG = 6.0  # s of a silence from which on a rest costs no more
COVERED = (12.0, 19.0, 24.0)  # semitones above another voice at which a pitch may be that voice's partials
NEAR = 0.5  # semitones from there
SAME = 0.5  # semitones between two tracks on one note
ONSET = (8, 4)  # frames before and after, between which a line that moves by SAME begins a note
NEVER = 1e6  # nats, of a line that is not there


@dataclass(frozen=True)
class UnisonCosts:
    """Costs in nats.

    Attributes:
        rest: of a frame in which the voice rests while others sing; ``breath``: in so short a silence.
        enter: of a unison, and again when it is left; ``change``: from one line to another; ``late``: into
            the middle of a note that is held.
        interval: a semitone from the voice's last note to the line, and from the line to its next, up to
        ``leap``.
        beyond: of a frame on a line, for a squared semitone beyond the voice's range; ``margin``: semitones
            that a range is wider than what was sung. away: of a frame, for 5 semitones, squared, from its
            middle.
        beats: of a frame, for each nat of evidence against several singers on a line; gained for evidence,
            up to ``most``. third: how much of that counts where two are on the line already, who explain
            the beats; ``crowd``: of a frame there.
        own: gained by a frame on the voice's own track, for each nat of log odds above ``doubt``, and above
            ``covered`` more where the pitch may be partials of another voice.
    """

    rest: float = 0.1
    breath: float = 0.1
    enter: float = 1.0
    late: float = 3.0
    change: float = 0.7
    interval: float = 0.15
    leap: float = 1.8
    beyond: float = 0.04
    margin: float = 3.0
    away: float = 0.006
    beats: float = 1.0
    most: float = 0.5
    third: float = 0.3
    crowd: float = 0.02
    own: float = 0.15
    doubt: float = 0.5
    covered: float = 1.5


def join_unisons(
    pitch: Array, odds: Array, costs: UnisonCosts | None = None, evidence: Array | None = None
) -> Array:
    """Tracks in which voices join others where they would else be silent.

    Args:
        pitch: ``(voices, frames)`` semitones, NaN = silent.
        odds: ``(voices, frames)`` log odds of the salience of each track's pitch; not read where it is
        silent.
        costs: as above.
        evidence: ``(voices, frames)`` nats for several singers on each track's line
            (`vocsep.pitch.beats.unison_evidence`); not known by default.

    Returns:
        ``(voices, frames)``.
    """
    costs = costs or UnisonCosts()
    told = np.zeros_like(pitch) if evidence is None else evidence
    joined = pitch.copy()
    sung = np.isfinite(pitch)
    for voice, track in enumerate(pitch):
        if not sung[voice].any():
            continue
        others = np.delete(np.arange(len(pitch)), voice)
        # A line that another voice holds as well can be left; one that would be lost cannot.
        shared = np.asarray((np.abs(joined[others] - track) < SAME).any(axis=0))
        place = _place_costs(pitch[voice], odds[voice], pitch[others], shared, costs)
        place[1:-1] -= _beating(pitch[others], joined[others], told[others], costs)
        someone = np.asarray(sung[others].any(axis=0))
        held = _held(np.concatenate((np.full((1, len(track)), np.nan), pitch[others])))
        for first, last in _doubtful(sung[voice], shared, someone):
            before = float(track[first - 1]) if first else np.nan
            after = float(track[last]) if last < len(track) else np.nan
            lines = np.concatenate((track[None, first:last], pitch[others, first:last]))
            part = slice(first, last)
            late = costs.late * held[:, part]
            choice = _best_lines(lines, place[:, part], late, shared[part], (before, after), costs)
            frames = np.arange(last - first)
            taken = np.where(choice >= 0, lines[choice.clip(0), frames], np.nan)
            # On one note with another voice, the voice's own F0 is the better one.
            same = np.abs(taken - lines[0]) < SAME
            joined[voice, first:last] = np.where(same, lines[0], taken)
    return np.asarray(joined)


def _beating(lines: Array, joined: Array, evidence: Array, costs: UnisonCosts) -> Array:
    """What evidence of several singers gains for one more on each line, ``(lines, frames)``; ``joined``: the
    other voices, as far as they are decided."""
    gained = np.clip(costs.beats * evidence, -costs.most, costs.most)
    there = (np.abs(joined[:, None] - lines) < SAME).sum(axis=0)
    of_more = np.where(there > 1, costs.third * gained - costs.crowd, gained)
    return np.asarray(np.where(np.isfinite(lines), of_more, 0.0))


def _doubtful(
    sung: NDArray[np.bool_], shared: NDArray[np.bool_], others: NDArray[np.bool_]
) -> list[tuple[int, int]]:
    """Frames between a voice's lasting notes of its own: first and one past the last of each such run.

    Args:
        sung: ``(frames,)``, where the voice sings. shared: where another one is on its track. others: where
            another voice sings.
    """
    brief, shortest = round(BRIEF * SAMPLE_RATE / HOP), round(SHORTEST * SAMPLE_RATE / HOP)
    lasting = np.zeros_like(sung)
    for first, last in voiced_runs(sung):
        lasting[first:last] = last - first > brief
    alone = sung & ~shared
    lasting &= alone
    return [(a, b) for a, b in voiced_runs(~lasting) if (~alone[a:b] & others[a:b]).sum() >= shortest]


def _place_costs(
    own: Array, odds: Array, others: Array, shared: NDArray[np.bool_], costs: UnisonCosts
) -> Array:
    """Cost in each frame of a voice's own track, of each other line, and of rest, ``(others + 2,
    frames)``."""
    there, sings = np.isfinite(others), np.isfinite(own)
    lowest, middle, highest = np.percentile(own[sings], (2, 50, 98))

    def away(line: Array) -> Array:
        beyond = np.maximum(lowest - costs.margin - line, line - highest - costs.margin).clip(0)
        return np.asarray(costs.beyond * beyond**2 + costs.away * ((line - middle) / 5.0) ** 2)

    above = (own - others)[:, None] - np.array(COVERED)[:, None]
    covered = (np.abs(above) < NEAR).any(axis=(0, 1))
    sure = np.where(sings, odds, 0.0) - costs.doubt - costs.covered * covered
    rest = np.zeros(len(own))
    someone = there.any(axis=0)
    for first, last in voiced_runs(~sings & someone):
        seconds = (last - first) * HOP / SAMPLE_RATE
        rest[first:last] = costs.breath if seconds < BREATH else costs.rest * min(1.0, LONG / seconds)
    place = np.empty((len(others) + 2, len(own)))
    alone = np.where(sings, -costs.own * sure.clip(0), NEVER)
    place[0] = np.where(shared, away(own), alone)
    place[1:-1] = np.where(there, away(others), NEVER)
    # What was heard is not taken for a rest, nor what was given to two voices.
    place[-1] = np.where(sings, np.where(shared, NEVER, 0.2), rest)
    return place


def _best_lines(
    lines: Array,
    place: Array,
    late: Array,
    shared: NDArray[np.bool_],
    beside: tuple[float, float],
    costs: UnisonCosts,
) -> NDArray[np.int64]:
    """Which line a voice is on in each frame of a gap, ``(frames,)``; 0 = its own, -1 = it rests.

    Args:
        lines: ``(others + 1, frames)`` semitones, its own first, NaN = silent.
        place: ``(others + 2, frames)`` cost of each, rest last.
        late: ``(others + 1, frames)`` cost to join a line there.
        shared: ``(frames,)``, where its own line is another voice's as well: then it is a unison like others.
        beside: its pitch before and after the gap, NaN where there is none.
        costs: as above.
    """
    count, frames = lines.shape
    steps = np.zeros((frames - 1, count + 1, count + 1))  # lines before, lines here, rest last
    steps[:, -1, 1:-1] = steps[:, 1:-1, -1] = costs.enter
    other = costs.change * ~np.eye(count, dtype=np.bool_)

    def interval(one: Array, two: Array | float) -> Array:
        return np.nan_to_num(np.minimum(costs.interval * np.abs(one - two), costs.leap))

    def joins(frame: int, note: float) -> Array:
        """What it costs to come from the voice's own note, or to go there; a breath is no unison."""
        cost = np.full(count, costs.enter)
        cost[0] *= shared[frame] * _parted(lines[0, frame], note)
        return cost

    # After and before a rest, a unison is as far from the voice's own notes as without it.
    entry, leave = (np.where(np.arange(count)[:, None] > 0, interval(lines, note), 0.0) for note in beside)

    total = place[:, 0].copy()
    total[:-1] += interval(lines[:, 0], beside[0]) + late[:, 0] * _parted(lines[:, 0], beside[0])
    total[:-1] += joins(0, beside[0])
    # What does not depend on the path, of all frames at once.
    before, here = lines.T[:-1, :, None], lines.T[1:, None]
    changed = np.repeat(other[None], frames - 1, axis=0)
    changed[:, 0, 0] = costs.change * (shared[1:] != shared[:-1])
    apart = _parted(before, here)
    steps[:, :-1, :-1] += interval(before, here) + changed * apart
    steps[:, 0, 1:-1] += (late.T[1:] * apart[:, 0])[:, 1:]
    steps[:, -1, :-1] += (entry + late).T[1:]
    steps[:, :-1, -1] += leave[:, :-1].T
    back = np.zeros((frames, count + 1), dtype=np.int64)
    for frame, step in enumerate(steps, start=1):
        reached = total[:, None] + step
        back[frame] = reached.argmin(axis=0)
        total = reached.min(axis=0) + place[:, frame]
    total[:-1] += interval(lines[:, -1], beside[1]) + joins(-1, beside[1])
    state, path = int(total.argmin()), np.zeros(frames, dtype=np.int64)
    for frame in range(frames - 1, -1, -1):
        path[frame] = state
        state = int(back[frame, state])
    return np.where(path == count, -1, path)


def _parted(one: Array, two: Array | float) -> Array:
    """0 where two lines are on one note, else 1."""
    return np.asarray(~(np.abs(one - two) < SAME), dtype=np.float64)


def _held(lines: Array) -> Array:
    """1 where a line is on a note that has begun before, else 0, ``(lines, frames)``."""
    padded = np.pad(lines, ((0, 0), ONSET), mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, sum(ONSET) + 1, axis=1)
    spread = around.max(axis=-1) - around.min(axis=-1)  # NaN where it is silent
    return np.asarray(spread < SAME, dtype=np.float64)
