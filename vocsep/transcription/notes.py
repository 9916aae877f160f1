"""Notes of an F0 track: where one begins, where it ends, and which pitch it has.

The track of a voice is explained by steps: in each frame of a voiced run the voice stands on one of many
pitches, 25 cents apart, and costs what its F0 is away from there; each change of pitch costs a fixed number
of semitone frames. The cheapest explanation (a Potts functional, found by dynamic programming: G. Winkler and
V. Liebscher, "Smoothers for discontinuous signals", Journal of Nonparametric Statistics 14, 2002) keeps
vibrato in one note, because its way out and back costs less than two changes, and parts notes a semitone
away. Compare the hidden Markov models of M. Mauch et al., "Computer-aided melody note transcription using the
Tony software", TENOR 2015.

Two notes of one pitch without a rest between them are parted where the F0 shows a consonant: a short dip.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.gaps import voiced_runs
from vocsep.pitch.intonation import CONCERT_PITCH
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import HOP, SAMPLE_RATE

Array = NDArray[np.float64]

FRAME = HOP / SAMPLE_RATE  # s
STEP = 0.25  # semitones between the pitches that a voice may stand on
CHANGE = 3.5  # semitone frames that a change of pitch costs
MOST = 1.5  # semitones that a frame may be away at most: glides and wrong octaves of a moment
SHORTEST = 0.09  # s, shorter pieces are the scoop before a note, or its end
JOIN = 0.024  # s, a shorter silence inside one pitch is no new note
DIP = 0.9  # semitones under the note, from which a short fall is a consonant
USUAL = 3.0  # times the median deviation of the note: what its vibrato does all the time is no dip
DIP_LONGEST = 0.16  # s between the two sides of such a fall
EDGE = 0.12  # s, closer to an edge of the note a dip is no new note


@dataclass(frozen=True)
class SungNote:
    """One note of one voice.

    Attributes:
        first, last: frames, the last one excluded.
        pitch: median in semitones (MIDI number, 69 = 440 Hz).
    """

    first: int
    last: int
    pitch: float

    @property
    def onset(self) -> float:
        """s, half a frame before the centre of the first: where the voice was not yet there."""
        return max(self.first - 0.5, 0.0) * FRAME

    @property
    def offset(self) -> float:
        """s, half a frame after the centre of the last one."""
        return (self.last - 0.5) * FRAME

    @property
    def duration(self) -> float:
        """s."""
        return self.offset - self.onset


def semitones(frequencies: NDArray[np.floating]) -> Array:
    """Hz to MIDI numbers, NaN stays NaN.

    >>> semitones(np.array([440.0, 220.0])).tolist()
    [69.0, 57.0]
    """
    return np.asarray(69 + 12 * np.log2(np.asarray(frequencies, dtype=np.float64) / CONCERT_PITCH))


def hertz(pitch: NDArray[np.floating] | float) -> Array:
    """MIDI numbers to Hz.

    >>> hertz(69.0).item()
    440.0
    """
    return np.asarray(CONCERT_PITCH * 2 ** ((np.asarray(pitch, dtype=np.float64) - 69) / 12))


def notes_of_voice(frequencies: NDArray[np.floating]) -> list[SungNote]:
    """Notes of one voice in the order of time.

    Args:
        frequencies: ``(frames,)`` Hz, NaN = unvoiced.
    """
    pitch = semitones(frequencies)
    notes: list[SungNote] = []
    for first, last in voiced_runs(np.isfinite(pitch)):
        pieces = _pieces(pitch[first:last])
        notes += [
            _note(pitch, first + a, first + b)
            for piece in pieces
            for a, b in _at_dips(pitch[first:last], *piece)
        ]
    return _joined(pitch, [note for note in notes if note.last - note.first > 1])


def notes_of_tracks(tracks: F0Tracks) -> list[list[SungNote]]:
    """Notes of every voice."""
    return [notes_of_voice(row) for row in tracks.frequencies]


def _note(pitch: Array, first: int, last: int) -> SungNote:
    return SungNote(first, last, float(np.median(pitch[first:last])))


def _pieces(pitch: Array) -> list[tuple[int, int]]:
    """First and one-past-last frame of each step of one voiced run ``(frames,)`` in semitones."""
    edges = np.flatnonzero(np.diff(_steps(pitch))) + 1
    bounds = [0, *edges.tolist(), len(pitch)]
    return _without_scraps(list(itertools.pairwise(bounds)), pitch)


def _steps(pitch: Array) -> NDArray[np.int64]:
    """The pitch that a voice stands on in each frame, as a number of `STEP`, by dynamic programming."""
    low = np.floor(pitch.min() / STEP)
    places = np.arange(low, np.ceil(pitch.max() / STEP) + 1) * STEP
    away = np.minimum(np.abs(pitch[:, None] - places), MOST)  # (frames, places)
    total = away[0].copy()
    came = np.empty(away.shape, dtype=bool)  # whether another place was left for this one
    best = np.zeros(len(pitch), dtype=np.int64)  # the cheapest place before each frame
    for frame in range(1, len(pitch)):
        best[frame] = total.argmin()
        change = total[best[frame]] + CHANGE
        came[frame] = change < total
        total = np.minimum(total, change) + away[frame]
    path = np.zeros(len(pitch), dtype=np.int64)
    path[-1] = total.argmin()
    for frame in range(len(pitch) - 1, 0, -1):
        path[frame - 1] = best[frame] if came[frame, path[frame]] else path[frame]
    return path


def _without_scraps(pieces: Sequence[tuple[int, int]], pitch: Array) -> list[tuple[int, int]]:
    """Pieces too short for a note go to the neighbour whose pitch is nearer, at the start to the next."""
    kept = list(pieces)
    while len(kept) > 1:
        lengths = [last - first for first, last in kept]
        shortest = int(np.argmin(lengths))
        if lengths[shortest] * FRAME >= SHORTEST:
            break
        middle = [float(np.median(pitch[first:last])) for first, last in kept]
        before = abs(middle[shortest] - middle[shortest - 1]) if shortest else np.inf
        after = abs(middle[shortest] - middle[shortest + 1]) if shortest + 1 < len(kept) else np.inf
        left = shortest - 1 if before < after else shortest
        kept[left : left + 2] = [(kept[left][0], kept[left + 1][1])]
    return kept


def _at_dips(pitch: Array, first: int, last: int) -> list[tuple[int, int]]:
    """A piece parted at the lowest frame of each short fall below it: there the consonant was."""
    middle = float(np.median(pitch[first:last]))
    usual = float(np.median(np.abs(pitch[first:last] - middle)))  # vibrato falls often, a consonant once
    edge = round(EDGE / FRAME)
    below = pitch[first:last] < middle - max(DIP, USUAL * usual)
    cuts = [first]
    for low, high in voiced_runs(below):
        inside = low >= edge and high <= last - first - edge
        if inside and (high - low) * FRAME <= DIP_LONGEST:
            cuts.append(first + low + int(np.argmin(pitch[first + low : first + high])))
    cuts.append(last)
    return [(a, b) for a, b in itertools.pairwise(cuts) if b > a]


def _joined(pitch: Array, notes: Sequence[SungNote]) -> list[SungNote]:
    """Neighbours of one pitch with hardly a silence between them become one note."""
    joined: list[SungNote] = []
    for note in notes:
        if joined:
            before = joined[-1]
            silence = (note.first - before.last) * FRAME
            if 0 < silence <= JOIN and abs(note.pitch - before.pitch) < 0.5:
                heard = pitch[before.first : note.last]
                joined[-1] = SungNote(before.first, note.last, float(np.nanmedian(heard)))
                continue
        joined.append(note)
    return joined
