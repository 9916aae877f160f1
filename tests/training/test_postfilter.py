"""Training examples of the post-filter, what it is scored by, and a few steps of learning."""

import numpy as np
import pytest
import torch

from vocsep.filtering.postfilter import PostfilterNetwork, PostfilterSettings, corrected
from vocsep.filtering.postfilter_features import BINS, CHANNELS
from vocsep.methods.source_filter import levelled_comb, untrained_comb
from vocsep.pitch.tracks import F0Tracks
from vocsep.singers.repertoire import Repertoire
from vocsep.spectra import HOP, MASK_FFT, stft
from vocsep.training.examples import Examples
from vocsep.training.loop import train_steps
from vocsep.training.postfilter import CAP, SECOND, error_level, postfilter_loss
from vocsep.training.postfilter_examples import (
    PostfilterExample,
    Sung,
    explained,
    in_order_of,
    make_examples,
    mix,
)
from vocsep.training.postfilter_sampler import PostfilterSampler
from vocsep.training.schedule import Schedule
from vocsep.training.task import NetworkTask
from vocsep.training.trainer import Trainer


def harmonic(f0: float, samples: int) -> np.ndarray:
    time = np.arange(samples) / 16000
    return np.asarray(sum(np.sin(2 * np.pi * k * f0 * time + k * k) / k for k in range(1, 9)))


