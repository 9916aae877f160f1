"""Laws of every training: seed, resuming, Ctrl-C, batches that are not finite, validation, checkpoints."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tones import tones

import vocsep.training.pitch
import vocsep.training.pitch_examples
import vocsep.training.postfilter
import vocsep.training.refiner
import vocsep.training.train
import vocsep.training.voices
from vocsep.errors import Interrupted, ModelError
from vocsep.filtering.postfilter_features import BINS as POWER_BINS
from vocsep.media.locking import locked_output
from vocsep.methods.unet import Unet, UnetSettings
from vocsep.methods.unet_masks import save_unet
from vocsep.model import load_model, restored, save_model
from vocsep.pitch.harmonic_stack import BINS
from vocsep.spectra import HOP, MASK_FFT, stft
from vocsep.training.examples import Examples, Sampler
from vocsep.training.excerpts import Excerpts
from vocsep.training.pitch import PITCH
from vocsep.training.postfilter import POSTFILTER
from vocsep.training.postfilter_examples import PostfilterExample
from vocsep.training.refiner import REFINER
from vocsep.training.refiner_examples import RefinerExample
from vocsep.training.run import checkpoint_of
from vocsep.training.schedule import Progress
from vocsep.training.settings import DEFAULTS, TrainingSettings
from vocsep.training.train import Prepared, Recipe, TrainingResult, train
from vocsep.training.trainer import Trainer
from vocsep.training.unet import UnetTask
from vocsep.training.voices import VOICES

STEPS = 6
SONGS = tones(songs=2, seconds=1.1)
SIZES: dict[str, dict[str, Any]] = {
    "pitch": {"channels": 2, "tall": 1, "blocks": 1},
    "refiner": {"channels": 2, "blocks": 1},
    "voices": {"units": 8, "blocks": 1, "bands": 8, "lsf_order": 4},
    "postfilter": {"channels": 2, "dilations": ((1, 1),)},
    "unet": {"base_channels": 2, "layers": 3, "dropout": 0.5},
}


class Duets(Sampler):
    """Mixtures of two tones with their stems."""

    def batch(self, size: int) -> Excerpts:
        f0 = self.rng.uniform(150, 400, (size, 2, 1)).astype(np.float32).repeat(33, axis=2)
        stems = np.sin(2 * np.pi * f0[..., :1] * np.arange(32 * HOP) / 16000).astype(np.float32) / 2
        given = torch.ones(size, 2, dtype=torch.bool)
        return Excerpts(*map(torch.from_numpy, (stems.sum(axis=1), f0, stems)), given)


def prepare_unet(network: Unet, settings: TrainingSettings, tell: object) -> Prepared[Excerpts]:
    learned, kept = Duets((settings.seed, 0)), Duets((settings.seed, 1))
    return Prepared(UnetTask(network), lambda step: learned.at(step).batch(2), [kept.batch(2)])


def unet_from(sizes: Any) -> Unet:
    return Unet(UnetSettings.from_dict(sizes))


UNET = Recipe(
    "unet",
    unet_from,
    lambda stored: restored(unet_from, stored),
    prepare_unet,
    PITCH.schedule,
    lambda network, path, card: save_unet(path, network, card),
)
RECIPES: dict[str, Recipe[Any]] = {
    recipe.kind: replace(recipe, schedule=replace(recipe.schedule, validate_every=2, warm_up=0))
    for recipe in (PITCH, REFINER, VOICES, POSTFILTER, UNET)
}


def heard_by_refiner(ears: object, mixer: Any, count: int, tell: object) -> list[RefinerExample]:
    rng, frames = mixer.rng, 30
    tracks = rng.uniform(50, 70, (2, 1)).repeat(frames, axis=1)
    audio = rng.uniform(-1, 1, (frames - 1) * HOP).astype(np.float16)
    salience = rng.integers(0, 255, (BINS, frames)).astype(np.uint8)
    return [RefinerExample(audio, salience, tracks, tracks + 0.3)] * count


def heard_by_postfilter(
    songs: object, pitch: object, start: object, count: int, seed: Any, tell: object
) -> list[PostfilterExample]:
    rng, samples = np.random.default_rng(seed), 40 * HOP
    stems = rng.uniform(-0.2, 0.2, (2, samples)).astype(np.float32)
    powers = stft(torch.from_numpy(stems), MASK_FFT)[:, :POWER_BINS].abs().square()
    decibels = 10 * torch.log10(powers + 1e-9) + torch.tensor([0.0, 9.0])[:, None, None]
    f0 = np.repeat(np.float32([[330.0], [220.0]]), 41, axis=1)
    levels = decibels.to(torch.float16).numpy()
    return [PostfilterExample(stems.sum(axis=0), stems.astype(np.float16), f0, levels, 1.0)] * count


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tones instead of singers, and examples that nobody had to listen to."""
    monkeypatch.setattr(vocsep.training.train, "sing_repertoire", lambda *given, **named: SONGS)
    monkeypatch.setattr(vocsep.training.train, "chorales_to_sing", lambda wanted: [])
    monkeypatch.setattr(vocsep.training.refiner, "make_examples", heard_by_refiner)
    monkeypatch.setattr(vocsep.training.postfilter, "make_examples", heard_by_postfilter)
    monkeypatch.setitem(DEFAULTS, "unet", TrainingSettings(1.0, 1))
    for module in (vocsep.training.pitch, vocsep.training.refiner, vocsep.training.voices):
        monkeypatch.setattr(module, "BATCH", 1)
        monkeypatch.setattr(module, "VALIDATED", 1)
    monkeypatch.setattr(vocsep.training.postfilter, "VALIDATED", 1)
    monkeypatch.setattr(vocsep.training.pitch_examples, "SECONDS", 1.0)
    monkeypatch.setattr(vocsep.training.voices, "SECONDS", 1.0)


