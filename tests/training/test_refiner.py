"""Training examples of the F0 refinement, its loss, and a few steps of learning."""

import numpy as np
import pytest
import torch

from vocsep.pitch.harmonic_stack import BINS, bins_of
from vocsep.pitch.refiner_features import CHANNELS, OFFSETS, REACH
from vocsep.singers.repertoire import Repertoire
from vocsep.spectra import HOP
from vocsep.training.pitch import Mixer
from vocsep.training.refiner import refiner_loss
from vocsep.training.refiner_examples import (
    RefinerExample,
    RefinerSampler,
    disturbed,
    followed,
    make_examples,
)

NAN = float("nan")
FRAMES = 60


def example(tracks: np.ndarray, truth: np.ndarray) -> RefinerExample:
    rng = np.random.default_rng(0)
    frames = tracks.shape[1]
    audio = rng.uniform(-1, 1, (frames - 1) * HOP).astype(np.float16)
    return RefinerExample(audio, rng.integers(0, 255, (BINS, frames)).astype(np.uint8), tracks, truth)


class TestMatching:
    def test_the_truth_comes_in_the_order_of_the_tracks(self) -> None:
        tracks = np.array([[70.0] * FRAMES, [60.0] * FRAMES, [50.0] * FRAMES])
        truth = tracks[[2, 0, 1]] + 0.3
        assert np.array_equal(truth[followed(tracks, truth)], tracks + 0.3)

    def test_a_swap_for_a_moment_changes_nobody(self) -> None:
        truth = np.array([[70.0] * FRAMES, [60.0] * FRAMES])
        tracks = truth.copy()
        tracks[:, :20] = tracks[::-1, :20]
        assert followed(tracks, truth).tolist() == [0, 1]

    def test_a_track_that_follows_nobody_gets_who_is_left(self) -> None:
        truth = np.array([[70.0] * FRAMES, [60.0] * FRAMES])
        tracks = np.array([[NAN] * FRAMES, [70.2] * FRAMES])
        assert followed(tracks, truth).tolist() == [1, 0]


def test_disturbance_keeps_most_and_never_touches_the_given() -> None:
    rng = np.random.default_rng(0)
    tracks, truth = np.full((4, FRAMES), 60.0), np.full((4, FRAMES), 61.0)
    truth[:, 30:] = NAN
    changed = np.stack([disturbed(tracks, truth, rng) for _ in range(200)])
    assert (tracks == 60).all()
    assert 0.6 < np.mean(changed == 60) < 0.95
    assert np.isnan(changed).any() and (changed == 61).any()
    assert np.nanmax(np.abs(changed - 60)) <= 2.5 + 0.6


class TestLoss:
    def ideal(self, place: torch.Tensor, sung: torch.Tensor) -> torch.Tensor:
        offsets = torch.arange(-REACH, REACH + 1.0)[None, :, None]
        logits = -0.5 * ((offsets - place[:, None]) / 0.8) ** 2
        logits = torch.where(sung[:, None], logits, -30.0)
        return torch.cat((logits, torch.where(sung, -30.0, 30.0)[:, None]), dim=1)

    def test_it_is_least_at_the_truth(self) -> None:
        place = torch.linspace(-6, 6, FRAMES)[None]
        sung = (torch.arange(FRAMES) % 7 > 1)[None]
        best = refiner_loss(self.ideal(place, sung), place, sung)
        for other in (self.ideal(place + 0.7, sung), self.ideal(place, ~sung)):
            assert refiner_loss(other, place, sung) > best + 0.1
        rng = torch.Generator().manual_seed(0)
        noisy = self.ideal(place, sung) + 0.3 * torch.randn(1, OFFSETS + 1, FRAMES, generator=rng)
        assert refiner_loss(noisy, place, sung) > best

    def test_what_lies_beyond_the_crop_does_not_count(self) -> None:
        place = torch.zeros(1, FRAMES)
        sung = torch.ones(1, FRAMES, dtype=torch.bool)
        logits = self.ideal(place, sung)
        alone = refiner_loss(logits, place, sung)
        place[:, 30:] = REACH + 5.0
        assert torch.isclose(refiner_loss(logits, place, sung), alone)
        logits[..., 30:] = 99.0 * torch.rand(1, OFFSETS + 1, 30)
        assert torch.isclose(refiner_loss(logits, place, sung), alone)

    def test_nothing_that_counts_costs_nothing(self) -> None:
        far = torch.full((1, FRAMES), 50.0)
        logits = torch.zeros(1, OFFSETS + 1, FRAMES)
        assert refiner_loss(logits, far, torch.ones(1, FRAMES, dtype=torch.bool)) == 0


def test_a_batch_tells_where_the_truth_lies_in_each_view() -> None:
    tracks = np.full((2, FRAMES), 57.0) + np.array([[12.0], [0.0]])
    truth = tracks + 1.0  # a semitone above: three bins
    truth[0, 10:20] = NAN
    sampler = RefinerSampler([example(tracks, truth)], 0)
    views, places, sung = sampler.batch(3)
    assert views.shape == (6, CHANNELS, OFFSETS, FRAMES)
    assert torch.equal(sung, torch.from_numpy(np.isfinite(truth)).repeat(3, 1))
    # Most tracks are not disturbed, or only for a moment.
    assert (places[sung] - 3).abs().median() < 1e-3


@pytest.fixture(scope="module")
def repertoire() -> Repertoire:
    """Two steady voices, far apart, with many partials: a first estimate with any sense finds them."""
    samples, frames = 16000 * 5 // HOP * HOP, 16000 * 5 // HOP + 1
    f0 = np.repeat(np.array([440.0, 330.0, 220.0, 130.8])[None, :, None], frames, axis=2).repeat(2, axis=0)
    time = np.arange(samples) / 16000
    tones = sum(np.sin(2 * np.pi * k * f0[..., :1] * time) / k for k in range(1, 9))
    audio = np.round(10_000 * np.asarray(tones)).astype(np.int16)
    level = np.sqrt(np.mean(audio.astype(np.float32) ** 2, axis=-1))
    return Repertoire(audio, f0.astype(np.float32), level)


def test_examples_lay_the_first_tracks_beside_the_truth(repertoire: Repertoire) -> None:
    class Ears:
        def salience(self, signal: torch.Tensor) -> torch.Tensor:  # hears a voice a little above 220 Hz
            bins = torch.arange(BINS)[:, None] - bins_of(torch.tensor(223.0))
            return 0.95 * torch.exp(-0.5 * (bins / 0.8) ** 2).repeat(1, len(signal) // HOP + 1)

    shares: list[float] = []
    examples = make_examples(Ears(), Mixer(repertoire, 1, HOP), 6, shares.append)  # type: ignore[arg-type]
    assert len(examples) == 6 and shares[-1] == 1.0 and sorted(shares) == shares
    for one in examples:
        assert one.tracks.shape == one.truth.shape and one.tracks.shape[1] == one.salience.shape[1]
        assert 1 <= len(one.truth) <= 6 and np.abs(one.audio).max() == pytest.approx(1.0, abs=1e-3)
        known = np.isfinite(one.tracks).any(axis=1)
        assert known.any()
        heard = 69 + 12 * np.log2(223.0 / 440)
        assert np.nanmedian(one.tracks[known]) == pytest.approx(heard, abs=0.05)
        if any(np.nanmedian(np.abs(truth - 57)) < 0.1 for truth in one.truth):
            assert np.nanmedian(np.abs(one.truth[known] - 57).min(axis=0)) < 0.1
