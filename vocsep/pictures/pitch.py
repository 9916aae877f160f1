"""Pictures of F0 tracks in a terminal; `vocsep.pictures.plot` draws the same as a file.

Time goes to the right, log frequency upwards (a semitone is as tall everywhere), with note names on
the axis and one colour for each voice, the same in every table (`vocsep.player.colours`).
"""

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from vocsep.pitch.intonation import CONCERT_PITCH, NOTES
from vocsep.pitch.tracks import F0Tracks
from vocsep.player.colours import voice_style
from vocsep.spectra import HOP, SAMPLE_RATE

GLIDE = 2.0  # semitones: voiced neighbours further apart than this are two notes, not joined by a line
SMALLEST_RANGE = 12  # semitones shown at least, so that vibrato does not look like a melody
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # bits of a braille cell, (4, 2)
BRAILLE = 0x2800  # the empty braille cell
DIGITS = "123456789abcdefg"  # a voice each, where the terminal has no braille

# Pitch classes worth a label, from all twelve to C alone; the densest that fits is used.
LABELS = (tuple(range(12)), (0, 2, 4, 7, 9), (0, 4, 7), (0, 7), (0,))
TIME_STEPS = (
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    1200,
    1800,
    3600,
    7200,
)  # s between ticks


def pitch_plot(
    tracks: F0Tracks, width: int, height: int = 20, *, start: float = 0.0, unicode: bool = True
) -> Text:
    """F0 over time in ``width`` by ``height + 2`` characters.

    Args:
        tracks: F0 of every voice.
        width: columns in all, the axis included (at least 20 are used).
        height: rows of the canvas, without the time axis (at least 4 are used).
        start: time of the first frame in s, for the labels.
        unicode: braille, 2 by 4 dots in a character; otherwise ASCII, where a voice is drawn with its number.
    """
    midi = midi_numbers(tracks)
    if not np.isfinite(midi).any():
        return Text("(no voice sings a pitch here)", style="dim")
    low, high = pitch_range(midi)
    rows, columns = max(height, 4), max(width, 20) - 5
    fine = (4, 2) if unicode else (1, 1)
    dots = _draw(midi, low, high, rows * fine[0], columns * fine[1])
    cells = dots.reshape(tracks.voices, rows, fine[0], columns, fine[1]).swapaxes(2, 3)
    labels = note_labels(low, high, rows, fine[0])
    plot = Text(no_wrap=True, overflow="crop")
    for row in range(rows):
        name = pitch_name(labels[row]) if row in labels else ""
        plot.append(f"{name:>4}", style="bold" if name and labels[row] % 12 == 0 else "")
        plot.append(("┤" if unicode else "+") if name else ("│" if unicode else "|"), style="dim")
        _append_row(plot, cells[:, row], bool(name), unicode)
        plot.append("\n")
    plot.append_text(_time_axis(columns, start, tracks.frames * HOP / SAMPLE_RATE, unicode))
    return plot


def midi_numbers(tracks: F0Tracks) -> NDArray[np.float64]:
    """MIDI numbers ``(voices, frames)``, NaN = unvoiced."""
    return np.asarray(69 + 12 * np.log2(tracks.frequencies / CONCERT_PITCH))


def pitch_range(midi: NDArray[np.float64]) -> tuple[float, float]:
    """Lowest and highest MIDI number to show: all that is sung and half a semitone, an octave at least."""
    low, high = float(np.nanmin(midi)) - 0.5, float(np.nanmax(midi)) + 0.5
    missing = max(SMALLEST_RANGE - (high - low), 0.0) / 2
    return low - missing, high + missing


