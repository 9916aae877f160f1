"""Why an estimate is off: other voices in it, or sounds that nobody made. SDR, SIR and SAR of two kinds.

An estimate is split by orthogonal projections into what the voice's own reference explains, what the
references of all voices explain besides (interference), and the rest (artifacts). Of the first kind (BSS Eval
version 3) a reference explains whatever 512 filter taps make of it: E. Vincent, R. Gribonval and C. Févotte,
"Performance measurement in blind audio source separation", IEEE TASLP 14 (4), 2006, section III. Of the
scale-invariant kind it explains only its own multiples: J. Le Roux, S. Wisdom, H. Erdogan and J. R. Hershey,
"SDR - half-baked or well done?", ICASSP 2019. That only energies of projections are needed, and no projected
signal, is R. Scheibler's observation ("SDR - medium rare with fast computations", ICASSP 2022).

Own code, because mir_eval gives its module up (deprecated in 0.8; 0.74 s of one core for a second of a
quartet, here 0.16 s), and fast_bss_eval 0.1.4 fails with arrays of NumPy 2.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.linalg import cho_factor, cho_solve

from vocsep.evaluation.seconds import LIMITS, decibels, in_seconds, scored_seconds

TAPS = 512  # of the filter that BSS Eval forgives
# Share of a reference's energy added to the diagonal, so that references without any energy in a band, or
# equal ones, can be solved for: no estimate scores above 110 dB, which is beyond the limit of all scores.
LOAD = 1e-11


@dataclass(frozen=True)
class BssScores:
    """Ratios in dB, limited to -60 .. 100.

    NaN where there is nothing to compare: all of a silent reference, SIR and SAR of a silent estimate, and
    SIR where no other reference sounds.

    Attributes:
        sdr: own part over all else.
        sir: own part over the interference of other voices.
        sar: BSS Eval: own part and interference over artifacts; scale-invariant: own part over artifacts.
    """

    sdr: NDArray[np.float64]
    sir: NDArray[np.float64]
    sar: NDArray[np.float64]


def bss_eval(
    references: NDArray[np.floating], estimates: NDArray[np.floating], taps: int = TAPS
) -> BssScores:
    """SDR, SIR and SAR as BSS Eval has them: each reference may be filtered.

    ``SDR = |t|^2 / |i + a|^2``, ``SIR = |t|^2 / |i|^2``, ``SAR = |t + i|^2 / |a|^2`` of the own part t,
    interference i and artifacts a.

    Args:
        references: ``(voices, samples)``.
        estimates: ``(..., voices, samples)``, in the order of the references.
        taps: of the filters.

    Returns:
        Ratios of shape ``(..., voices)``.

    Raises:
        ValueError: the shapes do not fit.
    """
    own, interference, artifacts = _parts(references, estimates, taps)
    sar = decibels(own + interference, artifacts)
    return _scores(references, own, interference, artifacts, sar)


def si_bss_eval(references: NDArray[np.floating], estimates: NDArray[np.floating]) -> BssScores:
    """SI-SDR, SI-SIR and SI-SAR: each reference may be scaled. Arguments and errors: see `bss_eval`.

    ``SI-SIR = |t|^2 / |i|^2`` and ``SI-SAR = |t|^2 / |a|^2``, so that, of energy ratios instead of dB,
    ``1 / SI-SDR = 1 / SI-SIR + 1 / SI-SAR``.

    >>> time = np.arange(800) / 16000
    >>> one, two, noise = (np.sin(2 * np.pi * frequency * time) for frequency in (440, 880, 1320))
    >>> scores = si_bss_eval(np.stack([one, two]), np.stack([one + 0.1 * two + 0.01 * noise, two]))
    >>> [round(float(ratio[0]), 4) for ratio in (scores.sdr, scores.sir, scores.sar)]
    [19.9568, 20.0, 40.0]
    """
    own, interference, artifacts = _parts(references, estimates, taps=1)
    return _scores(references, own, interference, artifacts, decibels(own, artifacts))


def bss_eval_per_second(
    references: NDArray[np.floating],
    estimates: NDArray[np.floating],
    sample_rate: int,
    taps: int | None = TAPS,
    progress: Callable[[float], None] = lambda share: None,
) -> BssScores:
    """`bss_eval` of each second, or `si_bss_eval` where ``taps`` is None.

    Args:
        references: ``(voices, samples)``.
        estimates: ``(..., voices, samples)``.
        sample_rate: Hz.
        taps: of the filters; None: no filters, but factors.
        progress: told the share of seconds that is done.

    Returns:
        Ratios of shape ``(..., voices, seconds)``; NaN in the seconds that are not scored (`scored_seconds`).
    """
    s, e = in_seconds(references, sample_rate), in_seconds(estimates, sample_rate)
    scored = scored_seconds(s)
    ratios = np.full((3, *e.shape[:-1]), np.nan)
    for second in np.flatnonzero(scored.any(axis=0)):  # one at a time: a second's matrix has 30 MB
        window = (s[..., second, :], e[..., second, :])
        scores = si_bss_eval(*window) if taps is None else bss_eval(*window, taps)
        ratios[..., second] = scores.sdr, scores.sir, scores.sar
        progress((second + 1) / len(scored[0]))
    return BssScores(*np.where(scored, ratios, np.nan))


def _parts(
    references: NDArray[np.floating], estimates: NDArray[np.floating], taps: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Energy of own part, interference and artifacts as shares of the estimate's, each ``(..., voices)``.

    The projection of e on the span of delayed references, whose inner products are G, has the energy
    ``d' G^-1 d``, where d are the inner products of e with them. All three are 0 for a silent estimate.
    """
    if references.ndim != 2 or estimates.shape[-2:] != references.shape:
        raise ValueError(f"references have shape {references.shape}, estimates {estimates.shape}")
    voices, samples = references.shape
    s, e = _unit_energy(references), _unit_energy(estimates.reshape(-1, voices, samples))
    size = next_fast_len(samples + taps - 1, real=True)
    s_spectra, e_spectra = rfft(s, size), rfft(e, size)
    correlations = irfft(s_spectra[:, None].conj() * s_spectra, size)  # (voices, voices, lags)
    delays = np.arange(taps)
    lags = delays[:, None] - delays  # negative ones count from the end, as in a circular correlation
    products = correlations[..., lags]  # (voices, voices, taps, taps)
    gram = products.swapaxes(1, 2).reshape(voices * taps, voices * taps)
    # (estimates, voices, references, taps): inner product of each estimate with each delayed reference
    seen = irfft(s_spectra.conj() * e_spectra[:, :, None], size)[..., :taps]
    explained = _explained(gram, seen.reshape(-1, voices * taps)).reshape(seen.shape[:2])
    own = np.stack([_explained(products[v, v], seen[:, v, v]) for v in range(voices)], axis=-1)
    energy = np.sum(e * e, axis=-1)
    # Rounding alone may make a part negative.
    parts = (own, (explained - own).clip(0), (energy - explained).clip(0))
    own, interference, artifacts = (part.reshape(estimates.shape[:-1]) for part in parts)
    return own, interference, artifacts


