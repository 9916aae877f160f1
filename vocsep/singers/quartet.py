"""An ensemble in a room: stems that add up to a mixture, with the exact F0 of each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vocsep.singers.performance import CONTROL, perform
from vocsep.singers.room import random_room, reverberate, room_response
from vocsep.singers.score import Note, Score, random_score
from vocsep.singers.singer import random_singer
from vocsep.singers.voice import sing
from vocsep.spectra import HOP, SAMPLE_RATE


@dataclass(frozen=True)
class Ensemble:
    """Sung parts, highest first: ``stems`` ``(voices, samples)`` at 16 kHz and ``f0`` ``(voices, frames)`` in
    Hz, 0 = unvoiced.
    """

    stems: NDArray[np.float32]
    f0: NDArray[np.float32]

    @property
    def mixture(self) -> NDArray[np.float32]:
        return np.asarray(self.stems.sum(axis=0, dtype=np.float32))


def sing_part(
    notes: tuple[Note, ...], seconds: float, rng: np.random.Generator, singers: int = 1
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Sing one part, by a section of ``singers`` in unison: audio ``(samples,)`` and F0 ``(frames,)`` of the
    first singer.
    """
    samples = round(seconds * SAMPLE_RATE) // HOP * HOP
    knots = samples // CONTROL + 1
    if not notes:
        return np.zeros(samples, np.float32), np.zeros(samples // HOP + 1, np.float32)
    median = float(np.median([note.pitch for note in notes]))
    takes = []
    for _ in range(singers):
        singer = random_singer(rng, median)
        takes.append(sing(perform(notes, singer, knots, rng), singer, rng))
    audio = np.sum([take[0] for take in takes], axis=0) / np.sqrt(singers)
    return audio.astype(np.float32), takes[0][1]


def transposed(score: Score, semitones: float) -> Score:
    """The score moved by a number of semitones, kept within what people sing (A1 to E6)."""
    pitches = [note.pitch for part in score.parts for note in part]
    if pitches:
        semitones = float(np.clip(semitones, 33.5 - min(pitches), 87.5 - max(pitches)))
    parts = (tuple(Note(n.onset, n.duration, n.pitch + semitones) for n in part) for part in score.parts)
    return Score(tuple(parts), score.seconds)


def sing_score(score: Score, rng: np.random.Generator, *, room: bool = True, singers: int = 1) -> Ensemble:
    """All parts of a score by random singers, in one random room if ``room``, levels as sung."""
    reverberation, direct = random_room(rng)
    stems, tracks = [], []
    for part in score.parts:
        audio, f0 = sing_part(part, score.seconds, rng, singers)
        if room:
            audio = reverberate(audio, room_response(rng, reverberation, direct + rng.normal(0, 2)))
        stems.append(audio)
        tracks.append(f0)
    return Ensemble(np.stack(stems), np.stack(tracks))


def sing_quartet(seed: int, seconds: float = 8.0, *, room: bool = True) -> Ensemble:
    """A quartet that sings ``seconds`` seconds of a score of its own; the same seed sings the same again."""
    rng = np.random.default_rng(seed)
    return sing_score(random_score(rng, seconds), rng, room=room)
