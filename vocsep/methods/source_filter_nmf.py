"""Source-filter NMF: J.-L. Durrieu, B. David and G. Richard, "A musically motivated mid-level representation
for pitch estimation and musical audio source separation", IEEE JSTSP 5(6), 2011, as section IV-C of the paper
uses it with F0 (its NMF2).

One voice at a time is the target and the others are the residual; the power spectrogram of the mixture (STFT
1024/128) is explained by equation (16),

    M = (W_filter H_filter H_phi) * (W_F0 H_F0) + W_rest H_rest.

W_filter: Hann windows over frequency; H_filter combines them to a few smooth filters, H_phi these to the
filter of each frame. W_F0: spectra of the KLGLOTT88 glottal source every twentieth of a semitone; H_F0 says
which of them sound, and is not 0 only around the target's F0. W_rest, H_rest: as in `vocsep.methods.nmf`,
begun from the F0 of the other voices. W_filter and W_F0 stay; all else follows multiplicative updates that
never raise the Itakura-Saito divergence (each goes to the point, other than where it is, at which the usual
auxiliary function has the same value: C. Févotte and J. Idier, Neural Computation 23(9), 2011).

The paper leaves open how many atoms and filters there are, how far H_F0 may stray from the F0, how often to
update, and how the runs of all voices become masks (here the targets' powers, as shares of their sum).
Spectra of the rest that are exactly 0 between harmonics, as in the NMF of magnitudes, cost 1 dB: the
divergence counts in ratios, and the target would have to explain all that lies there. So they begin with a
little everywhere, and a floor under mixture and model keeps silence from counting.

Settings were chosen on synthetic singing with F0 that err by 10 cents, mean SI-SDR of three quartets: 50
atoms (30: 0.3 dB less), 10 filters (5: 0.2 less), a fifth of a semitone to either side
(half of one: 0.3 less, a whole one 0.7), 30 updates (80: 0.1 less).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from vocsep.filtering.masks import soft_masks
from vocsep.methods.dictionaries import (
    f0_every,
    glottal_combs,
    pitch_frequencies,
    pitch_numbers,
    smooth_atoms,
)
from vocsep.methods.pitched import TINY, PitchedParts
from vocsep.methods.protocol import (
    Excerpt,
    Method,
    Progress,
    SeparationMethod,
    SourceEstimate,
    estimate_from_masks,
)
from vocsep.methods.settings import MethodSettings
from vocsep.spectra import stft

FFT_SIZE, GRID_HOP = 1024, 128  # samples at 16 kHz
STEPS = 20  # glottal spectra a semitone
SILENT = 1e-12  # mean power, of a recording with peak 1


@dataclass(frozen=True)
class SourceFilterNmfSettings:
    """How the factorisation is made.

    Attributes:
        iterations: updates of every factor.
        atoms: Hann windows that filters are made of.
        filters: smooth filters of a voice.
        scope: twentieths of a semitone by which the source may be off the F0.
        semitones, lobe: reach of the templates of the rest, as in `harmonic_templates`.
        between: of the rest, as in `PitchedParts`.
        floor: under mixture and model, as a share of the mixture's mean power.
    """

    iterations: int = 30
    atoms: int = 50
    filters: int = 10
    scope: int = 4
    semitones: float = 0.2
    lobe: float = 2.0
    between: float = 1e-2
    floor: float = 1e-2


class PowerFactors:
    """The factorisation of one chunk for one target voice.

    Args:
        powers: ``(frames, bins)`` of the mixture.
        f0: ``(voices, frames)`` Hz, 0 where unvoiced.
        target: voice, from 0; it is voiced somewhere.
        settings: sizes of the factors.
        seed: of the filters, which begin at random.

    Attributes:
        atoms, filters, mixing: W_filter, H_filter and H_phi, ``(atoms, bins)``, ``(atoms, filters)`` and
            ``(frames, filters)``.
        combs, pitches: W_F0 and H_F0, ``(spectra, bins)`` and ``(frames, spectra)``.
        rest: the other voices.
    """

    def __init__(
        self, powers: Tensor, f0: Tensor, target: int, settings: SourceFilterNmfSettings, seed: int = 0
    ) -> None:
        frames, bins = powers.shape
        mean = powers.mean()
        self._floor = settings.floor * mean.clamp_min(SILENT)
        self._powers = powers + self._floor
        generator = torch.Generator().manual_seed(seed)

        def random(rows: int) -> Tensor:
            return (0.1 + torch.rand(rows, settings.filters, generator=generator)).to(powers.device)

        self.atoms = smooth_atoms(bins, settings.atoms).to(powers.device)
        self.filters, self.mixing = random(settings.atoms), random(frames)  # H_filter, H_phi
        numbers = pitch_numbers(f0[target], STEPS)
        sung = numbers[numbers > 0]
        grid = torch.arange(
            int(sung.min()) - settings.scope, int(sung.max()) + settings.scope + 1, device=f0.device
        )
        self.combs = glottal_combs(pitch_frequencies(grid, STEPS), 2 * (bins - 1))
        near = (grid - numbers[:, None]).abs() <= settings.scope
        self.pitches = (near & (numbers > 0)[:, None]).to(powers)  # H_F0
        others = torch.cat((f0[:target], f0[target + 1 :]))
        self.rest = PitchedParts(others, 2 * (bins - 1), settings.semitones, settings.lobe, settings.between)
        self.pitches *= 0.5 * mean / (self._filter() * self._source()).mean().clamp_min(TINY)
        self.rest.scale_to(0.5 * mean)
        self._now = self._filter(), self._source(), self.rest.model()

    def target(self) -> Tensor:
        """Power spectrogram of the target voice, ``(frames, bins)``."""
        return self._now[0] * self._now[1]

    def cost(self) -> float:
        """Itakura-Saito divergence of the model from the mixture."""
        ratio = self._powers / self._model()
        return float((ratio - ratio.log() - 1).sum(dtype=torch.float64))

    def update(self) -> None:
        """One update of every factor; none of them raises the cost."""
        self.update_pitches()
        self.update_mixing()
        self.update_filters()
        self.update_rest_activations()
        self.update_rest_templates()

    def update_pitches(self) -> None:
        """H_F0: which glottal spectra sound."""
        more, less = (self._now[0] * part for part in self._gradient())
        self.pitches *= _quotient(more @ self.combs.T, less @ self.combs.T)
        self._now = self._now[0], self._source(), self._now[2]

    def update_mixing(self) -> None:
        """H_phi: which filters shape a frame."""
        more, less = (self._now[1] * part for part in self._gradient())
        shapes = self.atoms.T @ self.filters
        self.mixing *= _quotient(more @ shapes, less @ shapes)
        self._now = self._filter(), *self._now[1:]

    def update_filters(self) -> None:
        """H_filter: what the filters are; then scales move to H_F0, which leaves the model as it is."""
        more, less = (self._now[1] * part for part in self._gradient())
        self.filters *= _quotient(self.atoms @ (more.T @ self.mixing), self.atoms @ (less.T @ self.mixing))
        size = self.filters.sum(dim=0).clamp_min(TINY)
        self.filters /= size
        self.mixing *= size
        level = self.mixing.sum(dim=1, keepdim=True).clamp_min(TINY)
        self.mixing /= level
        self.pitches *= level
        self._now = self._filter(), self._source(), self._now[2]

    def update_rest_activations(self) -> None:
        """H_rest: how loud the other voices are."""
        self.rest.update_activations(*self._gradient())
        self._now = *self._now[:2], self.rest.model()

    def update_rest_templates(self) -> None:
        """W_rest: how the other voices' pitches sound."""
        self.rest.update_templates(*self._gradient())
        self._now = *self._now[:2], self.rest.model()

    def _filter(self) -> Tensor:
        return self.mixing @ (self.filters.T @ self.atoms)

    def _source(self) -> Tensor:
        return self.pitches @ self.combs

    def _model(self) -> Tensor:
        shape, source, rest = self._now
        return torch.addcmul(rest + self._floor, shape, source)

    def _gradient(self) -> tuple[Tensor, Tensor]:
        """Minus the negative and the positive part of the cost's gradient by the model."""
        inverse = self._model().reciprocal()
        return self._powers * inverse.square(), inverse