def _unit_energy(signals: NDArray[np.floating]) -> NDArray[np.float64]:
    wide = np.asarray(signals, dtype=np.float64)
    norm = np.linalg.norm(wide, axis=-1, keepdims=True)
    return np.asarray(wide / np.where(norm > 0, norm, 1.0))


def _explained(gram: NDArray[np.float64], seen: NDArray[np.float64]) -> NDArray[np.float64]:
    """``d' G^-1 d`` for each row d of ``seen``: ``(estimates, n)`` and ``(n, n)`` give ``(estimates,)``."""
    factor = cho_factor(gram + LOAD * np.eye(len(gram)), check_finite=False)
    return np.asarray(np.sum(seen * cho_solve(factor, seen.T, check_finite=False).T, axis=-1))


def _scores(
    references: NDArray[np.floating],
    own: NDArray[np.float64],
    interference: NDArray[np.float64],
    artifacts: NDArray[np.float64],
    sar: NDArray[np.float64],
) -> BssScores:
    sounds = np.any(references != 0, axis=-1)
    others = np.sum(sounds) - sounds > 0
    silent_estimate = (own == 0) & (interference == 0) & (artifacts == 0)
    sdr = np.where(silent_estimate, LIMITS[0], decibels(own, interference + artifacts))
    sir = np.where(others, decibels(own, interference), np.nan)
    return BssScores(*(np.where(sounds, ratio, np.nan) for ratio in (sdr, sir, sar)))
