"""What excites the vocal tract: a sum of harmonics of the F0, and white noise.

Equations (5), (6) and (7) of K. Schulze-Forster, C. Doire, G. Richard and R. Badeau, "Unsupervised Audio
Source Separation Using Differentiable Parametric Source Models", IEEE/ACM TASLP 2023 (arXiv 2201.09592).

The harmonics are summed in closed form. With phi the phase of the fundamental and K harmonics,

    sum_{i=1..K} sin(i phi) = sin(K phi / 2) sin((K + 1) phi / 2) / sin(phi / 2),

and the topmost harmonic carries a weight u in [0, 1), so that a change of K makes no click. Written with
s = sin(K phi / 2) and c = cos(K phi / 2), the weighted sum  sum_{i<K} sin(i phi) + u sin(K phi)  is

    s ( s / tan(phi / 2) + (2 u - 1) c ),

three trigonometric functions a sample, whatever the number of harmonics.
"""

import math

import torch
from torch import Tensor

from vocsep.memory import still_wanted
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count

TOP_FREQUENCY = 7600.0  # Hz, no harmonic above it
TILT_CORNER = 200.0  # Hz, the glottal spectrum falls above it
LOWEST_F0 = 1.0  # Hz, keeps the number of harmonics finite where there is no F0
SMALLEST_ANGLE = 1e-20  # radians, far below any other that a float32 phase has
ROWS = 512  # hops that are computed together on a processor


@torch.no_grad()
def harmonic_excitation(f0: Tensor, samples: int, top: float = TOP_FREQUENCY) -> Tensor:
    """h of (5), (6): all harmonics of an F0 track, each with amplitude 1, below ``top``.

    The F0 is interpolated linearly between frames and held at the edges of a sung stretch. Unvoiced samples
    are exactly 0; half a hop of cosine ramp, midway between the frames, joins the two. There is no gradient:
    the F0 is given.

    Args:
        f0: ``(..., frames)`` in Hz, 0 where unvoiced; at least ``frame_count(samples)`` frames.
        samples: length of the result.
        top: Hz. Harmonics fade out within one F0 below it.

    Returns:
        ``(..., samples)``, float32.

    Raises:
        ValueError: fewer frames than the samples need.

    >>> harmonic_excitation(torch.tensor([[220.0, 0.0, 0.0]]), 512)[0, 200:].abs().max()
    tensor(0.)
    """
    frames = frame_count(samples)
    if f0.shape[-1] < frames:
        raise ValueError(f"{samples} samples need {frames} frames of F0, not {f0.shape[-1]}")
    shape = f0.shape[:-1]
    if samples == 0:
        return f0.new_zeros((*shape, 0), dtype=torch.float32)
    voiced = f0[..., :frames] > 0
    here, there = (end.clamp(min=LOWEST_F0) for end in _segment_ends(f0[..., :frames].double()))
    # Cycles add up hop by hop, without whole ones: a plain running sum would drift.
    hops = (HOP * here + (HOP - 1) / 2 * (there - here)).div_(SAMPLE_RATE).frac_().cumsum(-1)
    begun = torch.cat([torch.zeros_like(hops[..., :1]), hops[..., :-1]], -1)
    rows = torch.stack([begun, here, there - here]).reshape(3, -1, 1)
    signal = f0.new_empty(rows.shape[1], HOP, dtype=torch.float32)
    step = ROWS if f0.device.type == "cpu" else len(signal)  # some hops at a time stay in a processor's cache
    for first in range(0, len(signal), step):
        some = slice(first, first + step)
        still_wanted()
        _hops(rows[:, some], top, out=signal[some])
    signal = signal.reshape(*shape, frames, HOP)
    fading = ~(voiced & torch.cat([voiced[..., 1:], voiced[..., -1:]], -1))
    if fading.any():
        signal[fading] *= _gate(voiced)[fading]
    return signal.reshape(*shape, -1)[..., :samples]


