"""Scores in which voices meet: they cross, join in unison, double in octaves, answer each other.
range.

The four-part scores of `vocsep.singers.score` keep their parts apart, as chorales do. In duets, practice
recordings and old polyphony the parts come together, and whoever numbers them by height mistakes one for the
other there. Each kind of meeting has a score of its own, of two parts or more around a common melody.
"""

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from vocsep.singers.quartet import Ensemble, sing_score, transposed
from vocsep.singers.score import Note, Score, random_score

Meeting = Literal["crossing", "duet", "unison", "octaves", "imitation", "alternation"]
MEETINGS: tuple[Meeting, ...] = get_args(Meeting)

MAJOR = (0, 2, 4, 5, 7, 9, 11)  # semitones of the scale
BEAT = (0.3, 0.6)  # s
CENTRE = (57.0, 69.0)  # MIDI notes, middle of the common range: A3 to A4
SWING = 3.5  # semitones from that middle to where crossing parts turn
UNISON = (2.0, 6.0)  # s of a meeting on one line
APART = 3  # degrees of the scale between the parts elsewhere
PHRASE = (6, 11)  # notes, and then a rest
LATER = (3, 9)  # beats after which an imitation begins
TURNS = (2.0, 4.0)  # s of a phrase before the other voice has its turn

Curve = Callable[[float], float]


def _scale(tonic: int) -> NDArray[np.float64]:
    """All notes of a major key as MIDI numbers."""
    return np.array([note for note in range(24, 100) if (note - tonic) % 12 in MAJOR], dtype=np.float64)


def _line(
    rng: np.random.Generator, seconds: float, beat: float, scale: NDArray[np.float64], middle: Curve
) -> list[Note]:
    """A melody that walks by steps and small leaps about ``middle``, a MIDI number for each time in s."""
    notes: list[Note] = []
    time, wander, left = 0.0, 0.0, int(rng.integers(*PHRASE))
    while time < seconds - 0.3:
        length = beat * float(rng.choice((0.5, 1.0, 1.0, 1.0, 2.0)))
        wander = 0.6 * wander + float(rng.normal(0.0, 1.3))
        pitch = float(scale[np.abs(scale - (middle(time) + wander)).argmin()])
        left -= 1
        sung = length if left else 0.7 * length
        notes.append(Note(time, min(sung, seconds - time), pitch))
        time += length
        if not left:
            time += beat * float(rng.choice((0.5, 1.0)))
            left = int(rng.integers(*PHRASE))
    return notes


def _shifted(notes: list[Note], scale: NDArray[np.float64], degrees: int, later: float = 0.0) -> list[Note]:
    """The same melody so many degrees of the scale higher, and later by some seconds."""
    places = np.searchsorted(scale, [note.pitch for note in notes]) + degrees
    return [
        Note(note.onset + later, note.duration, float(pitch))
        for note, pitch in zip(notes, scale[places.clip(0, len(scale) - 1)], strict=True)
    ]


def _stretches(rng: np.random.Generator, seconds: float, lengths: tuple[float, float]) -> list[float]:
    """Times at which something changes, ``lengths`` apart, the first within such a length."""
    times = [float(rng.uniform(0.5, lengths[1]))]
    while times[-1] < seconds:
        times.append(times[-1] + float(rng.uniform(*lengths)))
    return times


def _between(time: float, changes: list[float]) -> int:
    """How many changes lie before a time."""
    return int(np.searchsorted(changes, time, side="right"))


