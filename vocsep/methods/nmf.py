"""Score-informed NMF: S. Ewert and M. Müller, "Using score-informed constraints for NMF-based source
separation", ICASSP 2012, as section IV-C of the paper uses it with F0 (its NMF1).

The mixture's magnitudes (STFT 2048/256) are explained by one harmonic template for each tenth of a semitone.
Templates begin with 1/k^2 around the k-th harmonic, activations with 1 where a voice's F0, rounded, is that
pitch; all else is 0 and stays 0 under multiplicative updates. A voice is what its activations hold.

The paper does not say which divergence it is, how wide a harmonic may be, how often to update, which power
of the voices the masks compare, nor what becomes of bins that no template reaches. Here: Kullback-Leibler,
and, as synthetic singing with F0 that err by 10 cents prefers it, 0.2 semitones or the window's main lobe,
whichever is wider; 10 updates of each factor (40 lower the cost by little and the SI-SDR by 0.2 dB); squares
(magnitudes: 0.1 less); unreached bins are shared as the voices' levels (alike: 0.1 less).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from vocsep.filtering.masks import soft_masks
from vocsep.methods.pitched import PitchedParts
from vocsep.methods.protocol import (
    Excerpt,
    Method,
    Progress,
    SeparationMethod,
    SourceEstimate,
    estimate_from_masks,
)
from vocsep.methods.settings import MethodSettings
from vocsep.spectra import HOP, MASK_FFT, stft

TINY = 1e-12  # magnitude, of a recording with peak 1
UNREACHED = 1e-3  # of a voice's level in a frame: what it has in bins that its template does not reach


@dataclass(frozen=True)
class NmfSettings:
    """How the factorisation is made.

    Attributes:
        iterations: updates of activations and templates.
        semitones, lobe: reach of templates, as in `vocsep.methods.dictionaries.harmonic_templates`.
    """

    iterations: int = 10
    semitones: float = 0.2
    lobe: float = 2.0


class MagnitudeNmf:
    """The factorisation of one chunk.

    Args:
        magnitudes: ``(frames, bins)`` of the mixture.
        f0: ``(voices, frames)`` Hz, 0 where unvoiced.
        settings: reach of the templates.

    Attributes:
        parts: templates and activations.
    """

    def __init__(self, magnitudes: Tensor, f0: Tensor, settings: NmfSettings) -> None:
        fft_size = 2 * (magnitudes.shape[1] - 1)
        self.parts = PitchedParts(f0, fft_size, settings.semitones, settings.lobe)
        self.parts.scale_to(magnitudes.mean())
        self._target, self._ones = magnitudes, torch.ones_like(magnitudes)

    def cost(self) -> float:
        """Kullback-Leibler divergence of the model from the mixture, over the bins that templates reach."""
        model = self.parts.model()
        reached = model > TINY
        target, model = self._target[reached].double(), model[reached].double()
        return float((torch.special.xlogy(target, target / model) - target + model).sum())

    def update(self) -> None:
        """One update of the activations and one of the templates; neither raises the cost."""
        self.update_activations()
        self.update_templates()

    def update_activations(self) -> None:
        """Multiplicative update of the activations."""
        self.parts.update_activations(self._quotient(), self._ones)

    def update_templates(self) -> None:
        """Multiplicative update of the templates."""
        self.parts.update_templates(self._quotient(), self._ones)

    def _quotient(self) -> Tensor:
        return self._target / self.parts.model().clamp_min(TINY)


@dataclass(frozen=True)
class ScoreInformedNmf(SeparationMethod):
    """The method.

    Attributes:
        settings: of the factorisation.
    """

    settings: NmfSettings = NmfSettings()

    @torch.no_grad()
    def estimate(self, excerpt: Excerpt, progress: Progress) -> SourceEstimate:
        """Factorise a chunk; ``alternative`` and ``first`` do not matter."""
        mixture, f0 = excerpt.mixture, excerpt.f0
        peak = mixture.abs().max().clamp_min(1e-6)
        magnitudes = stft(mixture / peak, MASK_FFT).abs().T.contiguous()
        factors = MagnitudeNmf(magnitudes, f0[:, : len(magnitudes)], self.settings)
        for iteration in range(self.settings.iterations):
            factors.update()
            progress((iteration + 1) / self.settings.iterations)
        voices = torch.stack([factors.parts.voice(voice).T for voice in range(len(f0))])
        level = voices.square().mean(dim=1, keepdim=True).sqrt()
        powers = (voices + UNREACHED * level).square()
        return estimate_from_masks(mixture, soft_masks(powers), powers * peak**2, MASK_FFT, HOP)


def build(name: str, settings: MethodSettings) -> Method:
    """For `vocsep.methods.registry`; needs no settings."""
    return Method(name, ScoreInformedNmf())
