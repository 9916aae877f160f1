"""What the `comb` preset sees: how much of the mixture lies on each voice's harmonics. Ours; no gradient.

C_j(f, n) is the power spectrogram of the harmonics h_j of voice j, all with amplitude 1, and X the mixture's.
In a band b around a mel frequency, where T_b(f) is a weight that decays on both sides
(`vocsep.estimator.bands`),

    projection  E_jb = sum_f T_b |X| C_j / sum_f T_b C_j^2 / |X|   squared amplitude, were j alone
    level       a_jb >= 0 that solve  sum_f T_b C_j ( |X|^2 - sum_i a_ib C_i ) / |X| = 0  for all j at once
    claim       sum_f T_b C_j / sum_f T_b sum_i C_i   how much of the band the other combs leave to j

The levels are a weighted least-squares fit of powers; dividing by |X| keeps loud bins from deciding alone.
Masks made of them, without any learning, reach 7.8 dB where the unit combs reach 5.1 and the oracle 10.6 (CSD
Nino Dios, singers 1, 40 s, F0 of the stems).

They are computed at every second or fourth frame from long windows, which resolve the harmonics of low
voices; a short window gives what changes fast: the mixture's own band levels.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d

from vocsep.estimator.bands import BandSums, band_centres, band_weights
from vocsep.estimator.long_spectra import LONG_FFT, LONG_HOP, LongSpectra
from vocsep.memory import still_wanted
from vocsep.source.excitation import glottal_tilt
from vocsep.spectra import HOP, frame_count, hann, power_spectrogram

SHORT_FFT = 512  # samples
WEIGHT_FLOOR = 1e-4  # power, against the division by silence
TINY = 1e-6  # against 0/0 where a voice is silent
SWEEPS = 12  # multiplicative updates of the levels
POWER_FLOOR = 1e-7  # of a band, white noise as loud as the excerpt being 1
LEVEL_FLOOR = 1e-8  # squared amplitude of a harmonic, the excerpt's RMS being 1
QUIETEST = 1e-8  # RMS below which an excerpt counts as silent


class CombFeatures(NamedTuple):
    """Features of each voice and frame, and closed-form guesses at two parameters.

    Attributes:
        features: ``(batch, voices, frames asked for, 4 * bands)``, about in [-2, 2].
        rms: ``(batch, 1, 1)`` amplitude of the excerpt; everything else is relative to it.
        log_alpha: ``(batch, voices, frames)`` natural logarithm of alpha, were 1/A = 1.
        log_gain: ``(batch, 1, frames)`` natural logarithm of the amplitude of white noise at the mixture's
            mean band level.
    """

    features: Tensor
    rms: Tensor
    log_alpha: Tensor
    log_gain: Tensor


def noise_normalised_power(signal: Tensor, fft_size: int, hop: int) -> Tensor:
    """Power spectrogram ``(..., frames, bins)`` in which white noise of RMS 1 has mean 1."""
    return power_spectrogram(signal, fft_size, hop).div_(hann(fft_size, signal).square().sum())


def solve_levels(projected: Tensor, gram: Tensor, sweeps: int = SWEEPS) -> Tensor:
    """Non-negative a with sum_i G_ji a_i = b_j, by multiplicative updates, which treat all voices alike.

    Args:
        projected: b, ``(..., voices, frames, bands)``, not negative.
        gram: G, ``(..., voices, voices, frames, bands)``, not negative.
        sweeps: number of updates.

    Returns:
        ``(..., voices, frames, bands)``.
    """
    levels = projected / (gram.diagonal(dim1=-4, dim2=-3).movedim(-1, -3) + TINY)
    for _ in range(sweeps):
        explained = torch.full_like(projected, TINY)
        for voice, of_all in enumerate(gram.unbind(-3)):  # what a voice adds to the projections of all
            explained.addcmul_(of_all, levels.narrow(-3, voice, 1))
        levels.mul_(projected).div_(explained)
    return levels


def upsampled(coarse: Tensor, frames: int, step: int = 2) -> Tensor:
    """From every ``step``-th frame, ``(..., coarse frames, bands)``, to ``frames`` of all: linear in between,
    the last one is held."""
    following = torch.cat([coarse[..., 1:, :], coarse[..., -1:, :]], -2)
    ramp = torch.arange(step, device=coarse.device, dtype=coarse.dtype) / step
    between = torch.lerp(coarse.unsqueeze(-2), following.unsqueeze(-2), ramp.unsqueeze(-1))
    return between.flatten(-3, -2)[..., :frames, :]


def _bels(power: Tensor, floor: float) -> Tensor:
    """log10 of a power, shifted and scaled so that floor to 20 dB span about [-2, 2]."""
    bels = power.clamp(min=floor).log10()
    low = torch.tensor(floor).log10().item()
    return (bels - (low + 2) / 2) * (4 / (2 - low))


def _smoothed(coarse: Tensor, step: int) -> Tensor:
    """Weighted mean of three of ``(..., frames, bands)``: levels vary less than sums of few bins.

    It spreads a frame in time as far whatever the distance ``step`` between two: by two squared frames.
    """
    held, side = torch.cat([coarse[..., :1, :], coarse, coarse[..., -1:, :]], -2), 1 / step**2
    return (1 - 2 * side) * coarse + side * (held[..., :-2, :] + held[..., 2:, :])


def _around(powers: Tensor, step: int) -> Tensor:
    """Every ``step``-th of ``(batch, 1, frames, bands)``, as the mean of what is at most half a step off."""
    half = step // 2
    pooled = avg_pool1d(powers.squeeze(1).mT, 2 * half + 1, step, half, count_include_pad=False)
    return pooled.mT.unsqueeze(1)


def projections_and_levels(
    power: Tensor, combs: Tensor, sums: BandSums, energy: Tensor | float = 1.0, step: int = 2
) -> tuple[Tensor, Tensor]:
    """E and a of all voices, from the power spectrograms of mixture and combs.

    Args:
        power: ``(batch, 1, frames, bins)``, `noise_normalised_power` of the mixture, whose RMS is 1.
        combs: ``(batch, voices, frames, bins)``, that of the harmonics, times ``energy``.
        sums: over bands.
        energy: of the window, where the combs are not normalised by it.
        step: hops between two frames, from 2.

    Returns:
        Each ``(batch, voices, frames, bands)``.
    """
    voices = combs.shape[1]
    weighted = combs * (power + WEIGHT_FLOOR).rsqrt_().div_(energy)
    product = weighted * power
    projected = _smoothed(sums(product), step)
    gram = projected.new_empty(len(combs), voices, *projected.shape[1:])
    for voice in range(voices):
        still_wanted()
        later = slice(voice, None)
        torch.mul(weighted[:, voice : voice + 1], combs[:, later], out=product[:, later])
        gram[:, voice, later] = gram[:, later, voice] = sums(product[:, later])
    gram = _smoothed(gram, step).div_(energy)
    alone = projected / (gram.diagonal(dim1=1, dim2=2).movedim(-1, 1) + TINY)
    return alone, solve_levels(projected, gram)


def _part(
    power: Tensor, combs: Tensor, sums: BandSums, energy: Tensor, step: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Projection, level and claim at coarse frames, each ``(batch, voices, coarse frames, bands)``."""
    own = sums(combs).div_(energy)
    claims = own / (own.sum(1, keepdim=True) + TINY)
    return *projections_and_levels(power, combs, sums, energy, step), claims


