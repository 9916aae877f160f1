"""The source-filter methods: source parameters of each voice, by network or closed form, and adaptation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vocsep.estimator.adapt import adapt, compared_bins
from vocsep.estimator.adapt_settings import AdaptSettings
from vocsep.estimator.bands import band_centres
from vocsep.estimator.features import harmonic_levels
from vocsep.estimator.network import Estimator
from vocsep.estimator.room_search import find_room
from vocsep.estimator.stored import load_estimator
from vocsep.filtering.confidence import energies
from vocsep.filtering.joint import correction, refined_f0
from vocsep.filtering.masks import soft_masks
from vocsep.filtering.postfilter import PostfilterNetwork, load_postfilter, postfiltered
from vocsep.filtering.trust import BINS
from vocsep.filtering.unisons import share_unisons
from vocsep.methods.halls import is_hall
from vocsep.methods.mean import mean_of
from vocsep.methods.protocol import Excerpt, Method, Progress, SeparationMethod, SourceEstimate
from vocsep.methods.sections import are_sections, as_pairs
from vocsep.methods.settings import MethodSettings
from vocsep.source.excitation import glottal_tilt, harmonic_excitation
from vocsep.source.powers import NOISE_SHARE, comb_powers, voice_powers
from vocsep.source.reverberation import Reverberation, RoomFit
from vocsep.source.unison import (
    OFFSETS,
    choices_of_f0,
    coarse_combs,
    first_shares,
    mixed_combs,
    settled,
    sung_choices,
)
from vocsep.source.voice import SourceParameters
from vocsep.spectra import HOP, MASK_FFT, stft

ORDER = 20  # of the all-pole filter that does nothing
BANDS = 40  # of the levels of a comb
ROOM_STEPS = 20  # of adaptation that it takes to tell a room from none
FIRST_TOP = 2500.0  # Hz, partials below it refine the F0 before adaptation
ROOM_EXPONENT = 0.7  # of masks in rooms, where powers scatter about what is expected of them (measured)

# Mixture (1, samples), F0 (1, voices, frames) and harmonics (1, voices, samples) -> parameters: as an
# estimator is called.
Start = Callable[[Tensor, Tensor, Tensor], SourceParameters]


@dataclass(frozen=True)
class SourceFilterSettings:
    """What is taken into account. Each part can be left out, which benchmarks/ablation.py does.

    Attributes:
        steps: of adaptation on each chunk; 0 leaves out unison as well.
        unison: voices are offered several combs (`vocsep.source.unison`).
        room: voices have tails (`vocsep.source.reverberation`); without adaptation, see
            `vocsep.estimator.room_search`.
        same_note: voices with one F0 share alike (`vocsep.filtering.unisons`).
        noise_share: how much of a voice's noise claims bins.
        exponent, room_exponent: of the masks, without a room and with one.
        halls: where tails are loud, all is estimated again with other F0 (`vocsep.methods.halls`).
        sections: voices that more than one sing are estimated as two (`vocsep.methods.sections`), if partials
            are fitted, too.
        partials: are fitted to the waveform, all at once, and correct what masks give
            (`vocsep.filtering.joint`).
    """

    steps: int = AdaptSettings.steps
    unison: bool = True
    room: bool = True
    same_note: bool = True
    noise_share: float = NOISE_SHARE
    exponent: float = 1.0
    room_exponent: float = ROOM_EXPONENT
    halls: bool = True
    sections: bool = True
    partials: bool = True

    def mask_exponent(self, room: Reverberation | None) -> float:
        """Exponent of the masks of a recording with that room."""
        return self.exponent if room is None else self.room_exponent


@dataclass(frozen=True)
class SourceFilter(SeparationMethod):
    """The method of source models: what they start from, and adaptation.

    Attributes:
        start, settings, postfilter: as in `estimate_sources`.
    """

    start: Start
    settings: SourceFilterSettings
    postfilter: PostfilterNetwork | None = None

    def name_voices(self, names: Sequence[str] | None) -> None:
        """Tell the estimator, which may have decoders for some of them."""
        if isinstance(self.start, Estimator):
            self.start.names = names

    def estimate(self, excerpt: Excerpt, progress: Progress) -> SourceEstimate:
        """`estimate_sources` of a chunk; ``first`` does not matter."""

        def estimate(f0: Tensor, alternative: Tensor | None, start: Start) -> SourceEstimate:
            given = excerpt.mixture, f0, start, self.settings
            return estimate_sources(*given, progress, alternative, self.postfilter)

        def in_pairs(f0: Tensor) -> SourceEstimate:
            return estimate(f0, torch.zeros_like(f0), self._start_of_pairs(len(excerpt.f0)))

        found = estimate(excerpt.f0, excerpt.alternative, self.start)
        if self.settings.halls and excerpt.f0_again is not None and is_hall(found):
            again = excerpt.f0_again()
            if again is None:
                return found
            second = estimate(again, excerpt.alternative, self.start)
            return mean_of(stft(excerpt.mixture, MASK_FFT).abs(), found, second)
        # Where F0 were not refined by phases, single singers have wide combs as well.
        if not (self.settings.sections and self.settings.partials and are_sections(found)):
            return found
        return as_pairs(excerpt.mixture, excerpt.f0, found, in_pairs)

    def _start_of_pairs(self, voices: int) -> Start:
        """What two singers of each voice start from: an estimator reads both by the voice's own decoder."""
        start = self.start
        if not isinstance(start, Estimator):
            return start
        names = [*start.names_of(voices)] * 2
        return lambda mixture, f0, excitation: start(mixture, f0, excitation, names)


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


