"""Multi-scale spectral loss: does the sum of the synthesised voices sound like the mixture?

Equations (13) and (14) of K. Schulze-Forster et al., "Unsupervised Audio Source Separation Using
Differentiable Parametric Source Models", IEEE/ACM TASLP 2023 (arXiv 2201.09592). Phases do not count. Each
scale is averaged over its bins and frames: in a sum the long windows would dominate.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from vocsep.spectra import hann

FFT_SIZES = (2048, 1024, 512, 256, 128, 64)  # samples
OVERLAP = 4  # windows over each sample: 75 %
FLOOR = 1e-5  # magnitude below which the logarithm flattens


class SpectralScale(NamedTuple):
    """Spectrogram of one window length; ``magnitude`` and ``log_magnitude`` are ``(batch, frames, bins)``."""

    fft_size: int
    magnitude: Tensor
    log_magnitude: Tensor


def _spectrum(signal: Tensor, fft_size: int) -> Tensor:
    """STFT ``(batch, frames, bins)``, frame n centred on n * fft_size / 4, zeros beyond the ends."""
    padded = pad(signal, (fft_size // 2, fft_size // 2))
    spectrum: Tensor = torch.fft.rfft(
        padded.unfold(-1, fft_size, fft_size // OVERLAP) * hann(fft_size, signal)
    )
    return spectrum


def _adjoint(spectrum: Tensor, fft_size: int, samples: int) -> Tensor:
    """Adjoint of `_spectrum`: the gradient for a spectrum becomes the gradient for the signal."""
    batch, frames, _ = spectrum.shape
    hop = fft_size // OVERLAP
    # The inverse transform counts every bin but the first and the last twice, for its mirror image.
    spectrum[..., 1:-1] *= 0.5
    blocks: Tensor = torch.fft.irfft(spectrum, fft_size, norm="forward") * hann(fft_size, spectrum)
    parts = blocks.reshape(batch, frames, OVERLAP, hop)
    signal = parts.new_zeros(batch, frames + OVERLAP - 1, hop)
    for part in range(OVERLAP):
        signal[:, part : part + frames] += parts[:, :, part]
    return signal.reshape(batch, -1)[:, fft_size // 2 : fft_size // 2 + samples]


def _power(spectrum: Tensor) -> Tensor:
    """|STFT|^2 + floor^2. With the floor inside, root and logarithm have finite gradients in silence, too."""
    squares = torch.view_as_real(spectrum).square()
    return (squares[..., 0] + squares[..., 1]).add_(FLOOR**2)


class _ScaleDistance(torch.autograd.Function):
    """L_c of (13), averaged. Value and gradient come out of one pass, four times faster than autograd.

    With P = |X|^2 + floor^2, M = sqrt(P) and T the target's magnitude, the gradient with respect to X is
    X (sign(M - T) / M + sign(log M - log T) / P), and the adjoint of the STFT takes it back to the samples.
    """

    @staticmethod
    def forward(
        ctx: Any, estimate: Tensor, fft_size: int, magnitude: Tensor, log_magnitude: Tensor
    ) -> Tensor:
        spectrum = _spectrum(estimate, fft_size)
        power = _power(spectrum)
        root = power.sqrt()
        difference = root - magnitude
        log_difference = power.log().div_(2).sub_(log_magnitude)
        loss = (difference.abs().sum() + log_difference.abs().sum()) / difference.numel()
        if ctx.needs_input_grad[0]:
            slope = (
                difference.sgn_().div_(root).add_(log_difference.sgn_().div_(power)).div_(difference.numel())
            )
            ctx.save_for_backward(_adjoint(spectrum.mul_(slope), fft_size, estimate.shape[-1]))
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        (slope,) = ctx.saved_tensors
        return slope * gradient, None, None, None


def spectral_scales(target: Tensor, fft_sizes: tuple[int, ...] = FFT_SIZES) -> list[SpectralScale]:
    """Spectrograms of the target, for a loss that is computed many times against the same target.

    Args:
        target: ``(batch, samples)``.
        fft_sizes: window lengths in samples, multiples of 4.

    Returns:
        One for each window length.
    """
    scales = []
    for size in fft_sizes:
        power = _power(_spectrum(target, size))
        scales.append(SpectralScale(size, power.sqrt(), power.log() / 2))
    return scales


def multi_scale_spectral_loss(
    estimate: Tensor,
    target: Tensor | list[SpectralScale],
    fft_sizes: tuple[int, ...] = FFT_SIZES,
) -> Tensor:
    """(13), (14): sum over scales of the mean absolute differences of magnitudes M and of log M.

    M is sqrt(|STFT|^2 + 1e-10) with Hann windows that overlap by 75 %.

    Args:
        estimate: ``(batch, samples)``, sum of the synthesised voices.
        target: ``(batch, samples)``, the mixture, or its `spectral_scales` (then ``fft_sizes`` are theirs).
        fft_sizes: window lengths in samples.

    Returns:
        Scalar; it can be differentiated once, with respect to ``estimate``.

    >>> multi_scale_spectral_loss(torch.ones(1, 4096), torch.ones(1, 4096))
    tensor(0.)
    """
    # One recording at a time on a processor: its spectrograms stay in the cache, which is twice as fast.
    step = 1 if estimate.device.type == "cpu" else max(1, len(estimate))
    total = estimate.new_zeros(())
    for start in range(0, len(estimate), step):
        part = slice(start, start + step)
        scales = (
            [SpectralScale(size, magnitude[part], log[part]) for size, magnitude, log in target]
            if isinstance(target, list)
            else spectral_scales(target[part], fft_sizes)
        )
        share = len(estimate[part]) / len(estimate)
        for size, magnitude, log in scales:
            distance: Tensor = _ScaleDistance.apply(estimate[part], size, magnitude, log)  # type: ignore[no-untyped-call]
            total = total + share * distance
    return total