def _hops(rows: Tensor, top: float, out: Tensor) -> None:
    """h in single hops, ``(rows, HOP)``, into ``out``.

    Args:
        rows: of each hop the cycles before it, the F0 where it begins and the change of the F0 until it
            ends, in Hz, ``(3, rows, 1)``, float64.
        top: Hz.
    """
    begun, f0, change = rows
    at = torch.arange(HOP, dtype=torch.float64, device=rows.device)
    # A sum of the F0 over samples 0 to t has t + 1 terms.
    cycles = torch.addcmul(begun, f0, (at + 1) / SAMPLE_RATE)
    cycles.addcmul_(change, at * (at + 1) / (2 * HOP * SAMPLE_RATE))
    # Half the phase, wrapped into [-pi/2, pi/2]: its sine vanishes at 0 only, where float32 is finest. There
    # a tiny angle in place of 0 lets the quotient of sines be their number.
    half = cycles.sub_(cycles.round()).float().mul_(math.pi).add_(SMALLEST_ANGLE)
    ramp = (at / HOP).float()
    ratio = torch.addcmul((f0 / top).float(), (change / top).float(), ramp).reciprocal_()
    harmonics = ratio.floor()
    weight = ratio.sub_(harmonics)  # 0 when the topmost harmonic is at the top, 1 when it is an F0 below
    angle = harmonics.mul_(half)
    cosine, sine = angle.cos(), angle.sin_()
    torch.div(sine, half.tan_(), out=out).sub_(cosine).addcmul_(weight, cosine, value=2).mul_(sine)


def _segment_ends(f0: Tensor) -> tuple[Tensor, Tensor]:
    """F0 at both ends of the hop after each frame; a voiced end for a silent one."""
    there = torch.cat([f0[..., 1:], f0[..., -1:]], -1)
    return torch.where(f0 > 0, f0, there), torch.where(there > 0, there, f0)


def _gate(voiced: Tensor) -> Tensor:
    """1 in voiced and 0 in unvoiced stretches, ``(..., frames)`` -> ``(..., frames, HOP)``."""
    here = voiced.float().unsqueeze(-1)
    there = torch.cat([here[..., 1:, :], here[..., -1:, :]], -2)
    position = torch.arange(HOP, dtype=torch.float32, device=voiced.device) / HOP
    fall = torch.cos(math.pi * (2 * position - 0.5).clamp(0, 1)) * 0.5 + 0.5
    return there + (here - there) * fall


def uniform_noise(
    shape: tuple[int, ...],
    seed: int | torch.Generator = 0,
    device: torch.device | str = "cpu",
) -> Tensor:
    """w of (4): uniform white noise in [-1, 1), variance 1/3.

    Args:
        shape: shape of the result.
        seed: of a new generator, or a generator (on the CPU) to continue.
        device: where the result goes; its numbers do not depend on it.

    Returns:
        ``shape``, float32.
    """
    generator = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator).mul_(2).sub_(1).to(device)


def glottal_tilt(frequencies: Tensor) -> Tensor:
    """r, the spectrum of glottal source and lip radiation: 1 up to 200 Hz, then -6 dB/octave.

    Args:
        frequencies: any shape, in Hz.

    Returns:
        Amplitude gain, same shape.

    >>> glottal_tilt(torch.tensor([0.0, 200.0, 400.0, 4000.0]))
    tensor([1.0000, 1.0000, 0.5000, 0.0500])
    """
    return TILT_CORNER / frequencies.clamp(min=TILT_CORNER)


def exponential_sigmoid(x: Tensor, maximum: float) -> Tensor:
    """(7): maximum * sigmoid(x)^log(10) + 1e-7, positive and bounded, with a gradient far below the maximum.

    Args:
        x: any shape.
        maximum: upper bound.

    Returns:
        Same shape.

    >>> exponential_sigmoid(torch.tensor([-20.0, 0.0, 20.0]), 2.0)
    tensor([1.0000e-07, 4.0540e-01, 2.0000e+00])
    """
    # Through the logarithm of the sigmoid: the power of a sigmoid that underflows to 0 has no gradient.
    return maximum * torch.exp(math.log(10.0) * torch.nn.functional.logsigmoid(x)) + 1e-7
