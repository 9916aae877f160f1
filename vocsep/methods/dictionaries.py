"""Spectra that the factorisations begin with, or choose from: rows on a grid of pitches or frequencies.

`harmonic_templates` mark where the partials of a pitch may lie (Ewert and Müller). `glottal_combs` are the
spectra of voices before the vocal tract, `smooth_atoms` what vocal tracts are made of (Durrieu, David and
Richard).
"""

import torch
from torch import Tensor

from vocsep.spectra import HOP, SAMPLE_RATE, hann

OPEN_QUOTIENT = 0.25  # of KLGLOTT88: share of a period in which the glottis is open
TOP_PARTIAL = 7_900.0  # Hz, no partial of a comb above it
LOWEST_F0 = 20.0  # Hz, keeps the number of partials of a comb finite


def pitch_numbers(f0: Tensor, steps: int) -> Tensor:
    """F0 in Hz as whole steps of ``1 / steps`` semitone above MIDI number 0; 0 where unvoiced.

    >>> pitch_numbers(torch.tensor([440.0, 0.0]), 10).tolist()
    [690, 0]
    """
    midi = 69 + 12 * torch.log2(f0.clamp_min(LOWEST_F0) / 440)
    return torch.where(f0 > 0, (steps * midi).round().long(), 0)


def pitch_frequencies(numbers: Tensor, steps: int) -> Tensor:
    """Hz of whole steps of ``1 / steps`` semitone above MIDI number 0.

    >>> pitch_frequencies(torch.tensor([690]), 10)
    tensor([440.])
    """
    return 440 * torch.exp2((numbers / steps - 69) / 12)


def f0_every(f0: Tensor, hop: int, frames: int) -> Tensor:
    """F0 on a finer grid: the logarithm is linear between voiced frames, else the nearer one decides.

    Args:
        f0: ``(voices, frames of HOP)`` Hz, 0 where unvoiced.
        hop: samples between the frames of the result; divides `HOP`.
        frames: of the result.

    Returns:
        ``(voices, frames)``. Midway between a voiced and an unvoiced frame there is voice.
    """
    step = HOP // hop
    index = torch.arange(frames, device=f0.device)
    before = f0[:, (index // step).clamp_max(f0.shape[1] - 1)]
    after = f0[:, (index // step + 1).clamp_max(f0.shape[1] - 1)]
    weight = (index % step) / step
    glide = before.pow(1 - weight) * after.pow(weight)
    beside = torch.where(
        weight == 0.5, torch.maximum(before, after), torch.where(weight < 0.5, before, after)
    )
    return torch.where((before > 0) & (after > 0), glide, beside)


def harmonic_templates(f0: Tensor, fft_size: int, semitones: float, lobe: float) -> Tensor:
    """Spectra around the harmonics of each F0: ``1 / k^2`` near the k-th, and exactly 0 elsewhere.

    Args:
        f0: ``(pitches,)`` Hz.
        fft_size: samples at 16 kHz of the STFT.
        semitones: on either side of a harmonic within which bins are not 0,
        lobe: but at least so many bins.

    Returns:
        ``(pitches, fft_size // 2 + 1)``.
    """
    bin_width = SAMPLE_RATE / fft_size
    frequencies = torch.arange(fft_size // 2 + 1, device=f0.device) * bin_width
    partial = (frequencies / f0[:, None]).round().clamp_min(1)
    harmonic = partial * f0[:, None]
    reach = (harmonic * (2 ** (semitones / 12) - 1)).clamp_min(lobe * bin_width)
    return partial.pow(-2) * ((frequencies - harmonic).abs() <= reach)


def glottal_amplitudes(partials: Tensor, open_quotient: float = OPEN_QUOTIENT) -> Tensor:
    """Magnitudes of the Fourier coefficients of the derivative of the KLGLOTT88 flow, up to a factor.

    In the open part of a period, s from 0 to 1, the flow is s^2 - s^3, so the k-th coefficient is the
    integral of (2 s - 3 s^2) exp(-i x s) with x = 2 pi k times the open quotient.

    D. H. Klatt and L. C. Klatt, "Analysis, synthesis, and perception of voice quality variations among female
    and male talkers", JASA 87, 1990.

    Args:
        partials: numbers k from 1 on, any shape.
        open_quotient: share of a period in which the glottis is open.

    Returns:
        Same shape, float64.
    """
    ix = 2j * torch.pi * open_quotient * partials.double()
    end = torch.exp(-ix)
    first = -(end + (end - 1) / ix) / ix  # integral of s exp(-ixs)
    second = (2 * first - end) / ix  # of s^2 exp(-ixs)
    return (2 * first - 3 * second).abs()


def glottal_combs(f0: Tensor, fft_size: int, open_quotient: float = OPEN_QUOTIENT) -> Tensor:
    """Power spectra of the KLGLOTT88 source at each F0 under a Hann window, each adding up to 1.

    Args:
        f0: ``(pitches,)`` Hz.
        fft_size: samples at 16 kHz of window and transform.
        open_quotient: of the glottis.

    Returns:
        ``(pitches, fft_size // 2 + 1)``, float32.
    """
    time = (torch.arange(fft_size, device=f0.device) - fft_size / 2) / SAMPLE_RATE
    phase = 2 * torch.pi * f0[:, None] * time
    most = int(TOP_PARTIAL / float(f0.min()))
    amplitudes = glottal_amplitudes(torch.arange(1, most + 1), open_quotient).tolist()
    wave = torch.zeros_like(phase)
    for partial, amplitude in enumerate(amplitudes, start=1):
        below = partial * f0 < TOP_PARTIAL
        wave[below] += amplitude * torch.cos(partial * phase[below])
    power: Tensor = torch.fft.rfft(wave * hann(fft_size, wave)).abs().square()
    return power / power.sum(dim=1, keepdim=True)


def smooth_atoms(bins: int, atoms: int) -> Tensor:
    """Hann windows side by side over all bins, each overlapping the next by 75 %: ``(atoms, bins)``."""
    spacing = (bins - 1) / (atoms - 1)
    distance = (torch.arange(bins) - spacing * torch.arange(atoms)[:, None]) / (2 * spacing)
    return torch.where(distance.abs() < 1, 0.5 + 0.5 * torch.cos(torch.pi * distance), 0.0)
