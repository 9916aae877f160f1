"""The source model of one voice: parameters in, sound out.

    s = [ (alpha h) * r + (w * d) g ] filtered by 1 / A_n(z)                              (2) to (6)

of the paper (see `vocsep.source.excitation`). All four filters act in one pass over the frames: the spectra
of the frames of h and w are constants, so only gains, one product and one inverse transform carry gradients.
alpha as the gain of overlapping Hann windows *is* the paper's upsampling of alpha with Hann windows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vocsep.source.all_pole import all_pole_power, all_pole_response
from vocsep.source.excitation import glottal_tilt, harmonic_excitation, uniform_noise
from vocsep.source.filters import (
    FILTER_FFT,
    bin_frequencies,
    fir_from_magnitudes,
    frame_spectra,
    hold_last,
    overlap_add,
    zero_phase_response,
)
from vocsep.source.lsf import polynomial_from_lsf
from vocsep.spectra import SAMPLE_RATE

NOISE_VARIANCE = 1 / 3  # of uniform noise in [-1, 1)


@dataclass(frozen=True)
class SourceParameters:
    """Everything that the source models of all voices need, frame n centred on n * HOP.

    Attributes:
        f0: ``(batch, voices, frames)`` Hz, 0 where unvoiced.
        alpha: ``(batch, voices, frames)`` amplitude of each harmonic before the filters.
        gain: ``(batch, voices, frames)`` amplitude of the noise, g.
        lsf: ``(batch, voices, frames, order)`` line spectral frequencies, radians.
        noise_magnitudes: ``(batch, voices, L)`` amplitude gains from which d is made.
        correction: ``(batch, voices, frames, bands)`` dB on mel-spaced centres, on top of the all-pole filter
            (ours); None is 0 dB everywhere.
        shares: ``(batch, voices, frames, choices)`` of the voice's harmonic power that each of several combs
            has (ours, `vocsep.source.unison`), adding up to one; None is the comb of ``f0`` alone.
    """

    f0: Tensor
    alpha: Tensor
    gain: Tensor
    lsf: Tensor
    noise_magnitudes: Tensor
    correction: Tensor | None = None
    shares: Tensor | None = None

    @property
    def voices(self) -> int:
        """Number of voices."""
        return self.f0.shape[1]

    @property
    def frames(self) -> int:
        """Number of frames."""
        return self.f0.shape[2]

    def _mapped(self, function: Callable[[Tensor], Tensor]) -> "SourceParameters":
        optional = (None if t is None else function(t) for t in (self.correction, self.shares))
        return SourceParameters(
            function(self.f0),
            function(self.alpha),
            function(self.gain),
            function(self.lsf),
            function(self.noise_magnitudes),
            *optional,
        )

    def to(self, device: torch.device | str) -> "SourceParameters":
        """The same on another device."""
        return self._mapped(lambda tensor: tensor.to(device))

    def detach(self) -> "SourceParameters":
        """The same without gradients."""
        return self._mapped(lambda tensor: tensor.detach())

    def batch_slice(self, start: int, stop: int) -> "SourceParameters":
        """Recordings from ``start`` to before ``stop``."""
        return self._mapped(lambda tensor: tensor[start:stop])

    def frames_slice(self, start: int, stop: int | None, stride: int = 1) -> "SourceParameters":
        """Every ``stride``-th frame from ``start`` to before ``stop``; the noise filter does not vary."""
        frames = slice(start, stop, stride)
        return SourceParameters(
            self.f0[:, :, frames],
            self.alpha[:, :, frames],
            self.gain[:, :, frames],
            self.lsf[:, :, frames],
            self.noise_magnitudes,
            *(None if t is None else t[:, :, frames] for t in (self.correction, self.shares)),
        )


def mel(frequencies: Tensor) -> Tensor:
    """Hz -> mel, 2595 log10(1 + f / 700)."""
    return 2595.0 * torch.log10(1.0 + frequencies / 700.0)


def band_matrix(bands: int, frequencies: Tensor) -> Tensor:
    """Weights that interpolate linearly, on the mel scale, between ``bands`` centres from 0 to 8 kHz.

    Args:
        bands: number of centres, at least 2.
        frequencies: ``(bins,)`` in Hz, 0 to 8000.

    Returns:
        ``(bands, bins)``; every column adds up to 1.

    Raises:
        ValueError: fewer than two bands.

    >>> band_matrix(2, torch.tensor([0.0, 8000.0]))
    tensor([[1., 0.],
            [0., 1.]])
    """
    if bands < 2:
        raise ValueError(f"{bands} bands; at least 2 are needed")
    top = mel(torch.tensor(SAMPLE_RATE / 2, device=frequencies.device))
    position = mel(frequencies) / top * (bands - 1)
    centres = torch.arange(bands, device=frequencies.device).unsqueeze(-1)
    return (1 - (position - centres).abs()).clamp(min=0)


def synthesise(
    parameters: SourceParameters,
    samples: int,
    *,
    excitation: Tensor | None = None,
    noise: Tensor | None = None,
    seed: int = 0,
) -> Tensor:
    """Sound of each voice, (2) to (6), sung by one singer; differentiable in everything but the F0.

    Args:
        parameters: source parameters with ``frame_count(samples)`` frames.
        samples: length of the result at 16 kHz.
        excitation: ``(batch, voices, samples)`` the harmonics h, if they have been computed before.
        noise: ``(batch, voices, samples)`` the noise w; by default drawn from ``seed``.
        seed: of the noise.

    Returns:
        ``(batch, voices, samples)``.

    Raises:
        ValueError: the parameters have another number of frames.
    """
    f0 = parameters.f0
    if excitation is None:
        excitation = harmonic_excitation(f0, samples)
    if noise is None:
        noise = uniform_noise((*f0.shape[:2], samples), seed, f0.device)
    # One recording of the batch at a time on a processor: its blocks stay in the cache, which is three times
    # faster.
    step = 1 if f0.device.type == "cpu" else max(1, len(f0))
    parts = [
        _synthesise_part(parameters.batch_slice(i, i + step), excitation[i : i + step], noise[i : i + step])
        for i in range(0, len(f0), step)
    ]
    return torch.cat(parts)


def _synthesise_part(parameters: SourceParameters, excitation: Tensor, noise: Tensor) -> Tensor:
    """`synthesise` of a part of the batch, from its excitations."""
    samples = excitation.shape[-1]
    frequencies = bin_frequencies(FILTER_FFT, excitation.device)
    response = all_pole_response(polynomial_from_lsf(parameters.lsf), FILTER_FFT)
    if parameters.correction is not None:
        bands = band_matrix(parameters.correction.shape[-1], frequencies)
        response = response * torch.pow(10.0, parameters.correction / 20 @ bands)
    colour = zero_phase_response(fir_from_magnitudes(parameters.noise_magnitudes), frequencies).unsqueeze(2)
    alpha = hold_last(parameters.alpha, samples, 2).unsqueeze(-1)
    gain = hold_last(parameters.gain, samples, 2).unsqueeze(-1)
    harmonic_spectra = frame_spectra(excitation) * glottal_tilt(frequencies)
    total = harmonic_spectra * alpha + frame_spectra(noise) * (colour * gain)
    return overlap_add(total * hold_last(response, samples, 2), samples)


def power_envelopes(parameters: SourceParameters, frequencies: Tensor) -> tuple[Tensor, Tensor]:
    """Expected power gain of each excitation; differentiable.

    The power spectrogram of a voice is about ``harmonic * |STFT(h)|^2 + noise * sum(window^2)``.

    Args:
        parameters: source parameters.
        frequencies: ``(bins,)`` in Hz.

    Returns:
        harmonic: ``(batch, voices, frames, bins)``, (alpha r / |A|)^2.
        noise: ``(batch, voices, frames, bins)``, (g d / |A|)^2 times the variance of w, 1/3.
    """
    power = all_pole_power(polynomial_from_lsf(parameters.lsf), frequencies)
    if parameters.correction is not None:
        bands = band_matrix(parameters.correction.shape[-1], frequencies)
        power = power * torch.pow(10.0, parameters.correction / 10 @ bands)
    tilt = glottal_tilt(frequencies).square()
    colour = zero_phase_response(fir_from_magnitudes(parameters.noise_magnitudes), frequencies).square()
    harmonic = parameters.alpha.square().unsqueeze(-1) * tilt * power
    noise = parameters.gain.square().unsqueeze(-1) * (NOISE_VARIANCE * colour.unsqueeze(2)) * power
    return harmonic, noise
