"""Separation by a trained U-Net: its estimates of all voices become soft masks that add up to one.

The network is asked for each voice in turn, and the masks are the ratio of the estimated magnitudes, as the
paper does it for all its methods (sections III-C and IV-C).
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vocsep.filtering.masks import soft_masks
from vocsep.methods.protocol import SourceEstimate, estimate_from_masks
from vocsep.methods.unet import UNET_FFT, Unet, UnetSettings, magnitudes_of
from vocsep.model import StoredModel, load_model, restored, save_model
from vocsep.precision import fast_convolutions
from vocsep.spectra import HOP

MAGNITUDE_RATIO = 0.5  # exponent of powers


class UnetMasks:
    """The `vocsep.methods.protocol.SeparationMethod` of a U-Net.

    Args:
        network: trained; it is put into evaluation mode.
    """

    def __init__(self, network: Unet) -> None:
        self.network = network.eval()

    def __call__(
        self,
        mixture: Tensor,
        f0: Tensor,
        *,
        alternative: Tensor | None = None,
        first: int = 0,
        progress: Callable[[float], None] | None = None,
    ) -> SourceEstimate:
        """Explain a stretch; ``alternative`` and ``first`` do not matter."""
        magnitudes = magnitudes_of(mixture)
        estimates = []
        for index, track in enumerate(f0):
            with torch.no_grad(), fast_convolutions(mixture.device):
                estimates.append(magnitudes * self.network(magnitudes[None], track[None])[0])
            if progress is not None:
                progress((index + 1) / len(f0))
        powers = torch.stack(estimates).square()
        return estimate_from_masks(mixture, soft_masks(powers, MAGNITUDE_RATIO), powers, UNET_FFT, HOP)


def save_unet(path: Path, network: Unet, card: Mapping[str, Any]) -> None:
    """Write a U-Net with its settings (see `vocsep.model.save_model`)."""
    save_model(path, network.state_dict(), kind="unet", settings=network.settings.to_dict(), card=card)


def load_unet(path: Path | str) -> Unet:
    """Build a U-Net from a file, on the CPU, to be used.

    Raises:
        ModelError: see `vocsep.model.load_model`; also where settings and weights do not fit this vocsep.
    """
    return unet_from(load_model(path, "unet"))


def unet_from(stored: StoredModel) -> Unet:
    """Build the U-Net that ``stored`` describes (see `load_unet`)."""
    return restored(lambda settings: Unet(UnetSettings.from_dict(settings)), stored)
