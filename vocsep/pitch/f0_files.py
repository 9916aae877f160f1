"""F0 files of the world, read as they are meant.

=========================== ==============================================================================
``time,voice_1,...``        ours: a header, seconds, Hz; the header names the voices
``time,frequency,confidence`` CREPE, torchcrepe, penn: where confidence is low nobody sings
two columns, no header      Sonic Visualiser, Tony, pYIN: zero or negative is unvoiced
MIREX multi-F0              a time and the frequencies of that moment, separated by tabs; ours too
JSON                        ours
=========================== ==============================================================================

Cells may be separated by commas, semicolons or tabs; a decimal comma is understood beside the latter two.
"""

import csv
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vocsep.errors import F0Error
from vocsep.media.names import folded
from vocsep.pitch.f0_table import F0Table

LOWEST = 20.0  # Hz, the lowest frequency; below it, also below 0, is unvoiced (some programs fade to 0)
HIGHEST = 4000.0  # Hz, the highest
LONGEST = 86_400.0  # s, the latest time
HIGHEST_NOTE = 96  # MIDI, C7: whole numbers up to here alone are no Hz, which only an octavist could sing
CONFIDENT = 0.5  # below this confidence a frame is unvoiced
CONFIDENCE = ("confidence", "periodicity", "probability", "voicing", "voiced_prob", "salience")  # of columns
MIDI = ("midi", "note", "pitch_midi", "midi_pitch")  # columns of note numbers, 69 is 440 Hz
EXPECTED = "time,voice_1,... with seconds and Hz"


def read_f0_file(path: Path) -> F0Table:
    """Read an F0 file of any of the kinds above.

    Raises:
        F0Error: one line that names the file, and the line and value where there is one.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise F0Error(f"{path}: no such F0 file") from None
    except OSError as error:
        raise F0Error(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise F0Error(f"{path}: is not a CSV text file") from None
    if text.lstrip().startswith("{"):
        return _from_json(path, text)
    rows = _rows(path, text)
    if not rows:
        raise F0Error(f"{path}: is empty, expected {EXPECTED}")
    header = [cell.strip() for cell in rows[0][1]]
    if header[0].lower() in ("time", "time [s]", "times", "seconds"):
        if len(header) < 2:
            raise F0Error(f"{path}: the first line must be the header time,voice_1,...")
        return _with_header(path, header, rows[1:])
    if _number(header[0]) is None:
        raise F0Error(f"{path}: the first line must be the header time,voice_1,..., not {header[0][:40]!r}")
    return _without_header(path, rows)


def _rows(path: Path, text: str) -> list[tuple[int, list[str]]]:
    """Numbered lines cut into cells, empty lines and comments left out."""
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    separator = next((sign for sign in ("\t", ";", ",") if sign in first), " ")
    try:
        lines = csv.reader(text.splitlines(), delimiter=separator, skipinitialspace=True)
        rows = [(number, cells) for number, cells in enumerate(lines, start=1) if any(map(str.strip, cells))]
    except csv.Error:
        raise F0Error(f"{path}: is not a CSV text file") from None
    rows = [(number, cells) for number, cells in rows if not cells[0].lstrip().startswith("#")]
    if separator == ",":
        return rows
    return [(number, [cell.replace(",", ".") for cell in cells]) for number, cells in rows]


def _with_header(path: Path, header: list[str], rows: list[tuple[int, list[str]]]) -> F0Table:
    if not rows:
        raise F0Error(f"{path}: holds no frames after the header")
    for number, cells in rows:
        if len(cells) != len(header):
            raise F0Error(f"{path}: line {number}: {len(cells)} cells, the header has {len(header)}")
    values = _values(path, rows)
    _check_times(path, rows, values[:, 0])
    kinds = [name.lower() for name in header]
    sung = [column for column in range(1, len(header)) if kinds[column] not in CONFIDENCE]
    sure = [column for column in range(1, len(header)) if kinds[column] in CONFIDENCE]
    if not sung:
        raise F0Error(f"{path}: no column holds frequencies, expected {EXPECTED}")
    table = values[:, sung].T.copy()
    for row, column in enumerate(sung):
        if kinds[column] in MIDI:
            table[row] = 440.0 * 2 ** ((table[row] - 69) / 12)
    if len(sure) == len(sung):
        table[values[:, sure].T < CONFIDENT] = np.nan
    plain = len(sung) == 1 and kinds[sung[0]] in ("frequency", "f0", "hz", "frequency [hz]", *MIDI)
    names = () if plain else _names(path, [header[column] for column in sung])
    return F0Table(values[:, 0], _checked(path, rows, table), names)


def _names(path: Path, header: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns; a column without one is called by its number."""
    numbers = [f"voice_{number}" for number in range(1, len(header) + 1)]
    names = [" ".join(cell.split()) or number for cell, number in zip(header, numbers, strict=True)]
    known = [folded(name) for name in names]
    twice = [name for name in names if known.count(folded(name)) > 1]
    if twice:
        raise F0Error(f"{path}: the header names {twice[0]!r} more than once")
    return () if known == numbers else tuple(names)


