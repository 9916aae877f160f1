"""The vocal tract as a frequency response: 1 / A on a grid of frequencies, from the halves of P and Q.

With A = (P + Q) / 2 of order K as in (8) of the paper (see `vocsep.source.lsf`), P symmetric and Q
antisymmetric,

    A(e^jw) = e^(-jw (K+1)/2) (R(w) + j I(w)),
    R = sum_i p_i cos(((K+1)/2 - i) w),    I = sum_i q_i sin(((K+1)/2 - i) w),    i = 0 .. K/2:

once the delay of half its length is taken out, A is a cosine and a sine series, two real products in place of
a complex transform. The sums are made in float64: at a resonance large terms cancel.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import pad

from vocsep.source.filters import FILTER_FFT
from vocsep.source.lsf import check_order
from vocsep.spectra import SAMPLE_RATE

LARGEST_GAIN = 1e6  # amplitude, 120 dB: what a resonance may reach before it is bounded


def series(terms: int, omega: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines of R and I, each ``(terms, bins)``, for ``omega`` ``(bins,)`` in radians, float64."""
    times = torch.arange(terms, dtype=torch.float64, device=omega.device)
    angles = (terms - 0.5 - times).unsqueeze(-1) * omega
    return angles.cos(), angles.sin()


@lru_cache(maxsize=8)
def _cached_series(terms: int, bins: int, fft_size: int, device: str) -> tuple[Tensor, Tensor]:
    with torch.inference_mode(False):  # a cached inference tensor could never take part in a gradient
        omega = torch.arange(bins, dtype=torch.float64, device=device) * (2 * math.pi / fft_size)
        return series(terms, omega)


def series_of_bins(terms: int, bins: int, fft_size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """`series` at the lowest bins of a transform; computed once."""
    return _cached_series(terms, bins, fft_size, str(device))


def _half_spectra(coefficients: Tensor, omega: Tensor) -> tuple[Tensor, Tensor]:
    """R and I, each ``(..., bins)`` in float64."""
    check_order(coefficients.shape[-1] - 1)
    terms = (coefficients.shape[-1] + 1) // 2
    extended = pad(coefficients.double(), (0, 1))
    forward, backward = extended[..., :terms], extended.flip(-1)[..., :terms]
    cosines, sines = series(terms, omega)
    return (forward + backward) @ cosines, (forward - backward) @ sines


def all_pole_response(coefficients: Tensor, fft_size: int = FILTER_FFT) -> Tensor:
    """1 / A on the grid of a transform; differentiable. Gains beyond 120 dB are bounded.

    Args:
        coefficients: ``(..., order + 1)`` of A, the first one 1, best in float64.
        fft_size: samples.

    Returns:
        ``(..., fft_size // 2 + 1)``, complex64 (the sums are made in float64).

    Raises:
        SettingsError: odd order.
    """
    omega = torch.linspace(0, math.pi, fft_size // 2 + 1, dtype=torch.float64, device=coefficients.device)
    real, imaginary = (part.float() for part in _half_spectra(coefficients, omega))
    gain = (real.square() + imaginary.square()).clamp(min=LARGEST_GAIN**-2).reciprocal()
    delay = torch.polar(torch.ones_like(omega), omega * (coefficients.shape[-1] / 2)).to(torch.complex64)
    return torch.complex(real * gain, -imaginary * gain) * delay


def all_pole_power(coefficients: Tensor, frequencies: Tensor) -> Tensor:
    """1 / |A|^2 at any frequencies; differentiable. Gains beyond 120 dB are bounded.

    Args:
        coefficients: ``(..., order + 1)`` of A, the first one 1, best in float64.
        frequencies: ``(bins,)`` in Hz.

    Returns:
        ``(..., bins)`` power gain, float32 (the sums are made in float64).

    Raises:
        SettingsError: odd order.
    """
    omega = frequencies.double() * (2 * math.pi / SAMPLE_RATE)
    real, imaginary = (part.float() for part in _half_spectra(coefficients, omega))
    return (real.square() + imaginary.square()).clamp(min=LARGEST_GAIN**-2).reciprocal()
