"""A choir whose intonation is known: a score sung with a drift and errors that were written down before.

The singers of the training data differ from an amateur to a bad evening. Here everything but the pitch of the
notes is moderate, so that what is measured on them can be compared with what they were told to sing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vocsep.singers.performance import CONTROL, perform
from vocsep.singers.quartet import Ensemble
from vocsep.singers.score import Note, Score
from vocsep.singers.singer import Singer, random_singer
from vocsep.singers.voice import sing
from vocsep.spectra import HOP, SAMPLE_RATE


@dataclass(frozen=True)
class KnownChoir:
    """What was sung, and what it was meant to be.

    Attributes:
        score: the notes as written.
        sung: the same notes with the pitch that the singer aimed at, in semitones.
        ensemble: stems and F0.
    """

    score: Score
    sung: Score
    ensemble: Ensemble


def steady_singer(rng: np.random.Generator, median_pitch: float) -> Singer:
    """A trained choir singer: on pitch, moderate vibrato, little wandering."""
    return replace(
        random_singer(rng, median_pitch),
        vibrato_depth=float(rng.uniform(10, 50)),
        vibrato_delay=float(rng.uniform(0.0, 0.2)),
        drift=float(rng.uniform(2, 6)),
        jitter=float(rng.uniform(1, 5)),
        intonation=0.0,
        offset=0.0,
        glide=float(rng.uniform(0.01, 0.05)),
        scoop=0.1,
        articulation=0.3,
        dip=0.4,
        breath=float(rng.uniform(-50, -30)),
    )


def chorale(
    progression: Sequence[Sequence[int]], rng: np.random.Generator, beat: float = 0.8, rest: float = 0.15
) -> Score:
    """Chords in a row as four parts, now and then with a passing pair of half the length.

    Args:
        progression: MIDI numbers of each chord, highest first.
        rng: decides who moves when.
        beat: s a chord.
        rest: s of silence at the end of each fourth chord.
    """
    parts = []
    for voice in range(len(progression[0])):
        notes: list[Note] = []
        for number, chord in enumerate(progression):
            onset, length = number * beat, beat - (rest if number % 4 == 3 else 0.0)
            following = progression[min(number + 1, len(progression) - 1)][voice]
            if abs(following - chord[voice]) in (3, 4) and rng.random() < 0.5:
                between = chord[voice] + int(np.sign(following - chord[voice])) * 2
                notes += [
                    Note(onset, length / 2, chord[voice]),
                    Note(onset + length / 2, length / 2, between),
                ]
            elif notes and notes[-1].pitch == chord[voice] and (number - 1) % 4 != 3:
                notes[-1] = replace(notes[-1], duration=onset + length - notes[-1].onset)
            else:
                notes.append(Note(onset, length, chord[voice]))
        parts.append(tuple(notes))
    return Score(tuple(parts), len(progression) * beat + 0.5)


def sing_known(
    score: Score, rng: np.random.Generator, cents: Callable[[int, Note], float] | None = None
) -> KnownChoir:
    """Sing a score with errors that are known.

    Args:
        score: the notes, times in s.
        rng: of the singers.
        cents: of a part (0 = highest) and a note: how far from equal temperament it is sung.
    """
    samples = round(score.seconds * SAMPLE_RATE) // HOP * HOP
    sung = tuple(
        tuple(replace(note, pitch=note.pitch + (cents(part, note) / 100 if cents else 0.0)) for note in notes)
        for part, notes in enumerate(score.parts)
    )
    stems, tracks = [], []
    for notes in sung:
        singer = steady_singer(rng, float(np.median([note.pitch for note in notes])))
        audio, f0 = sing(perform(notes, singer, samples // CONTROL + 1, rng), singer, rng)
        stems.append(audio)
        tracks.append(f0)
    return KnownChoir(score, Score(sung, score.seconds), Ensemble(np.stack(stems), np.stack(tracks)))
