"""Scores against plain formulas, mir_eval and the figures that were measured on real singers."""

import os
from pathlib import Path

import mir_eval
import numpy as np
import pytest
import scipy.signal
import soundfile

from vocsep.evaluate import (
    mean_and_median,
    multipitch_scores,
    oracle_masks,
    si_sdr,
    si_sdr_per_second,
    voice_recall,
)
from vocsep.pitch.tracks import F0Tracks

NAN = float("nan")


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def test_si_sdr_is_the_level_of_orthogonal_noise(generator: np.random.Generator) -> None:
    s = generator.normal(size=4000)
    n = generator.normal(size=4000)
    n -= s * (s @ n) / (s @ s)
    n *= np.linalg.norm(s) / np.linalg.norm(n)
    for decibels in (-20.0, 0.0, 13.0, 60.0):
        assert si_sdr(s, 5 * (s + n * 10 ** (-decibels / 20))) == pytest.approx(decibels, abs=1e-9)


def test_si_sdr_does_not_remove_means() -> None:
    s = np.sin(np.arange(1600) * 2 * np.pi / 16)
    assert si_sdr(s, s + 1.0) == pytest.approx(10 * np.log10(0.5))


def test_si_sdr_of_silence_and_of_perfection_stays_finite_and_a_silent_reference_has_none() -> None:
    s = np.ones(10)
    assert si_sdr(s, np.zeros(10)) == -60
    assert si_sdr(s, -3 * s) == 100
    assert np.isnan(si_sdr(np.zeros(10), s))
    with pytest.raises(ValueError, match=r"\(10,\).*\(9,\)"):
        si_sdr(s, np.ones(9))


def test_each_second_is_scored_by_itself_and_quiet_ones_are_left_out(generator: np.random.Generator) -> None:
    rate = 1000
    reference = generator.normal(size=5 * rate + 300)
    reference[rate : 2 * rate] *= 0.05  # 26 dB below the others
    reference[2 * rate : 3 * rate] = 0
    estimate = reference + 0.1 * generator.normal(size=reference.size)
    scores = si_sdr_per_second(reference, estimate, rate)
    np.testing.assert_array_equal(np.isnan(scores), [False, True, True, False, False])
    for second in (0, 3, 4):
        part = slice(second * rate, (second + 1) * rate)
        assert scores[second] == si_sdr(reference[part], estimate[part])
    assert mean_and_median(scores) == pytest.approx((np.nanmean(scores), np.nanmedian(scores)))
    assert np.isnan(mean_and_median(np.array([NAN]))).all()


def test_a_signal_shorter_than_a_second_is_scored_whole(generator: np.random.Generator) -> None:
    reference = generator.normal(size=(2, 300))
    estimate = reference + generator.normal(size=(2, 300))
    np.testing.assert_allclose(
        si_sdr_per_second(reference, estimate, 1000)[:, 0], si_sdr(reference, estimate)
    )
    assert si_sdr_per_second(np.zeros(0), np.zeros(0), 1000).shape == (0,)


def test_multipitch_scores_agree_with_the_metrics_of_mir_eval(generator: np.random.Generator) -> None:
    frequencies = generator.uniform(100, 800, (4, 200))
    frequencies[generator.random((4, 200)) < 0.2] = NAN
    reference = F0Tracks(frequencies)
    wrong = np.where(generator.random((4, 200)) < 0.3, generator.uniform(100, 800, (4, 200)), frequencies)
    estimate = F0Tracks(wrong[generator.permutation(4)])  # the assignment to voices does not count
    lists = [[f[np.isfinite(f)] for f in tracks.frequencies.T] for tracks in (reference, estimate)]
    expected = mir_eval.multipitch.metrics(reference.times, lists[0], estimate.times, lists[1])
    scores = multipitch_scores(reference, estimate)
    np.testing.assert_allclose((scores.precision, scores.recall, scores.accuracy), expected[:3], rtol=1e-12)
    assert scores.f == pytest.approx(2 / (1 / scores.precision + 1 / scores.recall))


def test_fifty_cents_are_the_border_and_missing_frames_count() -> None:
    reference = F0Tracks(np.full((1, 10), 440.0))
    near, far = (F0Tracks(np.full((1, 10), 440 * 2 ** (cents / 1200))) for cents in (49, 51))
    assert multipitch_scores(reference, near).f == 1
    assert multipitch_scores(reference, far).f == 0
    assert multipitch_scores(reference, near.slice(0, 4)).recall == 0.4
    assert multipitch_scores(reference.slice(0, 4), near).precision == 0.4


def test_voice_recall_asks_for_the_right_row() -> None:
    reference = F0Tracks([[400.0, 400.0, NAN, 400.0], [200.0, 200.0, 200.0, 200.0], [NAN] * 4])
    estimate = F0Tracks([[400.0, NAN, 400.0, 402.0], [200.0, 400.0, 200.0, 100.0], [NAN] * 4])
    np.testing.assert_allclose(voice_recall(reference, estimate), [2 / 3, 0.5, NAN])
    with pytest.raises(ValueError, match="3 voices, estimate 1"):
        voice_recall(reference, F0Tracks([[NAN] * 4]))


@pytest.mark.parametrize("samples", [8192, 8200])
def test_oracle_masks_add_up_to_the_mixture(samples: int, generator: np.random.Generator) -> None:
    stems = generator.normal(size=(3, samples)).astype(np.float32)
    stems[2] = 0
    for power in (1, 2):
        np.testing.assert_allclose(oracle_masks(stems, power).sum(axis=0), stems.sum(axis=0), atol=1e-5)


def test_oracle_masks_agree_with_scipy(generator: np.random.Generator) -> None:
    stems = generator.normal(size=(2, 16_384))
    padded = np.pad(stems, ((0, 0), (2048, 2048)))
    transform = scipy.signal.ShortTimeFFT(scipy.signal.windows.hann(2048, sym=False), hop=256, fs=1)
    spectra = transform.stft(padded)
    masks = np.abs(spectra) ** 2 / np.sum(np.abs(spectra) ** 2, axis=0).clip(1e-12)
    expected = transform.istft(masks * spectra.sum(axis=0), k1=padded.shape[-1])[:, 2048:-2048]
    inside = slice(2048, -2048)  # scipy also has frames centred beyond the ends
    np.testing.assert_allclose(oracle_masks(stems, 2)[:, inside], expected[:, inside], atol=1e-4)


@pytest.mark.real
def test_the_measured_figures_of_the_real_quartet_come_out() -> None:
    folder = Path(os.environ.get("VOCSEP_DATA", "none")) / "csd_nino_dios" / "singers_1"
    if not folder.is_dir():
        pytest.skip("VOCSEP_DATA does not name a folder with csd_nino_dios/singers_1")
    paths = sorted((folder / "stems").iterdir())
    stems = np.stack([soundfile.read(path, frames=48 * 16_000, dtype="float32")[0] for path in paths])
    mixture = np.broadcast_to(stems.sum(axis=0), stems.shape)
    assert -7 < mean_and_median(si_sdr_per_second(stems, mixture, 16_000))[0] < -5
    assert 10 < mean_and_median(si_sdr_per_second(stems, oracle_masks(stems, 2), 16_000))[0] < 12.5
    reference = F0Tracks.read_csv(folder / "f0_of_stems.csv", voices=4)
    scores = multipitch_scores(reference, F0Tracks.read_csv(folder / "f0_published_estimator.csv"))
    np.testing.assert_allclose((scores.precision, scores.recall, scores.f), (0.92, 0.80, 0.86), atol=0.005)