def _statistics(spectra: LongSpectra, rms: Tensor, bands: int) -> list[Tensor]:
    """`_part` of all recordings of a batch of amplitudes ``rms``, ``(batch, 1)``."""
    sums = BandSums.of(bands, LONG_FFT, rms)
    energy = hann(LONG_FFT, rms).square().sum()
    relative = (spectra.mixture / (rms.square() * energy).unsqueeze(-1)).unsqueeze(1)
    # One recording at a time on a processor: its spectrograms stay in the cache.
    some = 1 if rms.device.type == "cpu" else max(1, len(rms))
    parts = [
        _part(relative[i : i + some], spectra.combs[i : i + some], sums, energy, spectra.step)
        for i in range(0, len(rms), some)
    ]
    return [torch.cat(part) for part in zip(*parts, strict=True)]


def _rms(mixture: Tensor) -> Tensor:
    """Amplitude of each excerpt, ``(batch, 1)``, not below what counts as silent."""
    return mixture.square().mean(-1, keepdim=True).sqrt().clamp(min=QUIETEST)


@torch.no_grad()
def harmonic_levels(mixture: Tensor, excitation: Tensor, bands: int = 40) -> Tensor:
    """a of all voices, the closed-form fit alone: squared amplitudes of harmonics in mel bands.

    Args:
        mixture: ``(batch, samples)``.
        excitation: ``(batch, voices, samples)`` harmonics of each voice.
        bands: number of centres, as in `vocsep.source.voice.band_matrix`.

    Returns:
        ``(batch, voices, frames, bands)``, in the units of the mixture squared.
    """
    rms = _rms(mixture)
    levels = _statistics(LongSpectra.of(mixture, excitation, LONG_HOP // HOP), rms, bands)[1]
    return upsampled(levels, frame_count(mixture.shape[-1])) * rms.square().reshape(-1, 1, 1, 1)


@torch.no_grad()
def comb_features(
    mixture: Tensor, excitation: Tensor, bands: int, spectra: LongSpectra | None = None, step: int = 1
) -> CombFeatures:
    """Projections, levels, claims and the mixture's bands, relative to the RMS of the excerpt.

    Args:
        mixture: ``(batch, samples)``.
        excitation: ``(batch, voices, samples)`` harmonics of each voice.
        bands: number of mel bands.
        spectra: of both, if they have been computed before; others than those of the step are not taken.
        step: frames between those whose features are asked for.

    Returns:
        Features, and first guesses for frames at every hop.
    """
    rms = _rms(mixture)
    short = noise_normalised_power(mixture / rms, SHORT_FFT, HOP)  # (batch, frames, bins)
    frames, voices = short.shape[-2], excitation.shape[1]
    short_weights = band_weights(bands, SHORT_FFT).to(mixture)
    bands_now = (short @ (short_weights / short_weights.sum(0))).clamp(min=POWER_FLOOR).unsqueeze(1)
    long_step = max(step, LONG_HOP // HOP)
    if spectra is None or spectra.step != long_step:
        spectra = LongSpectra.of(mixture, excitation, long_step)
    alone, levels, claims = _statistics(spectra, rms, bands)
    slow = torch.cat([_bels(alone, LEVEL_FLOOR), _bels(levels, LEVEL_FLOOR), 4 * claims - 2], -1)
    slow = upsampled(slow, frames) if step == 1 else slow
    fast = _bels(_around(bands_now, step), POWER_FLOOR).expand(-1, voices, -1, -1)
    tilt = glottal_tilt(band_centres(bands)).to(mixture)
    log_alpha = (levels.clamp(min=LEVEL_FLOOR).sqrt() / tilt).log().mean(-1, keepdim=True)
    return CombFeatures(
        features=torch.cat([slow, fast], -1),
        rms=rms.unsqueeze(-1),
        log_alpha=upsampled(log_alpha, frames, long_step).squeeze(-1),
        log_gain=(3 * bands_now).log().mean(-1) / 2,
    )
