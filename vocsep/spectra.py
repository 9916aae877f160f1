"""Frames, STFT and the one definition of frame time.

Frame ``n`` is centred on sample ``n * HOP`` everywhere: F0, spectrograms, amplitudes, filters, masks. A slip
of a single frame costs 0.4 dB of separation, so nothing else in vocsep computes a frame time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # who only wants the grid, to read a recording, need not wait for torch
    import torch
    from torch import Tensor

SAMPLE_RATE = 16_000  # Hz, rate of analysis
HOP = 256  # samples at SAMPLE_RATE: 16 ms between frames
TOGETHER = 1 << 17  # samples of frames that are transformed together on a processor
MASK_FFT = 2048  # samples at SAMPLE_RATE: 128 ms, the window of the soft masks


def frame_count(samples: int, hop: int = HOP) -> int:
    """Number of frames whose centre ``n * hop`` lies in or at the end of a signal of ``samples`` samples.

    >>> frame_count(0), frame_count(255), frame_count(256), frame_count(64_000)
    (1, 1, 2, 251)
    """
    return samples // hop + 1


def frame_times(frames: int, hop: int = HOP, sample_rate: int = SAMPLE_RATE) -> NDArray[np.float64]:
    """Centre of each frame, ``(frames,)`` in seconds.

    >>> frame_times(3)
    array([0.   , 0.016, 0.032])
    """
    return np.arange(frames, dtype=np.float64) * (hop / sample_rate)


def pieces(frames: int, length: int) -> list[tuple[int, int]]:
    """First frame and one past the last of neighbouring pieces, alike and of about ``length`` frames: from
    two thirds of it, unless there are fewer in all, to one and a half.

    >>> pieces(3751, 1875), pieces(100, 1875), pieces(0, 1875)
    ([(0, 1876), (1876, 3751)], [(0, 100)], [])
    """
    count = max(int(frames / length + 0.5), 1)
    size = max(-(-frames // count), 1)
    return [(first, min(first + size, frames)) for first in range(0, frames, size)]


@lru_cache(maxsize=32)
def _cached_window(size: int, dtype: torch.dtype, device: str) -> Tensor:
    import torch

    with torch.inference_mode(False):  # a cached inference tensor could never take part in a gradient
        return torch.hann_window(size, periodic=True, dtype=dtype, device=device)


def hann(size: int, like: Tensor) -> Tensor:
    """Periodic Hann window of ``size`` samples in the real precision and on the device of ``like``."""
    import torch

    dtype = torch.float64 if like.dtype in (torch.float64, torch.complex128) else torch.float32
    return _cached_window(size, dtype, str(like.device))


def stft(signal: Tensor, fft_size: int, hop: int = HOP) -> Tensor:
    """Short-time Fourier transform with zeros beyond the ends, so that frame ``n`` is centred on ``n * hop``.

    Args:
        signal: ``(..., samples)``, real.
        fft_size: samples in the window and in the transform.
        hop: samples between frames.

    Returns:
        ``(..., fft_size // 2 + 1, samples // hop + 1)``, complex.
    """
    import torch

    flat = signal.reshape(-1, signal.shape[-1])
    spectrum = torch.stft(
        flat,
        fft_size,
        hop,
        window=hann(fft_size, signal),
        center=True,
        pad_mode="constant",
        return_complex=True,
    )
    return spectrum.reshape(*signal.shape[:-1], *spectrum.shape[-2:])


def power(spectrum: Tensor) -> Tensor:
    """Squared modulus; torch's own modulus guards against overflow and takes four times as long."""
    import torch

    squares = torch.view_as_real(spectrum).square()  # in one piece: two strided ones take half as long again
    return squares[..., 0] + squares[..., 1]


def scaled(spectrum: Tensor, gains: Tensor) -> Tensor:
    """A complex spectrum times real gains; torch's own product makes the gains complex first."""
    import torch

    return torch.view_as_complex(torch.view_as_real(spectrum) * gains[..., None])


def framed(signal: Tensor, fft_size: int, hop: int = HOP) -> Tensor:
    """The frames of `stft` before the window, ``(..., samples) -> (..., frames, fft_size)``, a view."""
    import torch

    return torch.nn.functional.pad(signal, (fft_size // 2, fft_size // 2)).unfold(-1, fft_size, hop)


def power_of_frames(frames: Tensor, out: Tensor | None = None) -> Tensor:
    """Power spectra of `framed` stretches, ``(..., fft_size) -> (..., fft_size // 2 + 1)``, in ``out``."""
    import torch

    squares = torch.view_as_real(torch.fft.rfft(frames * hann(frames.shape[-1], frames))).square_()
    return torch.add(squares[..., 0], squares[..., 1], out=out)


def power_spectrogram(signal: Tensor, fft_size: int, hop: int = HOP) -> Tensor:
    """``power(stft(...))``, some frames at a time on a processor, so that they stay in its cache.

    Args:
        signal, fft_size, hop: as in `stft`.

    Returns:
        ``(..., samples // hop + 1, fft_size // 2 + 1)``, frames first.
    """
    frames = framed(signal, fft_size, hop)
    if signal.device.type != "cpu":
        return power_of_frames(frames)
    found = signal.new_empty(*frames.shape[:-1], fft_size // 2 + 1)
    step = max(TOGETHER // fft_size, 1)
    views = (one.view(-1, *one.shape[-2:]) for one in (frames, found))
    for given, result in zip(*views, strict=True):
        for first in range(0, len(given), step):
            power_of_frames(given[first : first + step], out=result[first : first + step])
    return found


def istft(spectrum: Tensor, samples: int, fft_size: int, hop: int = HOP) -> Tensor:
    """Inverse of `stft` by weighted overlap-add: exact for an unchanged spectrum.

    Args:
        spectrum: ``(..., fft_size // 2 + 1, frames)``, complex.
        samples: length of the signal to return.

    Returns:
        ``(..., samples)``, real.
    """
    import torch

    flat = spectrum.reshape(-1, *spectrum.shape[-2:])
    signal = torch.istft(flat, fft_size, hop, window=hann(fft_size, spectrum), center=True, length=samples)
    return signal.reshape(*spectrum.shape[:-2], samples)
