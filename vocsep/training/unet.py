"""How the U-Net learns: with supervision, from songs whose stems are at hand, one voice of each at a time.

D. Petermann et al., ISMIR 2020 (see `vocsep.methods.unet`), as the paper trains it (section IV-C): excerpts
of 4 s, batches of 16, Adam at 1e-3, the mean absolute difference between masked mixture and stem, both as
magnitudes. Which voice of an excerpt is wanted is drawn anew in each step.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from vocsep.errors import SettingsError
from vocsep.methods.unet import Unet, magnitudes_of
from vocsep.precision import fast_convolutions
from vocsep.training.excerpts import Excerpts
from vocsep.training.loop import Trainer
from vocsep.training.objectives import Target


class UnetTrainer(Trainer):
    """The `vocsep.training.loop.Trainer` of a U-Net.

    Args:
        network: trained in place.
        seed: decides which voice is wanted.
        device: where to compute.
    """

    def __init__(self, network: Unet, *, seed: int = 0, device: torch.device | None = None) -> None:
        super().__init__(network, supervision="full", seed=seed, device=device)

    def _losses(
        self,
        excerpts: Excerpts,
        noise_seed: int,
        targets: Sequence[Target],
        names: Sequence[str | None] | None,
    ) -> dict[Target, Tensor]:
        """The loss of the wanted voices, whatever the ``targets``; ``noise_seed`` draws which are wanted.

        Raises:
            SettingsError: an excerpt has no stem.
        """
        wanted = wanted_voices(excerpts, noise_seed)
        excerpts = excerpts.to(self.device)
        assert excerpts.sources is not None  # else nothing could be wanted
        rows = torch.arange(len(wanted), device=self.device)
        with torch.no_grad():
            mixture = magnitudes_of(excerpts.mixture)
            stem = magnitudes_of(excerpts.sources[rows, wanted])
        with fast_convolutions(self.device):
            mask: Tensor = self.estimator(mixture, excerpts.f0[rows, wanted])
        return {"sources": (mask * mixture - stem).abs().mean()}


def wanted_voices(excerpts: Excerpts, seed: int) -> Tensor:
    """For each excerpt one voice whose stem is at hand, ``(batch,)``; the same seed draws the same.

    Raises:
        SettingsError: an excerpt has no stem.
    """
    if excerpts.sources is None or excerpts.given is None or not bool(excerpts.given.any(dim=1).all()):
        raise SettingsError("method unet: learns from stems, and a mixture without stems was given")
    generator = torch.Generator().manual_seed(seed)
    return torch.multinomial(excerpts.given.float().cpu(), 1, generator=generator)[:, 0]