@pytest.fixture(scope="module")
def repertoire() -> Repertoire:
    samples = 16000 * 3 // HOP * HOP
    f0 = np.array([440.0, 330.0, 220.0, 130.8])
    audio = (
        np.stack([np.round(8_000 * harmonic(f, samples)) for f in f0])
        .astype(np.int16)[None]
        .repeat(2, axis=0)
    )
    level = np.sqrt(np.mean(audio.astype(np.float32) ** 2, axis=-1))
    return Repertoire(
        audio, f0[None, :, None].repeat(2, 0).repeat(samples // HOP + 1, 2).astype(np.float32), level
    )


class TestErrorLevel:
    def spectra(self) -> tuple[torch.Tensor, torch.Tensor]:
        stems = torch.randn(
            2, BINS, 2 * SECOND + 5, dtype=torch.complex64, generator=torch.Generator().manual_seed(0)
        )
        return stems.sum(dim=0), stems

    def test_it_is_that_of_each_voice_and_second_by_itself(self) -> None:
        mixture, stems = self.spectra()
        masks = torch.rand(2, *mixture.shape, generator=torch.Generator().manual_seed(1))
        levels = []
        for voice in range(2):
            for second in range(2):
                span = slice(second * SECOND, (second + 1) * SECOND)
                error = (masks[voice] * mixture - stems[voice])[:, span].abs().square().sum()
                own = (
                    stems[voice][:, span].abs().square().sum() + 0.01 * mixture[:, span].abs().square().sum()
                )
                levels.append(10 * torch.log10((error + CAP * own) / own))
        assert error_level(masks, mixture, stems) == pytest.approx(
            float(torch.stack(levels).mean()), abs=1e-4
        )

    def test_a_perfect_mask_reaches_the_cap_and_none_gets_nothing(self) -> None:
        mixture, stems = self.spectra()
        alone = torch.stack((mixture, torch.zeros_like(mixture)))
        masks = torch.stack((torch.ones(mixture.shape), torch.zeros(mixture.shape)))
        assert error_level(masks, mixture, alone) == pytest.approx(10 * np.log10(CAP), abs=1e-3)
        assert error_level(0 * masks, mixture, stems) == pytest.approx(0, abs=0.2)


class TestExamples:
    def test_mixtures_are_their_stems_and_a_little_noise(self, repertoire: Repertoire) -> None:
        rng = np.random.default_rng(0)
        for _ in range(5):
            sung = mix(repertoire, rng)
            rest = sung.mixture - sung.stems.sum(axis=0)
            assert np.abs(sung.mixture).max() == pytest.approx(1.0, abs=1e-5)
            assert 2 <= len(sung.stems) == len(sung.f0) <= 6
            assert np.mean(rest**2) < 10**-2.9 * np.mean(sung.mixture**2)

    def test_rows_are_the_same_singer(self, repertoire: Repertoire) -> None:
        stems, f0 = repertoire.audio[0].astype(np.float32) / 60_000, repertoire.f0[0].astype(np.float64)
        tracks = F0Tracks(f0[[2, 0, 3, 1]] * 1.01)
        sung = in_order_of(tracks, Sung(stems.sum(axis=0), stems, f0))
        assert np.array_equal(sung.f0, f0[[2, 0, 3, 1]]) and np.array_equal(sung.stems, stems[[2, 0, 3, 1]])

    def test_an_example_is_what_separation_makes_of_a_mixture(self, repertoire: Repertoire) -> None:
        class Pitch:
            def estimate(self, signal: np.ndarray, voices: int) -> F0Tracks:
                found = np.array([440.0, 330.0, 220.0, 130.8, 440.0, 330.0])[:voices]
                return F0Tracks(np.repeat(found[:, None], len(signal) // HOP + 1, axis=1))

        shares: list[float] = []
        examples = make_examples(repertoire, Pitch(), untrained_comb, 4, 3, shares.append)  # type: ignore[arg-type]
        assert shares == [0.25, 0.5, 0.75, 1.0]
        for one in examples:
            assert one.powers.shape == (len(one.stems), BINS, one.f0.shape[1])
            assert np.isfinite(one.powers).all() and one.exponent in (1.0, 0.7)

    def test_expected_powers_are_of_the_size_of_the_voices(self, repertoire: Repertoire) -> None:
        stems = repertoire.audio[0, :2].astype(np.float32) / 40_000
        f0 = repertoire.f0[0, :2].astype(np.float64)
        one = explained(Sung(stems.sum(axis=0), stems, f0), F0Tracks(f0), levelled_comb, 0)
        for stem, decibels in zip(stems, one.powers, strict=True):
            true = stft(torch.from_numpy(stem), MASK_FFT)[:BINS].abs().square().sum()
            expected = (10 ** (decibels.astype(np.float64) / 10)).sum()
            assert expected == pytest.approx(float(true), rel=0.3)


def misjudged() -> PostfilterExample:
    """Two voices; the lower is expected to be 12 dB louder than it is."""
    samples, rng = 16000 * 3 // HOP * HOP, np.random.default_rng(0)
    stems = np.stack([harmonic(330.0, samples), harmonic(220.0, samples)]).astype(np.float32)
    stems *= (1 + 0.3 * rng.standard_normal((2, 1))) / np.abs(stems.sum(axis=0)).max()
    powers = stft(torch.from_numpy(stems), MASK_FFT)[:, :BINS].abs().square()
    decibels = 10 * torch.log10(powers + 1e-9) + torch.tensor([0.0, 12.0])[:, None, None]
    f0 = np.repeat(np.float32([[330.0], [220.0]]), samples // HOP + 1, axis=1)
    return PostfilterExample(
        stems.sum(axis=0), stems.astype(np.float16), f0, decibels.to(torch.float16).numpy(), 1.0
    )


def test_excerpts_are_whole() -> None:
    sampler = PostfilterSampler([misjudged()], 0)
    for _ in range(4):
        view, masks, mixture, stems = sampler.excerpt()
        frames = mixture.shape[-1]
        assert view.shape == (2, CHANNELS, BINS, frames) and masks.shape == stems.shape == (2, BINS, frames)
        assert torch.allclose(masks.sum(dim=0), torch.ones(()), atol=1e-5)
        assert torch.allclose(stems.sum(dim=0), mixture, atol=0.05)


def test_a_detuned_voice_is_expected_where_its_f0_says() -> None:
    powers, f0 = torch.zeros(1, BINS, 30), torch.full((1, 30), 500.0)
    powers[:, 512] = 1.0  # 4 kHz, the eighth harmonic
    moved = 0.0
    for seed in range(20):
        changed, heard = PostfilterSampler([], seed)._detuned(powers, f0)
        centre = (changed[0] * torch.arange(BINS)[:, None]).sum(dim=0) / changed[0].sum(dim=0)
        assert torch.allclose(centre * 16000 / MASK_FFT, 8 * heard[0], rtol=2e-3)
        moved = max(moved, float((heard - 500).abs().max()))
    assert 3.0 < moved < 30.0


def test_it_learns_to_mend_levels() -> None:
    torch.manual_seed(0)
    sampler, network = (
        PostfilterSampler([misjudged()], 1),
        PostfilterNetwork(PostfilterSettings(4, ((1, 1),))),
    )
    trainer = Trainer(NetworkTask(network, postfilter_loss))

    def drawn(step: int) -> Examples:
        return Examples(tuple(sampler.at(step, number).excerpt() for number in range(2)))

    train_steps(trainer, drawn, [drawn(99)], Schedule(steps=20, learning_rate=0.1, validate_every=10))
    trainer.use_best()
    view, masks, mixture, stems = PostfilterSampler([misjudged()], 2).excerpt()
    with torch.no_grad():
        after = error_level(corrected(masks, network(view)), mixture, stems)
    assert after < error_level(masks, mixture, stems) - 1.0