def _draw(midi: NDArray[np.float64], low: float, high: float, rows: int, columns: int) -> NDArray[np.bool_]:
    """Dots ``(voices, rows, columns)``; notes are joined inside a glide, never over a rest or a leap."""
    voices, frames = midi.shape
    following = np.concatenate([midi[:, 1:], np.full((voices, 1), np.nan)], axis=1)
    joined = np.abs(following - midi) <= GLIDE
    # Points between two frames: enough that neighbours touch, along the time axis and along a steep glide.
    between = max(math.ceil(2 * columns / frames), math.ceil(GLIDE * rows / (high - low)), 1)
    dots = np.zeros((voices, rows, columns), dtype=bool)
    for step in range(between):
        share = step / between
        value = midi if step == 0 else np.where(joined, midi + share * (following - midi), np.nan)
        voice, frame = np.nonzero(np.isfinite(value))
        across = np.minimum((frame + share) * columns / frames, columns - 1).astype(int)
        down = ((high - value[voice, frame]) / (high - low) * (rows - 1) + 0.5).astype(int)
        dots[voice, down, across] = True
    return dots


def _append_row(plot: Text, cells: NDArray[np.bool_], labelled: bool, unicode: bool) -> None:
    """One row of characters; ``cells`` is ``(voices, columns, 4, 2)``, in ASCII ``(voices, columns, 1, 1)``.

    Where voices share a character, all dots are drawn, in the colour of the voice that has most of them.
    """
    count = cells.sum(axis=(2, 3))
    owner = count.argmax(axis=0)
    bits = (cells.any(axis=0) * DOTS).sum(axis=(1, 2)) if unicode else None
    for column in range(cells.shape[1]):
        voice = int(owner[column])
        if not count[voice, column]:
            plot.append(("┈" if unicode else ".") if labelled and column % 2 else " ", style="dim")
        else:
            mark = DIGITS[voice % len(DIGITS)] if bits is None else chr(BRAILLE + int(bits[column]))
            plot.append(mark, style=voice_style(voice + 1))


def note_labels(low: float, high: float, rows: int, fine: int = 1) -> dict[int, int]:
    """Row (of ``fine`` dots) -> MIDI number to name there: as many as leave a free row between two."""
    labels: dict[int, int] = {}
    for classes in LABELS:
        notes = [note for note in range(math.ceil(low), math.floor(high) + 1) if note % 12 in classes]
        places = [int((high - note) / (high - low) * (rows * fine - 1) + 0.5) // fine for note in notes]
        labels = dict(zip(places, notes, strict=True))
        if all(row - next_row >= 2 for row, next_row in pairwise(places)):
            break
    return labels


def pitch_name(note: int) -> str:
    """Name of a MIDI number, as C4."""
    return f"{NOTES[note % 12]}{note // 12 - 1}"


def _time_axis(columns: int, start: float, seconds: float, unicode: bool) -> Text:
    """Two rows: the line with its ticks, and their times."""
    tick, line, corner = ("┬", "─", "└") if unicode else ("+", "-", "+")
    step = next((step for step in TIME_STEPS if step / seconds * columns >= 9), TIME_STEPS[-1])
    marks, names = [line] * columns, [" "] * (columns + 4)
    number = math.ceil(start / step - 1e-9)
    while (column := int((number * step - start) / seconds * columns + 1e-9)) < columns:
        marks[column] = tick
        name = clock(number * step, tenths=step < 1)
        left = min(max(column + 4 - len(name) // 2, 0), columns + 4 - len(name))
        names[left : left + len(name)] = name
        number += 1
    axis = Text(f"    {corner}{''.join(marks)}", style="dim")
    return axis.append(f"\n {''.join(names).rstrip()}")


def clock(seconds: float, *, tenths: bool = False) -> str:
    """A time as people read it.

    >>> clock(75), clock(3725), clock(7.25, tenths=True)
    ('1:15', '1:02:05', '0:07.2')
    """
    whole = math.floor(seconds * 10 + 1e-6) / 10 if tenths else math.floor(seconds + 0.5)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(int(minutes), 60)
    shown = f"{rest:04.1f}" if tenths else f"{int(rest):02d}"
    return f"{hours}:{minutes:02d}:{shown}" if hours else f"{minutes}:{shown}"
