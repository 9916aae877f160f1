"""SI-SDR and its seconds: the level of noise, whatever the scale."""

import numpy as np
import pytest

from vocsep.evaluation.seconds import mean_and_median
from vocsep.evaluation.si_sdr import si_sdr, si_sdr_per_second

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
