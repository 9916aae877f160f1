"""Line spectral frequencies: all-pole filters that cannot become unstable.

Equations (8) to (11) and Algorithm 1 of the paper (see `vocsep.source.excitation`). A(z) of even order K is
half the sum of a symmetric P and an antisymmetric Q of order K + 1, whose roots alternate on the unit circle;
their angles 0 < w_1 < ... < w_K < pi are the line spectral frequencies. Odd ones belong to P, even ones to Q.
"""

import math

import torch
from torch import Tensor

from vocsep.errors import SettingsError
from vocsep.source.excitation import exponential_sigmoid
from vocsep.spectra import SAMPLE_RATE

INCREMENT_MAXIMUM = 2.0  # y_max of (7) for the increments
MINIMUM_GAP = 0.0125  # radians between neighbouring frequencies: 32 Hz at 16 kHz, narrower than sung formants


def check_order(order: int) -> None:
    """Refuse orders of which P and Q do not have K/2 roots each.

    Raises:
        SettingsError: the order is odd or below 2.
    """
    if order < 2 or order % 2:
        raise SettingsError(f"the order of the all-pole filter is {order}; it must be even and at least 2")


def lsf_from_increments(raw: Tensor, minimum_gap: float = MINIMUM_GAP) -> Tensor:
    """Any K + 1 numbers -> K line spectral frequencies at least ``minimum_gap`` apart: (7), (10), (11).

    The gap is ours: without it, ten percent of random filters are unstable in float32.

    Args:
        raw: ``(..., order + 1)``, unbounded.
        minimum_gap: radians.

    Returns:
        ``(..., order)`` in radians, precision of ``raw``.

    Raises:
        SettingsError: odd order, or gaps that do not fit into pi.

    >>> lsf_from_increments(torch.zeros(3), 0.0)
    tensor([1.0472, 2.0944])
    """
    increments = raw.shape[-1]
    check_order(increments - 1)
    room = math.pi - increments * minimum_gap
    if minimum_gap < 0 or room <= 0:
        raise SettingsError(
            f"the minimum gap of the line spectral frequencies is {minimum_gap}; "
            f"it must lie in [0, {math.pi / increments:.4f})"
        )
    positive = exponential_sigmoid(raw.double(), INCREMENT_MAXIMUM)
    normalised = positive * (room / positive.sum(-1, keepdim=True)) + minimum_gap
    return normalised.cumsum(-1)[..., :-1].to(raw.dtype)


def halves_from_lsf(lsf: Tensor) -> Tensor:
    """First halves of P and Q by Algorithm 1, in float64: single precision makes unstable filters.

    P / (1 + z^-1) and Q / (1 - z^-1) are products of factors 1 - 2 cos(w_k) z^-1 + z^-2. They are symmetric,
    so only their first halves are computed, and both at once.

    Args:
        lsf: ``(..., order)`` in radians, increasing.

    Returns:
        ``(2, ..., order // 2 + 1)``, float64: coefficients of P, of which the further ones are the same
        again backwards, and of Q, of which they are the negative ones.

    Raises:
        SettingsError: odd order.
    """
    order = lsf.shape[-1]
    check_order(order)
    cosines = lsf.double().cos().reshape(-1, order // 2, 2)  # (frames, K/2, [P, Q])
    steps = (-2 * cosines).permute(1, 2, 0).contiguous().unbind(0)  # K/2 tensors of ([P, Q], frames)
    # half[i] holds coefficient i of both products, i along the first axis, so that every operation runs over
    # frames.
    one = torch.ones_like(steps[0]).unsqueeze(0)
    half = torch.cat([one, steps[0].unsqueeze(0)])
    for step in steps[1:]:
        mirrored = torch.cat([half, half[-2:-1]])  # one coefficient beyond the middle equals one before it
        grown = mirrored[1:] + step * half
        grown = torch.cat([grown[:1], grown[1:] + half[:-1]])
        # The middle coefficient, whose neighbours on both sides are equal, was completed by `mirrored`.
        half = torch.cat([one, grown])
    # times (1 + z^-1) for P and (1 - z^-1) for Q
    further = torch.stack([half[1:, 0] + half[:-1, 0], half[1:, 1] - half[:-1, 1]], 1)
    both = torch.cat([one, further])
    return both.permute(1, 2, 0).reshape(2, *lsf.shape[:-1], order // 2 + 1)


def polynomial_from_lsf(lsf: Tensor) -> Tensor:
    """Coefficients of A(z), (8), in float64.

    Args:
        lsf: ``(..., order)`` in radians, increasing.

    Returns:
        ``(..., order + 1)``, float64, a_0 = 1.

    Raises:
        SettingsError: odd order.

    >>> polynomial_from_lsf(torch.tensor([math.pi / 3, 2 * math.pi / 3])).round(decimals=6) + 0.0
    tensor([1., 0., 0.], dtype=torch.float64)
    """
    symmetric, antisymmetric = halves_from_lsf(lsf)
    second = (symmetric - antisymmetric)[..., 1:].flip(-1) / 2
    return torch.cat([(symmetric + antisymmetric) / 2, second], -1)


def power_response_from_lsf(lsf: Tensor, frequencies: Tensor) -> Tensor:
    """1 / |A|^2 without coefficients, and without loss of precision however sharp the resonance.

    |A(e^jw)|^2 = 2^K ( cos^2(w/2) prod_{k odd} (cos w - cos w_k)^2 + sin^2(w/2) prod_{k even} (cos w - cos
    w_k)^2 ).

    For reading formants and for tests; it takes K products a bin, where `all_pole_response` takes one small
    transform.

    Args:
        lsf: ``(..., order)`` in radians.
        frequencies: ``(bins,)`` in Hz.

    Returns:
        ``(..., bins)`` power gain, float64.

    Raises:
        SettingsError: odd order.
    """
    check_order(lsf.shape[-1])
    omega = frequencies.double() * (2 * math.pi / SAMPLE_RATE)
    distances = omega.cos().unsqueeze(-1) - lsf.double().cos().unsqueeze(-2)  # (..., bins, order)
    symmetric = (omega / 2).cos() * (2 * distances[..., 0::2]).prod(-1)
    antisymmetric = (omega / 2).sin() * (2 * distances[..., 1::2]).prod(-1)
    return 1 / (symmetric.square() + antisymmetric.square())
