"""The mean of two estimates of the same voices: their errors are others, so it is better than either."""

from dataclasses import replace

from torch import Tensor

from vocsep.filtering.confidence import energies
from vocsep.methods.protocol import SourceEstimate

HALF = 0.5


def mean_of(magnitudes: Tensor, first: SourceEstimate, second: SourceEstimate) -> SourceEstimate:
    """Masks, powers and corrections half from each.

    Args:
        magnitudes: ``(bins, frames)`` of the mixture that both are of.
        first: the mean has its parameters, of which there is one set a voice.
        second: of the same voices in the same order, on the same STFT.
    """
    masks = first.masks.lerp(second.masks, HALF)
    return replace(
        first,
        masks=masks,
        powers=_mean(first.powers, second.powers),
        energy=energies(masks, magnitudes),
        correction=_mean(first.correction, second.correction),
    )


def _mean(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    return None if first is None or second is None else first.lerp(second, HALF)
