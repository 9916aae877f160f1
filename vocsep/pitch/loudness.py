"""How loud candidates are: a pitch far below everybody else is a neighbour's sound and no singer here.

The salience network hears patterns, over 70 dB of level: what leaks from headphones or an instrument in the
next room is as clear to it as a singer. The level tells them apart. Of each candidate the loudest partial
counts that no other candidate shares, over a stretch of its own line; where it lies far below the loudest
partial around, the log odds of the candidate fall.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from vocsep.pitch.candidates import Candidates, log_odds
from vocsep.spectra import HOP, MASK_FFT, SAMPLE_RATE, stft

Array = NDArray[np.float64]

PARTIALS = 8  # of a candidate, looked at
COVERING = 10  # partials of another candidate that may cover them
BESIDE = 30.0  # Hz between partials that cover each other
HEARD = 0.3  # salience of a candidate that covers others
FEWEST = 2  # partials of its own by which a candidate is judged
TOP = 7_000.0  # Hz
REACH, STEP = 15, 3  # frames to either side, and between those looked at, over which the level is taken
SAME = 0.7  # semitones from frame to frame of one line
AROUND = 30  # frames to either side among which the loudest partial is sought
QUIET = 20.0  # dB below the loudest that cost nothing
FALL = 0.25  # nats a dB below that
MOST = 5.0  # nats
BLOCK = 4096  # frames that are looked at together: memory stays small in long recordings
SILENT = -300.0  # dB, of a partial that is not there


def partial_levels(decibels: Array, frequencies: Array, partials: int) -> Array:
    """Levels at the partials of pitches.

    Args:
        decibels: ``(frames, bins)`` STFT magnitudes in dB.
        frequencies: ``(frames, pitches)`` Hz, NaN = none.
        partials: how many.

    Returns:
        ``(frames, pitches, partials)`` in dB, the largest of the three bins around each partial; NaN above
        `TOP` and where there is no pitch.
    """
    bins = decibels.shape[1]
    partial = frequencies[:, :, None] * np.arange(1, partials + 1)
    there = np.isfinite(partial) & (partial < TOP)
    nearest = np.round(np.where(there, partial, 0.0) * (2 * (bins - 1) / SAMPLE_RATE)).astype(np.int64)
    frame = np.arange(len(decibels))[:, None, None]
    level = np.max([decibels[frame, np.clip(nearest + side, 0, bins - 1)] for side in (-1, 0, 1)], axis=0)
    return np.where(there, level, np.nan)


def own_partials(frequencies: Array, covering: NDArray[np.bool_], partials: int) -> NDArray[np.bool_]:
    """Which partials of each pitch lie away from those of all others.

    Args:
        frequencies: ``(frames, pitches)`` Hz, NaN = none.
        covering: ``(frames, pitches)``, who can cover others.
        partials: how many of each pitch are looked at.

    Returns:
        ``(frames, pitches, partials)``.
    """
    partial = frequencies[:, :, None] * np.arange(1, partials + 1)
    own = np.isfinite(partial)
    for other in range(frequencies.shape[1]):
        theirs = frequencies[:, other, None, None]
        nearest = np.clip(np.round(partial / theirs), 1, COVERING)
        near = (np.abs(partial - nearest * theirs) < BESIDE) & covering[:, other, None, None]
        near[:, other] = False
        own &= ~near
    return own


def decibels_of(audio: NDArray[np.float32], first: int, last: int) -> Array:
    """STFT magnitudes of frames ``first`` to ``last`` (one past) in dB, ``(frames, bins)``.

    A sinusoid shows half its amplitude.
    """
    margin = MASK_FFT // HOP  # frames, as far as a window reaches and more
    begin = max(first - margin, 0)
    piece = torch.from_numpy(np.ascontiguousarray(audio[begin * HOP : (last + margin) * HOP]))
    magnitude = stft(piece, MASK_FFT).abs().T[first - begin : last - begin] / (MASK_FFT / 2)
    return np.asarray((20 * torch.log10(magnitude + 1e-7)).double().numpy())


def below_the_loudest(audio: NDArray[np.float32], candidates: Candidates) -> Array:
    """How far each candidate's own partials lie below the loudest partial around.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        candidates: of all frames.

    Returns:
        ``(frames, candidates)`` in dB; NaN where it cannot be told.
    """
    below, loudest = np.full(candidates.pitch.shape, np.nan), np.full(candidates.frames, SILENT)
    pitch = np.where(np.isfinite(candidates.pitch), candidates.pitch, np.nan)
    frequencies = 440.0 * 2 ** ((pitch - 69) / 12)
    for first in range(0, candidates.frames, BLOCK):
        part = slice(first, min(first + BLOCK, candidates.frames))
        level = partial_levels(decibels_of(audio, part.start, part.stop), frequencies[part], PARTIALS)
        loudest[part] = np.nan_to_num(level, nan=SILENT).max(axis=(1, 2))
        own = own_partials(frequencies[part], candidates.salience[part] > HEARD, PARTIALS)
        own &= np.isfinite(level)
        strongest = np.where(own, level, SILENT).max(axis=2)
        below[part] = np.where(own.sum(axis=2) >= FEWEST, strongest, np.nan)
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(loudest, AROUND, constant_values=SILENT), 2 * AROUND + 1
    )
    return np.asarray(around.max(axis=1)[:, None] - below)


def along_lines(values: Array, pitch: Array) -> Array:
    """For each candidate the lower third of the values that its line has around it.

    Args:
        values: ``(frames, candidates)``, NaN = not known.
        pitch: ``(frames, candidates)`` semitones, infinity where there is none.

    Returns:
        ``(frames, candidates)``, NaN where nothing is known.
    """
    frames = len(pitch)
    seen = []
    for shift in range(-REACH, REACH + 1, STEP):
        source = np.clip(np.arange(frames) + shift, 0, frames - 1)
        with np.errstate(invalid="ignore"):
            away = np.abs(pitch[:, :, None] - pitch[source][:, None, :])
        away = np.where(np.isfinite(away), away, np.inf)
        there = np.take_along_axis(values[source], away.argmin(axis=2), axis=1)
        seen.append(np.where(away.min(axis=2) < SAME, there, np.nan))
    ordered = np.sort(np.stack(seen), axis=0)  # NaN last
    known = np.isfinite(ordered).sum(axis=0)
    third = np.take_along_axis(ordered, np.maximum((known - 1) // 3, 0)[None], axis=0)[0]
    return np.asarray(np.where(known > 0, third, np.nan))


def without_the_quiet(audio: NDArray[np.float32], candidates: Candidates) -> Candidates:
    """Candidates of which the quiet ones have lost salience.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        candidates: of all frames.
    """
    below = np.empty(candidates.pitch.shape)
    raw = below_the_loudest(audio, candidates)
    for first in range(0, candidates.frames, BLOCK):
        low, high = max(first - REACH, 0), min(first + BLOCK + REACH, candidates.frames)
        lined = along_lines(raw[low:high], candidates.pitch[low:high])
        below[first : first + BLOCK] = lined[first - low : first - low + BLOCK]
    lost = np.clip(FALL * (np.nan_to_num(below, nan=QUIET) - QUIET), 0.0, MOST)
    salience = 1 / (1 + np.exp(lost - log_odds(candidates.salience)))
    return Candidates(candidates.pitch, np.where(candidates.salience > 0, salience, 0.0))
