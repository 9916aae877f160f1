"""A recorded voice with another F0 and other formants: time-domain pitch-synchronous overlap-add.

E. Moulines and F. Charpentier, "Pitch-synchronous waveform processing techniques for text-to-speech synthesis
using diphones", Speech Communication 9, 1990. Around a mark in every period of the voice lies a grain of two
periods (Hann); the grains are laid down again at the marks of the new F0, some twice, some never. Formants
are the spectrum of a grain, so they stay; read faster by a factor, a grain has its formants moved by it.

Marks stand where the energy of a period has its centre: with phi the running phase of the F0, the slow phase
of x^2 exp(-i phi) says where that is, and takes up what the F0 is wrong by. New marks follow the new F0
exactly. Unvoiced sound stays as it is. The result is as loud as the voice was, from moment to moment.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from vocsep.spectra import HOP, SAMPLE_RATE

Array = NDArray[np.float64]

SLOW = 0.02  # s, standard deviation of the window that finds the centre of a period
FADE = 0.005  # s, of the window over which voiced and unvoiced sound fade into each other
LOUDNESS = 0.04  # s, of the window over which loudness is compared
MOST_GAIN = 2.0  # that a moment is made louder or softer by at most
LOWEST = 50.0  # Hz, of an F0 that grains are made for
BATCH = 2000  # grains laid down at once


def resung(audio: Array, rate: int, f0: Array, new_f0: Array, formants: float = 1.0) -> Array:
    """The voice with another F0.

    Args:
        audio: ``(samples, channels)`` of one voice.
        rate: Hz.
        f0: ``(frames,)`` Hz of the voice, NaN or 0 = unvoiced.
        new_f0: ``(frames,)`` Hz wanted; counts where both are voiced.
        formants: factor on the frequencies of all formants.
    """
    voiced = (np.nan_to_num(f0) > 0) & (np.nan_to_num(new_f0) > 0)
    if not voiced.any():
        return np.array(audio)
    samples = len(audio)
    old, new = (_curve(np.where(voiced, row, np.nan), samples, rate) for row in (f0, new_f0))
    marks = _marks(audio.mean(axis=1), old, rate)
    sung = _laid_down(audio, marks, old, _crossings(np.cumsum(new) / rate), rate, formants)
    sung *= _as_loud(audio, sung, rate)[:, None]
    gate = _gate(voiced, samples, rate)[:, None]
    return np.asarray(gate * sung + (1 - gate) * audio)


def _curve(f0: Array, samples: int, rate: int) -> Array:
    """F0 of every sample, in Hz; through unvoiced stretches in straight lines."""
    times = np.arange(len(f0)) * (HOP / SAMPLE_RATE)
    known = np.isfinite(f0)
    log = np.interp(np.arange(samples) / rate, times[known], np.log(np.maximum(f0[known], LOWEST)))
    return np.asarray(np.exp(log))


def _gate(voiced: NDArray[np.bool_], samples: int, rate: int) -> Array:
    """1 in voiced frames, 0 in others, ``(samples,)``, faded at the edges."""
    frame = np.rint(np.arange(samples) * (SAMPLE_RATE / rate / HOP)).astype(np.int64)
    hard = voiced[np.minimum(frame, len(voiced) - 1)].astype(np.float64)
    return np.asarray(gaussian_filter1d(hard, FADE * rate, mode="nearest"))


def _marks(mono: Array, f0: Array, rate: int) -> Array:
    """Where the energy of each period is centred, in samples, rising."""
    phase = np.cumsum(f0) / rate  # periods
    turned = mono**2 * np.exp(-2j * np.pi * phase)
    slow = gaussian_filter1d(turned.real, SLOW * rate) + 1j * gaussian_filter1d(turned.imag, SLOW * rate)
    centre = np.unwrap(np.angle(slow)) / (2 * np.pi)
    # Where hardly anything sounds the angle may run wild; phase must go on.
    return _crossings(np.maximum.accumulate(phase + centre))


def _crossings(phase: Array) -> Array:
    """Places in samples where a rising phase passes whole numbers."""
    whole = np.arange(np.ceil(phase[0]), np.floor(phase[-1]) + 1)
    rising = np.concatenate([[True], np.diff(phase) > 0])
    return np.asarray(np.interp(whole, phase[rising], np.flatnonzero(rising)))


def _laid_down(audio: Array, marks: Array, f0: Array, new_marks: Array, rate: int, formants: float) -> Array:
    """Grains around the marks nearest to each new mark, added up."""
    samples, channels = audio.shape
    out = np.zeros((samples, channels))
    right = np.clip(np.searchsorted(marks, new_marks), 1, max(len(marks) - 1, 1))
    if len(marks) < 2:
        return np.array(audio)
    nearest = np.where(new_marks - marks[right - 1] < marks[right] - new_marks, right - 1, right)
    for first in range(0, len(new_marks), BATCH):
        at, source = new_marks[first : first + BATCH], marks[nearest[first : first + BATCH]]
        period = rate / f0[np.clip(np.rint(source).astype(np.int64), 0, samples - 1)]
        half = period / formants  # samples of the new voice
        reach = int(np.ceil(half.max()))
        place = np.rint(at)[:, None].astype(np.int64) + np.arange(-reach, reach + 1)
        away = place - at[:, None]
        window = np.where(np.abs(away) < half[:, None], 0.5 + 0.5 * np.cos(np.pi * away / half[:, None]), 0.0)
        inside = (place >= 0) & (place < samples) & (window > 0)
        read = source[:, None] + away * formants
        for channel in range(channels):
            grains = window[inside] * _between(audio[:, channel], read[inside])
            out[:, channel] += np.bincount(place[inside], grains, minlength=samples)
    return out


def _between(signal: Array, places: Array) -> Array:
    """Values between samples by a cubic through four of them (E. Catmull and R. Rom, 1974); 0 outside."""
    whole = np.floor(places).astype(np.int64)
    t = places - whole
    padded = np.pad(signal, 2)
    at = np.clip(whole, -2, len(signal)) + 2
    low, here, after, high = (padded[np.clip(at + k, 0, len(padded) - 1)] for k in (-1, 0, 1, 2))
    slope, next_slope = (after - low) / 2, (high - here) / 2
    return np.asarray(
        (2 * t**3 - 3 * t**2 + 1) * here
        + (t**3 - 2 * t**2 + t) * slope
        + (3 * t**2 - 2 * t**3) * after
        + (t**3 - t**2) * next_slope
    )


def _as_loud(audio: Array, sung: Array, rate: int) -> Array:
    """Gain ``(samples,)`` that makes ``sung`` as loud as ``audio`` from moment to moment."""
    before, now = (
        gaussian_filter1d((x**2).mean(axis=1), LOUDNESS * rate, mode="nearest") for x in (audio, sung)
    )
    floor = 1e-8 * max(float(before.max()), 1e-12)
    gain = np.sqrt((before + floor) / (now + floor))
    return np.asarray(np.clip(gain, 1 / MOST_GAIN, MOST_GAIN))
