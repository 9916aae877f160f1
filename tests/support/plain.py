"""The source model as straightforward code: a bank of oscillators, and the recursion sample by sample.

References for the tests and for benchmarks/step.py. They follow (3) to (6) and section III-D of the paper
literally, in torch, so that they can be differentiated; nothing here shares code with `vocsep.source`,
but for the container of the parameters.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import pad

from vocsep.source.voice import SourceParameters

RATE = 16_000  # Hz
HOP = 256  # samples
WINDOW = 2 * HOP  # samples
OSCILLATORS = 101


def plain_upsample(frames: Tensor, samples: int) -> Tensor:
    """Linear interpolation from frames to samples: ``(..., frames)`` -> ``(..., samples)``."""
    position = torch.arange(samples, dtype=torch.float64) / HOP
    index = position.long().clamp(max=frames.shape[-1] - 2)
    share = (position - index).to(frames.dtype)
    return frames[..., index] * (1 - share) + frames[..., index + 1] * share


def plain_oscillator_bank(
    f0: Tensor, samples: int, top: float = 7600.0, oscillators: int = OSCILLATORS
) -> Tensor:
    """(5), (6): one oscillator for each harmonic, faded out within one F0 below ``top``; voiced F0 only.

    ``(batch, voices, frames)`` Hz -> ``(batch, voices, samples)``.
    """
    frequency = plain_upsample(f0.double(), samples)
    phase = 2 * math.pi * frequency.cumsum(-1) / RATE
    numbers = torch.arange(1, oscillators + 1)
    phases = (
        (phase.unsqueeze(-1) * numbers).remainder(2 * math.pi).float()
    )  # (batch, voices, samples, oscillators)
    amplitudes = ((top - frequency.unsqueeze(-1) * (numbers - 1)) / frequency.unsqueeze(-1) - 1).clamp(0, 1)
    return (phases.sin() * amplitudes.float()).sum(-1)


def plain_polynomial(lsf: Tensor) -> Tensor:
    """Algorithm 1 by multiplying out the factors of P and Q; ``(..., K)`` -> ``(..., K + 1)``, float64."""

    def product(angles: Tensor, last: float) -> Tensor:
        polynomial = torch.ones_like(angles[..., :1])
        for k in range(angles.shape[-1]):
            cosine = angles[..., k : k + 1].cos()
            polynomial = (
                pad(polynomial, (0, 2)) - 2 * cosine * pad(polynomial, (1, 1)) + pad(polynomial, (2, 0))
            )
        return pad(polynomial, (0, 1)) + last * pad(polynomial, (1, 0))

    angles = lsf.double()
    return ((product(angles[..., 0::2], 1.0) + product(angles[..., 1::2], -1.0)) / 2)[..., :-1]


def plain_recursion(excitation: Tensor, coefficients: Tensor) -> Tensor:
    """(3), from rest: s(t) = e(t) - sum_k a_k s(t - k); ``(..., samples)`` and ``(..., K + 1)``."""
    taps = coefficients[..., 1:].to(excitation.dtype)
    order = taps.shape[-1]
    past = [torch.zeros_like(excitation[..., 0])] * order  # newest first
    output = []
    for t in range(excitation.shape[-1]):
        sample = excitation[..., t] - (taps * torch.stack(past, -1)).sum(-1)
        output.append(sample)
        past = [sample, *past[:-1]]
    return torch.stack(output, -1)


def plain_frames(signal: Tensor) -> Tensor:
    """Frames of 512 samples centred on n * 256, not windowed, ``(..., frames, 512)``."""
    return pad(signal, (HOP, HOP)).unfold(-1, WINDOW, HOP)


def plain_overlap_add(frames: Tensor, samples: int) -> Tensor:
    """Hann windows and overlap-add: ``(..., frames, 512)`` -> ``(..., samples)``."""
    windowed = frames * torch.hann_window(WINDOW)
    output = frames.new_zeros(*frames.shape[:-2], (frames.shape[-2] + 1) * HOP)
    for n in range(frames.shape[-2]):
        output[..., n * HOP : n * HOP + WINDOW] += windowed[..., n, :]
    return output[..., HOP : HOP + samples]


def plain_fir(frames: Tensor, response: Tensor) -> Tensor:
    """Zero-phase FIR filter of each frame in the frequency domain, as long as the frame."""
    padded = pad(frames, (HOP, HOP))
    return torch.fft.irfft(torch.fft.rfft(padded) * response, 2 * WINDOW)[..., HOP : HOP + WINDOW]


def plain_synthesise(parameters: SourceParameters, samples: int, noise: Tensor) -> Tensor:
    """(2) to (6) as written: bank, recursion from rest, Hann windows. ``(batch, voices, samples)``."""
    frequencies = torch.arange(WINDOW + 1) * (RATE / (2 * WINDOW))
    tilt = 1 / (frequencies / 200).clamp(min=1)
    harmonics = plain_oscillator_bank(parameters.f0, samples) * plain_upsample(parameters.alpha, samples)
    bands = parameters.noise_magnitudes.shape[-1]
    impulse = torch.fft.irfft(parameters.noise_magnitudes, 2 * bands - 2).roll(bands - 2, -1)[..., :-1]
    impulse = impulse * torch.hann_window(2 * bands - 2)[1:]
    times = torch.arange(-(bands - 2), bands - 1) / RATE
    colour = impulse @ (2 * math.pi * times[:, None] * frequencies).cos()
    noises = plain_fir(plain_frames(noise), colour[:, :, None]) * parameters.gain[..., None]
    excitation = plain_fir(plain_frames(harmonics), tilt) + noises
    voices = plain_recursion(excitation, plain_polynomial(parameters.lsf))
    return plain_overlap_add(voices, samples)