def _quotient(more: Tensor, less: Tensor) -> Tensor:
    return more / less.clamp_min(TINY)


@dataclass(frozen=True)
class SourceFilterNmf(SeparationMethod):
    """The method.

    Attributes:
        settings: of the factorisation.
        seed: of the filters, which begin at random.
    """

    settings: SourceFilterNmfSettings = SourceFilterNmfSettings()
    seed: int = 0

    @torch.no_grad()
    def estimate(self, excerpt: Excerpt, progress: Progress) -> SourceEstimate:
        """Factorise a chunk for one voice after another; ``alternative`` and ``first`` do not matter.

        A voice's power is that of the run in which it is the target; masks are the voices' shares.
        """
        mixture, f0 = excerpt.mixture, excerpt.f0
        peak = mixture.abs().max().clamp_min(1e-6)
        powers = stft(mixture / peak, FFT_SIZE, GRID_HOP).abs().square().T.contiguous()
        tracks = f0_every(f0, GRID_HOP, len(powers))
        voices = powers.new_zeros(len(f0), powers.shape[1], powers.shape[0])
        for voice in range(len(f0)):
            if (tracks[voice] > 0).any():
                factors = PowerFactors(powers, tracks, voice, self.settings, self.seed)
                for iteration in range(self.settings.iterations):
                    factors.update()
                    progress((voice + (iteration + 1) / self.settings.iterations) / len(f0))
                voices[voice] = factors.target().T
        return estimate_from_masks(mixture, soft_masks(voices), voices * peak**2, FFT_SIZE, GRID_HOP)


def build(name: str, settings: MethodSettings) -> Method:
    """For `vocsep.methods.registry`; needs the seed."""
    return Method(name, SourceFilterNmf(seed=settings.seed))
