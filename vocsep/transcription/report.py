"""The intonation of a choir: every note of every voice, every voice, and the drift of all together."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from vocsep.errors import VoicesNotFound
from vocsep.pitch.intonation import note_name
from vocsep.pitch.tracks import F0Tracks
from vocsep.transcription.chords import chords_of, just_deviations
from vocsep.transcription.contour import contour_of
from vocsep.transcription.exports import voice_names
from vocsep.transcription.notes import hertz, notes_of_tracks, semitones
from vocsep.transcription.pulling import Pull, moments, pulls_of
from vocsep.transcription.tuning import Tuning, tuning_of


@dataclass(frozen=True)
class NoteIntonation:
    """One note; NaN where something is not known.

    Attributes:
        voice: number, 1 = the first.
        onset, offset: s on the clock of the recording.
        note: name of the note that was meant. number: the same as MIDI number.
        pitch: mean in semitones. frequency: the same in Hz.
        equal: cents above that note at A4 = 440 Hz.
        own: cents above that note in the tuning that the choir has at this time.
        just: cents above just intonation relative to what the others sing.
        slope: cents a second inside the note.
        vibrato_rate, vibrato_extent: Hz, cents to either side.
    """

    voice: int
    onset: float
    offset: float
    note: str
    number: int
    pitch: float
    frequency: float
    equal: float
    own: float
    just: float
    slope: float
    vibrato_rate: float
    vibrato_extent: float


@dataclass(frozen=True)
class VoiceIntonation:
    """One voice: means over its notes, weighted by their lengths; NaN where nothing is known.

    Attributes:
        voice, name, notes: number, name, and how many notes.
        own, own_spread: mean and standard deviation of the cents from the choir's tuning.
        just: mean distance from just intonation, in cents without sign.
        vibrato_rate, vibrato_extent: of its notes that have vibrato, vibrato_share: which share that is.
        pull: how far the others follow it, `vocsep.transcription.pulling`.
    """

    voice: int
    name: str
    notes: int
    own: float
    own_spread: float
    just: float
    vibrato_rate: float
    vibrato_extent: float
    vibrato_share: float
    pull: Pull


@dataclass(frozen=True)
class IntonationReport:
    """Everything that is said of a recording."""

    notes: list[NoteIntonation]
    voices: list[VoiceIntonation]
    tuning: Tuning

    def to_dict(self) -> dict[str, Any]:
        """For JSON; NaN stays NaN here and becomes null on the way out."""
        tuning = self.tuning
        return {
            "drift_cents": tuning.drift,
            "drift_cents_per_minute": tuning.slope,
            "concert_pitch_hz": tuning.concert_pitch,
            "tuning": {"times": tuning.times.round(3), "cents": tuning.curve.round(2)},
            "voices": [asdict(voice) for voice in self.voices],
            "notes": [asdict(note) for note in self.notes],
        }

    def to_csv(self) -> str:
        """One line a note, an empty cell where something is not known."""
        columns = list(NoteIntonation.__dataclass_fields__)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["name", *columns])
        for note in self.notes:
            cells = [_cell(getattr(note, column)) for column in columns]
            writer.writerow([self.voices[note.voice - 1].name, *cells])
        return text.getvalue()


def intonation_report(
    tracks: F0Tracks, names: Sequence[str] | None = None, start: float = 0.0
) -> IntonationReport:
    """Intonation of all voices.

    Args:
        tracks: F0 of every voice.
        names: of the voices.
        start: time of the first frame in s.

    Raises:
        VoicesNotFound: nobody sings a note.
    """
    called = voice_names(tracks.voices, names)
    sung = [(voice, note) for voice, notes in enumerate(notes_of_tracks(tracks)) for note in notes]
    if not sung:
        raise VoicesNotFound("no note is sung here, so there is no intonation to report")
    pitch = semitones(tracks.frequencies)
    contours = [contour_of(pitch[voice, note.first : note.last]) for voice, note in sung]
    voices = np.array([voice for voice, _ in sung])
    onsets, offsets = (np.array([getattr(note, edge) for _, note in sung]) for edge in ("onset", "offset"))
    means = np.array([contour.mean for contour in contours])
    middles, lengths = (onsets + offsets) / 2, offsets - onsets
    tuning = tuning_of(middles, means, lengths)
    equal = np.asarray(100 * (means - tuning.numbers), dtype=np.float64)
    own = equal - tuning.at(middles)
    just = just_deviations(chords_of(onsets, offsets, tuning.numbers), tuning.numbers, equal)
    notes = [
        NoteIntonation(
            voice=int(voices[i]) + 1,
            onset=start + float(onsets[i]),
            offset=start + float(offsets[i]),
            note=note_name(float(hertz(tuning.numbers[i]))),
            number=int(tuning.numbers[i]),
            pitch=contour.mean,
            frequency=float(hertz(contour.mean)),
            equal=float(equal[i]),
            own=float(own[i]),
            just=float(just[i]),
            slope=contour.slope,
            vibrato_rate=contour.vibrato_rate,
            vibrato_extent=contour.vibrato_extent,
        )
        for i, contour in enumerate(contours)
    ]
    pulls = pulls_of(moments(onsets, offsets, equal, voices, tracks.voices))
    table = [_voice(voice, name, notes, pulls[voice - 1]) for voice, name in enumerate(called, start=1)]
    moved = Tuning(
        tuning.times + start, tuning.curve, tuning.numbers, tuning.slope, tuning.drift, tuning.start
    )
    return IntonationReport(notes, table, moved)


def _voice(voice: int, name: str, notes: Sequence[NoteIntonation], pull: Pull) -> VoiceIntonation:
    own = [note for note in notes if note.voice == voice]
    lengths = np.array([note.offset - note.onset for note in own])
    away = np.array([note.own for note in own])
    mean = _mean(away, lengths)
    vibrato = [not math.isnan(note.vibrato_rate) for note in own]
    return VoiceIntonation(
        voice=voice,
        name=name,
        notes=len(own),
        own=mean,
        own_spread=math.sqrt(_mean((away - mean) ** 2, lengths)) if own else math.nan,
        just=_mean(np.abs([note.just for note in own]), lengths),
        vibrato_rate=_mean(np.array([note.vibrato_rate for note in own]), lengths),
        vibrato_extent=_mean(np.array([note.vibrato_extent for note in own]), lengths),
        vibrato_share=float(np.average(vibrato, weights=lengths)) if own else math.nan,
        pull=pull,
    )


def _mean(values: Any, weights: Any) -> float:
    """Weighted mean of what is known; NaN if nothing is."""
    values = np.asarray(values, dtype=np.float64)
    known = np.isfinite(values)
    return float(np.average(values[known], weights=weights[known])) if known.any() else math.nan


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.3f}"
    return str(value)
