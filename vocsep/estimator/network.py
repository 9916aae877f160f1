"""The estimator: mixture and F0 of each voice in, source parameters of each voice out.

Section III-B of K. Schulze-Forster et al., "Unsupervised Audio Source Separation Using Differentiable
Parametric Source Models", IEEE/ACM TASLP 2023 (arXiv 2201.09592). The source models put no constraint on the
network; the `paper` preset is the network of figure 3 with its sizes, the `comb` preset is ours and much
lighter.
"""

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor, nn

from vocsep.estimator.comb import CombNetwork
from vocsep.estimator.decoder import VoiceDecoder
from vocsep.estimator.encoder import MixtureEncoder
from vocsep.estimator.features import comb_features
from vocsep.estimator.heads import bounded_parameters
from vocsep.estimator.long_spectra import LongSpectra
from vocsep.estimator.parts import SHARED, decode_voices, decoders_of_voices
from vocsep.estimator.settings import EstimatorSettings, presets
from vocsep.source.excitation import harmonic_excitation
from vocsep.source.voice import SourceParameters
from vocsep.spectra import frame_count

__all__ = ["Estimator", "EstimatorSettings", "presets"]


class Estimator(nn.Module):
    """Network of either preset; the number of voices may differ from call to call.

    Attributes:
        settings: what it is made of.
        names: of the voices in the recordings to come, the highest first, where the caller knows them.
    """

    def __init__(self, settings: EstimatorSettings | None = None) -> None:
        """Build with random weights (from the global generator of torch)."""
        super().__init__()
        self.settings = settings or EstimatorSettings()
        if self.settings.kind == "paper":
            self.encoder = MixtureEncoder(self.settings)
            self.decoder = VoiceDecoder(self.settings)
            self.part_decoders = nn.ModuleList(VoiceDecoder(self.settings) for _ in self.settings.decoders)
        else:
            self.network = CombNetwork(self.settings)
        self.names: Sequence[str] | None = None

    def with_decoders(self, names: tuple[str, ...] = (), decoders: tuple[str, ...] = ()) -> "Estimator":
        """The same with decoders of their own for parts, which begin as the one that all voices share.

        Args:
            names, decoders: as in `EstimatorSettings`; without any this very estimator is returned.
        """
        if not decoders:
            return self
        made = Estimator(replace(self.settings, names=names, decoders=decoders))
        made.load_state_dict(self.state_dict(), strict=False)  # the parts follow
        if self.settings.kind == "paper":
            for part in made.part_decoders:
                part.load_state_dict(self.decoder.state_dict())
        else:
            made.network.begin_decoders()
        return made.train(self.training)

    def names_of(self, voices: int) -> Sequence[str | None]:
        """Names of so many voices: those in ``self.names`` or of the recordings that were learned from, if
        they are as many, else none."""
        for names in (self.names, self.settings.names):
            if names is not None and len(names) == voices:
                return names
        return [None] * voices

    def forward(
        self,
        mixture: Tensor,
        f0: Tensor,
        excitation: Tensor | None = None,
        names: Sequence[str | None] | None = None,
        spectra: LongSpectra | None = None,
        stride: int = 1,
    ) -> SourceParameters:
        """Estimate the parameters of every voice.

        Args:
            mixture: ``(batch, samples)`` at 16 kHz; the `paper` preset expects a peak of 1.
            f0: ``(batch, voices, frames)`` Hz, 0 where unvoiced, ``frame_count(samples)`` frames.
            excitation: ``(batch, voices, samples)`` harmonics of ``f0``, if they have been computed before.
            names: of the voices, which decide about decoders of their own; None: those in ``self.names``, or
                of the recordings that were learned from, if there are as many.
            spectra: of mixture and excitation, if they have been computed before; `comb_features` says which.
            stride: frames between those that are wanted, from the first one on.

        Returns:
            Source parameters.

        Raises:
            ValueError: batch or frames of the F0 are not those of the mixture.
        """
        expected = (len(mixture), frame_count(mixture.shape[-1]))
        if (f0.shape[0], f0.shape[2]) != expected:
            raise ValueError(
                f"batch and frames of the F0 are {f0.shape[0]}, {f0.shape[2]}; they must be {expected}"
            )
        names = self.names_of(f0.shape[1]) if names is None else names
        decoders = decoders_of_voices(self.settings, f0.shape[1], names)
        if self.settings.kind == "paper":
            latent = self.encoder(mixture)

            def decode(which: int, voices: list[int]) -> tuple[Tensor, Tensor]:
                own = self.decoder if which == SHARED else self.part_decoders[which]
                raw: tuple[Tensor, Tensor] = own(latent, f0[:, voices])
                return raw

            frame_raw, noise_raw = decode_voices(decoders, decode)
            return bounded_parameters(f0, frame_raw, noise_raw, self.settings).frames_slice(0, None, stride)
        if excitation is None:
            excitation = harmonic_excitation(f0, mixture.shape[-1])
        comb = comb_features(mixture, excitation, self.settings.bands, spectra, self.settings.frame_step)
        frame_raw, noise_raw = self.network(comb, f0, decoders, stride)
        return bounded_parameters(f0[..., ::stride], frame_raw, noise_raw, self.settings, comb.rms)
