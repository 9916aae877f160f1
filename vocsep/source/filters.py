"""Time-varying filters, applied frame by frame in the frequency domain.

A frame is a Hann window of 512 samples around sample n * 256; neighbouring windows add up to one, so a
response of 1 changes nothing. Each frame is padded with silence, filtered, and added to its neighbours with
its ringing: for a filter that stays the same this is filtering the whole signal, as far as the ringing fits
into the block. Section III-D of the paper (see `vocsep.source.excitation`) runs the recursion on each frame
from rest instead, and cuts the ringing off.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import pad

from vocsep.spectra import HOP, SAMPLE_RATE, frame_count, hann

FILTER_FFT = 1024  # samples in the block of a frame


def bin_frequencies(fft_size: int, device: torch.device | str = "cpu") -> Tensor:
    """Centres of the bins of a transform at the analysis rate, ``(fft_size // 2 + 1,)`` in Hz.

    >>> bin_frequencies(4)
    tensor([   0., 4000., 8000.])
    """
    return torch.linspace(0, SAMPLE_RATE / 2, fft_size // 2 + 1, device=device)


def filter_frame_count(samples: int, hop: int = HOP) -> int:
    """Frames that cover a signal to its last sample: one more than `frame_count` if a hop is incomplete."""
    return frame_count(samples, hop) + (1 if samples % hop else 0)


def frame_spectra(signal: Tensor, fft_size: int = FILTER_FFT, hop: int = HOP) -> Tensor:
    """Spectra of Hann-windowed frames of two hops, frame n centred on n * hop, with silence around them.

    Of the padding, a quarter precedes the window (for what a zero-phase filter sends ahead), the rest
    follows.

    Args:
        signal: ``(..., samples)``.
        fft_size: samples in a block, at least two hops.
        hop: samples between frames.

    Returns:
        ``(..., frames, fft_size // 2 + 1)``, complex.
    """
    samples = signal.shape[-1]
    lead = (fft_size - 2 * hop) // 4
    frames = filter_frame_count(samples, hop)
    total = (frames - 1) * hop + fft_size
    before = hop + lead
    padded = pad(signal.reshape(-1, samples), (before, total - before - samples))
    window = pad(hann(2 * hop, signal), (lead, fft_size - 2 * hop - lead))
    blocks = padded.unfold(-1, fft_size, hop) * window
    spectra: Tensor = torch.fft.rfft(blocks).reshape(*signal.shape[:-1], frames, -1)
    return spectra


def overlap_add(spectra: Tensor, samples: int, hop: int = HOP) -> Tensor:
    """The signal whose (filtered) `frame_spectra` are given.

    Args:
        spectra: ``(..., frames, bins)``, complex.
        samples: length of the result.
        hop: samples between frames; divides the length of a block.

    Returns:
        ``(..., samples)``, real.
    """
    fft_size = 2 * (spectra.shape[-1] - 1)
    lead = (fft_size - 2 * hop) // 4
    frames = spectra.shape[-2]
    parts = fft_size // hop
    blocks = torch.fft.irfft(spectra, fft_size).reshape(-1, frames, parts, hop)
    # Part k of block n belongs to row n + k of the result.
    signal = pad(blocks[:, :, 0], (0, 0, 0, parts - 1))
    for part in range(1, parts):
        signal = signal + pad(blocks[:, :, part], (0, 0, part, parts - 1 - part))
    start = hop + lead
    return signal.reshape(*spectra.shape[:-2], -1)[..., start : start + samples]


def hold_last(frames: Tensor, samples: int, dim: int, hop: int = HOP) -> Tensor:
    """Repeat the last frame along ``dim`` if an incomplete hop at the end of the signal needs one more.

    Raises:
        ValueError: the number of frames is not that of the signal.
    """
    expected = frame_count(samples, hop)
    if frames.shape[dim] != expected:
        raise ValueError(f"{samples} samples have {expected} frames, not {frames.shape[dim]}")
    if samples % hop == 0:
        return frames
    return torch.cat([frames, frames.narrow(dim, -1, 1)], dim)


def filter_frames(signal: Tensor, response: Tensor, hop: int = HOP) -> Tensor:
    """Apply a filter that changes from frame to frame.

    Args:
        signal: ``(..., samples)``.
        response: ``(..., frames, bins)``, complex or real, on the grid of a transform of ``2 * (bins - 1)``
            samples, which must be a multiple of ``hop`` and at least two hops.
        hop: samples between frames.

    Returns:
        ``(..., samples)``.

    Raises:
        ValueError: the number of frames or bins does not fit.
    """
    samples, fft_size = signal.shape[-1], 2 * (response.shape[-1] - 1)
    if fft_size < 2 * hop or fft_size % hop:
        raise ValueError(
            f"the block is {fft_size} samples; it must be a multiple of {hop} and at least {2 * hop}"
        )
    return overlap_add(
        frame_spectra(signal, fft_size, hop) * hold_last(response, samples, -2, hop), samples, hop
    )


def fir_from_magnitudes(magnitudes: Tensor, taps: int | None = None) -> Tensor:
    """Zero-phase FIR filter by frequency sampling and a Hann window.

    Args:
        magnitudes: ``(..., L)`` amplitude gains at L frequencies, equally spaced from 0 to 8 kHz.
        taps: odd, at most 2 L - 3 (the default).

    Returns:
        ``(..., taps)``, symmetric; the middle tap belongs to time 0, so there is no delay.

    Raises:
        ValueError: even or too many taps.
    """
    longest = 2 * magnitudes.shape[-1] - 3
    taps = longest if taps is None else taps
    if taps % 2 == 0 or not 1 <= taps <= longest:
        raise ValueError(f"the filter has {taps} taps; the number must be odd and at most {longest}")
    impulse: Tensor = torch.fft.irfft(magnitudes, longest + 1)  # time 0 first, negative times last
    centred = impulse.roll((taps - 1) // 2, -1)[..., :taps]
    return centred * hann(taps + 1, impulse)[1:]


def zero_phase_response(fir: Tensor, frequencies: Tensor) -> Tensor:
    """Real response of a symmetric filter whose middle tap is at time 0.

    Args:
        fir: ``(..., taps)``, odd number of taps.
        frequencies: ``(bins,)`` in Hz.

    Returns:
        ``(..., bins)``.
    """
    middle = fir.shape[-1] // 2
    times = torch.arange(-middle, middle + 1, device=fir.device, dtype=fir.dtype) / SAMPLE_RATE
    return fir @ (2 * math.pi * times.unsqueeze(-1) * frequencies.to(fir.dtype)).cos()