def _without_header(path: Path, rows: list[tuple[int, list[str]]]) -> F0Table:
    """Two columns are one voice; else a line holds the frequencies of its moment, the highest first."""
    values = _values(path, rows)
    _check_times(path, rows, values[:, 0])
    table = _checked(path, rows, values[:, 1:].T.copy())
    if not len(table):
        raise F0Error(f"{path}: holds times and no frequencies, expected {EXPECTED}")
    if len(table) > 1:
        table = _in_voices(table)
    return F0Table(values[:, 0], table, ())


def _in_voices(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Frequencies ``(most at once, points)`` that were written without gaps, put back in their voices' rows.

    Where fewer sing than there are rows, those in order are taken that moved least from where they were.
    """
    voices, points = table.shape
    placed = np.full_like(table, np.nan)
    pitch = 12 * np.log2(table)
    full = np.isfinite(pitch).all(axis=0)
    known = np.median(pitch[:, full], axis=1) if full.any() else np.linspace(110, 80, voices)
    for point in range(points):
        there = np.flatnonzero(np.isfinite(table[:, point]))
        rows = _nearest_in_order(pitch[there, point], known)
        placed[rows, point] = table[there, point]
        known[rows] = pitch[there, point]
    return placed


def _nearest_in_order(pitch: NDArray[np.float64], known: NDArray[np.float64]) -> list[int]:
    """Which voices sing these pitches, in order, with the least movement in all (dynamic programming)."""
    count, voices = len(pitch), len(known)
    cost = np.full((count + 1, voices + 1), np.inf)
    cost[0] = 0.0
    for i in range(1, count + 1):
        for j in range(i, voices + 1):
            cost[i, j] = min(cost[i, j - 1], cost[i - 1, j - 1] + abs(pitch[i - 1] - known[j - 1]))
    rows, i, j = [], count, voices
    while i:
        if cost[i, j] == cost[i, j - 1]:
            j -= 1
        else:
            rows.append(j - 1)
            i, j = i - 1, j - 1
    return rows[::-1]


def _from_json(path: Path, text: str) -> F0Table:
    try:
        document = json.loads(text)
        hop, start = float(document["hop_seconds"]), float(document.get("start", 0.0))
        rows = [voice["frequencies"] for voice in document["voices"]]
        names = [voice.get("name") for voice in document["voices"]]
        table = np.array([[math.nan if f is None else float(f) for f in row] for row in rows], np.float64)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise F0Error(f"{path}: is no F0 file of vocsep (vocsep f0 --format json writes them)") from None
    if table.ndim != 2 or not table.size or not (0 < hop <= LONGEST and 0 <= start <= LONGEST):
        raise F0Error(f"{path}: is no F0 file of vocsep (vocsep f0 --format json writes them)")
    times = start + hop * np.arange(table.shape[1], dtype=np.float64)
    named = tuple(map(str, names)) if all(isinstance(name, str) for name in names) else ()
    return F0Table(times, _checked(path, [], table), named)


def _values(path: Path, rows: list[tuple[int, list[str]]]) -> NDArray[np.float64]:
    """Numbers ``(lines, cells)``; what lacks at the end of a line, and what is empty, is NaN."""
    values = np.full((len(rows), max(len(cells) for _, cells in rows)), np.nan)
    for row, (number, cells) in enumerate(rows):
        for column, cell in enumerate(cells):
            value = _number(cell) if cell.strip() else math.nan
            if value is None:
                raise F0Error(f"{path}: line {number}: {cell[:40]!r} is not a number")
            values[row, column] = value
    return values


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _check_times(path: Path, rows: Sequence[tuple[int, Any]], times: NDArray[np.float64]) -> None:
    outside = np.flatnonzero(~((times >= 0) & (times <= LONGEST)))
    if outside.size:
        line, cells = rows[outside[0]]
        raise F0Error(f"{path}: line {line}: time {cells[0]!r} is not within 0 .. {LONGEST:g} s")
    falling = np.flatnonzero(np.diff(times) <= 0)
    if falling.size:
        line = rows[falling[0] + 1][0]
        raise F0Error(f"{path}: line {line}: time {times[falling[0] + 1]:g} s does not rise")


def _checked(path: Path, rows: Sequence[tuple[int, Any]], table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Frequencies with everything under `LOWEST` unvoiced; refuses what cannot be Hz."""
    high = np.argwhere(table.T > HIGHEST)
    if len(high):
        point, voice = high[0]
        line = f"line {rows[point][0]}: " if rows else ""
        raise F0Error(f"{path}: {line}{table[voice, point]:g} Hz is not within {LOWEST:g} .. {HIGHEST:g} Hz")
    table = np.where(table >= LOWEST, table, np.nan).astype(np.float64)
    sung = table[np.isfinite(table)]
    if sung.size > 1 and sung.max() <= HIGHEST_NOTE and (sung == np.rint(sung)).all():
        raise F0Error(
            f"{path}: whole numbers from {sung.min():g} to {sung.max():g} look like MIDI notes, expected "
            f"{EXPECTED} (a column named midi is converted)"
        )
    return table
