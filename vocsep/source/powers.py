"""Expected powers: the power spectrograms that the source models of the voices stand for.

    m(n, f) = (alpha(n)^2 r(f)^2 C(n, f) + g(n)^2 d(f)^2 w) / |A_n(f)|^2

with C the power spectrogram of the harmonics and w the noise's power in a bin. Its gradient is made in closed
form: with G that for m, S = G / |A|^2 is the one for the sum in brackets, and with A = R + j I but for a
delay (`vocsep.source.all_pole`) those for R and I are -2 R S m and -2 I S m. Automatic differentiation would
read and write everything three times as often.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from vocsep.memory import still_wanted
from vocsep.source.all_pole import series_of_bins
from vocsep.source.excitation import glottal_tilt
from vocsep.source.filters import fir_from_magnitudes, zero_phase_response
from vocsep.source.lsf import halves_from_lsf
from vocsep.source.voice import NOISE_VARIANCE, SourceParameters, band_matrix
from vocsep.spectra import HOP, MASK_FFT, SAMPLE_RATE, TOGETHER, hann, power_spectrogram

LEAST = 1e-18  # |A|^2 at which gains are bounded: far below what the gaps between frequencies allow
NOISE_SHARE = 0.1  # of a voice's noise that claims bins: it also explains rooms and other voices (measured)


def mask_frequencies(device: torch.device | str = "cpu", fft_size: int = MASK_FFT) -> Tensor:
    """Frequencies of the masks' bins, ``(fft_size // 2 + 1,)`` in Hz."""
    return torch.arange(fft_size // 2 + 1, device=device) * (SAMPLE_RATE / fft_size)


def comb_powers(excitation: Tensor, hop: int = HOP) -> Tensor:
    """Power spectrogram of harmonic excitations, ``(..., samples) -> (..., bins, frames)``."""
    return power_spectrogram(excitation, MASK_FFT, hop).transpose(-1, -2)


@dataclass(frozen=True)
class PowerFactors:
    """What expected powers are made of, beside the combs.

    Attributes:
        halves: ``(2, batch, voices, frames, order // 2 + 1)`` of `vocsep.source.lsf.halves_from_lsf`.
        harmonic: ``(batch, voices, frames)``, alpha^2.
        noise: ``(batch, voices, frames)``, g^2 times the variance of the noise.
        colour: ``(batch, voices, bins of MASK_FFT)``, d^2.
    """

    halves: Tensor
    harmonic: Tensor
    noise: Tensor
    colour: Tensor

    @classmethod
    def of(cls, parameters: SourceParameters) -> "PowerFactors":
        """Those of source parameters; a correction is left to the caller. Differentiable."""
        frequencies = mask_frequencies(parameters.alpha.device)
        fir = fir_from_magnitudes(parameters.noise_magnitudes)
        return cls(
            halves_from_lsf(parameters.lsf),
            parameters.alpha.square(),
            parameters.gain.square() * NOISE_VARIANCE,
            zero_phase_response(fir, frequencies).square(),
        )

    def recordings(self) -> Iterator["PowerFactors"]:
        """Those of each recording of the batch, without its dimension."""
        of_each = self.halves.unbind(1), self.harmonic.unbind(), self.noise.unbind(), self.colour.unbind()
        return (PowerFactors(*factors) for factors in zip(*of_each, strict=True))

    def powers(self, combs: Tensor, noise_share: Tensor | float = 1.0) -> Tensor:
        """m of one recording.

        Args:
            combs: ``(voices, frames, bins)``, r^2 C at the lowest bins.
            noise_share: how much of the noise power counts.

        Returns:
            ``(voices, frames, bins)``.
        """
        noise = self.noise * (noise_share * hann(MASK_FFT, combs).square().sum())
        colour = self.colour[:, : combs.shape[-1]]
        found: Tensor = _ExpectedPowers.apply(self.halves, self.harmonic, noise, colour, combs)  # type: ignore[no-untyped-call]
        return found


class _ExpectedPowers(torch.autograd.Function):
    """m of `PowerFactors.powers`, some frames of a voice at a time on a processor: they stay in its cache.

    |A|^2 is made larger by `LEAST`, so that gains are finite.
    """

    @staticmethod
    def forward(
        ctx: Any, halves: Tensor, harmonic: Tensor, noise: Tensor, colour: Tensor, combs: Tensor
    ) -> Tensor:
        cosines, sines = series_of_bins(halves.shape[-1], combs.shape[-1], MASK_FFT, combs.device)
        least, learned = combs.new_tensor(LEAST), any(ctx.needs_input_grad)
        powers, kept = torch.empty_like(combs), combs.new_empty(3 if learned else 0, *combs.shape)
        tensors = (*halves, harmonic.unsqueeze(-1), noise.unsqueeze(-1), *kept, combs, powers)
        for voice, (p, q, loud, breath, *own, comb, power) in _blocks(tensors):
            real, imaginary, gain = own or (torch.empty_like(power) for _ in range(3))
            still_wanted()
            real.copy_(p @ cosines)
            imaginary.copy_(q @ sines)
            torch.addcmul(least, real, real, out=gain).addcmul_(imaginary, imaginary).reciprocal_()
            torch.mul(breath, colour[voice], out=power).addcmul_(loud, comb).mul_(gain)
        if learned:
            ctx.save_for_backward(harmonic, noise, colour, combs, powers, kept, cosines, sines)
        return powers

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        harmonic, noise, colour, combs, powers, kept, cosines, sines = ctx.saved_tensors
        of_halves = cosines.new_empty(2, *harmonic.shape, len(cosines))
        of_harmonic, of_noise = torch.empty_like(harmonic), torch.empty_like(noise)
        of_colour = torch.zeros_like(colour)
        of_each = (*of_halves, of_harmonic, of_noise, noise)
        for voice, (of_p, of_q, of_loud, of_breath, breath, *known) in _blocks(
            (*of_each, *kept, combs, powers, gradient)
        ):
            real, imaginary, gain, comb, power, given = known
            slope = given * gain
            torch.linalg.vecdot(slope, comb, out=of_loud)
            torch.mv(slope, colour[voice], out=of_breath)
            of_colour[voice] += breath @ slope
            slope.mul_(power)
            torch.mm((slope * real).double(), cosines.T, out=of_p)
            torch.mm(slope.mul_(imaginary).double(), sines.T, out=of_q)
        return of_halves.mul_(-2), of_harmonic, of_noise, of_colour, None


def _blocks(tensors: Sequence[Tensor]) -> Iterator[tuple[int, tuple[Tensor, ...]]]:
    """Stretches of frames of each voice, of some ``(voices, frames, ...)`` of which the last one has bins."""
    frames, bins = tensors[-1].shape[1:]
    step = max(TOGETHER // bins, 1) if tensors[-1].device.type == "cpu" else max(frames, 1)
    for voice, rows in enumerate(zip(*(tensor.unbind() for tensor in tensors), strict=True)):
        if frames <= step:
            yield voice, rows
        else:
            for at in range(0, frames, step):
                yield voice, tuple(row[at : at + step] for row in rows)


def voice_powers(parameters: SourceParameters, combs: Tensor, noise_share: float = 1.0) -> Tensor:
    """Expected power spectrogram of each voice: harmonics and noise, each through its filters.

    Args:
        parameters: of one recording (batch of 1).
        combs: ``(voices, bins, frames)`` from `comb_powers`, or the lowest bins of them.
        noise_share: how much of the noise power counts.

    Returns:
        ``(voices, bins, frames)``.
    """
    frequencies = mask_frequencies(combs.device)[: combs.shape[1]]
    (factors,) = PowerFactors.of(parameters).recordings()
    tilted = combs.transpose(1, 2) * glottal_tilt(frequencies).square()
    powers = factors.powers(tilted, noise_share)
    if parameters.correction is not None:
        bands = band_matrix(parameters.correction.shape[-1], frequencies)
        powers = powers * torch.exp(parameters.correction[0] * (math.log(10) / 10) @ bands)
    return powers.transpose(1, 2)
