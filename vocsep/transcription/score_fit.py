"""A score fitted to a recording: which key it is sung in, which part is sung elsewhere, what is left out."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.gaps import voiced_runs
from vocsep.spectra import HOP, SAMPLE_RATE
from vocsep.transcription.score_alignment import (
    NOTES,
    Alignment,
    align,
    heard_notes,
    written_notes,
)
from vocsep.transcription.score_reading import WrittenScore

FRAME = HOP / SAMPLE_RATE  # s
STEP = 3  # frames of a row, at least
MOST_ROWS = 6000  # rows; longer recordings have longer ones
COARSE = 700  # rows of the search for the key
KEYS = range(-7, 8)  # semitones, of a whole performance
PARTS = range(-12, 13)  # semitones, of one part
GAIN = 1.0  # nats a moment, that another pitch of a part must bring
RETURN, VISIT = 1.5, 12.0  # s of the score, s: coming back to where one left, and within which time
SHORT = 0.8  # s, shorter stretches off the score and shorter jumps are not told


@dataclass(frozen=True)
class ScoreFit:
    """Where the score is at each frame.

    Attributes:
        shifts: ``(parts,)`` semitones by which each part is sung above what is written.
        position: ``(frames,)`` s of the score; NaN where the recording is off the score.
        found: what does not fit, in sentences.
    """

    shifts: NDArray[np.int64]
    position: NDArray[np.float64]
    found: list[str]


def fit_score(score: WrittenScore, salience: NDArray[np.uint8]) -> ScoreFit:
    """Find the key, the parts that are sung elsewhere, and the way through the score.

    Args:
        score: what is written.
        salience: ``(BINS, frames)``, 0 to 255.
    """
    frames = salience.shape[1]
    step = max(STEP, -(-frames // MOST_ROWS))
    heard, best = heard_notes(salience, step)
    # The tempo of the score is that with which it lasts as long as the recording; the path does the rest.
    seconds = score.seconds / len(heard)
    parts = len(score.parts)
    key = _key(score, salience)
    shifts = np.full(parts, key)
    path = align(heard, best, _together(score, len(heard), shifts))
    moved = _moved_parts(score, heard, path, seconds, shifts)
    if moved.any():
        shifts = shifts + moved
        path = align(heard, best, _together(score, len(heard), shifts))
    told = _without_visits(path, seconds, step * FRAME, None)
    path = _without_visits(path, seconds, step * FRAME, _pitches(score, len(heard), shifts))
    found = _key_told(key) + _parts_told(score, moved) + _way_told(score, told, seconds, step * FRAME)
    return ScoreFit(shifts, _positions(path, seconds, step, frames), found)


def _together(score: WrittenScore, columns: int, shifts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """What all parts have in each of so many columns, ``(columns, NOTES)``."""
    return np.asarray(written_notes(score, columns, score.seconds / columns, shifts).any(axis=0))


def _key(score: WrittenScore, salience: NDArray[np.uint8]) -> int:
    """Semitones by which the whole is sung above what is written."""
    frames = salience.shape[1]
    heard, best = heard_notes(salience, max(STEP, -(-frames // COARSE)))
    shifts = np.zeros(len(score.parts), np.int64)
    costs = {}
    for key in KEYS:
        costs[key] = align(heard, best, _together(score, len(heard), shifts + key)).cost
    return min(costs, key=lambda key: (costs[key], abs(key)))


def _moved_parts(
    score: WrittenScore,
    heard: NDArray[np.float64],
    path: Alignment,
    seconds: float,
    shifts: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Semitones by which each part is sung above where the others are."""
    moved = np.zeros(len(score.parts), np.int64)
    written = written_notes(score, len(heard), seconds, shifts)[:, path.column]  # (parts, rows, NOTES)
    for part, table in enumerate(written):
        rows, notes = np.nonzero(table & path.on[:, None])
        if not len(rows):
            continue
        means = {}
        for shift in PARTS:
            inside = (notes + shift >= 0) & (notes + shift < NOTES)
            means[shift] = float(heard[rows[inside], notes[inside] + shift].sum()) / len(rows)
        best = max(means, key=lambda shift: (means[shift], -abs(shift)))
        if means[best] > means[0] + GAIN:
            moved[part] = best
    return moved


def _positions(path: Alignment, seconds: float, step: int, frames: int) -> NDArray[np.float64]:
    """Of every frame, s of the score: lines between the middles of rows, but not over jumps."""
    middles = (np.arange(len(path.column)) + 0.5) * step - 0.5
    cuts = [
        0,
        *np.flatnonzero(path.jumped | (np.diff(path.on, prepend=path.on[0]) != 0)).tolist(),
        len(middles),
    ]
    position = np.full(frames, np.nan)
    for first, last in pairwise(cuts):
        if last > first and path.on[first]:
            inside = slice(first * step, min(last * step, frames))
            place = (path.column[first:last] + 0.5) * seconds
            position[inside] = np.interp(np.arange(frames)[inside], middles[first:last], place)
    return position


