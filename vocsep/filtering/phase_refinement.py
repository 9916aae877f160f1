"""F0 refinement by the phases of partials: exact to a cent or two where a voice can be heard.

Partial k of a voice, demodulated with the phase ``k phi`` that its F0 says, is a constant if the F0 is right;
if it is wrong by d Hz, its phase grows by ``2 pi k d T`` from frame to frame, T seconds later. All partials
of a voice share one d, so the likelihood of d given the increments,

    log p(d) = sum_k w_k cos(angle_k - 2 pi k d T) + const,

has one high peak where a single partial would have many (a maximum-likelihood estimate in the manner of
D. Rife and R. Boorstyn, "Single-tone parameter estimation from discrete-time observations", IEEE Trans.
Information Theory 20(5), 1974, for partials that are tied together). The weight of a partial is its power
over that of what nobody explains there. A window of 32 ms follows a vibrato that the pitch networks' windows
blur. What is demodulated is the mixture without the other voices' fitted partials.

The increments of the frames then make one curve: least squares by their information, with a prior on its
second differences.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import pad

from vocsep.filtering.partials import STRIDE, Partials
from vocsep.filtering.regression import block_tridiagonal_solve
from vocsep.source import waves
from vocsep.spectra import HOP, SAMPLE_RATE, hann

WINDOW = 512  # samples
SPAN, POINTS = 30.0, 61  # cents to either side that are searched, and in how many places
STEPS = 3  # of Newton's method from there
NOISE = 4 * 1.5 / WINDOW  # power in a demodulated partial of white noise of variance 1
MOST = 0.1  # a partial counts at most as one with this share of noise: amplitudes are no constants
SECONDS = HOP / SAMPLE_RATE  # between frames
BENDS = 10.0  # cents, standard deviation of second differences of the correction
OFFSETS = 15.0  # cents, of the correction itself
CENT = math.log(2) / 1200
BLOCK = 32  # frames that are solved at once


def refined(f0: Tensor, partials: Partials, voices: Tensor, rest: Tensor, noise: Tensor) -> Tensor:
    """F0 corrected by what the partials' phases say.

    Args:
        f0: ``(voices, frames)`` Hz, 0 where unvoiced.
        partials: of this F0.
        voices: ``(voices, samples)`` partials that were fitted to the mixture.
        rest: ``(samples,)`` what they leave of it.
        noise: ``(frames of STRIDE, voices, partials)`` variance of a sample of white noise that would be as
            loud as ``rest`` beside each partial.

    Returns:
        The same shape; unvoiced where ``f0`` is.
    """
    frames = f0.shape[1]
    if frames < 2:
        return f0
    found = [
        _increments(demodulated(partials, voice, sound + rest)[:frames], row, noise[:, voice], partials.top)
        for voice, (row, sound) in enumerate(zip(f0, voices, strict=True))
    ]
    cents = smoothed(torch.stack([one[0] for one in found]), torch.stack([one[1] for one in found]))
    return torch.where(f0 > 0, f0 * torch.exp2(cents.to(f0) / 1200), f0)


def demodulated(partials: Partials, voice: int, signal: Tensor) -> Tensor:
    """Amplitudes of a voice's partials in short windows around each frame.

    Args:
        partials: whose phases take the turning out of them.
        voice: which.
        signal: ``(samples,)``.

    Returns:
        ``(frames of HOP, partials)``, complex.
    """
    frames, lead = partials.samples // HOP + 1, WINDOW // 2
    count = frames * HOP + WINDOW - HOP
    sound = pad(signal, (lead, count - lead - partials.samples))
    counts = torch.full((count // HOP,), partials.counts[voice])
    window = hann(WINDOW, signal)
    return waves.demodulated(partials.angle(voice, lead, count), sound, [window], HOP, counts)[0]


def _increments(amplitudes: Tensor, f0: Tensor, noise: Tensor, top: float) -> tuple[Tensor, Tensor]:
    """What each two neighbouring frames say of the error of the F0 between them.

    Args:
        amplitudes: ``(frames, partials)``, demodulated.
        f0: ``(frames,)`` Hz.
        noise: ``(frames of STRIDE, all partials)``, as in `refined`.
        top: Hz, partials below it count.

    Returns:
        The correction in cents and its information in 1 / cents^2, ``(frames - 1,)`` each.
    """
    products = amplitudes[1:] * amplitudes[:-1].conj()
    count, between = products.shape[1], (f0[1:] + f0[:-1]) / 2
    number = torch.arange(1, count + 1, device=f0.device)
    exists = (f0[1:] * f0[:-1] > 0)[:, None] & (number * between[:, None] < top)
    every = torch.arange(len(between), device=f0.device) // (STRIDE // HOP)
    power, beside = products.abs(), NOISE * noise[every, :count]
    weight = torch.where(exists, 1 / (beside + MOST * power).clamp_min(1e-30), 0.0)
    weighted = weight * products
    grid = torch.exp2(torch.linspace(-SPAN, SPAN, POINTS, device=f0.device) / 1200) - 1
    angle = (-2 * math.pi * SECONDS) * between[:, None] * grid
    likelihood = waves.along(weighted, torch.polar(torch.ones_like(angle), angle))
    near = likelihood + (pad(likelihood[1:], (0, 0, 0, 1)) + pad(likelihood[:-1], (0, 0, 1, 0))) / 2
    error = between * grid[near.argmax(dim=1)]
    turns = 2 * math.pi * SECONDS * number
    information = torch.zeros_like(error)
    for _ in range(STEPS):
        angle = turns * error[:, None]
        left = weighted * torch.polar(torch.ones_like(angle), -angle)
        sure = left.real.clamp_min(0)
        information = (sure * turns.square()).sum(dim=1)
        error = error + (sure * left.angle() * turns).sum(dim=1) / information.clamp_min(1e-12)
    slope = (CENT * between).square()  # Hz a cent
    cents = torch.log2((1 + error / between.clamp_min(1.0)).clamp_min(0.5)) * 1200
    beyond = (cents.abs() > SPAN) | (information <= 0)
    return torch.where(beyond, 0.0, cents), torch.where(beyond, 0.0, information * slope)


def smoothed(measured: Tensor, information: Tensor) -> Tensor:
    """A curve through what lies between its points.

    Minimises ``sum_n W_n ((x_n + x_n+1) / 2 - m_n)^2 + sum (x_n-1 - 2 x_n + x_n+1)^2 / BENDS^2 +
    sum x_n^2 / OFFSETS^2``, whose matrix has five diagonals.

    Args:
        measured: m, ``(voices, frames - 1)``. information: W, the same shape.

    Returns:
        x, ``(voices, frames)``, float64.
    """
    weight, value = information.double() / 4, information.double() * measured.double() / 2
    frames = weight.shape[1] + 1
    whole = -(-frames // BLOCK) * BLOCK
    bend = torch.ones(frames - 2, dtype=torch.float64, device=weight.device) / BENDS**2
    main = pad(weight, (0, 1)) + pad(weight, (1, 0)) + 1 / OFFSETS**2
    main += pad(bend, (0, 2)) + 4 * pad(bend, (1, 1)) + pad(bend, (2, 0))
    beside = weight - 2 * (pad(bend, (0, 1)) + pad(bend, (1, 0)))
    blocks = (len(main), whole // BLOCK, BLOCK)
    main = pad(main, (0, whole - frames), value=1.0).reshape(blocks)
    beside = pad(beside, (0, whole - frames + 1)).reshape(blocks)
    second = pad(bend, (0, whole - frames + 2)).reshape(blocks[1:]).expand(blocks)
    upper = beside[..., :-1].diag_embed(1) + second[..., :-2].diag_embed(2)
    right = main.new_zeros(blocks[0], blocks[1] - 1, BLOCK, BLOCK)
    right[..., -1, 0] = beside[:, :-1, -1]
    right[..., -2, 0], right[..., -1, 1] = second[:, :-1, -2], second[:, :-1, -1]
    values = pad(pad(value, (0, 1)) + pad(value, (1, 0)), (0, whole - frames)).reshape(blocks)
    solved, _ = block_tridiagonal_solve(main.diag_embed() + upper + upper.mT, right, values)
    return solved.flatten(1)[:, :frames]
