"""Reverberation: tails decay as they should, are found where they are, and only there."""

import numpy as np
import pytest
import torch
from in_a_room import heard, singers
from one_comb import adapt_one_comb
from scipy.signal import lfilter
from torch import Tensor

from vocsep.filtering.masks import soft_masks
from vocsep.source.powers import mask_frequencies, voice_powers
from vocsep.source.reverberation import (
    NODES,
    Reverberation,
    RoomFit,
    decay_per_frame,
    decaying_sum,
    nodes_to_bins,
    tails,
)
from vocsep.spectra import HOP, SAMPLE_RATE


def random_powers(frames: int = 200, bins: int = 5) -> Tensor:
    return torch.rand(2, frames, bins, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("frames", [1, 2, 7, 200])
def test_the_sum_is_the_plain_recursion(frames: int) -> None:
    powers, decay = random_powers(frames), torch.tensor([0.0, 0.3, 0.9, 0.99, 0.5])
    expected = np.stack([lfilter([1], [1, -float(d)], powers[..., b]) for b, d in enumerate(decay)], -1)
    np.testing.assert_allclose(decaying_sum(powers, decay), expected, rtol=1e-3)


def test_a_tail_falls_by_60_db_in_the_reverberation_time() -> None:
    clap = torch.zeros(1, 120, 3)
    clap[:, 10] = 1.0
    times = torch.tensor([0.5, 0.8, 1.2])
    tail = tails(clap, times, 1.0)[0]
    assert not tail[:11].any()
    for bin_, seconds in enumerate(times.tolist()):
        fallen = 10 * torch.log10(tail[61, bin_] / tail[11, bin_])
        assert fallen == pytest.approx(-60 * 50 * HOP / SAMPLE_RATE / seconds, abs=0.05)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_the_level_is_the_ratio_of_energies(stride: int) -> None:
    powers = torch.zeros(1, 400, 2)
    powers[:, 5:30] = random_powers(25, 2)[:1]
    tail = tails(powers, torch.tensor([0.4, 0.9]), 0.7, stride)
    torch.testing.assert_close(tail.sum(1), 0.7 * powers.sum(1), rtol=2e-3, atol=0)


def test_coarse_frames_see_what_fine_frames_see() -> None:
    time = torch.arange(401).reshape(1, -1, 1) / 40
    powers = (1 + torch.sin(time)).expand(1, -1, 3)
    times = torch.tensor([0.3, 0.8, 2.0])
    fine, coarse = tails(powers, times, 1.0), tails(powers[:, ::4], times, 1.0, stride=4)
    torch.testing.assert_close(coarse[:, 50:], fine[:, 200::4], rtol=0.01, atol=0.01)


def test_silence_has_no_tail_and_nothing_sounds_before_its_time() -> None:
    assert not tails(torch.zeros(2, 50, 4), torch.full((4,), 1.0), 1.0).any()
    powers = random_powers(50, 4)
    changed = powers.clone()
    changed[:, 30:] *= 7
    before, after = (tails(p, torch.full((4,), 1.0), 1.0) for p in (powers, changed))
    assert torch.equal(before[:, :31], after[:, :31])


def test_every_bin_lies_between_the_nodes() -> None:
    weights = nodes_to_bins(mask_frequencies())
    torch.testing.assert_close(weights.sum(0), torch.ones(weights.shape[1]))
    torch.testing.assert_close(nodes_to_bins(torch.tensor(NODES)), torch.eye(len(NODES)))


def test_gradients_reach_powers_time_and_level() -> None:
    powers = random_powers().requires_grad_()
    room = RoomFit()
    room(powers, torch.linspace(100, 5_000, 5), 4).sum().backward()
    for tensor in (powers, room.log_times, room.log_level):
        assert tensor.grad is not None and torch.isfinite(tensor.grad).all() and tensor.grad.any()


def test_voices_in_a_room_still_share_every_bin() -> None:
    powers = random_powers(60, 1025).transpose(1, 2)
    masks = soft_masks(Reverberation((2.0, 1.0, 0.5), 1.5).with_tails(powers))
    torch.testing.assert_close(masks.sum(0), torch.ones(1025, 60))


@pytest.mark.parametrize(("seconds", "level"), [(0.5, 0.8), (1.2, 2.0)])
def test_a_known_room_is_found(seconds: float, level: float) -> None:
    parameters, combs = singers()
    true = Reverberation((seconds,) * 3, level)
    room = RoomFit()
    adapt_one_comb(parameters, combs, heard(true.with_tails(voice_powers(parameters, combs))), 60,
          room=room)  # fmt: skip
    found = room.found()
    assert found is not None
    assert found.times[1] == pytest.approx(seconds, rel=0.25)
    assert found.level == pytest.approx(level, rel=0.4)  # the level of the notes rises a little instead


def test_a_dry_recording_has_no_room() -> None:
    parameters, combs = singers()
    magnitudes = heard(voice_powers(parameters, combs))
    room = RoomFit()
    adapt_one_comb(parameters, combs, magnitudes, 40, room=room)
    assert room.found() is None


def test_a_tail_outlives_its_note() -> None:
    """Where only the tail of voice 1 sounds, its mask says so, though its F0 track is silent."""
    powers = torch.full((2, 1025, 200), 1e-6)
    powers[0, :, 50:100] = 1.0
    with_room = Reverberation((1.0, 1.0, 1.0), 1.0).with_tails(powers)
    assert (soft_masks(with_room)[0, :, 100:130] > 0.99).all()


def test_decay_is_below_one_for_any_time() -> None:
    decay = decay_per_frame(torch.tensor([0.02, 1.0, 10.0]))
    assert (decay > 0).all() and (decay < 1).all()
