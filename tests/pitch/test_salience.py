"""The salience network: shapes, time, storage."""

from pathlib import Path
from typing import Any

import pytest
import torch

from vocsep.errors import ModelError
from vocsep.model import StoredModel
from vocsep.pitch.harmonic_stack import BINS, HOP_COARSE
from vocsep.pitch.salience import SalienceNetwork, SalienceSettings, restore_network
from vocsep.spectra import HOP, frame_count

TINY = SalienceSettings(channels=6, tall=2, blocks=2)


@pytest.fixture(scope="module")
def network() -> SalienceNetwork:
    torch.manual_seed(0)
    return SalienceNetwork(TINY).eval()


def restored_with(network: SalienceNetwork, settings: dict[str, Any]) -> SalienceNetwork:
    described = {**network.settings.to_dict(), **settings}
    return restore_network(StoredModel(dict(network.state_dict()), described, {}, Path("m")))


def sound(samples: int) -> torch.Tensor:
    time = torch.arange(samples) / 16_000
    noise = torch.randn(samples, generator=torch.Generator().manual_seed(1))
    return torch.sin(2 * torch.pi * 220 * time) + 0.1 * noise


@pytest.mark.parametrize("samples", [1, 255, 256, 513, 8_000])
def test_salience_has_every_frame_and_is_a_share(network: SalienceNetwork, samples: int) -> None:
    salience = network.salience(sound(samples))
    assert salience.shape == (BINS, frame_count(samples))
    assert salience.min() >= 0 and salience.max() <= 1 and torch.isfinite(salience).all()


def test_logits_have_a_row_for_each_bin(network: SalienceNetwork) -> None:
    stack = network.stack(torch.stack((sound(8_000), sound(8_000))))
    assert network(stack).shape == (2, BINS, frame_count(8_000, HOP_COARSE))


def test_even_frames_are_those_of_the_grid_that_it_learned_on(network: SalienceNetwork) -> None:
    with torch.no_grad():
        coarse = torch.sigmoid(network(network.stack(sound(16_000)[None])))[0]
    assert (network.salience(sound(16_000))[:, ::2] - coarse).abs().max() < 0.02


@pytest.mark.parametrize("frames", [2, 3])
def test_salience_moves_with_the_sound(network: SalienceNetwork, frames: int) -> None:
    """By whole coarse frames and by fine ones."""
    burst = torch.zeros(32_000)
    burst[12_000:17_000] = sound(5_000)
    later = torch.roll(burst, frames * HOP)
    here, there = network.salience(burst), network.salience(later)
    torch.testing.assert_close(there[:, 30 + frames : -30], here[:, 30 : -30 - frames], rtol=0, atol=1e-4)


def test_every_weight_learns(network: SalienceNetwork) -> None:
    learner = SalienceNetwork(TINY)
    learner(learner.stack(sound(8_000)[None])).square().mean().backward()
    for name, weight in learner.named_parameters():
        assert weight.grad is not None and torch.isfinite(weight.grad).all(), name
        assert weight.grad.abs().sum() > 0, name


def test_an_untrained_network_expects_silence(network: SalienceNetwork) -> None:
    assert network.salience(torch.zeros(8_000)).mean() < 0.2


def test_stored_weights_make_the_same_network(network: SalienceNetwork) -> None:
    again = restored_with(network, {})
    assert again.settings == TINY and not again.training
    assert torch.equal(again.salience(sound(4_000)), network.salience(sound(4_000)))


@pytest.mark.parametrize(
    "settings",
    [{"channels": 7}, {"chanels": 6}, {"channels": 6, "tall": 2, "blocks": 5}, {"channels": "six"}],
)
def test_weights_that_do_not_fit_their_settings_are_refused_in_one_line(
    network: SalienceNetwork, settings: dict[str, Any]
) -> None:
    with pytest.raises(ModelError) as caught:
        restored_with(network, settings)
    assert "\n" not in str(caught.value)
