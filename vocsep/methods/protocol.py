"""What a separation method says about a stretch of a recording, and how methods are called.

Every method, from the source-filter model to the oracle masks, is an `SeparationMethod`; all that follows it
(passages, stems, confidence) knows only the `SourceEstimate`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from vocsep.filtering.confidence import energies
from vocsep.source.reverberation import Reverberation
from vocsep.source.voice import SourceParameters, synthesise
from vocsep.spectra import HOP, MASK_FFT, stft


@dataclass(frozen=True)
class SourceEstimate:
    """Who claims what of a stretch of audio.

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


class SeparationMethod(Protocol):
    """A separation method: tells the voices of a stretch of a recording apart."""

    def __call__(
        self,
        mixture: Tensor,
        f0: Tensor,
        *,
        alternative: Tensor | None = None,
        first: int = 0,
        progress: Callable[[float], None] | None = None,
    ) -> SourceEstimate:
        """Explain a stretch.

        Args:
            mixture: ``(samples,)`` at 16 kHz; its device is where to compute.
            f0: ``(voices, frames)`` Hz, 0 where unvoiced, frames of HOP.
            alternative: ``(voices, frames)`` Hz, a further pitch near each voice that it may sing too; 0 =
                none.
            first: sample of the whole recording, at 16 kHz, at which the stretch begins.
            progress: told the share done, 0 to 1.
        """


def estimate_from_masks(
    mixture: Tensor, masks: Tensor, powers: Tensor | None, fft_size: int, hop: int
) -> SourceEstimate:
    """SourceEstimate of a method that knows masks only.

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
