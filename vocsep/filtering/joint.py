"""Beyond the mask: partials of all voices are fitted to the waveform at once, and change the masked stems.

    stem_j = h_j + M_j (x - sum_i h_i),        h_j = sum_k t_jk (a_jk + b_jk u) exp(i k phi_j)

where M_j is the mask of voice j, the amplitudes are those of `vocsep.filtering.regression` and t_jk is how
far each can be trusted (`vocsep.filtering.trust`). Prior powers of the partials are what the masks let
through.
What is no partial has first a power in proportion to the mixture around; after a first fit, to what that
leaves. Everything scales with the mixture, and the stems add up to it whatever was fitted.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from vocsep.filtering.partials import STRIDE, Partials
from vocsep.filtering.regression import amplitudes
from vocsep.filtering.trust import BINS, LEAST, SHIPPED, Trust, around, at_partials, signs
from vocsep.spectra import HOP, MASK_FFT, istft, stft

WINDOW_ENERGY = 3 / 8 * MASK_FFT  # of Hann's window: noise of variance 1 has this power in a bin
PARTIAL = (MASK_FFT / 4) ** 2  # power in its bin of a partial of amplitude 1
COMPLEX = 4.0  # what twice the projection of real noise of variance 1 has of complex noise
SLOPES = 0.15  # power of b in relation to that of a
FIRST_NOISE, FIRST_FLOOR = 0.03, 0.01  # of the mixture's power around, and in the whole frame
THEN_NOISE, THEN_FLOOR = 0.3, 0.003  # of what is left around, and of the whole frame


@dataclass(frozen=True)
class JointFit:
    """Partials fitted to a mixture.

    Attributes:
        partials: which they are.
        amplitudes: a and b of each, ``(frames, voices, partials, 2)``, complex.
        signs: of how far to trust them, ``(frames, voices, partials, SIGNS)``.
    """

    partials: Partials
    amplitudes: Tensor
    signs: Tensor

    def voices(self, trust: Trust) -> Tensor:
        """h, ``(voices, samples)``."""
        return self.partials.sound(self.amplitudes * trust(self.signs)[..., None])


def fit(mixture: Tensor, f0: Tensor, powers: Tensor, masks: Tensor) -> JointFit | None:
    """Fit all partials twice; the second time the noise is what the first one has left.

    Args:
        mixture: ``(samples,)`` at 16 kHz.
        f0: ``(voices, frames)`` Hz, 0 where unvoiced.
        powers: ``(voices, bins, frames)`` expected of the voices.
        masks: the same shape, add up to one.

    Returns:
        None where there is nothing to fit.
    """
    partials = Partials(f0, mixture.shape[-1])
    if not partials.active.any() or not mixture.any():
        return None
    sums = partials.project(mixture)
    every = STRIDE // HOP
    expected, shares = powers[:, :BINS, ::every], masks[:, :BINS, ::every]
    heard = _power(stft(mixture, MASK_FFT, STRIDE))
    frame = heard.mean(dim=0) / WINDOW_ENERGY
    frame = (frame + LEAST * frame.mean())[:, None, None]
    heard = heard[:BINS]
    masked = at_partials(shares.square() * heard, partials, beside=1) / PARTIAL
    least = masked.amax() * 1e-12

    def solved(noise: Tensor, share: float, floor: float) -> Tensor:
        level = share / WINDOW_ENERGY * at_partials(noise, partials) + floor * frame
        ratio = COMPLEX * level / (masked + least)
        return amplitudes(partials, sums, torch.stack((ratio, ratio / SLOPES), dim=-1))

    first = solved(around(heard, 8, 0), FIRST_NOISE, FIRST_FLOOR)
    rest = mixture - partials.sound(first).sum(dim=0)
    left = _power(stft(rest, MASK_FFT, STRIDE))[:BINS]
    fitted = solved(around(left, 8, 1), THEN_NOISE, THEN_FLOOR)
    modelled = at_partials(expected, partials, beside=1) / PARTIAL
    return JointFit(partials, fitted, signs(partials, fitted, masked, modelled, shares, heard, left))


@torch.no_grad()
def correction(
    mixture: Tensor, f0: Tensor, powers: Tensor, masks: Tensor, trust: Trust = SHIPPED
) -> Tensor | None:
    """What fitted partials add to the stems that the masks give.

    Args:
        mixture, f0, powers, masks: as in `fit`.
        trust: in fitted partials.

    Returns:
        ``(voices, samples)`` at 16 kHz, adds up to zero over the voices; None where there is nothing to add.
    """
    fitted = fit(mixture, f0, powers, masks) if len(masks) > 1 else None
    if fitted is None:
        return None
    voices = fitted.voices(trust)
    spectrum = stft(voices.sum(dim=0), MASK_FFT)
    shared = torch.stack([istft(spectrum * mask, mixture.shape[-1], MASK_FFT) for mask in masks])
    return voices - shared


def _power(spectrum: Tensor) -> Tensor:
    return spectrum.real.square() + spectrum.imag.square()
