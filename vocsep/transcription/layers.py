"""F0 and notes of one voice as the files of other programs: Sonic Visualiser, Tony, Praat, Audacity.

- Sonic Visualiser layer (.svl): a layer of notes, XML; a frame of theirs is a sample at our rate.
- Tony: a CSV of the F0 (seconds, Hz; only voiced frames) and one of the notes (onset, Hz, duration).
- Praat PitchTier: a point in time and Hz for each voiced frame, short text file.
- Audacity labels: onset, offset and name of each note, separated by tabs.
"""

import math
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.intonation import note_name
from vocsep.spectra import SAMPLE_RATE, frame_times
from vocsep.transcription.notes import hertz, notes_of_voice

Array = NDArray[np.float64]


def sonic_visualiser(frequencies: Array, name: str, start: float) -> str:
    """A layer of notes: values in Hz, labels with the deviation in cents.

    Args:
        frequencies: ``(frames,)`` Hz, NaN = unvoiced.
        name: of the voice.
        start: time of the first frame in s.
    """
    notes = notes_of_voice(frequencies)
    points = "\n".join(
        f'      <point frame="{round((start + note.onset) * SAMPLE_RATE)}"'
        f' value="{float(hertz(note.pitch)):.3f}" duration="{round(note.duration * SAMPLE_RATE)}"'
        f' level="0.8" label="{label(note.pitch)}" />'
        for note in notes
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE sonic-visualiser>
<sv>
  <data>
    <model id="1" name={quoteattr(name)} sampleRate="{SAMPLE_RATE}" type="sparse" dimensions="3"
      resolution="1" notifyOnAdd="true" dataset="0" subtype="note" valueQuantization="0" units="Hz" />
    <dataset id="0" dimensions="3">
{points}
    </dataset>
  </data>
  <display>
    <layer id="2" type="notes" name={quoteattr(name)} model="1" verticalScale="0" scaleUnits="Hz" />
  </display>
</sv>
"""


def tony_pitch(frequencies: Array, start: float) -> str:
    """``time,frequency`` of each voiced frame."""
    voiced = np.flatnonzero(np.isfinite(frequencies))
    times = frame_times(len(frequencies)) + start
    return "".join(f"{times[frame]:.6f},{frequencies[frame]:.3f}\n" for frame in voiced)


def tony_notes(frequencies: Array, start: float) -> str:
    """``onset,frequency,duration`` of each note."""
    return "".join(
        f"{start + note.onset:.6f},{float(hertz(note.pitch)):.3f},{note.duration:.6f}\n"
        for note in notes_of_voice(frequencies)
    )


def praat_pitch_tier(frequencies: Array, start: float) -> str:
    """A PitchTier in Praat's short text format."""
    times = frame_times(len(frequencies)) + start
    voiced = np.flatnonzero(np.isfinite(frequencies))
    last = float(times[-1]) if len(times) else start
    head = ['File type = "ooTextFile"', 'Object class = "PitchTier"', "", "0", f"{last + 0.016:.6f}"]
    points = [f"{times[frame]:.6f}\n{frequencies[frame]:.4f}" for frame in voiced]
    return "\n".join([*head, str(len(voiced)), *points]) + "\n"


def audacity_labels(frequencies: Array, name: str, start: float) -> str:
    """``onset<TAB>offset<TAB>name of voice and note`` of each note."""
    return "".join(
        f"{start + note.onset:.6f}\t{start + note.offset:.6f}\t{name} {label(note.pitch)}\n"
        for note in notes_of_voice(frequencies)
    )


def label(pitch: float) -> str:
    """Nearest note and how far away it is in cents.

    >>> label(69.12)
    'A4 +12'
    """
    nearest = math.floor(pitch + 0.5)
    return f"{note_name(float(hertz(nearest)))} {round(100 * (pitch - nearest)):+d}"
