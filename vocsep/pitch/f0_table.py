"""F0 tables, ``time,<voice>,...``: names of their columns, and curves brought onto the frame grid."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vocsep.errors import F0Error
from vocsep.media.names import folded
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count, frame_times

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
    places = {folded(name): place for place, name in enumerate(known)}
    wanted = [folded(name) for name in names]
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
