"""Scores of a separation and of a pitch estimate against known stems.

Conventions: signals are ``(..., samples)``, stems ``(voices, samples)`` at one rate; F0 on the frame grid.
All results are in dB or in shares from 0 to 1.

References: J. Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019 (SI-SDR); M. Bay, A. Ehmann and
J. S. Downie, "Evaluation of multiple-F0 estimation and tracking systems", ISMIR 2009 (multi-F0 scores).
"""

from dataclasses import dataclass

import mir_eval.multipitch
import numpy as np
import torch
from numpy.typing import NDArray

from vocsep.pitch.intonation import cents_apart
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import MASK_FFT, istft, stft

SILENCE = 20.0  # dB under the voice's mean energy: quieter seconds are not scored
LIMITS = (-60.0, 100.0)  # dB, SI-SDR of a silent and of a perfect estimate, so that means stay finite


@dataclass(frozen=True)
class MultipitchScores:
    """Shares from 0 to 1 over all frames, whichever voice a frequency is assigned to."""

    precision: float
    recall: float
    f: float
    accuracy: float


def si_sdr(reference: NDArray[np.floating], estimate: NDArray[np.floating]) -> NDArray[np.float64]:
    """Scale-invariant signal-to-distortion ratio, without removal of means.

    ``10 log10(|a s|^2 / |a s - e|^2)`` with ``a = <e, s> / <s, s>``, limited to -60 .. 100 dB.

    Args:
        reference: ``(..., samples)``, the true signal s.
        estimate: ``(..., samples)``, the estimate e.

    Returns:
        ``(...)`` in dB; NaN where the reference is silent.

    Raises:
        ValueError: the shapes differ.

    >>> time = np.arange(800) / 16000
    >>> tone, octave = np.sin(880 * np.pi * time), np.sin(1760 * np.pi * time)
    >>> round(float(si_sdr(tone, 0.3 * (tone + 0.1 * octave))), 6)
    20.0
    """
    s, e = np.asarray(reference, dtype=np.float64), np.asarray(estimate, dtype=np.float64)
    if s.shape != e.shape:
        raise ValueError(f"reference has shape {s.shape}, estimate {e.shape}")
    energy = np.sum(s * s, axis=-1)
    scale = np.sum(e * s, axis=-1) / np.where(energy > 0, energy, 1.0)
    target = scale[..., None] * s
    power = np.sum(target**2, axis=-1)
    distortion = np.sum((target - e) ** 2, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.clip(10 * np.log10(power / distortion), *LIMITS)
    ratio = np.where((distortion == 0) & (power == 0), LIMITS[0], ratio)  # a silent estimate
    return np.asarray(np.where(energy > 0, ratio, np.nan))


def si_sdr_per_second(
    reference: NDArray[np.floating], estimate: NDArray[np.floating], sample_rate: int
) -> NDArray[np.float64]:
    """SI-SDR of each whole second of one voice, or of several.

    Args:
        reference: ``(..., samples)``.
        estimate: ``(..., samples)``.
        sample_rate: Hz.

    Returns:
        ``(..., seconds)`` in dB. NaN where the reference is more than 20 dB below the voice's mean energy; a
        rest of less than a second at the end is left out, unless it is all there is.
    """
    s, e = np.asarray(reference), np.asarray(estimate)
    if s.shape != e.shape:
        raise ValueError(f"reference has shape {s.shape}, estimate {e.shape}")
    length = min(sample_rate, s.shape[-1])
    seconds = s.shape[-1] // length if length else 0
    framed = (*s.shape[:-1], seconds, length)
    s, e = (signal[..., : seconds * length].reshape(framed) for signal in (s, e))
    energy = np.sum(np.square(s, dtype=np.float64), axis=-1)
    loud = energy > np.mean(energy, axis=-1, keepdims=True) * 10 ** (-SILENCE / 10) if seconds else energy > 0
    return np.where(loud, si_sdr(s, e), np.nan)


def mean_and_median(scores: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and median of the scored seconds; NaN where none was.

    >>> mean_and_median(np.array([1.0, np.nan, 2.0, 6.0]))
    (3.0, 2.0)
    """
    scored = scores[np.isfinite(scores)]
    return (float(np.mean(scored)), float(np.median(scored))) if scored.size else (float("nan"), float("nan"))


def multipitch_scores(reference: F0Tracks, estimate: F0Tracks, cents: float = 50.0) -> MultipitchScores:
    """Multi-F0 precision, recall, F and accuracy, matched by mir_eval; the longer of the two decides the end.

    Args:
        reference: the true tracks.
        estimate: the estimated ones, of any number of voices.
        cents: a frequency this close to the true one is right.
    """
    frames = max(reference.frames, estimate.frames)
    true, guess = _frequencies(reference.fitted(frames)), _frequencies(estimate.fitted(frames))
    right = int(np.sum(_matches(true, guess, cents)))
    wanted, given = int(reference.voiced.sum()), int(estimate.voiced.sum())
    precision, recall = _share(right, given), _share(right, wanted)
    f = _share(2 * right, wanted + given)
    return MultipitchScores(precision, recall, f, _share(right, wanted + given - right))


def voice_recall(reference: F0Tracks, estimate: F0Tracks, cents: float = 50.0) -> NDArray[np.float64]:
    """Share of each voice's voiced frames in which the **same row** of the estimate is right, ``(voices,)``.

    NaN for a voice that is never voiced.

    Raises:
        ValueError: the numbers of voices differ.
    """
    if reference.voices != estimate.voices:
        raise ValueError(f"reference has {reference.voices} voices, estimate {estimate.voices}")
    apart = np.abs(cents_apart(estimate.fitted(reference.frames).frequencies, reference.frequencies))
    right = np.sum(apart <= cents, axis=1)  # NaN compares as false: unvoiced is never right
    return np.array([_share(r, n) for r, n in zip(right, np.sum(reference.voiced, axis=1), strict=True)])


def oracle_masks(stems: NDArray[np.floating], power: int = 2) -> NDArray[np.float32]:
    """The ceiling of any soft mask: masks made of the true stems, applied to their sum.

    ``M_j = |S_j|^p / sum_k |S_k|^p`` on an STFT of 2048 samples every 256.

    Args:
        stems: ``(voices, samples)`` at 16 kHz.
        power: p, 1 for magnitude masks, 2 for power masks.

    Returns:
        ``(voices, samples)``, which add up to the sum of the stems.
    """
    signals = torch.from_numpy(np.ascontiguousarray(stems, dtype=np.float32))
    spectra = stft(signals, MASK_FFT)
    shares = spectra.abs().pow_(power).add_(1e-20)  # the same tiny share for all where every stem is silent
    shares /= shares.sum(dim=0)
    mixture = spectra.sum(dim=0)
    # One voice at a time: a whole song's complex spectra of all voices would be held twice.
    estimates = [istft(share * mixture, signals.shape[-1], MASK_FFT).numpy() for share in shares]
    return np.stack(estimates).astype(np.float32, copy=False)


def _frequencies(tracks: F0Tracks) -> list[NDArray[np.float64]]:
    return [frame[np.isfinite(frame)] for frame in tracks.frequencies.T]


def _matches(
    reference: list[NDArray[np.float64]], estimate: list[NDArray[np.float64]], cents: float
) -> NDArray[np.float64]:
    """Number of right frequencies in each frame, each true one matched at most once."""
    midi = [mir_eval.multipitch.frequencies_to_midi(frequencies) for frequencies in (reference, estimate)]
    return np.asarray(
        mir_eval.multipitch.compute_num_true_positives(*midi, window=cents / 100), dtype=np.float64
    )


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")
