"""The estimator: mixture and F0 of each voice in, source parameters of each voice out.

Section III-B of K. Schulze-Forster et al., "Unsupervised Audio Source Separation Using Differentiable
Parametric Source Models", IEEE/ACM TASLP 2023 (arXiv 2201.09592). The source models put no constraint on the
network; the `paper` preset is the network of figure 3 with its sizes, the `comb` preset is ours and much
lighter.
"""

from torch import Tensor, nn

from vocsep.estimator.comb import CombNetwork
from vocsep.estimator.decoder import VoiceDecoder
from vocsep.estimator.encoder import MixtureEncoder
from vocsep.estimator.features import comb_features
from vocsep.estimator.heads import bounded_parameters
from vocsep.estimator.settings import EstimatorSettings, presets
from vocsep.source.excitation import harmonic_excitation
from vocsep.source.voice import SourceParameters
from vocsep.spectra import frame_count

__all__ = ["Estimator", "EstimatorSettings", "presets"]


class Estimator(nn.Module):
    """Network of either preset; the number of voices may differ from call to call."""

    def __init__(self, settings: EstimatorSettings | None = None) -> None:
        """Build with random weights (from the global generator of torch)."""
        super().__init__()
        self.settings = settings or EstimatorSettings()
        if self.settings.kind == "paper":
            self.encoder = MixtureEncoder(self.settings)
            self.decoder = VoiceDecoder(self.settings)
        else:
            self.network = CombNetwork(self.settings)

    def forward(self, mixture: Tensor, f0: Tensor, excitation: Tensor | None = None) -> SourceParameters:
        """Estimate the parameters of every voice.

        Args:
            mixture: ``(batch, samples)`` at 16 kHz; the `paper` preset expects a peak of 1.
            f0: ``(batch, voices, frames)`` Hz, 0 where unvoiced, ``frame_count(samples)`` frames.
            excitation: ``(batch, voices, samples)`` harmonics of ``f0``, if they have been computed before.

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
        if self.settings.kind == "paper":
            frame_raw, noise_raw = self.decoder(self.encoder(mixture), f0)
            return bounded_parameters(f0, frame_raw, noise_raw, self.settings)
        if excitation is None:
            excitation = harmonic_excitation(f0, mixture.shape[-1])
        comb = comb_features(mixture, excitation, self.settings.bands)
        frame_raw, noise_raw = self.network(comb, f0)
        return bounded_parameters(f0, frame_raw, noise_raw, self.settings, comb.rms)
