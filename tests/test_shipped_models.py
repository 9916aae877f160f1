"""The shipped weights: each has a card, can be loaded, and is what its card says."""

from pathlib import Path

import pytest
import yaml

from vocsep.model import load_estimator, load_model, shipped_model
from vocsep.pitch.refiner import restore_refiner
from vocsep.pitch.salience import restore_network

CARDS = Path(__file__).parents[1] / "models"
CARD_KEYS = {"what", "heard", "made", "train_again", "figures"}


@pytest.mark.parametrize("name", ["pitch", "refiner", "voices"])
def test_every_model_has_a_card_and_every_card_a_model(name: str) -> None:
    assert {path.stem for path in CARDS.glob("*.yaml")} == {path.stem for path in CARDS.glob("*.safetensors")}
    card = yaml.safe_load((CARDS / f"{name}.yaml").read_text(encoding="utf-8"))
    assert card.keys() >= CARD_KEYS


def _says(name: str, count: int) -> bool:
    """Whether the card names this number of parameters, in groups of three digits."""
    return f"{count:,}".replace(",", " ") in (CARDS / f"{name}.yaml").read_text(encoding="utf-8")


def test_the_pitch_network_is_as_large_as_its_card_says() -> None:
    stored = load_model(shipped_model("pitch"), "pitch")
    network = restore_network(stored.tensors, stored.settings)
    assert _says("pitch", sum(p.numel() for p in network.parameters()))
    assert "synthetic singing only" in stored.card["data"]


def test_the_refiner_is_as_large_as_its_card_says() -> None:
    stored = load_model(shipped_model("refiner"), "refiner")
    network = restore_refiner(stored.tensors, stored.settings)
    assert _says("refiner", sum(p.numel() for p in network.parameters()))
    assert "synthetic singing only" in stored.card["data"]


def test_the_estimator_is_as_large_as_its_card_says() -> None:
    estimator = load_estimator()
    assert estimator.settings.kind == "comb"
    assert _says("voices", sum(p.numel() for p in estimator.parameters()))
