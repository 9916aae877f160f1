"""Four-part scores, by a generator of tonal harmony of our own that needs no extra package.

The generator walks through the functions of a key (tonic, subdominant, dominant), voices each chord within
the ranges of soprano, alto, tenor and bass by least motion without parallel fifths and octaves, and then
decorates the lines: ties, passing and neighbour notes, suspensions, rests and phrases. What matters for pitch
and separation is that voices share harmonics (octaves, fifths), move together and apart, rest, and enter
alone, as they do in real part music.
"""

from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

RANGES = ((60, 79), (55, 74), (48, 67), (40, 60))  # MIDI notes: soprano, alto, tenor, bass
_MAJOR = (0, 2, 4, 5, 7, 9, 11)
_MINOR = (0, 2, 3, 5, 7, 8, 11)  # harmonic minor: the dominant keeps its leading note
# From each degree (0 = tonic) the degrees that may follow, the likely ones repeated.
_FOLLOWS = {
    0: (3, 4, 4, 5, 1, 0, 2),
    1: (4, 4, 4, 6, 0),
    2: (5, 3, 0),
    3: (4, 4, 0, 1, 0, 6),
    4: (0, 0, 0, 5, 3),
    5: (1, 3, 3, 4, 2),
    6: (0, 0, 5),
}


@dataclass(frozen=True)
class Note:
    """One sung note: ``onset`` and ``duration`` in seconds, ``pitch`` as a MIDI number (69 = 440 Hz)."""

    onset: float
    duration: float
    pitch: float


@dataclass(frozen=True)
class Score:
    """Simultaneous parts, highest first, each a list of notes in time order; ``seconds`` is the length."""

    parts: tuple[tuple[Note, ...], ...]
    seconds: float


def _voicings(degree: int, scale: tuple[int, ...], tonic: int) -> list[tuple[int, ...]]:
    """All spacings of the triad on ``degree`` within the four ranges, no voice crossing, upper gaps at most
    an octave.
    """
    tones = [(tonic + scale[(degree + step) % 7]) % 12 for step in (0, 2, 4)]
    choices = [[p for p in range(low, high + 1) if p % 12 in tones] for low, high in RANGES]
    choices[3] = [p for p in choices[3] if p % 12 in tones[:2]]  # the bass has the root or the third
    voicings: list[tuple[int, ...]] = []
    for soprano, alto, tenor, bass in product(*choices):
        ordered = soprano >= alto >= tenor >= bass
        close = soprano - alto <= 12 and alto - tenor <= 12 and tenor - bass <= 19
        full = {tones[0], tones[1]} <= {soprano % 12, alto % 12, tenor % 12, bass % 12}
        if ordered and close and full:
            voicings.append((soprano, alto, tenor, bass))
    return voicings


