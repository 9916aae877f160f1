"""How the U-Net learns: with supervision, from songs whose stems are at hand, one voice of each at a time.

D. Petermann et al., ISMIR 2020 (see `vocsep.methods.unet`), as the paper trains it (section IV-C): excerpts
of 4 s, batches of 16, Adam at 1e-3, the mean absolute difference between masked mixture and stem, both as
magnitudes. Which voice of an excerpt is wanted is drawn anew in each step.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from vocsep.errors import SettingsError
from vocsep.methods.unet import Unet, magnitudes_of
from vocsep.precision import fast_convolutions
from vocsep.training.excerpts import Excerpts
from vocsep.training.task import Task


class UnetTask(Task[Excerpts]):
    """A U-Net that masks the wanted voice.

    Args:
        network: trained in place.
    """

    def __init__(self, network: Unet) -> None:
        self.network = network

    def loss(self, batch: Excerpts, seed: int) -> Tensor:
        """The loss of the wanted voices; ``seed`` draws which are wanted.

        Raises:
            SettingsError: an excerpt has no stem.
        """
        wanted = wanted_voices(batch, seed)
        assert batch.sources is not None  # else nothing could be wanted
        rows = torch.arange(len(wanted), device=batch.mixture.device)
        with torch.no_grad():
            mixture = magnitudes_of(batch.mixture)
            stem = magnitudes_of(batch.sources[rows, wanted])
        with fast_convolutions(batch.mixture.device):
            mask: Tensor = self.network(mixture, batch.f0[rows, wanted])
        return (mask * mixture - stem).abs().mean()

    def validation_losses(self, batch: Excerpts, seed: int) -> Mapping[str, Tensor]:
        """The same, called ``sources`` as it is where the estimator learns."""
        return {"sources": self.loss(batch, seed)}


def wanted_voices(excerpts: Excerpts, seed: int) -> Tensor:
    """For each excerpt one voice whose stem is at hand, ``(batch,)``; the same seed draws the same.

    Raises:
        SettingsError: an excerpt has no stem.
    """
    if excerpts.sources is None or excerpts.given is None or not bool(excerpts.given.any(dim=1).all()):
        raise SettingsError("method unet: learns from stems, and a mixture without stems was given")
    generator = torch.Generator().manual_seed(seed)
    return torch.multinomial(excerpts.given.float().cpu(), 1, generator=generator)[:, 0]
