"""`vocsep train` from end to end, in miniature: it sings, listens, learns and writes a model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tones import tones

import vocsep.training.pitch
import vocsep.training.pitch_examples
import vocsep.training.postfilter
import vocsep.training.refiner
import vocsep.training.voices
from vocsep.errors import ModelError
from vocsep.estimator.stored import load_estimator
from vocsep.filtering.postfilter import load_postfilter
from vocsep.model import load_model
from vocsep.pitch.refiner import restore_refiner
from vocsep.pitch.salience import restore_network
from vocsep.training.examples import held_out, held_out_count, prefetched
from vocsep.training.pitch import PITCH
from vocsep.training.postfilter import POSTFILTER
from vocsep.training.refiner import REFINER
from vocsep.training.schedule import Progress
from vocsep.training.settings import DEFAULTS, TrainingSettings, over
from vocsep.training.train import Recipe, train
from vocsep.training.voices import VOICES

CASES: dict[str, tuple[Recipe[Any], dict[str, Any], Any]] = {
    "pitch": (
        PITCH,
        {"channels": 6, "tall": 2, "blocks": 1},
        lambda path: restore_network(load_model(path, "pitch")),
    ),
    "refiner": (
        REFINER,
        {"channels": 4, "blocks": 1},
        lambda path: restore_refiner(load_model(path, "refiner")),
    ),
    "voices": (VOICES, {"units": 8, "blocks": 1, "bands": 8}, load_estimator),
    "postfilter": (POSTFILTER, {"channels": 4, "dilations": ((1, 1),)}, load_postfilter),
}
MODULES = (vocsep.training.pitch, vocsep.training.refiner, vocsep.training.voices, vocsep.training.postfilter)
LISTEN = ("refiner", "postfilter")


@pytest.mark.parametrize("name", CASES)
def test_train_sings_listens_learns_and_ships(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in MODULES:
        monkeypatch.setattr(module, "VALIDATED", 1)
        monkeypatch.setattr(module, "BATCH", 2)
        monkeypatch.setattr(module, "SECONDS", 4.0 if name in LISTEN else 1.5)
    monkeypatch.setattr(vocsep.training.pitch_examples, "SECONDS", 1.5)
    if name != "voices":  # singing starts a process; one of them that sings is enough
        monkeypatch.setattr(
            vocsep.training.train, "sing_repertoire", lambda n, s, *more, **named: tones(n, s)
        )
    recipe, sizes, load = CASES[name]
    listens = name in LISTEN
    settings = TrainingSettings(
        1.0, 1, examples=1 if listens else 0, steps=2, seed=2, workers=1, chorales=False
    )
    target = tmp_path / "new" / f"{name}.safetensors"
    told: list[tuple[str, Progress | None]] = []
    result = train(
        recipe, target, settings, network=sizes, progress=lambda stage, share, at: told.append((stage, at))
    )
    assert result.path == target and result.ended == "steps"
    assert load(target).settings == recipe.build(sizes).settings
    stages = list(dict.fromkeys(stage for stage, _ in told))
    assert stages == ["singing", *(["listening"] if listens else []), "learning"]
    card = load_model(target, recipe.kind).card
    assert card["steps"] == max(at.step for _, at in told if at is not None) == 2
    assert card["seed"] == 2 and card["quartets"] == 1 and card.get("chorales", 0) == 0
    assert card.get("examples", 0) == settings.examples and not card["continued"]
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_a_training_may_go_on_from_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocsep.training.train, "sing_repertoire", lambda *given, **named: tones())
    monkeypatch.setattr(vocsep.training.pitch, "VALIDATED", 1)
    monkeypatch.setattr(vocsep.training.pitch, "BATCH", 1)
    first = TrainingSettings(1.0, 1, steps=1, chorales=False)
    train(PITCH, tmp_path / "a", first, network=CASES["pitch"][1])
    still = replace(PITCH, schedule=replace(PITCH.schedule, learning_rate=0.0))
    train(still, tmp_path / "b", replace(first, start=tmp_path / "a"))
    one, other = (load_model(tmp_path / name, "pitch") for name in "ab")
    assert all(torch.equal(tensor, other.tensors[n]) for n, tensor in one.tensors.items())
    assert other.card["continued"] and not one.card["continued"]
    with pytest.raises(ModelError, match="not a model of the F0 refinement"):
        train(REFINER, tmp_path / "c", replace(first, start=tmp_path / "a"))


def test_the_quartets_for_validation_are_not_learned() -> None:
    songs = tones(songs=5, seconds=1.0)
    learned, kept = held_out(songs, 0.4)
    assert (learned.songs, kept.songs) == (3, 2)
    assert (songs.audio[:3] == learned.audio).all() and (songs.f0[3:] == kept.f0).all()
    assert (songs.level[3:] == kept.level).all()
    assert held_out(songs)[1].songs == 1
    alone = tones(songs=1, seconds=1.0)
    assert held_out(alone) == (alone, alone)
    assert held_out_count(2000) == 100


def test_examples_made_ahead_are_those_of_their_step() -> None:
    made: list[int] = []

    def draw(step: int) -> Any:
        made.append(step)
        return step

    with prefetched(draw) as ahead:
        assert [ahead(step) for step in (4, 5, 6, 2, 3)] == [4, 5, 6, 2, 3]
    assert made[:4] == [4, 5, 6, 7] and {2, 3} <= set(made)


def test_an_error_while_examples_are_made_reaches_the_step() -> None:
    def draw(step: int) -> Any:
        raise ModelError("broken")

    with prefetched(draw) as ahead, pytest.raises(ModelError, match="broken"):
        ahead(0)


@pytest.mark.parametrize("name", DEFAULTS)
def test_settings_survive_a_checkpoint(name: str) -> None:
    chosen = replace(DEFAULTS[name], start=Path("a") / "b", pitch_model=Path("c"), chorales=True)
    assert TrainingSettings.from_dict(chosen.to_dict()) == chosen
    assert over(chosen, DEFAULTS[name], DEFAULTS[name]) == chosen
