"""Separation by a trained U-Net: its estimates of all voices become soft masks that add up to one.

The network is asked for each voice in turn, and the masks are the ratio of the estimated magnitudes, as the
paper does it for all its methods (sections III-C and IV-C).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from vocsep.errors import SettingsError
from vocsep.filtering.masks import soft_masks
from vocsep.methods.protocol import (
    Excerpt,
    Method,
    Progress,
    SeparationMethod,
    SourceEstimate,
    estimate_from_masks,
)
from vocsep.methods.settings import MethodSettings
from vocsep.methods.unet import UNET_FFT, Unet, UnetSettings, magnitudes_of
from vocsep.model import StoredModel, load_model, restored, save_model
from vocsep.precision import fast_convolutions
from vocsep.spectra import HOP

MAGNITUDE_RATIO = 0.5  # exponent of powers


class UnetMasks(SeparationMethod):
    """The method of a U-Net.

    Args:
        network: trained; it is put into evaluation mode.
    """

    def __init__(self, network: Unet) -> None:
        self.network = network.eval()

    def estimate(self, excerpt: Excerpt, progress: Progress) -> SourceEstimate:
        """Masks of a chunk; ``alternative`` and ``first`` do not matter."""
        mixture, f0 = excerpt.mixture, excerpt.f0
        magnitudes = magnitudes_of(mixture)
        estimates = []
        for index, track in enumerate(f0):
            with torch.no_grad(), fast_convolutions(mixture.device):
                estimates.append(magnitudes * self.network(magnitudes[None], track[None])[0])
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


def build(name: str, settings: MethodSettings) -> Method:
    """For `vocsep.methods.registry`; needs a model.

    Raises:
        SettingsError: there is none.
        ModelError: it cannot be used.
    """
    if settings.model is None:
        raise SettingsError("model: the method unet needs one (vocsep fit --method unet makes it)")
    return Method(name, UnetMasks(load_unet(settings.model).to(settings.device)))
