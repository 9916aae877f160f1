"""Where two voices may have changed places, and what two tracks do in between: levels, pitch, vibrato.

Levels come from `vocsep.pitch.comb_levels`: of the first partials, and gathered in bands of frequency.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from vocsep.pitch.comb_levels import EVERY
from vocsep.pitch.gaps import voiced_runs
from vocsep.pitch.smoothing import gaussian_filter1d
from vocsep.pitch.stretches import SHORTEST, note_edges

Array = NDArray[np.float64]

EDGES = np.array(
    (100.0, 200, 300, 400, 520, 660, 820, 1000, 1220, 1500, 1850, 2250, 2700, 3200, 3800, 4500, 5500, 7000)
)  # Hz
BANDS, FIRST = len(EDGES) - 1, 8  # bands of frequency, and partials that are looked at one by one
LEVELS = BANDS + FIRST
FAINT = 0.05  # partials in a band of a window, each as much as it is sure, that are none
FAINTEST = -110.0  # dB
TOUCH, CLOSE = 0.3, 0.8  # semitones between tracks that may exchange voices; that come close to each other
LONG = 14  # frames of a touch in the middle of which nothing is cut
AROUND = 3  # frames before and after a place in which contours may be exchanged
CHEAP = 40.0  # nats, an exchange that costs more is not thought of
SCALES = (1.0, 2.0, 4.0, 8.0)  # frames, deviations of the Gaussians that part vibrato from jitter and drift
LAGS = (5, 7, 9, 11, 13)  # frames, of the autocorrelation that tells the rate of a vibrato
MOVES = len(SCALES) + len(LAGS)


@dataclass(frozen=True)
class Stretches:
    """Two tracks cut into stretches.

    Attributes:
        edges: ``(stretches + 1,)`` frames, the first 0 and the last the number of frames.
        frames: ``(stretches, 2)`` in which each track sings.
    """

    edges: NDArray[np.int64]
    frames: NDArray[np.int64]

    @property
    def both(self) -> NDArray[np.bool_]:
        """Where both sing."""
        return np.asarray(self.frames.min(axis=1) >= SHORTEST)

    @property
    def one(self) -> NDArray[np.bool_]:
        """Where one sings alone."""
        return np.asarray((self.frames.max(axis=1) >= SHORTEST) & ~self.both)


@dataclass(frozen=True)
class DuetStretches(Stretches):
    """What is known of each track in stretches.

    Attributes:
        levels: ``(stretches, 2, LEVELS)`` dB of each track, bands before partials; ``windows``: the same
            shape, on how many windows each rests.
        difference: ``(stretches, BANDS)`` dB, the first track's levels less the second's where both are
            known; ``shared``: ``(stretches, BANDS)`` windows on which that rests.
        pitch: ``(stretches, 2)`` mean in semitones, 0 where silent.
        moves: ``(stretches, 2, MOVES)``, of the pitch: logarithms of its variance at the scales, and
            autocorrelation at the lags.
    """

    levels: Array
    windows: Array
    difference: Array
    shared: Array
    pitch: Array
    moves: Array


def find_places(pitch: Array) -> NDArray[np.int64]:
    """Frames at which voices may have changed places, rising, with 0 and the number of frames.

    Args:
        pitch: ``(2, frames)`` semitones, the higher first, NaN = silent.
    """
    frames, gap = pitch.shape[1], np.nan_to_num(pitch[0] - pitch[1], nan=np.inf)
    ends = note_edges(pitch)
    touches: set[int] = set()
    for first, last in voiced_runs(gap < TOUCH):
        inside = last - first > LONG
        touches |= {first + 2, last - 2} if inside else {first + int(gap[first:last].argmin())}
    for first, last in voiced_runs(gap < CLOSE):
        nearest = first + int(gap[first:last].argmin())
        touches |= {nearest} if gap[nearest] >= TOUCH else set()
    kept = [0]
    for place in sorted(ends | touches):
        if frames - place < SHORTEST:
            continue
        if place - kept[-1] >= SHORTEST:
            kept.append(place)
        elif place in touches and kept[-1] and kept[-1] not in touches:
            kept[-1] = place
    return np.array([*kept, frames], dtype=np.int64)


def gathered_levels(levels: Array, sure: Array, pitch: Array) -> tuple[Array, Array]:
    """Levels in bands and of the first partials, ``(windows, tracks, LEVELS)`` in dB, and how sure, 0 to 1.

    Args:
        levels, sure: ``(windows, tracks, PARTIALS)``, of `vocsep.pitch.comb_levels.fitted_levels`.
        pitch: ``(tracks, frames)`` semitones, NaN = silent.
    """
    weight = np.where(np.isfinite(levels), sure.clip(0, 1) ** 2, 0.0)
    level = np.maximum(np.nan_to_num(levels, nan=FAINTEST), FAINTEST)
    mean, certain = band_levels(level, weight, pitch, EDGES)
    return (
        np.concatenate((mean, level[..., :FIRST]), axis=-1),
        np.concatenate((certain, weight[..., :FIRST]), axis=-1),
    )


def band_levels(level: Array, weight: Array, pitch: Array, edges: Array) -> tuple[Array, Array]:
    """Mean levels in bands, ``(windows, tracks, bands)`` in dB, and how sure they are, 0 to 1.

    Args:
        level, weight: ``(windows, tracks, partials)`` dB, and how much each counts.
        pitch: ``(tracks, frames)`` semitones, NaN = silent.
        edges: ``(bands + 1,)`` Hz.
    """
    frequency = 440.0 * 2 ** ((pitch[:, ::EVERY].T - 69) / 12)
    partial = frequency[..., None] * np.arange(1, level.shape[-1] + 1)
    band = np.searchsorted(edges, np.nan_to_num(partial), side="right") - 1
    inside = weight[..., None] * (band[..., None] == np.arange(len(edges) - 1))
    total = inside.sum(axis=2)
    mean = (inside * level[..., None]).sum(axis=2) / np.maximum(total, 1e-9)
    return mean, np.where(total > FAINT, np.minimum(total, 1.0), 0.0)


def windows_of(first: int, last: int) -> slice:
    """Windows of levels in the frames from ``first`` to ``last``, one at least."""
    begin = -(-first // EVERY)
    return slice(begin, max(-(-last // EVERY), begin + 1))


def with_cheapest(edges: NDArray[np.int64], exchange: Array) -> NDArray[np.int64]:
    """Edges; but where contours were found together, the places where it costs least to exchange them: on one
    note they touch for long, and only the recording says where they may cross meanwhile.

    Args:
        edges: rising, the first 0 and the last the number of frames.
        exchange: ``(frames,)`` nats that it would cost to exchange both contours from each frame on, infinite
            where they were not found together.
    """
    around = sliding_window_view(np.pad(exchange, AROUND, constant_values=np.inf), 2 * AROUND + 1)
    cheapest = np.flatnonzero((exchange <= around.min(axis=1)) & (exchange < CHEAP))
    together = np.isfinite(exchange)
    runs = np.array(voiced_runs(together), dtype=np.int64).ravel()
    apart = edges[1:-1][~together[edges[1:-1]]]
    return np.unique(np.concatenate((edges[[0, -1]], apart, runs, cheapest)))


def cheapest_around(exchange: Array, place: int) -> float:
    """The least that an exchange costs near a place, in nats; infinite where that is not known."""
    return float(exchange[max(place - AROUND, 0) : place + AROUND + 1].min())


def find_stretches(pitch: Array, level: Array, certain: Array, edges: NDArray[np.int64]) -> DuetStretches:
    """What two tracks do between places at which voices may have changed.

    Args:
        pitch: ``(2, frames)`` semitones, NaN = silent; at least one frame.
        level, certain: of these tracks, of `gathered_levels`.
        edges: these places, frames, rising, with 0 and the number of frames.
    """
    there = np.isfinite(pitch)
    shared = certain[..., :BANDS].min(axis=1)
    between = level[:, 0, :BANDS] - level[:, 1, :BANDS]
    rows = []
    for first, last in pairwise(edges.tolist()):
        here = windows_of(first, last)
        sung = [track[first:last][known[first:last]] for track, known in zip(pitch, there, strict=True)]
        rows.append(
            (
                [len(part) for part in sung],
                weighted_mean(level[here], certain[here]),
                certain[here].sum(axis=0),
                weighted_mean(between[here], shared[here]),
                shared[here].sum(axis=0),
                [part.mean() if len(part) else 0.0 for part in sung],
                [_moves(part) for part in sung],
            )
        )
    return DuetStretches(edges, *(np.array(column) for column in zip(*rows, strict=True)))


def _moves(pitch: Array) -> Array:
    """How a track moves in a stretch: ``(MOVES,)``, zeros where it hardly sings."""
    count = len(pitch)
    if count < SHORTEST:
        return np.zeros(MOVES)
    smooth = [pitch, *(gaussian_filter1d(pitch, scale) for scale in SCALES)]
    variances = [np.log(np.mean((a - b) ** 2) + 0.02**2) for a, b in pairwise(smooth)]
    time = np.arange(count)
    left = pitch - np.polyval(np.polyfit(time, pitch, 2 if count > 8 else 1), time)
    energy = float((left**2).sum()) + 1e-4 * count
    alike = [float(left[lag:] @ left[:-lag]) / energy if count >= 2 * lag + 4 else 0.0 for lag in LAGS]
    return np.array([*variances, *alike])


def weighted_mean(values: Array, weight: Array) -> Array:
    """Weighted mean over the first axis, 0 where nothing is known."""
    return np.asarray((values * weight).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-9))
