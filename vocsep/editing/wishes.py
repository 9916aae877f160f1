"""What is to become of one voice, and the F0 that follows from it.

The F0 is taken apart as p(t) = note + what moves inside the note. Retuning moves each note as a whole by a
share of its distance from where it should be: the tempered grid of the choir at that time, or just intonation
relative to the other voices (`vocsep.transcription.chords`). Vibrato is what is left of the F0 in a note when
its slow movement (below about 2 Hz) is taken away; it is multiplied. Transposition moves everything.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from vocsep.errors import SettingsError
from vocsep.pitch.tracks import F0Tracks
from vocsep.transcription.chords import chords_of, just_targets
from vocsep.transcription.contour import contour_of
from vocsep.transcription.notes import FRAME, SungNote, hertz, notes_of_tracks, semitones
from vocsep.transcription.tuning import tuning_of

Array = NDArray[np.float64]

BOUNDS = {"transpose": (-12.0, 12.0), "share": (0.0, 1.0), "vibrato": (0.0, 3.0), "formants": (0.5, 2.0)}
SLOW = 0.1  # s, standard deviation of the window that takes vibrato away
EDGE = 0.06  # s, at the edges of a note, where glides are no vibrato
GLIDE = 0.02  # s, over which corrections of neighbouring notes go over into each other
LEAST = 0.25  # s, shorter notes have no vibrato


@dataclass(frozen=True)
class Wishes:
    """How a voice is to be sung.

    Args:
        transpose: semitones, -12 to 12.
        retune: to the choir's ``equal`` temperament, or ``just`` with the others; None for neither.
        share: of the way there, 0 to 1.
        vibrato: factor on its extent, 0 to 3.
        formants: factor on their frequencies, 0.5 to 2.
        resynthesise: by the source model, instead of from the recorded voice.

    Raises:
        SettingsError: a value is out of bounds.
    """

    transpose: float = 0.0
    retune: Literal["equal", "just"] | None = None
    share: float = 1.0
    vibrato: float = 1.0
    formants: float = 1.0
    resynthesise: bool = False

    def __post_init__(self) -> None:
        for name, (low, high) in BOUNDS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise SettingsError(f"{name}: {value:g} is not within {low:g} .. {high:g}")
        if self.retune not in (None, "equal", "just"):
            raise SettingsError(f"retune: {self.retune!r} is not one of equal, just")

    @property
    def nothing(self) -> bool:
        """Whether all stays as it is."""
        changed = self.transpose or (self.retune and self.share) or self.resynthesise
        return not changed and self.vibrato == 1 and self.formants == 1


def wished_f0(tracks: F0Tracks, voice: int, wishes: Wishes) -> Array:
    """F0 of one voice as it is to be, ``(frames,)`` Hz, NaN = unvoiced.

    Args:
        tracks: F0 of every voice.
        voice: row of the one, counted from 0.
        wishes: what to change.
    """
    pitch = semitones(tracks.frequencies[voice])
    notes = notes_of_tracks(tracks)
    if wishes.vibrato != 1:
        for note in notes[voice]:
            inside = slice(note.first, note.last)
            pitch[inside] = _with_vibrato(pitch[inside], wishes.vibrato)
    if wishes.retune and notes[voice]:
        corrections = wishes.share * _corrections(tracks, notes, voice, wishes.retune)
        pitch = pitch + _spread(notes[voice], corrections, len(pitch)) / 100
    return hertz(pitch + wishes.transpose)


def _with_vibrato(pitch: Array, factor: float) -> Array:
    """One note with its vibrato multiplied, and its edges left alone."""
    if len(pitch) * FRAME < LEAST:
        return pitch
    known = np.isfinite(pitch)
    frames = np.arange(len(pitch))
    whole = np.interp(frames, frames[known], pitch[known])
    slow = gaussian_filter1d(whole, SLOW / FRAME, mode="reflect")
    middle = np.clip(np.minimum(frames, frames[::-1]) * FRAME / EDGE, 0.0, 1.0)
    return np.asarray(pitch + (factor - 1) * middle * (whole - slow))


def _corrections(tracks: F0Tracks, notes: list[list[SungNote]], voice: int, retune: str) -> Array:
    """Cents from where each note of a voice is to where it should be."""
    pitch = semitones(tracks.frequencies)
    sung = [(row, note) for row, own in enumerate(notes) for note in own]
    means = np.array([contour_of(pitch[row, note.first : note.last]).mean for row, note in sung])
    onsets, offsets = (np.array([getattr(note, edge) for _, note in sung]) for edge in ("onset", "offset"))
    middles = (onsets + offsets) / 2
    tuning = tuning_of(middles, means, offsets - onsets)
    cents = np.asarray(100 * (means - tuning.numbers), dtype=np.float64)
    target = tuning.at(middles)
    if retune == "just":
        pure = just_targets(chords_of(onsets, offsets, tuning.numbers), tuning.numbers, cents)
        target = np.where(np.isfinite(pure), pure, cents)  # alone, a note is as just as any
    own = np.array([row == voice for row, _ in sung])
    return np.asarray((target - cents)[own])


def _spread(notes: list[SungNote], values: Array, frames: int) -> Array:
    """One value a note as a curve ``(frames,)``; between notes the nearer one's, and no corners."""
    middles = np.array([(note.last + note.first - 1) / 2 for note in notes])
    edges = np.array([(before.last + after.first) / 2 for before, after in pairwise(notes)])
    index = np.searchsorted(edges, np.arange(frames), side="right")
    return np.asarray(
        gaussian_filter1d(values[np.minimum(index, len(middles) - 1)], GLIDE / FRAME, mode="nearest")
    )
