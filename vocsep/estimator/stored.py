"""Estimators on disk: their kind of `vocsep.model`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vocsep.estimator.network import Estimator, EstimatorSettings
from vocsep.model import StoredModel, load_model, restored, save_model, shipped_model


def save_estimator(path: Path, estimator: Estimator, card: Mapping[str, Any]) -> None:
    """Write an estimator of source-model parameters with its settings (see `vocsep.model.save_model`)."""
    save_model(path, estimator.state_dict(), kind="voices", settings=estimator.settings.to_dict(), card=card)


def load_estimator(path: Path | str | None = None) -> Estimator:
    """Build an estimator from a file (without a path: the one that vocsep ships), on the CPU, to be used.

    Raises:
        ModelError: see `vocsep.model.load_model`; also where settings and weights do not fit this vocsep.
    """
    return estimator_from(load_model(shipped_model("voices") if path is None else path, "voices"))


def estimator_from(stored: StoredModel) -> Estimator:
    """Build the estimator that ``stored`` describes (see `load_estimator`)."""
    return restored(lambda settings: Estimator(EstimatorSettings.from_dict(settings)), stored)
