"""The source-filter methods: source parameters of each voice, by network or closed form, and adaptation."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vocsep.adapt import AdaptSettings, adapt_shares, compared_bins
from vocsep.confidence import energies
from vocsep.estimator.features import band_centres, harmonic_levels
from vocsep.explanation import Explanation
from vocsep.masks import NOISE_SHARE, comb_powers, soft_masks, voice_powers
from vocsep.reverberation import RoomFit
from vocsep.source.excitation import glottal_tilt, harmonic_excitation
from vocsep.source.voice import SourceParameters
from vocsep.spectra import HOP, MASK_FFT, stft
from vocsep.unison import choices_of_f0, coarse_combs, first_shares, mixed_combs, settled, sung_choices

ORDER = 20  # of the all-pole filter that does nothing
BANDS = 40  # of the levels of a comb
ROOM_STEPS = 20  # of adaptation that it takes to tell a room from none
ROOM_EXPONENT = 0.85  # of masks in rooms, where powers scatter about what is expected of them (measured)

# Mixture (1, samples), F0 (1, voices, frames) and harmonics (1, voices, samples) -> parameters: as an
# estimator is called.
Start = Callable[[Tensor, Tensor, Tensor], SourceParameters]


@dataclass(frozen=True)
class SourceFilter:
    """The `vocsep.explanation.Explainer` of source models: what they start from, and adaptation.

    Attributes:
        start, steps: as in `explain`.
    """

    start: Start
    steps: int = 0

    def __call__(
        self,
        mixture: Tensor,
        f0: Tensor,
        *,
        spare: Tensor | None = None,
        first: int = 0,
        progress: Callable[[float], None] | None = None,
    ) -> Explanation:
        """Explain a stretch; ``first`` does not matter."""
        return explain(mixture, f0, self.start, self.steps, progress, spare)


def untrained_comb(mixture: Tensor, f0: Tensor, excitation: Tensor) -> SourceParameters:
    """Every voice alike: all harmonics through the glottal tilt, a little noise, no vocal tract."""
    flat = torch.linspace(0, torch.pi, ORDER + 2, device=f0.device)[1:-1]
    ones = torch.ones_like(f0)
    return SourceParameters(
        f0=f0,
        alpha=ones,
        gain=1e-3 * ones,
        lsf=flat.expand(*f0.shape, ORDER),
        noise_magnitudes=torch.ones(*f0.shape[:2], 40, device=f0.device),
    )


def levelled_comb(mixture: Tensor, f0: Tensor, excitation: Tensor) -> SourceParameters:
    """The comb with the level of each voice in each band by a closed-form fit: nothing is learned."""
    levels = harmonic_levels(mixture, excitation, BANDS)
    comb = untrained_comb(mixture, f0, excitation)
    tilt = glottal_tilt(band_centres(BANDS).to(levels)).square()
    correction = 10 * torch.log10(levels.clamp_min(1e-12) / tilt)
    return replace(comb, correction=correction)


def explain(
    mixture: Tensor,
    f0: Tensor,
    start: Start,
    steps: int,
    progress: Callable[[float], None] | None = None,
    spare: Tensor | None = None,
) -> Explanation:
    """Find the source parameters of every voice.

    Args:
        mixture: ``(samples,)`` at 16 kHz.
        f0: ``(voices, frames)`` Hz, 0 where unvoiced.
        start: gives the parameters to start from: an estimator, or one of the combs.
        steps: of adaptation on this stretch.
        progress: told the share done, 0 to 1.
        spare: ``(voices, frames)`` Hz, a further pitch near each voice that it may sing as well; 0 = none.
    """
    peak = mixture.abs().max().clamp_min(1e-6)
    level = mixture / peak
    excitation = harmonic_excitation(f0, mixture.shape[-1])
    with torch.no_grad():
        parameters = start(level[None], f0[None], excitation[None]).detach()
    learned = RoomFit().to(level.device) if steps >= ROOM_STEPS else None
    magnitudes = stft(level, MASK_FFT).abs()
    if steps:
        choices = choices_of_f0(f0, spare)
        parameters, combs = _adapted(
            parameters, magnitudes, choices, level.shape[-1], steps, learned, progress
        )
    else:
        combs = comb_powers(excitation)
    room = None if learned is None else learned.found()
    parameters = replace(parameters, alpha=parameters.alpha * peak, gain=parameters.gain * peak)
    with torch.no_grad():
        powers = voice_powers(parameters, combs, NOISE_SHARE)
        if room is not None:
            powers = room.with_tails(powers)
        masks = soft_masks(powers, 1.0 if room is None else ROOM_EXPONENT)
        energy = energies(masks, magnitudes * peak)
        return Explanation(parameters, excitation, powers, masks, energy, room)


def _adapted(
    parameters: SourceParameters,
    magnitudes: Tensor,
    choices: Tensor,
    samples: int,
    steps: int,
    room: RoomFit | None,
    progress: Callable[[float], None] | None,
) -> tuple[SourceParameters, Tensor]:
    """Adapt with all choices of combs, coarsely in time: parameters, and the comb that each voice gets."""
    settings = AdaptSettings()
    sung = sung_choices(choices, samples)
    coarse = coarse_combs(sung, settings.stride * HOP, compared_bins(settings))
    first = first_shares(len(choices))
    parameters = adapt_shares(parameters, coarse, first, magnitudes, steps, settings, room, progress)
    with torch.no_grad():
        parameters = settled(parameters, choices)
        return parameters, mixed_combs(parameters, sung)
