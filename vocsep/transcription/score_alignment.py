"""Where in a score a recording is: dynamic time warping that may leave things out.

Rows are moments of the recording, columns moments of the score. A column fits a row by the log likelihood of
what the salience network hears there, each semitone by itself: log s for those written, log (1 - s) for the
others. A path goes on by 0 to 3 columns a row; it may *jump* to any column (bars left out, repeats taken or
not), or step *off* the score for a while and come back (something is sung that is not written). The cheapest
path is found by dynamic programming (H. Sakoe and S. Chiba, 1978; jumps as in E. Nakamura, T. Nakamura,
Y. Saito, N. Ono and S. Sagayama, "Real-time audio-to-score alignment of music performances containing errors
and arbitrary repeats and skips", IEEE/ACM TASLP 24, 2016). Features from a multi-pitch network instead of
chroma know octaves, which parts of a choir share."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.harmonic_stack import BELOW, BINS, BINS_PER_OCTAVE
from vocsep.transcription.score_reading import WrittenScore

Array = NDArray[np.float64]

LOWEST_NOTE = 33 - BELOW * 12 // BINS_PER_OCTAVE  # MIDI number of the first F0 bin; 33 is 55 Hz
NOTES = BINS * 12 // BINS_PER_OCTAVE  # semitones that are compared
SEMITONE = BINS_PER_OCTAVE // 12  # bins
MISTUNED = 2  # bins, as far from its note a pitch still counts for it
SURE, UNSURE = 0.95, 0.2  # no salience says more, and none less: weak voices are often not heard
STEPS = (1.0, 0.0, 0.4, 1.2)  # nats, of going on by 0, 1, 2, 3 columns a row
JUMP = 80.0  # nats, to anywhere
OFF, BACK = 25.0, 10.0  # nats, off the score and back
OFF_SHARE = 0.35  # of what could be explained at best, that being off the score explains


@dataclass(frozen=True)
class Alignment:
    """Where each row is.

    Attributes:
        column: ``(rows,)``, of the score.
        on: ``(rows,)``, false where the recording is off the score.
        jumped: ``(rows,)``, true where it came by a jump.
        cost: nats, of the whole path.
    """

    column: NDArray[np.int64]
    on: NDArray[np.bool_]
    jumped: NDArray[np.bool_]
    cost: float


def log_odds_of(heard: Array) -> Array:
    """``log s / (1 - s)``, bounded."""
    sure = np.clip(heard, UNSURE, SURE)
    return np.asarray(np.log(sure / (1 - sure)))


def heard_notes(salience: NDArray[np.uint8], step: int) -> tuple[Array, Array]:
    """What is heard in rows of ``step`` frames.

    Args:
        salience: ``(BINS, frames)``, 0 to 255.
        step: frames a row.

    Returns:
        log odds ``(rows, NOTES)`` of the strongest peak near each semitone, and ``(rows,)`` the sum of those
        of all peaks that are rather there than not: the most that any score could explain.
    """
    frames = salience.shape[1]
    rows = -(-frames // step)
    padded = np.pad(salience, ((1, 1), (0, rows * step - frames)))
    centre = padded[1:-1]
    peaks = np.where((centre >= padded[:-2]) & (centre > padded[2:]), centre, 0)
    best = np.maximum(log_odds_of(peaks / 255.0), 0.0).sum(axis=0)
    wide = np.pad(peaks, ((MISTUNED, MISTUNED + SEMITONE), (0, 0)))
    near = [
        wide[MISTUNED + shift :][: SEMITONE * NOTES : SEMITONE] for shift in range(-MISTUNED, MISTUNED + 1)
    ]
    highest = np.max(near, axis=0).reshape(NOTES, rows, step).mean(axis=2)
    return log_odds_of(highest.T / 255.0), best.reshape(rows, step).mean(axis=1)


def written_notes(
    score: WrittenScore, columns: int, seconds: float, shifts: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which part has which semitone in which column, ``(parts, columns, NOTES)``.

    Args:
        score: the parts.
        columns: of the score, ``seconds`` each.
        shifts: ``(parts,)`` semitones by which each part is sung above what is written.
    """
    table = np.zeros((len(score.parts), columns, NOTES), dtype=bool)
    for part, (notes, shift) in enumerate(zip(score.parts, shifts.tolist(), strict=True)):
        for note in notes:
            number = round(note.pitch) + shift - LOWEST_NOTE
            if 0 <= number < NOTES:
                first = round(note.onset / seconds)
                table[part, first : max(round((note.onset + note.duration) / seconds), first + 1), number] = (
                    True
                )
    return table


def align(odds: Array, best: Array, written: NDArray[np.bool_]) -> Alignment:
    """The cheapest path.

    Args:
        odds, best: ``(rows, NOTES)`` and ``(rows,)``, of `heard_notes`.
        written: ``(columns, NOTES)``, of all parts together.
    """
    # What no pitch at all would cost is the same for all columns and left out.
    cost = -(odds.astype(np.float32) @ written.T.astype(np.float32))  # the one large array that lasts
    off_cost = -OFF_SHARE * best
    rows, columns = cost.shape
    came = np.zeros((rows, columns), dtype=np.int8)  # steps 0 to 3, 4 back from off, 5 by a jump
    stayed = np.zeros((rows, columns), dtype=bool)  # off: was off before
    origin = np.zeros(rows, dtype=np.int64)
    on = np.full(columns, JUMP)
    on[0] = 0.0
    on += cost[0]
    off = np.full(columns, np.inf)
    off[0] = OFF + off_cost[0]
    for row in range(1, rows):
        origin[row] = on.argmin()
        options = np.full((6, columns), np.inf)
        for step, price in enumerate(STEPS):
            options[step, step:] = on[: columns - step] + price
        options[4] = off + BACK
        options[5] = on[origin[row]] + JUMP
        came[row] = options.argmin(axis=0)
        stayed[row] = off <= on + OFF
        off = np.minimum(off, on + OFF) + off_cost[row]
        on = options.min(axis=0) + cost[row]
    return _traced(came, stayed, origin, on, off)


def _traced(
    came: NDArray[np.int8], stayed: NDArray[np.bool_], origin: NDArray[np.int64], on: Array, off: Array
) -> Alignment:
    """The path backwards from where it is cheapest at the end."""
    rows = len(came)
    column, sounding, jumped = np.zeros(rows, np.int64), np.zeros(rows, bool), np.zeros(rows, bool)
    cost = float(min(on.min(), off.min()))
    is_on = bool(on.min() <= off.min())
    place = int((on if is_on else off).argmin())
    for row in range(rows - 1, -1, -1):
        column[row], sounding[row] = place, is_on
        if not row:
            break
        if not is_on:
            is_on = not stayed[row, place]
            continue
        step = int(came[row, place])
        if step < 4:
            place -= step
        elif step == 4:
            is_on = False
        else:
            jumped[row], place = True, int(origin[row])
    return Alignment(column, sounding, jumped, cost)