def _key_told(key: int) -> list[str]:
    return [f"sung {_steps(key)} what is written"] if key else []


def _parts_told(score: WrittenScore, moved: NDArray[np.int64]) -> list[str]:
    return [
        f"part {name} is sung {_steps(shift)} what is written for it"
        for name, shift in zip(score.names, moved.tolist(), strict=True)
        if shift
    ]


def _steps(shift: int) -> str:
    """
    >>> _steps(-7)
    '7 semitones below'
    """
    return f"{abs(shift)} semitone{'s' if abs(shift) > 1 else ''} {'above' if shift > 0 else 'below'}"


def _pitches(score: WrittenScore, columns: int, shifts: NDArray[np.int64]) -> NDArray[np.float64]:
    """What each part has in each of so many columns, ``(parts, columns)`` note numbers, NaN = rest."""
    written = written_notes(score, columns, score.seconds / columns, shifts)
    return np.where(written.any(axis=2), written.argmax(axis=2), np.nan)


def _same_order(here: NDArray[np.float64], there: NDArray[np.float64]) -> bool:
    """Whether parts, ``(parts, columns)`` each, have the same order of height in two places."""
    known = [np.isfinite(place).any(axis=1) for place in (here, there)]
    both = known[0] & known[1]
    orders = [np.argsort([np.nanmean(row) for row in place[both]], kind="stable") for place in (here, there)]
    return bool((orders[0] == orders[1]).all())


def _without_visits(
    path: Alignment, seconds: float, row: float, pitches: NDArray[np.float64] | None
) -> Alignment:
    """The path with visits elsewhere taken for being off the score.

    Where it jumps and comes back to where it left, what is sung is not written here, and only happens to be
    like something else: its notes are right, but other parts may have them. Where the parts stand in the same
    order of height there as where the path left, they have what the order would give them, and it stays.

    Args:
        seconds: of a column. row: s.
        pitches: ``(parts, columns)`` note numbers, NaN = rest; None: no visit stays.
    """
    jumps = np.flatnonzero(path.jumped).tolist()
    place = path.column * seconds
    on, jumped = path.on.copy(), path.jumped.copy()
    returned = 0
    for index, here in enumerate(jumps):
        if here < returned:
            continue
        left = place[here - 1]
        later = [one for one in jumps[index + 1 :] if one - here < VISIT / row]
        back = [one for one in later if abs(place[one] - left) < RETURN]
        if back:
            returned = back[-1]
            if pitches is not None:
                column, beside = int(path.column[here - 1]), int(VISIT / seconds)
                around = pitches[:, max(column - beside, 0) : column + beside]
                if _same_order(pitches[:, path.column[here:returned]], around):
                    continue
            on[here:returned] = False
            jumped[here : returned + 1] = False
    return Alignment(path.column, on, jumped, path.cost)


def _way_told(score: WrittenScore, path: Alignment, seconds: float, row: float) -> list[str]:
    """Stretches off the score, bars left out and bars sung again."""
    place = path.column * seconds
    stretches = [
        f"from {first * row:.1f} to {last * row:.1f} s something is sung that is not in the score"
        for first, last in voiced_runs(~path.on)
        if (last - first) * row >= SHORT
    ]
    return stretches + [
        f"at {here * row:.1f} s {_bars(score, place[here - 1], place[here])}"
        for here in np.flatnonzero(path.jumped).tolist()
        if abs(place[here] - place[here - 1]) >= SHORT
    ]


def _bars(score: WrittenScore, left: float, entered: float) -> str:
    """What a jump from one time of the score to another means."""
    bars = (score.bar(min(left, entered)), score.bar(max(left, entered)))
    which = f"bar {bars[0]}" if bars[0] == bars[1] else f"bars {bars[0]} to {bars[1]}"
    what = "are left out, or a part of them" if entered > left else "are sung again, or a part of them"
    return f"{which} {what if bars[0] != bars[1] else what.replace('are', 'is', 1).replace('them', 'it')}"


def expected_pitch(score: WrittenScore, fit: ScoreFit) -> NDArray[np.float64]:
    """What each part is to sing, ``(parts, frames)`` in semitones, NaN = rest or off the score."""
    expected = np.full((len(score.parts), len(fit.position)), np.nan)
    known = np.isfinite(fit.position)
    for part, (notes, shift) in enumerate(zip(score.parts, fit.shifts.tolist(), strict=True)):
        onsets = np.array([note.onset for note in notes])
        ends = onsets + [note.duration for note in notes]
        pitch = np.array([note.pitch for note in notes]) + shift
        index = np.searchsorted(onsets, fit.position[known], side="right") - 1
        sounding = (index >= 0) & (fit.position[known] < ends[index])
        expected[part, known] = np.where(sounding, pitch[index], np.nan)
    return expected