def run(name: str, output: Path, seed: int = 1, **more: Any) -> TrainingResult:
    settings = replace(DEFAULTS[name], steps=STEPS, examples=2, singers=2, seed=seed)
    return train(RECIPES[name], output, settings, network=SIZES[name], **more)


def resumed(name: str, output: Path, settings: TrainingSettings | None = None) -> TrainingResult:
    """As the command goes on that the message names: without any settings."""
    return train(RECIPES[name], output, settings, resume=True)


def test_two_trainings_of_one_output_do_not_mix(tmp_path: Path) -> None:
    output = tmp_path / "new" / "m"
    with (
        locked_output(output, output.parent),
        pytest.raises(ModelError, match="another run of vocsep is making it"),
    ):
        run("pitch", output)
    run("pitch", output)
    assert [path.name for path in output.parent.iterdir() if path.suffix == ".lock"] == []
    with locked_output(output, output.parent):  # it holds nothing any more
        pass


def weights(name: str, path: Path) -> dict[str, torch.Tensor]:
    return load_model(path, RECIPES[name].kind).tensors


def equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return set(first) == set(second) and all(torch.equal(first[n], second[n]) for n in first)


def stop_at(step: int) -> Callable[[str, float, Progress | None], None]:
    def callback(stage: str, share: float, at: Progress | None) -> None:
        if at is not None and at.step == step:
            raise KeyboardInterrupt

    return callback


every = pytest.mark.parametrize("name", RECIPES)


@every
def test_the_same_seed_gives_the_same_weights(name: str, tmp_path: Path) -> None:
    for file, seed in (("a", 1), ("b", 1), ("c", 2)):
        torch.rand(seed)  # the state of torch's own generator must not matter
        run(name, tmp_path / file, seed)
    assert equal(weights(name, tmp_path / "a"), weights(name, tmp_path / "b"))
    assert not equal(weights(name, tmp_path / "a"), weights(name, tmp_path / "c"))


@every
@pytest.mark.parametrize("step", [0, 3, 4])  # before all, between validations, between step and validation
def test_interrupted_and_resumed_is_uninterrupted(name: str, step: int, tmp_path: Path) -> None:
    whole = run(name, tmp_path / "whole")
    with pytest.raises(Interrupted, match=f"step {step}"):
        run(name, tmp_path / "m", progress=stop_at(step))
    result = resumed(name, tmp_path / "m")
    assert equal(weights(name, tmp_path / "m"), weights(name, tmp_path / "whole"))
    clock = {"seconds": 0.0, "seconds_left": None}
    assert replace(result.at, **clock) == replace(whole.at, **clock)  # type: ignore[arg-type]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["m", "whole"]


@every
def test_ctrl_c_leaves_a_checkpoint_and_the_best_weights(name: str, tmp_path: Path) -> None:
    output = tmp_path / "m"
    with pytest.raises(Interrupted) as caught:
        run(name, output, progress=stop_at(5))
    message = str(caught.value)
    assert "\n" not in message and message.endswith(f"vocsep train {name} -o {output} --resume")
    stored = load_model(checkpoint_of(output), "checkpoint")
    assert stored.card["at"]["step"] == 5
    best = {n.removeprefix("best/"): t for n, t in stored.tensors.items() if n.startswith("best/")}
    assert output.exists() == (stored.card["at"]["best_step"] > 0)
    if output.exists():
        assert f"the best model so far is {output}" in message
        assert equal(weights(name, output), best)


