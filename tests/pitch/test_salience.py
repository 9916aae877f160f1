"""The salience network: shapes, time, storage."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from vocsep.errors import ModelError
from vocsep.model import StoredModel
from vocsep.pitch.harmonic_stack import BELOW, BINS, HOP_COARSE, READINGS, TAUGHT
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


def with_bias(network: SalienceNetwork, bias: float) -> SalienceNetwork:
    """The same network, surer (or less sure) that somebody sings."""
    other = copy.deepcopy(network)
    torch.nn.init.constant_(other.leave.bias, bias)  # type: ignore[arg-type]
    return other


def two_stacks(network: SalienceNetwork) -> tuple[torch.Tensor, torch.Tensor]:
    """Stacks that differ only beyond the bins between `BELOW` and `TAUGHT`."""
    stack = network.stack(sound(8_000)[None])
    disturbed = torch.rand(stack.shape, generator=torch.Generator().manual_seed(3))
    disturbed[:, :, BELOW:TAUGHT] = stack[:, :, BELOW:TAUGHT]
    return stack, disturbed


@torch.no_grad()
def test_bins_beyond_the_lessons_do_not_change_those_between(network: SalienceNetwork) -> None:
    here, there = (with_bias(network, -9.0).heard(stack) for stack in two_stacks(network))
    torch.testing.assert_close(there[:, BELOW:TAUGHT], here[:, BELOW:TAUGHT], rtol=0, atol=1e-5)
    for beyond in (slice(0, BELOW), slice(TAUGHT, BINS)):
        assert (there - here)[:, beyond].abs().max() > 1e-3


@torch.no_grad()
def test_the_bins_between_see_zeros_beyond_unless_somebody_sings_below(network: SalienceNetwork) -> None:
    stack = torch.rand(1, 2 * READINGS, BINS, 12, generator=torch.Generator().manual_seed(5))
    for bias, first in ((-9.0, BELOW), (9.0, 0)):
        moved = with_bias(network, bias)
        expected = moved(stack[:, :, first:TAUGHT])[:, BELOW - first :]
        found = moved.heard(stack)[:, BELOW:TAUGHT]
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_who_sings_below_is_seen_by_the_bins_above(network: SalienceNetwork) -> None:
    here, there = (with_bias(network, 9.0).heard(stack) for stack in two_stacks(network))
    assert (there - here)[:, BELOW : BELOW + 3].abs().max() > 1e-3


@torch.no_grad()
@pytest.mark.parametrize("bias", [-9.0, 9.0])
def test_bins_beyond_the_lessons_see_all_that_the_layers_reach(network: SalienceNetwork, bias: float) -> None:
    stack = torch.rand(1, 2 * READINGS, BINS, 12, generator=torch.Generator().manual_seed(4))
    moved = with_bias(network, bias)
    parts, whole = moved.heard(stack), moved(stack)
    assert parts.shape == whole.shape
    for beyond in (slice(0, BELOW), slice(TAUGHT, BINS)):
        torch.testing.assert_close(parts[:, beyond], whole[:, beyond], rtol=0, atol=1e-5)


def test_a_network_that_was_taught_all_bins_looks_at_them_at_once() -> None:
    torch.manual_seed(0)
    wide = SalienceNetwork(replace(TINY, bins=BINS)).eval()
    stack = torch.rand(1, 2 * READINGS, BINS, 12)
    with torch.no_grad():
        assert torch.equal(wide.heard(stack), wide(stack))


def test_an_older_model_is_read_with_the_bins_that_it_was_taught() -> None:
    older = {key: value for key, value in TINY.to_dict().items() if key != "bins"}
    stored = StoredModel(dict(SalienceNetwork(TINY).state_dict()), older, {}, Path("m"))
    assert restore_network(stored).settings.bins == TAUGHT - BELOW
    with pytest.raises(ModelError, match="170 F0 bins"):
        restore_network(replace(stored, settings={**older, "bins": 170}))


def test_even_frames_are_those_of_the_grid_that_it_learned_on(network: SalienceNetwork) -> None:
    with torch.no_grad():
        coarse = torch.sigmoid(network.heard(network.stack(sound(16_000)[None])))[0]
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
