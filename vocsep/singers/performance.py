"""How a part is sung: curves of pitch, loudness and vowel from the notes of a score.

All curves lie on a control grid of one knot every `CONTROL` samples (8 ms), half a frame, and are linear
between knots, so the F0 at a frame is exactly what was sung there.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter

from vocsep.singers.score import Note
from vocsep.singers.singer import HUM, Singer
from vocsep.spectra import SAMPLE_RATE

CONTROL = 128  # samples between knots
RATE = SAMPLE_RATE / CONTROL  # knots a second

Curve = NDArray[np.float64]


@dataclass(frozen=True)
class Performance:
    """Control curves of one sung part, ``(knots,)`` each unless said otherwise.

    Attributes:
        f0: Hz, defined everywhere (also under rests).
        level: amplitude of the voiced sound, 0 to 1. Zero under rests and unvoiced consonants.
        effort: loudness in dB relative to full voice, which also darkens the sound.
        formants: ``(knots, 8)`` Hz.
        damping: ``(knots,)`` extra loss in dB an octave above 500 Hz (nasals and hums are dull).
        breath: amplitude of the breath noise.
        hiss: ``(knots,)`` amplitude, and ``hiss_band`` ``(knots, 2)`` centre and width in Hz, of consonant
            noise.
    """

    f0: Curve
    level: Curve
    effort: Curve
    formants: Curve
    damping: Curve
    breath: Curve
    hiss: Curve
    hiss_band: Curve


def _wander(rng: np.random.Generator, knots: int, hertz: float) -> Curve:
    """Gaussian noise of unit variance, smooth below about ``hertz``."""
    noise = gaussian_filter1d(rng.standard_normal(knots), RATE / (2 * np.pi * hertz), mode="wrap")
    return np.asarray(noise / (noise.std() + 1e-9))


def _is_legato(notes: tuple[Note, ...], index: int) -> bool:
    if index == 0:
        return False
    previous = notes[index - 1]
    return notes[index].onset - (previous.onset + previous.duration) < 0.06


def _consonant_dips(notes: tuple[Note, ...], singer: Singer, knots: int, rng: np.random.Generator) -> Curve:
    """Semitones by which consonants move the pitch for a moment, mostly down: pressure builds up behind them
    (I. Lehiste and G. Peterson, "Some basic considerations in the analysis of intonation", 1961).
    """
    dips, time = np.zeros(knots), np.arange(knots) / RATE
    for note in notes:
        if rng.random() > singer.articulation:
            continue
        centre = note.onset + rng.uniform(-0.08, 0.04)
        depth = rng.exponential(singer.dip) * (-1.0 if rng.random() < 0.8 else 0.6)
        fall, rise = rng.uniform(0.015, 0.06), rng.uniform(0.02, 0.1)  # seconds, before and after the lowest
        away = time - centre
        near = np.abs(away) < 0.3
        away = away[near]
        dips[near] += np.clip(depth, -9, 5) * np.exp(-(np.abs(away / np.where(away < 0, fall, rise)) ** 1.5))
    return dips


def pitch_curve(notes: tuple[Note, ...], singer: Singer, knots: int, rng: np.random.Generator) -> Curve:
    """Sung pitch in semitones (MIDI) at each knot: glides, scoops, vibrato, drift, jitter, errors."""
    target = np.full(knots, notes[0].pitch)
    depth = np.zeros(knots)
    for i, note in enumerate(notes):
        first = round(note.onset * RATE)
        last = round((note.onset + note.duration) * RATE)
        target[first:] = note.pitch + (singer.offset + rng.normal(0, singer.intonation)) / 100
        if not _is_legato(notes, i) and rng.random() < singer.scoop:
            length = round(rng.uniform(0.04, 0.2) * RATE)
            target[max(first - length, 0) : first + length // 2] = note.pitch - rng.uniform(0.3, 3.0)
        if note.duration > 0.35:
            time = np.arange(max(last - first, 0)) / RATE
            swell = 1 / (1 + np.exp(-(time - singer.vibrato_delay * rng.uniform(0.5, 1.5)) / 0.08))
            depth[first:last] = (swell * rng.uniform(0.5, 1.2))[: max(knots - first, 0)]
    # The larynx as a damped oscillator that follows the target (critically damped or a little less).
    omega = 2.2 / singer.glide
    radius = np.exp(-singer.damping * omega / RATE)
    angle = omega * np.sqrt(max(1 - singer.damping**2, 0.0)) / RATE
    poles = np.array([1.0, -2 * radius * np.cos(angle), radius**2])
    state = np.array([target[0] * (1 - poles.sum()), -target[0] * poles[2]])
    smooth, _ = lfilter([poles.sum()], poles, target, zi=state)
    smooth += _consonant_dips(notes, singer, knots, rng)
    rate = singer.vibrato_rate * (1 + 0.06 * _wander(rng, knots, 1.0))
    phase = 2 * np.pi * (np.cumsum(rate) / RATE + rng.random())
    vibrato = singer.vibrato_depth * gaussian_filter1d(depth, 3.0) * np.sin(phase)
    cents = (
        vibrato
        + singer.drift * _wander(rng, knots, rng.uniform(0.6, 2.0))
        + singer.jitter * (_wander(rng, knots, 10.0) + 0.5 * _wander(rng, knots, 25.0))
    )
    return np.asarray(smooth + cents / 100)


def _ramp(knots: float) -> Curve:
    count = max(round(knots), 1)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / count))


def _pull_down(curve: Curve, first: int, last: int, floor: float, edge: int) -> None:
    """Lower ``curve`` to ``floor`` times itself between two knots, with smooth edges outside of them."""
    shape = np.ones(len(curve))
    low, high = max(first, 0), min(last, len(curve))
    if high <= low:
        return
    shape[low:high] = floor
    curve *= gaussian_filter1d(shape, max(edge, 1) / 2, mode="nearest")


def _loudness(length: int, legato: bool, ends: bool, rng: np.random.Generator) -> Curve:
    """Amplitude of one note, ``(length,)`` knots: it swells, and its free ends are soft."""
    shape = np.ones(length) * 10 ** (rng.normal(0, 1.5) / 20)
    swell = (
        rng.uniform(-5, 5) * np.sin(np.pi * np.arange(length) / length)
        + rng.uniform(-5, 2) * np.arange(length) / length
    )
    shape *= 10 ** (swell / 20)
    if not legato:
        attack = _ramp(min(rng.uniform(0.015, 0.18) * RATE, length / 2))
        shape[: len(attack)] *= attack
    if ends:
        release = _ramp(min(rng.uniform(0.03, 0.35) * RATE, length / 2))
        shape[-len(release) :] *= release[::-1]
    return shape


class _Articulation:
    """Vowels, consonants and loudness of a part, note by note, before anything is smoothed."""

    def __init__(self, notes: tuple[Note, ...], knots: int, rng: np.random.Generator) -> None:
        self.level, self.hiss, self.nasal = np.zeros(knots), np.zeros(knots), np.zeros(knots)
        self.band = np.tile((5000.0, 2000.0), (knots, 1))
        self._notes, self._knots, self._rng = notes, knots, rng
        self._vowels = rng.integers(0, HUM, len(notes))
        self.humming = rng.random() < 0.06
        self.vowel = np.full(knots, HUM if self.humming else self._vowels[0])
        self._melisma = rng.uniform(0.1, 0.7)

    def sing(self) -> None:
        """Draw every note."""
        notes, knots = self._notes, self._knots
        for i, note in enumerate(notes):
            first, last = round(note.onset * RATE), round((note.onset + note.duration) * RATE)
            first, last = min(max(first, 0), knots - 1), min(max(last, first + 4), knots)
            legato = _is_legato(notes, i)
            ends = i + 1 == len(notes) or not _is_legato(notes, i + 1)
            self.level[first:last] = _loudness(last - first, legato, ends, self._rng)
            if self.humming or (legato and self._rng.random() < self._melisma):
                if i:
                    self.vowel[first:] = self.vowel[max(first - 1, 0)]
                continue
            self.vowel[first:] = self._vowels[i]
            self._consonant(first)

    def _consonant(self, first: int) -> None:
        """The consonant, or none, before a note that begins at a knot."""
        rng, level, hiss = self._rng, self.level, self.hiss
        kind = rng.choice(
            ("none", "stop", "hiss", "voiced", "nasal", "breath"), p=(0.22, 0.12, 0.11, 0.2, 0.28, 0.07)
        )
        start = first - round(rng.uniform(0.03, 0.16) * RATE)
        span = slice(max(start, 0), first)
        if kind == "stop":
            _pull_down(level, start, first, rng.uniform(0, 0.05), 2)
            burst = slice(max(first - 2, 0), first + 1)
            hiss[burst], self.band[burst] = rng.uniform(0.3, 1.0), (rng.uniform(800, 4500), 3000.0)
        elif kind == "hiss":
            _pull_down(level, start, first, 0.0, 2)
            hiss[span] = rng.uniform(0.3, 1.0)
            self.band[span] = rng.uniform(2500, 7000), rng.uniform(800, 2500)
        elif kind == "breath":
            _pull_down(level, start, first, 0.0, 2)
            hiss[span] = rng.uniform(0.03, 0.2)
            self.band[span] = 1800.0, 3000.0
        elif kind == "voiced":
            _pull_down(level, start, first, rng.uniform(0.15, 0.6), 3)
            hiss[span] = rng.uniform(0.0, 0.3)
        elif kind == "nasal":
            _pull_down(level, start, first, rng.uniform(0.2, 0.7), 3)
            self.nasal[span] = 1.0


def _formants(vowel: NDArray[np.int64], nasal: Curve, f0: Curve, singer: Singer, smooth: float) -> Curve:
    """``(knots, 8)`` Hz: from vowel to vowel over ``smooth`` knots, with the singer's formant."""
    formants = np.where(nasal[:, None] > 0, singer.formants[HUM], singer.formants[vowel])
    formants = gaussian_filter1d(formants, smooth, axis=0, mode="nearest")
    formants[:, 0] = np.maximum(formants[:, 0], f0 * 0.98)  # high voices open the mouth so that F1 follows F0
    third = formants[:, 2:3]
    cluster = third + (formants[:, 2:5] - third) * (1 - 0.6 * singer.cluster)
    return np.concatenate((formants[:, :2], cluster, formants[:, 5:]), axis=1)


