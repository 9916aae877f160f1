"""One path for every device: on a pretended card no operation meets a tensor in memory (tests/support)."""

import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from pretended import OnCard, card
from tiny import music, tiny_unet

from vocsep.estimator.network import Estimator
from vocsep.estimator.settings import EstimatorSettings
from vocsep.estimator.stored import load_estimator
from vocsep.filtering.postfilter import load_postfilter
from vocsep.filtering.wiener import wiener_filter
from vocsep.methods.registry import build_method
from vocsep.methods.settings import MethodSettings
from vocsep.methods.source_filter import SourceFilterSettings, estimate_sources
from vocsep.methods.unet import Unet, UnetSettings
from vocsep.pitch.estimate import PitchEstimator
from vocsep.pitch.harmonic_stack import BINS, READINGS
from vocsep.pitch.refiner import RefinerNetwork, RefinerSettings
from vocsep.pitch.refiner_features import CHANNELS, OFFSETS
from vocsep.pitch.salience import SalienceNetwork, SalienceSettings
from vocsep.spectra import SAMPLE_RATE, frame_count
from vocsep.training.estimator import EstimatorTask
from vocsep.training.examples import Examples
from vocsep.training.excerpts import Excerpts
from vocsep.training.task import NetworkTask, Task
from vocsep.training.trainer import Trainer
from vocsep.training.unet import UnetTask

SECONDS = 2.0


@pytest.fixture(scope="module")
def heard() -> tuple[np.ndarray, torch.Tensor]:
    audio, tracks = music(SECONDS)
    return np.asarray(audio, np.float32), tracks.as_input()


def test_tensors_of_two_places_do_not_meet() -> None:
    with card() as device:
        with pytest.raises(RuntimeError, match="meets the card"):
            torch.ones(3, device=device) + torch.ones(3)
        assert (torch.ones(3).to(device) * 2).cpu().tolist() == [2.0, 2.0, 2.0]


def test_f0_are_estimated_on_the_card(heard: tuple[np.ndarray, torch.Tensor]) -> None:
    expected = PitchEstimator().estimate(heard[0], 2)
    with card():
        found = PitchEstimator(device="cuda").estimate(heard[0], 2)
    near = np.isclose(np.nan_to_num(found.frequencies), np.nan_to_num(expected.frequencies), rtol=0.01)
    assert near.mean() > 0.95


def test_sources_are_estimated_on_the_card_and_its_masks_filter_there(
    heard: tuple[np.ndarray, torch.Tensor],
) -> None:
    audio = torch.from_numpy(heard[0])[:SAMPLE_RATE]
    f0 = heard[1][:, : frame_count(len(audio))]
    with card() as device:
        estimator, postfilter = load_estimator().eval().to(device), load_postfilter().to(device)
        given = audio.to(device), f0.to(device), estimator, SourceFilterSettings(20)
        found = estimate_sources(*given, alternative=(f0 * 1.02).to(device), postfilter=postfilter)
        assert isinstance(found.masks, OnCard) and isinstance(found.correction, OnCard)
        stereo = torch.stack((audio, audio.roll(7))).to(device)
        for rate in (SAMPLE_RATE, 44_100):
            stems = wiener_filter(stereo, rate, found.masks, found.powers)
            assert (stems.sum(dim=0) - stereo).abs().max().item() < 1e-3
            assert isinstance(wiener_filter(stereo, rate, found.masks, found.powers, spatial=True), OnCard)


@pytest.fixture
def duets(heard: tuple[np.ndarray, torch.Tensor]) -> Excerpts:
    """Two excerpts of two voices, of which the last stem is not at hand."""
    mixture = torch.from_numpy(heard[0]).expand(2, -1)
    sources = torch.stack((0.3 * mixture, 0.7 * mixture), dim=1)
    given = torch.tensor([[True, True], [True, False]])
    return Excerpts(mixture, heard[1][:2].expand(2, -1, -1), sources, given, None, torch.zeros(2, 2).long())


@pytest.mark.parametrize(("objective", "recordings"), [("power", None), ("power", 1), ("sound", None)])
def test_steps_of_training_are_made_on_the_card(
    duets: Excerpts, objective: Literal["power", "sound"], recordings: int | None
) -> None:
    def trainer(device: torch.device) -> Trainer[Excerpts]:
        torch.manual_seed(0)
        estimator = Estimator(EstimatorSettings(bands=8, units=8, blocks=1))
        task = EstimatorTask(estimator, objective=objective, recordings=recordings)
        return Trainer(task, device=device)

    here = trainer(torch.device("cpu"))
    here.step(duets, 1e-3, 1.0)
    with card() as device:
        learner = trainer(device)
        learner.step(duets, 1e-3, 1.0)
        learned = dict(learner._named())
        assert all(isinstance(one.grad, OnCard) for one in learned.values() if one.grad is not None)
        learner.validate([duets])
        again = trainer(device)
        again.restore(learner.tensors(), learner.state())
        again.step(duets, 1e-3, 1.0)
        assert math.isfinite(again.at.loss) and again.at.step == 2
        moved = {name: one.detach().cpu() for name, one in learned.items()}
    for name, one in here._named():
        torch.testing.assert_close(moved[name], one.detach(), atol=1e-4, rtol=1e-3)


def test_the_losses_of_other_networks_lead_back_on_the_card(duets: Excerpts) -> None:
    torch.manual_seed(0)
    places = Examples(((torch.rand(1, 2 * READINGS, BINS, 20), torch.rand(1, BINS, 20)),))
    views = Examples(((torch.rand(2, CHANNELS, OFFSETS, 20), torch.rand(2, OFFSETS + 1, 20)),))
    salience = SalienceNetwork(SalienceSettings(channels=4, tall=2, blocks=1))
    refiner = RefinerNetwork(RefinerSettings(channels=4, blocks=1))
    square = torch.nn.functional.mse_loss
    tasks: list[tuple[Task[Any], Any]] = [
        (UnetTask(Unet(UnetSettings(base_channels=2, layers=2))), duets),
        (NetworkTask(salience, square), places),
        (NetworkTask(refiner, square), views),
    ]
    for task, given in tasks:
        with card() as device:
            weights = list(task.network.to(device).parameters())
            loss = task.loss(given.to(device), 0)
            gradients = torch.autograd.grad(loss, weights)
            assert all(isinstance(one, OnCard) for one in gradients)


@pytest.mark.parametrize("name", ["nmf", "levels", "comb", "source-filter-nmf", "unet"])
def test_other_methods_work_on_the_card(
    heard: tuple[np.ndarray, torch.Tensor], name: str, tmp_path: Path
) -> None:
    model = tiny_unet(tmp_path) if name == "unet" else None
    with card() as device:
        method = build_method(name, MethodSettings(model, device=device))
        found = method.estimate(torch.from_numpy(heard[0]).to(device), heard[1].to(device))
        assert isinstance(found.masks, OnCard)
