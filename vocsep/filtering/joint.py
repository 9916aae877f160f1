"""Beyond the mask: partials of all voices are fitted to the waveform at once, and change the masked stems.

    stem_j = h_j + M_j (x - sum_i h_i),        h_j = sum_k t_jk (a_jk + b_jk u) exp(i k phi_j)

where M_j is the mask of voice j, the amplitudes are those of `vocsep.filtering.regression` and t_jk is how
far each can be trusted (`vocsep.filtering.trust`). Prior powers of the partials are what the masks let
through.
What is no partial has first a power in proportion to the mixture around; after a first fit, to what that
leaves, and then F0 is known better, too (`vocsep.filtering.phase_refinement`). Everything scales with the
mixture, and the stems add up to it whatever was fitted.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from vocsep.filtering.partials import STRIDE, TOP, Partials
from vocsep.filtering.phase_refinement import NOISE, refined
from vocsep.filtering.regression import amplitudes
from vocsep.filtering.trust import BINS, LEAST, SHIPPED, Trust, around, at_partials, signs
from vocsep.spectra import HOP, MASK_FFT, istft, power_spectrogram, scaled, stft

WINDOW_ENERGY = 3 / 8 * MASK_FFT  # of Hann's window: noise of variance 1 has this power in a bin
PARTIAL = (MASK_FFT / 4) ** 2  # power in its bin of a partial of amplitude 1
COMPLEX = 4.0  # what twice the projection of real noise of variance 1 has of complex noise
SLOPES = 0.15  # power of b in relation to that of a
FIRST_NOISE, FIRST_FLOOR = 0.03, 0.01  # of the mixture's power around, and in the whole frame
COVERED = 0.1  # of the power of other voices at a partial makes its phase uncertain
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


class _Heard:
    """A mixture as fits see it."""

    def __init__(self, mixture: Tensor, masks: Tensor) -> None:
        self.mixture, self.shares = mixture, masks[:, :BINS, :: STRIDE // HOP]
        heard = power_spectrogram(mixture, MASK_FFT, STRIDE).T
        frame = heard.mean(dim=0) / WINDOW_ENERGY
        self.frame = (frame + LEAST * frame.mean())[:, None, None]
        self.power = heard[:BINS]
        self.masked_power = self.shares.square() * self.power

    def masked(self, partials: Partials) -> Tensor:
        """Power of partials as the masks have it, ``(frames, voices, partials)``."""
        return at_partials(self.masked_power, partials, beside=1) / PARTIAL

    def fitted(self, partials: Partials, noise: Tensor, share: float, floor: float) -> Tensor:
        """Amplitudes, given a power spectrogram of what is no partial."""
        masked = self.masked(partials)
        level = share / WINDOW_ENERGY * at_partials(noise, partials) + floor * self.frame
        ratio = COMPLEX * level / (masked + masked.amax() * 1e-12)
        return amplitudes(
            partials, partials.project(self.mixture), torch.stack((ratio, ratio / SLOPES), dim=-1)
        )

    def first(self, partials: Partials, f0: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """After a first fit: F0 refined, what the fit leaves, ``(bins, frames)``, and its mean around."""
        voices = partials.sound(self.fitted(partials, around(self.power, 8, 0), FIRST_NOISE, FIRST_FLOOR))
        rest = self.mixture - voices.sum(dim=0)
        left = power_spectrogram(rest, MASK_FFT, STRIDE).T[:BINS]
        beside = around(left, 8, 1)
        # A partial that others cover says little of its phase.
        others = at_partials((1 - self.shares).square() * self.power, partials, beside=1) / PARTIAL
        noise = at_partials(beside, partials) / WINDOW_ENERGY + COVERED / NOISE * others
        return refined(f0, partials, voices, rest, noise), left, beside


@torch.no_grad()
def refined_f0(mixture: Tensor, f0: Tensor, masks: Tensor, top: float = TOP) -> Tensor:
    """F0 refined by the phases of partials (`vocsep.filtering.phase_refinement`).

    Args:
        mixture, f0, masks: as in `fit`.
        top: Hz, partials below it are fitted.

    Returns:
        Of the shape of ``f0``, Hz, 0 where unvoiced.
    """
    partials = Partials(f0, mixture.shape[-1], top)
    if not partials.active.any() or not mixture.any():
        return f0
    return _Heard(mixture, masks).first(partials, f0)[0]


def fit(mixture: Tensor, f0: Tensor, powers: Tensor, masks: Tensor) -> JointFit | None:
    """Fit all partials; a second time with F0 refined, and noise as the first one has left it.

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
    heard = _Heard(mixture, masks)
    exact, left, beside = heard.first(partials, f0)
    partials = Partials(exact, mixture.shape[-1])
    fitted = heard.fitted(partials, beside, THEN_NOISE, THEN_FLOOR)
    modelled = at_partials(powers[:, :BINS, :: STRIDE // HOP], partials, beside=1) / PARTIAL
    found = signs(partials, fitted, heard.masked(partials), modelled, heard.shares, heard.power, left)
    return JointFit(partials, fitted, found)


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
    shared = torch.stack([istft(scaled(spectrum, mask), mixture.shape[-1], MASK_FFT) for mask in masks])
    return voices - shared
