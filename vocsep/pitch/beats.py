"""Beats: two singers on one note are one peak of the salience, but their partials beat.

Partial k of one singer turns k times as fast as the first, whatever his vibrato does. Of two singers who are
c cents apart, the sum of both k-th partials swells and fades, and turns now faster and now slower, at a rate
that grows with k. So all partials of a line are demodulated with its F0, and it is asked how far their phases
advance together, that is, in proportion to k:

    incoherence = 1 - sum_k w_k cos(angle_k - k d) / sum_k w_k,        w_k = |A_k(t + lag) A_k(t)*| ^ 1/2,

angle_k the advance of partial k in `LAG` frames, and d the one that fits all of them best: the track may be
off. Partials in whose neighbourhood another line has one are left out; in a long window fewer have to be than
in a short one, which tells better.

Of real and of synthetic singers, whoever sings alone has about the same distribution of the logarithm, and
any two in unison another one; a room, in which everybody meets his own echoes, is told by the lower quarter
of what the recording has. That the F0 of singers in unison differ by 10 to 50 cents: J. Sundberg, "The
Science of the Singing Voice", 1987, chapter 6; S. Ternström, "Perceptual evaluations of voice scatter in
unison choir sounds", J. Voice 7(2), 1993.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import max_pool1d, pad

from vocsep.memory import worked_on_cores
from vocsep.source.phases import cycles, held
from vocsep.source.waves import along, demodulated
from vocsep.spectra import HOP, SAMPLE_RATE, hann, pieces

Array = NDArray[np.float64]

LAG = 4  # frames between phases, 64 ms
TOP = 3000.0  # Hz, partials below it count
FEWEST = 3  # partials of which one can be out of step
SAME = 0.7  # semitones: nearer tracks are one line
SPAN, POINTS = 12.0, 33  # cents by which a track may be off, and places between
LOWEST = 1e-3  # incoherence of a line without a flaw
CORRELATED = 8.0  # frames that say the same thing
FOLLOWED = 16  # frames to either side over which evidence is smoothed, and carried where none can be had
KNOWN = 0.25  # share of these that must have some, else it counts for less
ROOM = 0.4  # from the lower quarter of a recording's incoherence to the mean of who sings alone
ENOUGH = 50  # frames from which a quarter can be told
STRETCH, MARGIN = 3750, 16  # frames that are listened to together, and heard on either side


@dataclass(frozen=True)
class Window:
    """A window in which partials are heard, and what its incoherence was measured to be, as log10.

    Attributes:
        samples: its length. beside: Hz to another line's partial, at least.
        alone, alone_spread: mean and standard deviation where one sings, at least; `ROOM` can raise the
            mean up to ``highest``. together, together_spread: where two sing in unison.
        bounds: beyond these, more says no more.
    """

    samples: int
    beside: float
    together: float
    together_spread: float
    alone: float
    alone_spread: float
    highest: float = -1.0
    bounds: tuple[float, float] = (-2.0, -0.3)


SHORT = Window(1024, 45.0, together=-0.75, together_spread=0.5, alone=-1.4, alone_spread=0.6)
LONG = Window(2048, 24.0, together=-0.85, together_spread=0.5, alone=-1.4, alone_spread=0.6)


@torch.inference_mode()
def incoherence(audio: NDArray[np.float32], f0: Array, windows: Sequence[Window] = (SHORT,)) -> Array:
    """How far the partials of lines are out of step, from 0 to about 1.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        f0: ``(lines, frames)`` Hz, 0 where a line is silent; no two on one note.
        windows: in which partials are heard.

    Returns:
        ``(windows, lines, frames)``; NaN where fewer than `FEWEST` partials are a line's own.
    """
    frames = f0.shape[1]
    result = np.full((len(windows), *f0.shape), np.nan)
    # The phase of every sample takes much memory: that of a minute at a time.
    for first, last in pieces(frames, STRETCH):
        begin, end = max(first - MARGIN, 0), min(last + MARGIN, frames)
        some = _of_stretch(audio[begin * HOP : end * HOP], f0[:, begin:end], windows)
        result[..., first:last] = some[..., first - begin : last - begin]
    return result


def _of_stretch(audio: NDArray[np.float32], f0: Array, windows: Sequence[Window]) -> Array:
    """`incoherence` of some neighbouring frames, a line on each core."""
    frequencies = torch.from_numpy(np.ascontiguousarray(f0, dtype=np.float32))
    result = np.full((len(windows), *f0.shape), np.nan)
    if f0.shape[1] <= LAG:
        return result
    off = torch.exp2(torch.linspace(-SPAN, SPAN, POINTS) / 1200) - 1
    amplitudes = _demodulation(torch.from_numpy(np.ascontiguousarray(audio)), frequencies, windows)

    def listen(line: int) -> None:
        step = (2 * math.pi * LAG * HOP / SAMPLE_RATE) * frequencies[line, LAG // 2 : -LAG // 2, None] * off
        turns = torch.polar(torch.ones_like(step), -step)
        for told, window, heard in zip(result, windows, amplitudes(line), strict=True):
            own = _own_partials(frequencies, line, heard.shape[1], window.beside)
            told[line, LAG // 2 : -LAG // 2] = _out_of_step(heard, own, turns).numpy()

    lines = torch.nonzero((frequencies > 0).any(dim=1))[:, 0].tolist()
    worked_on_cores(lines, listen)
    return result


def _out_of_step(amplitudes: Tensor, own: Tensor, turns: Tensor) -> Tensor:
    """`incoherence` of a line, for all frames but `LAG`.

    Args:
        amplitudes: ``(frames, partials)``. own: which of them count, the same shape.
        turns: by which the first partial may have advanced, turned back, ``(frames - LAG, points)``.
    """
    products = amplitudes[LAG:] * amplitudes[:-LAG].conj()
    counts = own[LAG:] & own[:-LAG] & own[LAG // 2 : -LAG // 2]
    weight = torch.where(counts, products.abs().sqrt(), 0.0)
    unit = weight * torch.polar(torch.ones_like(weight), products.angle())
    apart = 1 - along(unit, turns).amax(dim=1) / weight.sum(dim=1).clamp_min(1e-12)
    return torch.where(counts.sum(dim=1) >= FEWEST, apart, torch.nan)


def _demodulation(signal: Tensor, f0: Tensor, windows: Sequence[Window]) -> Callable[[int], list[Tensor]]:
    """What gives a line's demodulated partials ``(frames, partials)`` in each window."""
    frames, longest = f0.shape[1], max(window.samples for window in windows)
    lead, count = longest // 2, frames * HOP + longest - HOP
    known = held(f0)
    angle = (2 * math.pi * cycles(known, lead, count)).float()
    sound = pad(signal[: count - lead], (lead, max(count - lead - len(signal), 0)))
    shapes = [hann(window.samples, sound) for window in windows]
    beside = longest // HOP

    def of_line(line: int) -> list[Tensor]:
        numbers = torch.floor(TOP / known[line])
        blocks = pad(numbers[None], (beside // 2, beside - beside // 2 - 1), mode="replicate")
        counts = max_pool1d(blocks, 2 * beside + 1, stride=1, padding=beside)[0].long()
        return demodulated(angle[line], sound, shapes, HOP, counts)

    return of_line


def _own_partials(f0: Tensor, line: int, count: int, beside: float) -> Tensor:
    """Which partials of a line are in nobody's neighbourhood, ``(frames, count)``."""
    frequency = f0[line, :, None] * torch.arange(1, count + 1)
    own = (frequency > 0) & (frequency < TOP)
    for other, track in enumerate(f0):
        if other != line:
            nearest = (frequency / track[:, None].clamp_min(1.0)).round().clamp_min(1) * track[:, None]
            own &= (track[:, None] <= 0) | ((frequency - nearest).abs() >= beside)
    return own


def unison_evidence(audio: NDArray[np.float32], pitch: Array) -> Array:
    """By how much two singers or more on a track's line are likelier than one.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        pitch: ``(voices, frames)`` semitones, NaN = silent.

    Returns:
        ``(voices, frames)``, nats a frame (they can be added up); 0 where nothing is known, the same for
        tracks on one line.
    """
    lines, owner = _lines(pitch)
    f0 = np.nan_to_num(440.0 * 2 ** ((lines - 69) / 12))
    ratio, known = np.zeros(pitch.shape), np.zeros(pitch.shape, dtype=np.bool_)
    windows = (SHORT, LONG)
    for window, values in zip(windows, incoherence(audio, f0, windows), strict=True):
        found = np.log10(np.maximum(values, LOWEST))
        new = np.isfinite(found) & ~known
        ratio = np.where(new, _log_ratio(found, window) / CORRELATED, ratio)
        known |= new
    kernel = np.hanning(2 * FOLLOWED + 1)
    smooth = np.zeros(pitch.shape)
    for line in range(len(pitch)):
        near, told = (
            np.convolve(row, kernel)[FOLLOWED : FOLLOWED + len(row)]
            for row in (known[line].astype(np.float64), ratio[line])
        )
        smooth[line] = told / np.maximum(near, KNOWN * kernel.sum())
    smooth[~np.isfinite(lines)] = 0.0
    return np.asarray(np.where(np.isfinite(pitch), np.take_along_axis(smooth, owner, axis=0), 0.0))


def _lines(pitch: Array) -> tuple[Array, NDArray[np.int64]]:
    """Tracks without those that are on the line of one before them; and on whose line each is."""
    lines, owner = pitch.copy(), np.tile(np.arange(len(pitch))[:, None], (1, pitch.shape[1]))
    for voice in range(1, len(pitch)):
        for other in range(voice):
            same = np.abs(pitch[voice] - pitch[other]) < SAME
            owner[voice, same] = owner[other, same]
            lines[voice, same] = np.nan
    return lines, owner


def _log_ratio(found: Array, window: Window) -> Array:
    """Log likelihood of two singers against that of one, of log10 of the incoherence; 0 for NaN."""
    known = found[np.isfinite(found)]
    quarter = float(np.percentile(known, 25)) if len(known) > ENOUGH else -np.inf
    alone = min(max(quarter + ROOM, window.alone), window.highest)
    value = np.clip(np.nan_to_num(found), *window.bounds)
    together = -(((value - window.together) / window.together_spread) ** 2) / 2
    single = -(((value - alone) / window.alone_spread) ** 2) / 2
    ratio = together - single + math.log(window.alone_spread / window.together_spread)
    return np.asarray(np.where(np.isfinite(found), ratio, 0.0))
