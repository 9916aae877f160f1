"""Training of the salience network: targets, examples, and a few steps of learning."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tones import tones

from vocsep.model import load_model
from vocsep.pitch.harmonic_stack import BINS, HOP_COARSE, bin_frequencies, bins_of
from vocsep.pitch.salience import SalienceNetwork, SalienceSettings, restore_network
from vocsep.singers.repertoire import Repertoire
from vocsep.spectra import SAMPLE_RATE, frame_count
from vocsep.training.examples import Examples
from vocsep.training.loop import train_steps
from vocsep.training.pitch import SIGMA, salience_examples, salience_loss, salience_target, save_network
from vocsep.training.pitch_examples import SECONDS, Mixer
from vocsep.training.schedule import Progress, Schedule
from vocsep.training.task import NetworkTask
from vocsep.training.trainer import Trainer

TINY = SalienceSettings(channels=6, tall=2, blocks=1)


@pytest.fixture(scope="module")
def repertoire() -> Repertoire:
    return tones()


def test_target_is_one_at_a_sung_f0_and_zero_elsewhere() -> None:
    f0 = torch.tensor([[[0.0, 220.0], [0.0, 0.0]]])
    target = salience_target(f0)
    assert target.shape == (1, BINS, 2)
    assert target[0, :, 0].max() == 0
    nearest = int(bins_of(torch.tensor(220.0)).round())
    assert target[0, nearest, 1] == pytest.approx(1.0, abs=1e-3)
    assert target[0, nearest + 10 :, 1].max() < 1e-6


def test_target_is_a_gaussian_on_the_axis_of_bins() -> None:
    f0 = torch.tensor([[[233.0]]])
    distance = 36 * np.log2(bin_frequencies().numpy() / 233.0)
    expected = np.exp(-0.5 * (distance / SIGMA) ** 2)
    np.testing.assert_allclose(salience_target(f0)[0, :, 0].numpy(), expected, atol=1e-5)


def test_target_of_several_voices_is_the_largest_of_theirs() -> None:
    f0 = 200 * torch.rand(2, 3, 5, generator=torch.Generator().manual_seed(0)) + 100
    apart = torch.stack([salience_target(f0[:, voice : voice + 1]) for voice in range(3)])
    torch.testing.assert_close(salience_target(f0), apart.amax(dim=0))
    torch.testing.assert_close(salience_target(f0.flip(1)), salience_target(f0))


def test_loss_is_least_at_the_target() -> None:
    f0 = torch.tensor([[[220.0, 0.0], [330.0, 110.0]]])
    target = salience_target(f0)
    right = salience_loss(torch.logit(target.clamp(1e-4, 1 - 1e-4)), f0)
    for wrong in (target.flip(1), torch.zeros_like(target), torch.ones_like(target)):
        assert salience_loss(torch.logit(wrong.clamp(1e-4, 1 - 1e-4)), f0) > right


def test_missing_a_note_costs_more_than_a_false_one() -> None:
    f0 = torch.tensor([[[220.0]]])
    note = int(bins_of(torch.tensor(220.0)).round())
    known = torch.logit(salience_target(f0).clamp(1e-3, 1 - 1e-3))
    missed, invented = known.clone(), known.clone()
    missed[0, note], invented[0, note + 30] = -known[0, note], known[0, note]
    assert salience_loss(missed, f0) > salience_loss(invented, f0) > salience_loss(known, f0)


def test_a_batch_has_sound_and_f0_on_the_coarse_grid(repertoire: Repertoire) -> None:
    signals, f0 = Mixer(repertoire, 0).batch(3)
    samples = round(SECONDS * SAMPLE_RATE)
    assert signals.shape[0] == f0.shape[0] == 3
    assert abs(signals.shape[1] - samples) < HOP_COARSE
    assert f0.shape[2] == frame_count(signals.shape[1], HOP_COARSE)
    assert torch.isfinite(signals).all() and signals.abs().max() <= 1.0 + 1e-6
    assert signals.dtype == f0.dtype == torch.float32


def test_the_same_seed_draws_the_same_examples(repertoire: Repertoire) -> None:
    first, again, other = (Mixer(repertoire, seed).batch(2) for seed in (1, 1, 2))
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


def test_examples_have_none_to_eight_voices(repertoire: Repertoire) -> None:
    mixer = Mixer(repertoire, 3)
    counts = {int((mixer.example()[1].max(axis=1) > 0).sum()) for _ in range(200)}
    assert min(counts) == 0 and max(counts) == 8


@pytest.mark.parametrize("seed", range(6))
def test_the_f0_of_an_example_is_what_sounds_in_it(
    repertoire: Repertoire, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixer = Mixer(repertoire, seed)
    monkeypatch.setattr(mixer, "_recorded", lambda mixture: mixture)
    signal, f0 = mixer.example()
    window = np.hanning(2_048)
    axis = np.fft.rfftfreq(8 * 2_048, 1 / SAMPLE_RATE)
    for frame in range(10, f0.shape[1] - 10, 12):
        sung = f0[:, frame]
        lowest = sung[sung > 0].min(initial=np.inf)
        piece = signal[frame * HOP_COARSE - 1_024 : frame * HOP_COARSE + 1_024]
        if not np.isfinite(lowest):
            continue
        # The lowest peak of the spectrum is the lowest F0: nothing sounds under it.
        magnitude = np.abs(np.fft.rfft(piece * window, 8 * 2_048))
        below = magnitude[axis < 0.8 * lowest]
        near = magnitude[np.abs(axis - lowest) < 0.06 * lowest]
        assert near.max() > 3 * below.max(initial=0.0)


def test_loss_falls_and_progress_tells_it(repertoire: Repertoire) -> None:
    torch.manual_seed(0)
    network = SalienceNetwork(TINY)
    held_out = Mixer(repertoire, 99).batch(4)

    def loss() -> float:
        with torch.no_grad():
            return salience_loss(network(network.stack(held_out[0])), held_out[1]).item()

    before = loss()
    told: list[Progress] = []
    mixer = Mixer(repertoire, 1)
    trainer = Trainer(NetworkTask(network, salience_loss))

    def drawn(step: int) -> Examples:
        return salience_examples(mixer.at(step), 2, network.stack)

    schedule = Schedule(steps=15, learning_rate=3e-2, warm_up=0, validate_every=100)
    train_steps(trainer, drawn, [drawn(99)], schedule, progress=told.append)
    trainer.use_best()
    assert loss() < 0.8 * before
    assert sorted({report.step for report in told}) == list(range(16))
    assert told[-1].share_done == 1.0 and all(np.isfinite(report.loss) for report in told[1:])
    assert not network.training


def test_examples_of_a_step_depend_on_seed_and_step_alone(repertoire: Repertoire) -> None:
    mixer = Mixer(repertoire, 4)
    first = mixer.at(7).batch(1)[0]
    mixer.at(3).batch(2)
    assert torch.equal(mixer.at(7).batch(1)[0], first)
    assert not torch.equal(mixer.at(8).batch(1)[0], first)
    assert not torch.equal(Mixer(repertoire, 5).at(7).batch(1)[0], first)


def test_a_saved_network_is_the_same_when_loaded(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = SalienceNetwork(TINY).eval()
    save_network(network, tmp_path / "pitch.safetensors", {"seed": 3})
    stored = load_model(tmp_path / "pitch.safetensors", "pitch")
    assert stored.card == {"seed": 3}
    again = restore_network(stored)
    sound = torch.randn(4_000, generator=torch.Generator().manual_seed(0))
    assert torch.equal(again.salience(sound), network.salience(sound))