def perform(notes: tuple[Note, ...], singer: Singer, knots: int, rng: np.random.Generator) -> Performance:
    """Sing the notes (at least one): all control curves, drawn from the singer's traits and from chance."""
    f0 = 440.0 * 2 ** ((pitch_curve(notes, singer, knots, rng) - 69) / 12)
    sung = _Articulation(notes, knots, rng)
    phrase = 10 ** (rng.uniform(0.1, 0.35) * _wander(rng, knots, 0.25))
    sung.sing()
    nasal = np.ones(knots) if sung.humming else sung.nasal
    formants = _formants(sung.vowel, nasal, f0, singer, rng.uniform(2.0, 7.0))
    damping = 8.0 * gaussian_filter1d(nasal, 2.0)
    effort = 20 * np.log10(np.maximum(phrase / phrase.max(), 1e-2))
    tremolo = 1 + rng.uniform(0, 0.12) * _wander(rng, knots, 5.5)
    level = gaussian_filter1d(sung.level, 1.2) * phrase / phrase.max() * np.maximum(tremolo, 0.3)
    sounding = gaussian_filter1d((level > 0.01).astype(float), 3.0)
    breath = 10 ** (singer.breath / 20) * np.maximum(level, 0.3 * sounding)
    hiss = gaussian_filter1d(sung.hiss, 1.0) * 10 ** (singer.consonants / 20)
    level = np.where(level < 1e-4, 0.0, level)
    return Performance(f0, level, effort, formants, damping, breath, hiss, sung.band)
