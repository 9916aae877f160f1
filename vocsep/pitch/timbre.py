"""Timbre of tracks, read off the mixture: what tells one singer from another on the same note.

Of each track only those partials count that lie away from the partials of all others. Their levels, gathered
in bands of frequency, show the spectral envelope; its mean is the level of the voice. Vibrato and the unrest
of the pitch belong to the singer as well. Each number is divided by how much it varies within one synthetic
singer from note to note (vowels above all), so that distances between two tracks can be compared with chance.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.partial_levels import decibels_of, own_partials, partial_levels
from vocsep.pitch.smoothing import gaussian_filter1d
from vocsep.pitch.stretches import Stretches

Array = NDArray[np.float64]

PARTIALS = 24
EDGES = (100.0, 300.0, 500.0, 750.0, 1050.0, 1450.0, 2000.0, 2700.0, 3600.0, 5000.0, 7000.0)  # Hz
BANDS = len(EDGES) - 1
LEVEL = slice(2, 8)  # bands whose mean is the level
# Standard deviations within a singer, over the notes of 240 synthetic singers: bands in dB relative to the
# level, vibrato and unrest as logarithms, level in dB.
WITHIN = np.array((5.3, 6.8, 6.0, 6.9, 5.8, 6.4, 7.0, 6.4, 7.8, 8.4, 0.37, 0.35, 8.9))
DIMENSIONS = len(WITHIN)
BLOCK = 4096  # frames looked at together
LONG = 16  # frames of a stretch in which vibrato can be seen
SHORT = 8  # frames of a stretch that says anything
EVEN = 1.2  # frames, between vibrato and unrest
STEADY = (0.01, 0.003)  # semitones of vibrato and of unrest that cannot be heard


def band_levels(audio: NDArray[np.float32], pitch: Array) -> Array:
    """Mean power of each track's own partials in each band.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        pitch: ``(tracks, frames)`` semitones, NaN = silent.

    Returns:
        ``(frames, tracks, BANDS)`` in dB; NaN where no partial is the track's own.
    """
    frequencies = 440.0 * 2 ** ((pitch.T - 69) / 12)
    levels = np.full((*frequencies.shape, BANDS), np.nan)
    for first in range(0, len(frequencies), BLOCK):
        part = slice(first, min(first + BLOCK, len(frequencies)))
        found = partial_levels(decibels_of(audio, part.start, part.stop), frequencies[part], PARTIALS)
        own = own_partials(frequencies[part], np.isfinite(frequencies[part]), PARTIALS) & np.isfinite(found)
        power = np.where(own, 10 ** (np.nan_to_num(found, nan=-200.0) / 10), 0.0)
        partial = frequencies[part, :, None] * np.arange(1, PARTIALS + 1)
        band = np.searchsorted(EDGES, np.nan_to_num(partial), side="right") - 1
        for number in range(BANDS):
            inside = own & (band == number)
            count = inside.sum(axis=-1)
            mean = (power * inside).sum(axis=-1) / np.maximum(count, 1)
            levels[part, :, number] = np.where(count > 0, 10 * np.log10(mean + 1e-20), np.nan)
    return levels


def _movement(track: Array) -> tuple[float, float]:
    """Logarithms of vibrato and of unrest of a note, NaN where it is too short to tell."""
    known = track[np.isfinite(track)]
    if len(known) < SHORT:
        return np.nan, np.nan
    time = np.linspace(-1.0, 1.0, len(known))
    rest = known - np.polyval(np.polyfit(time, known, 2), time)
    slow = gaussian_filter1d(rest, EVEN)
    vibrato = np.log(slow.std() + STEADY[0]) if len(known) >= LONG else np.nan
    return float(vibrato), float(np.log((rest - slow).std() + STEADY[1]))


def timbre_of_stretches(audio: NDArray[np.float32], pitch: Array, stretches: Stretches) -> Array:
    """The timbre of each track in each stretch, relative to the mean of the recording.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        pitch: ``(tracks, frames)`` semitones, NaN = silent.
        stretches: of these tracks.

    Returns:
        ``(stretches, tracks, DIMENSIONS)`` in standard deviations within a singer; 0 where a number is not
        known, NaN where nothing is.
    """
    levels = band_levels(audio, pitch)
    raw = np.full((*stretches.frames.shape, DIMENSIONS), np.nan)
    for index, (first, last) in enumerate(pairwise(stretches.edges.tolist())):
        known = np.isfinite(levels[first:last])
        count = known.sum(axis=0)
        total = np.where(known, levels[first:last], 0.0).sum(axis=0)
        raw[index, :, :BANDS] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        for track in np.flatnonzero(stretches.frames[index] >= SHORT):
            raw[index, track, BANDS : BANDS + 2] = _movement(pitch[track, first:last])
    raw[stretches.frames < SHORT] = np.nan
    middle = raw[..., LEVEL]
    known = np.isfinite(middle)
    level = np.where(
        known.any(axis=-1),
        np.where(known, middle, 0.0).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1),
        np.nan,
    )
    raw[..., :BANDS] -= level[..., None]
    raw[..., -1] = level
    weight = np.where(np.isfinite(raw), stretches.frames[..., None], 0)
    mean = (weight * np.nan_to_num(raw)).sum(axis=(0, 1)) / np.maximum(weight.sum(axis=(0, 1)), 1)
    result = np.nan_to_num((raw - mean) / WITHIN)
    result[~np.isfinite(raw).any(axis=-1)] = np.nan
    return np.asarray(result)
