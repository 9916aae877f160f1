"""Reverberation: tails decay as they should, are found where they are, and only there."""

import math

import numpy as np
import pytest
import torch
from one_comb import adapt_one_comb
from scipy.signal import lfilter
from torch import Tensor

from vocsep.explain import ExplainSettings, explain, levelled_comb
from vocsep.masks import comb_powers, mask_frequencies, soft_masks, voice_powers
from vocsep.reverberation import (
    NODES,
    Reverberation,
    RoomFit,
    decay_per_frame,
    decaying_sum,
    nodes_to_bins,
    tails,
)
from vocsep.source.excitation import harmonic_excitation
from vocsep.source.voice import SourceParameters
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count

SECONDS = 6
FRAMES = frame_count(SECONDS * SAMPLE_RATE)


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


def singers(seed: int = 0) -> tuple[SourceParameters, Tensor]:
    """Two voices that sing notes of 0.2 to 0.6 s, and their combs."""
    rng = np.random.default_rng(seed)
    f0 = np.zeros((2, FRAMES), np.float32)
    for voice, base in enumerate((392.0, 220.0)):
        frame = 0
        while frame < FRAMES:
            length = int(rng.integers(12, 40))
            f0[voice, frame : frame + length] = base * 2 ** (rng.integers(-5, 6) / 12)
            frame += length + int(rng.integers(0, 12))
    tracks = torch.from_numpy(f0)
    parameters = SourceParameters(
        f0=tracks[None],
        alpha=torch.full((1, 2, FRAMES), 0.1),
        gain=torch.full((1, 2, FRAMES), 0.0005),
        lsf=torch.linspace(0, torch.pi, 22)[1:-1].expand(1, 2, FRAMES, 20).contiguous(),
        noise_magnitudes=torch.ones(1, 2, 40),
    )
    return parameters, comb_powers(harmonic_excitation(tracks, SECONDS * SAMPLE_RATE))


def heard(powers: Tensor) -> Tensor:
    """Magnitudes of a mixture with these expected powers: complex Gaussian bins."""
    generator = torch.Generator().manual_seed(1)
    total = powers.sum(0)
    parts = torch.randn(2, *total.shape, generator=generator)
    return (total / 2).sqrt() * parts.square().sum(0).sqrt()


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


def test_without_steps_there_is_no_room() -> None:
    time = torch.arange(SAMPLE_RATE) / SAMPLE_RATE
    mixture = torch.sin(2 * math.pi * 220 * time)
    f0 = torch.full((1, frame_count(SAMPLE_RATE)), 220.0)
    assert explain(mixture, f0, levelled_comb, ExplainSettings(steps=0)).room is None


def test_decay_is_below_one_for_any_time() -> None:
    decay = decay_per_frame(torch.tensor([0.02, 1.0, 10.0]))
    assert (decay > 0).all() and (decay < 1).all()
