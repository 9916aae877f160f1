"""F0 tracks as a picture of matplotlib: a file, or axes of one's own.

The same as `vocsep.pictures.pitch.pitch_plot` draws in a terminal: time to the right, log frequency upwards.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vocsep.pictures.files import new_figure, plain_text, require_matplotlib, save_figure
from vocsep.pictures.pitch import (
    GLIDE,
    TIME_STEPS,
    clock,
    midi_numbers,
    note_labels,
    pitch_name,
    pitch_range,
)
from vocsep.pitch.tracks import F0Tracks
from vocsep.player.colours import voice_style

PICTURE_ROWS = 50  # places for a note name on the axis


def write_plot(tracks: F0Tracks, path: Path, *, title: str = "", start: float = 0.0) -> None:
    """Write the same picture as PNG, SVG or PDF, by the suffix of ``path``; written beside it, then renamed.

    Args:
        tracks: F0 of every voice.
        path: the file, replaced if it is there.
        title: heading, may be empty.
        start: time of the first frame in s.

    Raises:
        DependencyError: matplotlib is not installed.
    """
    figure = new_figure(path, *_size(tracks))
    _fill_axes(figure.add_subplot(), tracks, start)
    if title:
        figure.suptitle(plain_text(title), fontsize="medium")
    save_figure(figure, path)


def plot_tracks(tracks: F0Tracks, axes: Any = None) -> Any:
    """Draw the same picture into axes of matplotlib.

    Args:
        tracks: F0 of every voice.
        axes: to draw into; None for those of a new figure.

    Returns:
        The axes.

    Raises:
        DependencyError: matplotlib is not installed.
    """
    if axes is None:
        require_matplotlib(Path("plot"))
        from matplotlib import pyplot

        axes = pyplot.figure(figsize=_size(tracks), layout="constrained").add_subplot()
    _fill_axes(axes, tracks, 0.0)
    return axes


def _size(tracks: F0Tracks) -> tuple[float, float]:
    """Width and height in inches."""
    return min(max(9.0, tracks.seconds / 5), 24.0), 5.0


def time_ticks(start: float, end: float, most: float) -> NDArray[np.float64]:
    """Round times between two others, no more than ``most``.

    >>> time_ticks(0.0, 16.0, 10).tolist()
    [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0]
    """
    step = next((step for step in TIME_STEPS if (end - start) / step <= most), TIME_STEPS[-1])
    first, last = math.ceil(start / step - 1e-9), math.floor(end / step + 1e-9)
    return np.array([number * step for number in range(first, last + 1)], dtype=np.float64)


def _fill_axes(axes: Any, tracks: F0Tracks, start: float) -> None:
    midi, times = midi_numbers(tracks), start + tracks.times
    for voice in range(1, tracks.voices + 1):
        row = midi[voice - 1].copy()
        # A leap inside a voiced stretch is a new note: no line through the pitches that nobody sang.
        row[1:][np.abs(np.diff(midi[voice - 1])) > GLIDE] = np.nan
        axes.plot(
            times,
            row,
            color=voice_style(voice),
            linewidth=1.4,
            label=tracks.names[voice - 1] if tracks.names else f"voice {voice}",
        )
    if np.isfinite(midi).any():
        low, high = pitch_range(midi)
        labels = note_labels(low, high, PICTURE_ROWS)
        axes.set_ylim(low, high)
        axes.set_yticks(list(labels.values()), [pitch_name(note) for note in labels.values()])
    end = start + max(tracks.seconds, 0.1)
    ticks = time_ticks(start, end, 1.2 * axes.figure.get_figwidth())
    tenths = bool((ticks % 1 > 1e-6).any())
    axes.set_xlim(start, end)
    axes.set_xticks(ticks, [clock(time, tenths=tenths) for time in ticks.tolist()])
    axes.set_xlabel("time")
    axes.grid(alpha=0.3)
    axes.legend(ncols=min(tracks.voices, 8), loc="upper center", bbox_to_anchor=(0.5, 1.1), frameon=False)
