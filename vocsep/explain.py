"""What a stretch of a recording is made of: source parameters of each voice, by network and adaptation."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vocsep.adapt import adapt
from vocsep.estimator.network import Estimator
from vocsep.masks import NOISE_SHARE, comb_powers, soft_masks, voice_powers
from vocsep.source.excitation import harmonic_excitation
from vocsep.source.voice import SourceParameters, synthesise
from vocsep.spectra import MASK_FFT, stft


@dataclass(frozen=True)
class Explanation:
    """Source model of a stretch of audio.

    Attributes:
        parameters: batch of 1; levels are those of the recording.
        excitation: ``(voices, samples)`` harmonics at 16 kHz.
        powers: ``(voices, bins, frames)`` expected power spectrograms.
        masks: ``(voices, bins, frames)``, add up to one.
    """

    parameters: SourceParameters
    excitation: Tensor
    powers: Tensor
    masks: Tensor

    def synthesised(self, seed: int = 0) -> Tensor:
        """The voices as the source model sings them, ``(voices, samples)`` at 16 kHz."""
        with torch.no_grad():
            excitation = self.excitation[None]
            return synthesise(self.parameters, excitation.shape[-1], excitation=excitation, seed=seed)[0]


def untrained_comb(f0: Tensor) -> SourceParameters:
    """Every voice alike: harmonics through the glottal tilt, a little noise; ``f0`` (voices, frames)."""
    flat = torch.linspace(0, torch.pi, 22, device=f0.device)[1:-1]
    ones = torch.ones_like(f0)[None]
    return SourceParameters(
        f0=f0[None],
        alpha=ones,
        gain=1e-3 * ones,
        lsf=flat.expand(1, *f0.shape, 20),
        noise_magnitudes=torch.ones(1, len(f0), 40, device=f0.device),
    )


def explain(
    mixture: Tensor,
    f0: Tensor,
    estimator: Estimator | None,
    steps: int,
    progress: Callable[[float], None] | None = None,
) -> Explanation:
    """Find the source parameters of every voice.

    Args:
        mixture: ``(samples,)`` at 16 kHz.
        f0: ``(voices, frames)`` Hz, 0 where unvoiced.
        estimator: gives the start; without one, the untrained comb is all there is.
        steps: of adaptation on this stretch.
        progress: told the share done, 0 to 1.
    """
    peak = mixture.abs().max().clamp_min(1e-6)
    level = mixture / peak
    excitation = harmonic_excitation(f0, mixture.shape[-1])
    combs = comb_powers(excitation)
    if estimator is None:
        parameters = untrained_comb(f0)
    else:
        with torch.no_grad():
            parameters = estimator(level[None], f0[None], excitation[None]).detach()
    parameters = adapt(parameters, combs, stft(level, MASK_FFT).abs(), steps, progress=progress)
    parameters = _at_level(parameters, float(peak))
    with torch.no_grad():
        powers = voice_powers(parameters, combs, NOISE_SHARE)
        return Explanation(parameters, excitation, powers, soft_masks(powers))


def _at_level(parameters: SourceParameters, peak: float) -> SourceParameters:
    """The parameters of a mixture that is ``peak`` times as loud."""
    return SourceParameters(
        parameters.f0,
        parameters.alpha * peak,
        parameters.gain * peak,
        parameters.lsf,
        parameters.noise_magnitudes,
        parameters.correction,
    )