def estimate_sources(
    mixture: Tensor,
    f0: Tensor,
    start: Start,
    settings: SourceFilterSettings,
    progress: Progress | None = None,
    alternative: Tensor | None = None,
    postfilter: PostfilterNetwork | None = None,
) -> SourceEstimate:
    """Find the source parameters of every voice, and the masks that follow from them.

    Args:
        mixture: ``(samples,)`` at 16 kHz.
        f0: ``(voices, frames)`` Hz, 0 where unvoiced.
        start: gives the parameters to start from: an estimator, or one of the combs.
        settings: what is taken into account.
        progress: told the share done, 0 to 1.
        alternative: ``(voices, frames)`` Hz, a further pitch near each voice that it may sing as well; 0 =
            none.
        postfilter: corrects the masks by what the mixture shows; None leaves them as they follow.
    """
    peak = mixture.abs().max().clamp_min(1e-6)
    level = mixture / peak
    if settings.partials and len(f0) > 1:
        f0 = _refined(level, f0, start, settings)
    excitation = harmonic_excitation(f0, mixture.shape[-1])
    with torch.no_grad():
        parameters = start(level[None], f0[None], excitation[None]).detach()
    learned = RoomFit().to(level.device) if settings.room and settings.steps >= ROOM_STEPS else None
    spectrum = stft(level, MASK_FFT)
    magnitudes = spectrum.abs()
    if settings.steps:
        offsets = OFFSETS if settings.unison else (0.0,)
        choices = choices_of_f0(f0, alternative if settings.unison else None, offsets)
        sung = sung_choices(choices, level.shape[-1], {offsets.index(0.0): excitation})
        to_adapt = AdaptSettings(settings.steps)
        coarse = coarse_combs(sung, to_adapt.stride * HOP, compared_bins(to_adapt))
        first = first_shares(len(choices), offsets)
        parameters = adapt(parameters, coarse, first, magnitudes, to_adapt, learned, progress)
        with torch.no_grad():
            parameters = settled(parameters, choices)
            combs = mixed_combs(parameters, sung)
    else:
        combs = comb_powers(excitation)
    room = None if learned is None else learned.found()
    parameters = replace(parameters, alpha=parameters.alpha * peak, gain=parameters.gain * peak)
    with torch.no_grad():
        powers, magnitudes = voice_powers(parameters, combs, settings.noise_share), magnitudes * peak
        if settings.room and learned is None:
            room = find_room(powers, magnitudes)
        if room is not None:
            powers = room.with_tails(powers)
        if settings.same_note:
            powers = share_unisons(powers, f0)
        masks = soft_masks(powers, settings.mask_exponent(room))
        if postfilter is not None:
            masks = postfiltered(postfilter, spectrum * peak, powers, masks, f0)
        energy = energies(masks, magnitudes)
        found = correction(mixture, f0, powers, masks) if settings.partials else None
        return SourceEstimate(parameters, excitation, powers, masks, energy, room, found)


@torch.no_grad()
def _refined(mixture: Tensor, f0: Tensor, start: Start, settings: SourceFilterSettings) -> Tensor:
    """F0 refined by phases before anything is adapted to it; what is started from tells the voices apart."""
    excitation = harmonic_excitation(f0, mixture.shape[-1])
    parameters = start(mixture[None], f0[None], excitation[None])
    powers = voice_powers(parameters, comb_powers(excitation)[:, :BINS], settings.noise_share)
    return refined_f0(mixture, f0, soft_masks(share_unisons(powers, f0), settings.exponent), FIRST_TOP)


# Methods that start from a comb: nothing is learned, before or on the recording.
COMBS: dict[str, Start] = {"levels": levelled_comb, "comb": untrained_comb}
BASELINE = SourceFilterSettings(steps=0, room=False, halls=False, sections=False, partials=False)


def build(name: str, settings: MethodSettings) -> Method:
    """For `vocsep.methods.registry`: one of `COMBS`, or the estimator of the settings.

    Raises:
        ModelError: weights cannot be used.
    """
    if name in COMBS:
        return Method(name, SourceFilter(COMBS[name], BASELINE), sings=True)
    estimator = load_estimator(settings.model).to(settings.device).eval()
    chosen = SourceFilterSettings(partials=settings.filter == "partials")
    if settings.adapt is not None:
        chosen = replace(chosen, steps=settings.adapt)
    postfilter = None
    if settings.postfilter is not False:
        path = None if settings.postfilter is True else settings.postfilter
        postfilter = load_postfilter(path).to(settings.device)
    return Method(name, SourceFilter(estimator, chosen, postfilter), sings=True)
