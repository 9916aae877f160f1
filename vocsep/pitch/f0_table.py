"""F0 tables: CSV files ``time,<voice>,...`` as they are written, read, checked line by line, and brought
onto the frame grid.
"""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vocsep.errors import F0Error
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count, frame_times

LOWEST = 20.0  # Hz, the lowest frequency in an F0 file; from 0 to here is unvoiced (some programs fade to 0)
HIGHEST = 4000.0  # Hz, the highest
LONGEST = 86_400.0  # s, the latest time that an F0 file may name
BRIDGE = 0.05  # s, neighbouring times further apart (and than 2.5 usual steps) are a gap, not a glide


@dataclass(frozen=True)
class F0Table:
    """A file as it stands: ``times`` ``(points,)`` in seconds, ``columns`` ``(voices, points)`` in Hz, NaN =
    unvoiced, and ``names`` of the columns, empty where these are only numbered.
    """

    times: NDArray[np.float64]
    columns: NDArray[np.float64]
    names: tuple[str, ...]


def columns_of(names: Sequence[str], known: Sequence[str]) -> list[int]:
    """Where each of ``names`` stands among ``known``; capital letters and small ones are the same.

    Raises:
        F0Error: they are not the same names; the line lists those that there are.

    >>> columns_of(["Soprano", "bass"], ["bass", "soprano"])
    [1, 0]
    """
    places = {name.casefold(): place for place, name in enumerate(known)}
    wanted = [name.casefold() for name in names]
    if sorted(wanted) != sorted(places):
        raise F0Error(f"the names {', '.join(names)} do not fit its voices: {', '.join(known)}")
    return [places[name] for name in wanted]


def csv_line(cells: Sequence[str]) -> str:
    """One line of CSV without its end, quoted where a name needs it.

    >>> csv_line(["time", "alto, second"])
    'time,"alto, second"'
    """
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def read_table(path: Path) -> F0Table:
    """A CSV file, checked.

    Raises:
        F0Error: one line that names the file, and the line and value where there is one.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [(number, cells) for number, cells in enumerate(csv.reader(file), start=1) if cells]
    except FileNotFoundError:
        raise F0Error(f"{path}: no such F0 file") from None
    except OSError as error:
        raise F0Error(f"{path}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error):
        raise F0Error(f"{path}: is not a CSV text file") from None
    if not rows or rows[0][1][0].strip().lower() != "time" or len(rows[0][1]) < 2:
        raise F0Error(f"{path}: the first line must be the header time,voice_1,...")
    if len(rows) < 2:
        raise F0Error(f"{path}: holds no frames after the header")
    names = _names(path, rows[0][1][1:])
    width = len(rows[0][1])
    values = np.array([_numbers(path, number, cells, width) for number, cells in rows[1:]])
    falling = np.flatnonzero(np.diff(values[:, 0]) <= 0)
    if falling.size:
        number = rows[falling[0] + 2][0]
        raise F0Error(f"{path}: line {number}: time {values[falling[0] + 1, 0]:g} s does not rise")
    return F0Table(values[:, 0], values[:, 1:].T, names)


def _names(path: Path, header: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns; a column without one is called by its number."""
    numbers = [f"voice_{number}" for number in range(1, len(header) + 1)]
    names = [" ".join(cell.split()) or number for cell, number in zip(header, numbers, strict=True)]
    folded = [name.casefold() for name in names]
    twice = [name for name in names if folded.count(name.casefold()) > 1]
    if twice:
        raise F0Error(f"{path}: the header names {twice[0]!r} more than once")
    return () if folded == numbers else tuple(names)


def _numbers(path: Path, line: int, cells: Sequence[str], width: int) -> list[float]:
    """One line as ``[time, frequency or NaN, ...]``."""
    if len(cells) != width:
        raise F0Error(f"{path}: line {line}: {len(cells)} cells, the header has {width}")
    numbers = []
    for cell in cells:
        try:
            numbers.append(float(cell) if cell.strip() else math.nan)
        except ValueError:
            raise F0Error(f"{path}: line {line}: {cell[:40]!r} is not a number") from None
    if not 0 <= numbers[0] <= LONGEST:
        raise F0Error(f"{path}: line {line}: time {cells[0]!r} is not within 0 .. {LONGEST:g} s")
    for column, number in enumerate(numbers[1:], start=1):
        if 0 <= number < LOWEST:
            numbers[column] = math.nan
        elif number < 0 or number > HIGHEST:
            raise F0Error(f"{path}: line {line}: {number:g} Hz is not within {LOWEST:g} .. {HIGHEST:g} Hz")
    return numbers


def resample_f0(times: NDArray[np.float64], frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
    """One F0 curve from any rising times onto the frame grid, up to the last time.

    Args:
        times: ``(points,)`` in seconds, rising.
        frequencies: ``(points,)`` in Hz, NaN = unvoiced.

    Returns:
        ``(frames,)`` in Hz, NaN = unvoiced.
    """
    grid = frame_times(frame_count(int(times[-1] * SAMPLE_RATE + 0.5)))
    step = float(np.median(np.diff(times))) if times.size > 1 else HOP / SAMPLE_RATE
    left = np.clip(np.searchsorted(times, grid, side="right") - 1, 0, times.size - 1)
    right = np.minimum(left + 1, times.size - 1)
    interval = times[right] - times[left]
    weight = np.clip((grid - times[left]) / np.where(interval > 0, interval, 1.0), 0.0, 1.0)
    nearest = np.where(weight <= 0.5, left, right)
    # Before the first time, and in holes of the time axis, a point speaks only for the half step around it.
    near = np.abs(grid - times[nearest]) <= step / 2 + 1e-9
    connected = (interval > 0) & (interval <= max(2.5 * step, BRIDGE)) & (grid >= times[0])
    held = np.where(near | connected, frequencies[nearest], np.nan)
    log = np.log2(frequencies)
    glide = np.exp2((1 - weight) * log[left] + weight * log[right])
    return np.where(connected & np.isfinite(glide), glide, held)
