"""What every separation method is: it is given a chunk of a recording and says who claims what of it.

All that follows a method (stems, confidence) knows only the `SourceEstimate`. A new method is one file beside
this one, with a subclass of `SeparationMethod` and a function ``build``, and its line in
`vocsep.methods.registry`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vocsep.errors import SettingsError
from vocsep.filtering.confidence import energies
from vocsep.methods.references import ReferenceStems
from vocsep.source.reverberation import Reverberation
from vocsep.source.voice import SourceParameters, synthesise
from vocsep.spectra import HOP, MASK_FFT, stft

Progress = Callable[[float], None]  # told the share done, 0 to 1


@dataclass(frozen=True)
class SourceEstimate:
    """Who claims what of a chunk of audio.

    Methods without a source model have no ``parameters``, ``excitation`` and ``room``.

    Attributes:
        parameters: of the source model, batch of 1; levels are those of the recording.
        excitation: ``(voices, samples)`` harmonics at 16 kHz.
        powers: ``(voices, bins, frames)`` expected power spectrograms, tails included; None where a method
            has no such thing.
        masks: ``(voices, bins, frames)``, add up to one.
        energy: ``(2, voices, frames of HOP)`` of each voice, and of what no other voice claims.
        room: whose tails they are; None where it is dry, or was not looked for.
        correction: ``(voices, samples)`` at 16 kHz, what is added to the stems that the masks give
            (`vocsep.filtering.joint`), zero in sum; None where masks are all.
        fft_size, hop: samples at 16 kHz of the STFT (Hann window) that masks and powers stand on; ``hop``
            divides `HOP`.
    """

    parameters: SourceParameters | None
    excitation: Tensor | None
    powers: Tensor | None
    masks: Tensor
    energy: Tensor
    room: Reverberation | None = None
    correction: Tensor | None = None
    fft_size: int = MASK_FFT
    hop: int = HOP

    def synthesised(self, seed: int = 0) -> Tensor | None:
        """The voices as the source model sings them, without the room: ``(voices, samples)`` at 16 kHz; None
        without a source model."""
        if self.parameters is None or self.excitation is None:
            return None
        with torch.no_grad():
            excitation = self.excitation[None]
            return synthesise(self.parameters, excitation.shape[-1], excitation=excitation, seed=seed)[0]


@dataclass(frozen=True)
class Excerpt:
    """What a method is told about a chunk of a recording.

    Attributes:
        mixture: ``(samples,)`` at 16 kHz; its device is where to compute.
        f0: ``(voices, frames)`` Hz, 0 where unvoiced, frames of HOP.
        alternative: ``(voices, frames)`` Hz, a further pitch near each voice that it may sing too; 0 = none.
        first: sample of the whole recording, at 16 kHz, at which the chunk begins.
        f0_again: gives ``f0`` as estimated in another way, for mixtures whose tails may have misled the first
            one, or None; itself None where F0 are known.
    """

    mixture: Tensor
    f0: Tensor
    alternative: Tensor | None = None
    first: int = 0
    f0_again: Callable[[], Tensor | None] | None = None


class SeparationMethod(ABC):
    """A separation method: tells the voices of a recording apart, chunk by chunk."""

    @abstractmethod
    def estimate(self, excerpt: Excerpt, progress: Progress) -> SourceEstimate:
        """Tell the voices of a chunk apart."""

    def name_voices(self, names: Sequence[str] | None) -> None:  # noqa: B027 (most methods do not care)
        """Be told what the voices of the recording to come are called, the highest first."""

    def __call__(
        self,
        mixture: Tensor,
        f0: Tensor,
        *,
        alternative: Tensor | None = None,
        first: int = 0,
        f0_again: Callable[[], Tensor | None] | None = None,
        progress: Progress | None = None,
    ) -> SourceEstimate:
        """`estimate`, given the attributes of an `Excerpt`; ``progress`` is told the share done, 0 to 1."""
        excerpt = Excerpt(mixture, f0, alternative, first, f0_again)
        return self.estimate(excerpt, progress or (lambda share: None))


@dataclass(frozen=True)
class Method:
    """A separation method, ready for use.

    Attributes:
        name: what ``--method`` calls it.
        estimate: does the work.
        sings: has a source model, so that there are parameters and synthesised voices.
        references: of an oracle: the true stems. They say how many voices there are, and no F0 is needed.
    """

    name: str
    estimate: SeparationMethod
    sings: bool = False
    references: ReferenceStems | None = None

    def prepare(self, names: Sequence[str] | None = None, synth: bool = False) -> None:
        """Get ready for a recording.

        Args:
            names: of its voices, the highest first: a model may have decoders for parts by name.
            synth: whether voices will be synthesised.

        Raises:
            SettingsError: they will be, and this method has no source model.
        """
        if synth and not self.sings:
            raise SettingsError(f"synth: the method {self.name} has no source model to synthesise from")
        self.estimate.name_voices(names)


def estimate_from_masks(
    mixture: Tensor, masks: Tensor, powers: Tensor | None, fft_size: int, hop: int
) -> SourceEstimate:
    """The estimate of a method that knows masks only.

    Args:
        mixture: ``(samples,)`` at 16 kHz.
        masks: ``(voices, fft_size // 2 + 1, samples // hop + 1)``, add up to one.
        powers: expected power spectrograms of the same shape, if there are any.
        fft_size, hop: samples; ``hop`` divides `HOP`.
    """
    step = HOP // hop
    magnitudes = stft(mixture, fft_size, HOP).abs()
    energy = energies(masks[..., ::step], magnitudes)
    return SourceEstimate(None, None, powers, masks, energy, fft_size=fft_size, hop=hop)