def meeting_score(rng: np.random.Generator, seconds: float, kind: Meeting) -> Score:
    """A score of two parts of one range.

    Args:
        rng: of everything that is left to chance.
        seconds: its length.
        kind: ``crossing``: the parts change places once in six seconds; ``duet``: both wander in one range;
            ``unison``: one melody in thirds or fourths, on one line for seconds, again and again;
            ``octaves``: the same an octave apart; ``imitation``: the second sings what the first sang, some
            beats later; ``alternation``: phrases in turn, with a few notes together.

    Returns:
        Parts in the order of the singers, which is not their height everywhere.
    """
    beat, tonic = float(rng.uniform(*BEAT)), int(rng.integers(12))
    scale, centre = _scale(tonic), float(rng.uniform(*CENTRE))
    changes = _stretches(rng, seconds, TURNS if kind == "alternation" else UNISON)
    if kind == "crossing":
        crossings = max(round(seconds / 6), 1)

        def swing(time: float) -> float:
            return SWING * float(np.cos(np.pi * crossings * time / seconds))

        parts = [
            _line(rng, seconds, beat, scale, lambda time: centre + swing(time)),
            _line(rng, seconds, beat, scale, lambda time: centre - swing(time)),
        ]
    elif kind == "duet":
        parts = [_line(rng, seconds, beat, scale, lambda _: centre) for _ in range(2)]
    elif kind == "imitation":
        first = _line(rng, seconds, beat, scale, lambda _: centre)
        later = beat * float(rng.integers(*LATER))
        second = [note for note in _shifted(first, scale, 0, later) if note.onset < seconds - 0.3]
        parts = [first, second]
    else:
        first = _line(rng, seconds, beat, scale, lambda _: centre)
        apart = 7 if kind == "octaves" else int(rng.choice((2, APART)))
        second = []
        for low, same in zip(first, _shifted(first, scale, -apart), strict=True):
            met = _between(low.onset, changes) % 2
            second.append((low if met else same) if kind != "octaves" else same)
        if kind == "alternation":
            # The first note of a turn is sung by both.
            whose = [_between(note.onset, changes) for note in first]
            fresh = [index == 0 or whose[index] != whose[index - 1] for index in range(len(whose))]
            parts = [
                [n for n, turn, new in zip(line, whose, fresh, strict=True) if turn % 2 == voice or new]
                for voice, line in enumerate((first, second))
            ]
        else:
            parts = [first, second]
    return transposed(Score(tuple(tuple(part) for part in parts), seconds), float(rng.uniform(-0.5, 0.5)))


def quartet_with_unisons(rng: np.random.Generator, seconds: float) -> Score:
    """Four parts of a chorale of which neighbours sing one line for seconds, two at a time, and part again.

    One of them joins the other's notes; while three sing on, another may join as well.
    """
    score = random_score(rng, seconds)
    parts = [list(part) for part in score.parts]
    time = float(rng.uniform(0.5, 3.0))
    while time < seconds - 1.0:
        until = time + float(rng.uniform(*UNISON))
        leader = int(rng.integers(3))
        followers = [leader + 1, leader + 2] if leader == 0 and rng.random() < 0.3 else [leader + 1]
        line = [note for note in parts[leader] if time <= note.onset < until]
        if line:
            begin, end = line[0].onset, line[-1].onset + line[-1].duration
            for voice in followers:
                kept = [n for n in parts[voice] if n.onset + n.duration <= begin + 1e-6 or n.onset >= end]
                parts[voice] = sorted([*kept, *line], key=lambda note: note.onset)
        time = until + float(rng.uniform(*UNISON))
    return Score(tuple(tuple(part) for part in parts), score.seconds)


def meeting_quartet(rng: np.random.Generator, seconds: float) -> Score:
    """Four parts that meet: a chorale with unisons, or two duets at once."""
    if rng.random() < 0.5:
        return quartet_with_unisons(rng, seconds)
    upper, lower = (meeting_score(rng, seconds, MEETINGS[int(rng.integers(len(MEETINGS)))]) for _ in range(2))
    below = float(rng.choice((0, -5, -12)))
    parts = tuple(tuple(Note(n.onset, n.duration, n.pitch + below) for n in part) for part in lower.parts)
    return Score(upper.parts + parts, seconds)


def sing_meeting(seed: int, seconds: float, kind: Meeting, *, room: bool = True) -> Ensemble:
    """Two singers, ``seconds`` seconds, in a random room if ``room``; the same seed sings the same again."""
    rng = np.random.default_rng((seed, MEETINGS.index(kind), 11))
    return sing_score(meeting_score(rng, seconds, kind), rng, room=room)
