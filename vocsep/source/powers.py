"""Expected powers: the power spectrograms that the source models of the voices stand for.

    m(n, f) = (alpha(n)^2 r(f)^2 C(n, f) + g(n)^2 d(f)^2 w) / |A_n(f)|^2

with C the power spectrogram of the harmonics and w the noise's power in a bin. Its gradient is made in closed
form: with G that for m, S = G / |A|^2 is the one for the sum in brackets, and with A = R + j I but for a
delay (`vocsep.source.all_pole`) those for R and I are -2 R S m and -2 I S m. Automatic differentiation would
read and write everything three times as often.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from vocsep.source.all_pole import LARGEST_GAIN, series_of_bins
from vocsep.source.excitation import glottal_tilt
from vocsep.source.filters import fir_from_magnitudes, zero_phase_response
from vocsep.source.lsf import halves_from_lsf
from vocsep.source.voice import NOISE_VARIANCE, SourceParameters, band_matrix
from vocsep.spectra import HOP, MASK_FFT, SAMPLE_RATE, TOGETHER, hann, power_spectrogram

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
    """m of `PowerFactors.powers`, some frames of a voice at a time on a processor: they stay in its cache."""

    @staticmethod
    def forward(
        ctx: Any, halves: Tensor, harmonic: Tensor, noise: Tensor, colour: Tensor, combs: Tensor
    ) -> Tensor:
        cosines, sines = series_of_bins(halves.shape[-1], combs.shape[-1], MASK_FFT, combs.device)
        learned = any(ctx.needs_input_grad)
        powers = combs.new_empty(combs.shape)
        kept = combs.new_empty(3 if learned else 0, *combs.shape)
        for at in _blocks(combs):
            real = (halves[0][at] @ cosines).float()
            imaginary = (halves[1][at] @ sines).float()
            gain = torch.addcmul(real.square(), imaginary, imaginary)
            gain.clamp_(min=LARGEST_GAIN**-2).reciprocal_()
            sung = torch.mul(noise[at].unsqueeze(-1), colour[at[0]], out=powers[at])
            sung.addcmul_(harmonic[at].unsqueeze(-1), combs[at]).mul_(gain)
            if learned:
                kept[0][at], kept[1][at], kept[2][at] = real, imaginary, gain
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
        for at in _blocks(combs):
            real, imaginary, gain = kept[0][at], kept[1][at], kept[2][at]
            slope = gradient[at] * gain
            torch.linalg.vecdot(slope, combs[at], out=of_harmonic[at])
            torch.mv(slope, colour[at[0]], out=of_noise[at])
            of_colour[at[0]] += noise[at] @ slope
            slope.mul_(powers[at]).mul_(-2).masked_fill_(gain >= LARGEST_GAIN**2, 0.0)  # it is bounded there
            torch.mm((slope * real).double(), cosines.T, out=of_halves[0][at])
            torch.mm(slope.mul_(imaginary).double(), sines.T, out=of_halves[1][at])
        return of_halves, of_harmonic, of_noise, of_colour, None


def _blocks(combs: Tensor) -> Iterator[tuple[int, slice]]:
    """Voices, and stretches of frames of each."""
    voices, frames, bins = combs.shape
    step = max(TOGETHER // bins, 1) if combs.device.type == "cpu" else max(frames, 1)
    return ((voice, slice(at, at + step)) for voice in range(voices) for at in range(0, frames, step))


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
        powers = powers * torch.pow(10.0, parameters.correction[0] / 10 @ bands)
    return powers.transpose(1, 2)