def _has_parallels(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Whether two voices move in parallel fifths or octaves: (4,), (voicings, 4) -> (voicings,)."""
    found = np.zeros(len(after), dtype=bool)
    for upper in range(4):
        for lower in range(upper + 1, 4):
            interval = (before[upper] - before[lower]) % 12
            if interval in (0, 7):
                moved = after[:, upper] != before[upper]
                found |= moved & ((after[:, upper] - after[:, lower]) % 12 == interval)
    return found


def random_progression(rng: np.random.Generator, chords: int) -> np.ndarray:
    """Voiced chords ``(chords, 4)`` as MIDI numbers, by least motion with a little chance."""
    tonic, scale = int(rng.integers(12)), _MAJOR if rng.random() < 0.65 else _MINOR
    degree = 0
    voiced: list[np.ndarray] = []
    for _ in range(chords):
        options = np.array(_voicings(degree, scale, tonic))
        if voiced:
            motion = np.abs(options - voiced[-1])
            cost = motion.sum(axis=1) + 2.0 * np.maximum(motion - 4, 0).sum(axis=1)
            cost = cost + 12.0 * _has_parallels(voiced[-1], options) + rng.gumbel(0.0, 2.0, len(options))
        else:
            middle = np.array([(low + high) / 2 for low, high in RANGES])
            cost = np.abs(options - middle).sum(axis=1) + rng.gumbel(0.0, 4.0, len(options))
        voiced.append(options[int(np.argmin(cost))])
        degree = int(rng.choice(_FOLLOWS[degree]))
    return np.array(voiced)


def _line(
    rng: np.random.Generator, pitches: np.ndarray, beats: np.ndarray, rests: np.ndarray
) -> list[tuple[float, float, float]]:
    """Decorate one voice: (onset, duration, pitch) in beats from the chord tones, their lengths and the
    phrase rests.
    """
    onsets = np.concatenate(([0.0], np.cumsum(beats)))
    line: list[tuple[float, float, float]] = []
    tie = rng.uniform(0.1, 0.7)
    for i, pitch in enumerate(pitches):
        start, length = float(onsets[i]), float(beats[i])
        if rests[i] and rng.random() < 0.8:
            length *= rng.uniform(0.4, 0.8)
        elif rng.random() < 0.04:
            continue  # this voice is silent under the others
        following = pitches[i + 1] if i + 1 < len(pitches) else pitch
        step = following - pitch
        joined = bool(line) and line[-1][2] == pitch and abs(line[-1][0] + line[-1][1] - start) < 1e-6
        if joined and rng.random() < tie:
            line[-1] = (line[-1][0], line[-1][1] + length, float(pitch))
        elif abs(step) in (3, 4) and length >= 0.9 and not rests[i] and rng.random() < 0.5:
            line.append((start, length / 2, float(pitch)))
            line.append(
                (start + length / 2, length / 2, float(pitch + np.sign(step) * (abs(step) // 2 + step % 2)))
            )
        elif length >= 0.9 and rng.random() < 0.12:
            turn = float(pitch + rng.choice((-2, -1, 1, 2)))
            line += [(start, length / 2, float(pitch)), (start + length / 2, length / 4, turn)]
            line.append((start + 0.75 * length, length / 4, float(pitch)))
        elif line and abs(line[-1][2] - pitch) in (1, 2) and length >= 0.9 and rng.random() < 0.25:
            before = line[-1]  # suspension: the old note is held into the new chord
            line[-1] = (before[0], start + length / 2 - before[0], before[2])
            line.append((start + length / 2, length / 2, float(pitch)))
        else:
            line.append((start, length, float(pitch)))
    return line


def random_score(rng: np.random.Generator, seconds: float) -> Score:
    """A four-part score of about ``seconds`` seconds in a random key, tempo (in beats of 0.18 to 0.75 s) and
    texture.
    """
    beat = float(rng.uniform(0.18, 0.75))
    chords = int(np.ceil(seconds / beat)) + 1
    pitches = random_progression(rng, chords)
    beats = rng.choice((1.0, 1.0, 1.0, 2.0, 0.5), chords)
    phrase = int(rng.integers(5, 10))
    rests = np.arange(1, chords + 1) % phrase == 0
    transposition = int(rng.integers(-2, 3))
    parts = []
    for voice in range(4):
        entry = beat * float(rng.integers(1, 5)) if rng.random() < 0.15 else 0.0  # some voices enter later
        line = _line(rng, pitches[:, voice], beats, rests)
        notes = (Note(onset * beat, length * beat, pitch + transposition) for onset, length, pitch in line)
        parts.append(tuple(note for note in notes if entry <= note.onset < seconds - 0.1))
    return Score(tuple(parts), seconds)


def parts_cross(score: Score) -> bool:
    """Whether a part is anywhere lower than the part below it."""
    return any(
        high.pitch < low.pitch
        for upper, lower in pairwise(score.parts)
        for high in upper
        for low in lower
        if high.onset < low.onset + low.duration and low.onset < high.onset + high.duration
    )
