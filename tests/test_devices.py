"""One path for every device: on a pretended card no operation meets a tensor in memory (tests/support)."""

import numpy as np
import pytest
import torch
from pretended import OnCard, card
from tiny import music

from vocsep.estimator.network import Estimator
from vocsep.estimator.stored import load_estimator
from vocsep.filtering.postfilter import load_postfilter
from vocsep.filtering.wiener import wiener_filter
from vocsep.methods.registry import build_method
from vocsep.methods.settings import MethodSettings
from vocsep.methods.source_filter import SourceFilterSettings, estimate_sources
from vocsep.pitch.estimate import PitchEstimator
from vocsep.spectra import SAMPLE_RATE, frame_count
from vocsep.training.estimator import EstimatorTask
from vocsep.training.excerpts import Excerpts
from vocsep.training.trainer import Trainer

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


@pytest.mark.parametrize("objective", ["power", "sound"])
def test_the_loss_of_a_training_step_is_computed_on_the_card(
    heard: tuple[np.ndarray, torch.Tensor], objective: str
) -> None:
    torch.manual_seed(0)
    with card() as device:
        estimator = Estimator()
        estimator.to(device)
        trainer = Trainer(EstimatorTask(estimator, objective=objective))
        mixture, f0 = torch.from_numpy(heard[0])[None].to(device), heard[1][None].to(device)
        loss = trainer._loss(Excerpts(mixture, f0), 0)  # the way back goes where the way there went
        assert isinstance(loss, OnCard) and loss.requires_grad
        assert all(isinstance(one.data, OnCard) for one in estimator.parameters())


@pytest.mark.parametrize("name", ["nmf", "levels"])
def test_other_methods_work_on_the_card(heard: tuple[np.ndarray, torch.Tensor], name: str) -> None:
    with card() as device:
        method = build_method(name, MethodSettings(device=device))
        found = method.estimate(torch.from_numpy(heard[0]).to(device), heard[1].to(device))
        assert isinstance(found.masks, OnCard)
