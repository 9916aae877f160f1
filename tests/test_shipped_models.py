"""The shipped weights: each has a card, can be loaded, and is what its card says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from vocsep.estimator.stored import load_estimator
from vocsep.filtering.postfilter import load_postfilter
from vocsep.methods.source_filter import SourceFilter, SourceFilterSettings, levelled_comb
from vocsep.model import load_model, shipped_model
from vocsep.pitch.duet_network import restore_duets
from vocsep.pitch.estimate import PitchEstimator
from vocsep.pitch.how_many import number_of_voices
from vocsep.pitch.refiner import restore_refiner
from vocsep.pitch.salience import restore_network
from vocsep.singers.quartet import sing_quartet
from vocsep.spectra import MASK_FFT, stft

CARDS = Path(__file__).parents[1] / "models"
CARD_KEYS = {"what", "heard", "made", "train_again", "figures"}


@pytest.mark.parametrize("name", ["pitch", "refiner", "duets", "voices", "postfilter"])
def test_every_model_has_a_card_and_every_card_a_model(name: str) -> None:
    assert {path.stem for path in CARDS.glob("*.yaml")} == {path.stem for path in CARDS.glob("*.safetensors")}
    card = yaml.safe_load((CARDS / f"{name}.yaml").read_text(encoding="utf-8"))
    assert card.keys() >= CARD_KEYS


def _says(name: str, count: int) -> bool:
    """Whether the card names this number of parameters, in groups of three digits."""
    return f"{count:,}".replace(",", " ") in (CARDS / f"{name}.yaml").read_text(encoding="utf-8")


def test_the_pitch_network_is_as_large_as_its_card_says() -> None:
    stored = load_model(shipped_model("pitch"), "pitch")
    network = restore_network(stored)
    assert _says("pitch", sum(p.numel() for p in network.parameters()))
    assert "synthetic singing only" in stored.card["data"]


def test_the_refiner_is_as_large_as_its_card_says() -> None:
    stored = load_model(shipped_model("refiner"), "refiner")
    network = restore_refiner(stored)
    assert _says("refiner", sum(p.numel() for p in network.parameters()))
    assert "synthetic singing only" in stored.card["data"]


def test_the_network_of_duets_is_as_large_as_its_card_says() -> None:
    stored = load_model(shipped_model("duets"), "duets")
    assert _says("duets", sum(p.numel() for p in restore_duets(stored).parameters()))
    assert "synthetic singing only" in stored.card["data"]


def test_the_estimator_is_as_large_as_its_card_says() -> None:
    estimator = load_estimator()
    assert estimator.settings.kind == "comb"
    assert _says("voices", sum(p.numel() for p in estimator.parameters()))


def test_the_postfilter_is_as_large_as_its_card_says() -> None:
    assert _says("postfilter", sum(p.numel() for p in load_postfilter().parameters()))
    stored = load_model(shipped_model("postfilter"), "postfilter")
    assert "synthetic singing only" in stored.card["data"]


def test_the_postfilter_brings_singers_apart_that_it_has_not_heard() -> None:
    """Masks that a fit of levels gives, true F0: half of what the network says is still a gain."""
    sung = sing_quartet(77, 6.0)
    spectra = stft(torch.from_numpy(sung.stems), MASK_FFT)
    mixture = spectra.sum(dim=0)
    explained = SourceFilter(levelled_comb, SourceFilterSettings(steps=0))
    f0, signal = torch.from_numpy(sung.f0), torch.from_numpy(sung.mixture)
    errors = [
        (replace(explained, postfilter=each)(signal, f0).masks * mixture - spectra).abs().square().sum()
        for each in (None, load_postfilter())
    ]
    assert errors[1] < 0.95 * errors[0]


def test_one_to_six_synthetic_singers_are_counted() -> None:
    estimator = PitchEstimator(refine=0)
    songs = [sing_quartet(seed, 12.0).stems for seed in (105, 205)]
    voices = np.concatenate((songs[0], songs[1][[0, 2]]))
    voices = 0.05 * voices / np.sqrt(np.mean(voices**2, axis=1, keepdims=True))
    found = [
        number_of_voices(estimator.first_look(voices[:count].sum(axis=0), 8)[0]) for count in range(1, 7)
    ]
    # Six who sing two unrelated songs may hide one of them.
    assert found[:5] == [1, 2, 3, 4, 5] and found[5] in (5, 6)