@every
def test_a_batch_that_is_not_finite_is_passed_over(name: str) -> None:
    settings = replace(DEFAULTS[name], examples=2, singers=2)
    network = RECIPES[name].build(SIZES[name])
    ready = RECIPES[name].prepare(network, settings, lambda stage, share: None)
    trainer = Trainer(ready.task)
    trainer.step(ready.draw(0), 1e-3, 1.0)
    before, loss = trainer.tensors(), trainer.at.loss
    before = {n: tensor.clone() for n, tensor in before.items()}
    trainer.step(broken(ready.draw(1)), 1e-3, 1.0)
    assert equal(trainer.tensors(), before)
    assert (trainer.at.step, trainer.at.loss) == (2, loss)


def broken(batch: Any) -> Any:
    if isinstance(batch, Excerpts):
        return replace(batch, mixture=batch.mixture * torch.nan)
    return Examples(tuple((given * torch.nan, *rest) for given, *rest in batch.groups))


@every
def test_the_weights_that_validate_best_are_kept(name: str, tmp_path: Path) -> None:
    told: dict[int, float] = {}

    def tell(stage: str, share: float, at: Progress | None) -> None:
        if at is not None and at.validated_at >= 0:
            told[at.validated_at] = at.validated

    # So fast that the loss does not only fall.
    recipe = replace(RECIPES[name], schedule=replace(RECIPES[name].schedule, learning_rate=0.3, decay=False))
    settings = replace(DEFAULTS[name], steps=STEPS, examples=2, singers=2)
    result = train(recipe, tmp_path / "m", settings, network=SIZES[name], progress=tell)
    assert list(told) == [0, 2, 4, 6]
    assert result.at.best == min(told.values()) == told[result.at.best_step]
    stored = load_model(tmp_path / "m", recipe.kind)
    ready = recipe.prepare(recipe.restore(stored), settings, lambda stage, share: None)
    assert Trainer(ready.task).validate(ready.held_out) == result.at.best


@every
def test_a_checkpoint_of_another_training_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    other = next(kind for kind in RECIPES if kind != name)
    with pytest.raises(Interrupted):
        run(other, tmp_path / "m", progress=stop_at(3))
    with pytest.raises(ModelError) as caught:
        resumed(name, tmp_path / "m")
    message = str(caught.value)
    assert "\n" not in message and f"is one of vocsep train {other}, not of train {name}" in message
    (tmp_path / "m.checkpoint").write_bytes(b"anything")
    with pytest.raises(ModelError, match="damaged or not a model file"):
        resumed(name, tmp_path / "m")


@every
def test_a_checkpoint_whose_weights_do_not_fit_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run(name, tmp_path / "m", progress=stop_at(3))
    stored = load_model(checkpoint_of(tmp_path / "m"), "checkpoint")
    tensors = dict(stored.tensors)
    del tensors[next(n for n in tensors if n.startswith("weights/"))]
    save_model(stored.path, tensors, kind="checkpoint", settings=stored.settings, card=stored.card)
    with pytest.raises(ModelError, match="the checkpoint does not fit") as caught:
        resumed(name, tmp_path / "m")
    assert "\n" not in str(caught.value)
    sizes = stored.settings["network"] | {"corners": 4}
    save_model(
        stored.path,
        stored.tensors,
        kind="checkpoint",
        settings=stored.settings | {"network": sizes},
        card=stored.card,
    )
    with pytest.raises(ModelError, match="network does not fit") as caught:
        resumed(name, tmp_path / "m")
    assert "\n" not in str(caught.value)


@every
def test_what_is_there_is_not_replaced_unasked(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such checkpoint"):
        resumed(name, tmp_path / "m")
    (tmp_path / "m").write_bytes(b"precious")
    with pytest.raises(ModelError, match="--overwrite"):
        run(name, tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == b"precious"


def test_a_resumed_training_may_be_given_more_steps_and_validates_anew_on_other_examples(
    tmp_path: Path,
) -> None:
    with pytest.raises(Interrupted):
        run("pitch", tmp_path / "m", progress=stop_at(5))
    before = load_model(checkpoint_of(tmp_path / "m"), "checkpoint").card["at"]
    assert resumed("pitch", tmp_path / "m", replace(DEFAULTS["pitch"], steps=8)).at.step == 8
    with pytest.raises(Interrupted):
        run("pitch", tmp_path / "m", overwrite=True, progress=stop_at(5))
    again = resumed("pitch", tmp_path / "m", replace(DEFAULTS["pitch"], seed=9))
    assert again.at.start not in (pytest.approx(before["start"]), None)
