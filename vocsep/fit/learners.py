"""What a fit trains, the estimator or the U-Net: how each begins, learns and is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vocsep.errors import ModelError
from vocsep.estimator.network import Estimator, EstimatorSettings
from vocsep.estimator.stored import estimator_from, save_estimator
from vocsep.fit.settings import FitSettings
from vocsep.methods.unet import Unet, UnetSettings
from vocsep.methods.unet_masks import save_unet
from vocsep.model import StoredModel, load_model, pick_device, shipped_model
from vocsep.training.estimator import EstimatorTask
from vocsep.training.excerpts import Excerpts
from vocsep.training.task import Task
from vocsep.training.unet import UnetTask


@dataclass(frozen=True)
class Learner:
    """A network that learns.

    Attributes:
        network: trained in place.
        started_from: where its first weights come from, for people.
        settings: of the fit.
        device: where it learns.
    """

    network: Estimator | Unet
    started_from: str
    settings: FitSettings
    device: torch.device

    def task(self, recordings: int) -> Task[Excerpts]:
        """How it learns from so many recordings."""
        if isinstance(self.network, Unet):
            return UnetTask(self.network)
        settings = self.settings
        return EstimatorTask(
            self.network,
            objective=settings.objective,  # type: ignore[arg-type]  # checked by the settings
            supervision=settings.supervision,  # type: ignore[arg-type]
            recordings=recordings if settings.room and settings.objective == "power" else None,
        )

    def save(self, path: Path, card: Mapping[str, Any]) -> None:
        """Write the network as a model of its kind."""
        if isinstance(self.network, Unet):
            save_unet(path, self.network, card)
        else:
            save_estimator(path, self.network, card)


def learner_of(settings: FitSettings, stored: StoredModel | None) -> Learner:
    """The network that the settings ask for.

    Args:
        settings: of the fit.
        stored: the checkpoint that is gone on with; its weights follow when the trainer is restored.

    Raises:
        SettingsError: its own settings, or the device, cannot be used.
        ModelError: the shipped model is damaged.
    """
    device = pick_device(settings.device)
    network, started_from = (_unet if settings.method == "unet" else _estimator)(settings, stored)
    return Learner(network, started_from, settings, device)


def _unet(settings: FitSettings, stored: StoredModel | None) -> tuple[Unet, str]:
    if stored is not None:
        return Unet(UnetSettings.from_dict(stored.settings["estimator"])), stored.card["started_from"]
    preset = UnetSettings.preset(settings.network)
    wanted = UnetSettings.from_dict(preset.to_dict() | (settings.estimator or {}))
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        return Unet(wanted), "random weights"


def _estimator(settings: FitSettings, stored: StoredModel | None) -> tuple[Estimator, str]:
    if stored is not None:
        known = EstimatorSettings.from_dict(stored.settings["estimator"])
        return Estimator(known), stored.card["started_from"]
    preset = EstimatorSettings.preset(settings.network)
    wanted = EstimatorSettings.from_dict(preset.to_dict() | (settings.estimator or {}))
    if not settings.from_scratch:
        shipped = _shipped()
        if shipped is not None and EstimatorSettings.from_dict(shipped.settings) == wanted:
            return estimator_from(shipped).with_decoders(**settings.naming()), "shipped model"
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        return Estimator(wanted).with_decoders(**settings.naming()), "random weights"


def _shipped() -> StoredModel | None:
    """The shipped model, if this installation has one; a damaged one is an error."""
    try:
        path = shipped_model("voices")
    except ModelError:
        return None
    return load_model(path, "voices")
