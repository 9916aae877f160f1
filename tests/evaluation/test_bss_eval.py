"""SDR, SIR and SAR against explicit least squares and mir_eval, and the laws of both kinds."""

import warnings

import mir_eval
import numpy as np
import pytest
import scipy.signal
from numpy.typing import NDArray

from vocsep.evaluation.bss_eval import bss_eval, bss_eval_per_second, si_bss_eval
from vocsep.evaluation.si_sdr import si_sdr, si_sdr_per_second

Signals = NDArray[np.float64]


def decibels(part: Signals, rest: Signals) -> float:
    return float(10 * np.log10(np.sum(part**2) / np.sum(rest**2)))


def projected(estimate: Signals, references: Signals, taps: int) -> Signals:
    """Of the estimate what the references explain, each delayed by 0 .. taps - 1 samples: least squares."""
    padded = np.pad(references, ((0, 0), (0, taps - 1)))
    columns = np.stack([np.roll(s, delay) for s in padded for delay in range(taps)], axis=1)
    target = np.pad(estimate, (0, taps - 1))
    return np.asarray(columns @ np.linalg.lstsq(columns, target, rcond=None)[0])


def plain_parts(references: Signals, estimate: Signals, voice: int, taps: int) -> tuple[Signals, ...]:
    """Own part, interference, artifacts as signals."""
    own = projected(estimate, references[voice : voice + 1], taps)
    explained = projected(estimate, references, taps)
    return own, explained - own, np.pad(estimate, (0, taps - 1)) - explained


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def references(generator: np.random.Generator) -> Signals:
    """Three coloured noises, correlated with each other, ``(voices, samples)``."""
    noise = generator.normal(size=(3, 3000))
    coloured = scipy.signal.lfilter([1.0], [1.0, -1.2, 0.6], noise)
    return np.asarray(coloured + 0.3 * coloured.sum(axis=0))


@pytest.fixture
def estimates(references: Signals, generator: np.random.Generator) -> Signals:
    smeared = scipy.signal.lfilter([0.7, 0.3, -0.2], [1.0], references)
    leak = 0.2 * np.roll(references, 1, axis=0)
    return np.asarray(smeared + leak + 0.3 * generator.normal(size=references.shape))


@pytest.mark.parametrize("taps", [1, 2, 16])
def test_the_parts_are_those_of_explicit_least_squares(
    references: Signals, estimates: Signals, taps: int
) -> None:
    scores = bss_eval(references, estimates, taps)
    for voice, estimate in enumerate(estimates):
        own, interference, artifacts = plain_parts(references, estimate, voice, taps)
        assert scores.sdr[voice] == pytest.approx(decibels(own, interference + artifacts), abs=1e-6)
        assert scores.sir[voice] == pytest.approx(decibels(own, interference), abs=1e-6)
        assert scores.sar[voice] == pytest.approx(decibels(own + interference, artifacts), abs=1e-6)


def test_512_taps_agree_with_mir_eval(references: Signals, estimates: Signals) -> None:
    if not hasattr(mir_eval, "separation"):
        pytest.skip("this mir_eval has no separation module any more")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated since mir_eval 0.8
        *expected, _ = mir_eval.separation.bss_eval_sources(references, estimates, compute_permutation=False)
    scores = bss_eval(references, estimates)
    np.testing.assert_allclose((scores.sdr, scores.sir, scores.sar), expected, atol=1e-3)


def test_scale_invariant_ratios_are_those_of_explicit_projections(
    references: Signals, estimates: Signals
) -> None:
    scores = si_bss_eval(references, estimates)
    for voice, estimate in enumerate(estimates):
        own, interference, artifacts = plain_parts(references, estimate, voice, taps=1)
        assert scores.sir[voice] == pytest.approx(decibels(own, interference), abs=1e-6)
        assert scores.sar[voice] == pytest.approx(decibels(own, artifacts), abs=1e-6)
    np.testing.assert_allclose(scores.sdr, si_sdr(references, estimates), atol=1e-6)


def test_distortion_is_interference_and_artifacts(references: Signals, estimates: Signals) -> None:
    scores = si_bss_eval(references, estimates)
    sdr, sir, sar = (10 ** (-ratio / 10) for ratio in (scores.sdr, scores.sir, scores.sar))
    np.testing.assert_allclose(sdr, sir + sar, rtol=1e-9)


def test_levels_do_not_count(references: Signals, estimates: Signals) -> None:
    for score in (bss_eval, si_bss_eval):
        plain = score(references, estimates)
        scaled = score(references * [[1e-3], [1.0], [50.0]], -7 * estimates)
        for name in ("sdr", "sir", "sar"):
            np.testing.assert_allclose(getattr(scaled, name), getattr(plain, name), atol=1e-5)


@pytest.mark.parametrize("level", [0.0, 10.0, 40.0])
def test_leakage_is_interference_and_noise_is_artifact(level: float, generator: np.random.Generator) -> None:
    basis = np.linalg.qr(generator.normal(size=(500, 3)))[0].T  # three signals, orthogonal, of equal energy
    references, noise = basis[:2], basis[2]
    gain = 10 ** (-level / 20)
    leaking = si_bss_eval(references, references + gain * references[::-1])
    np.testing.assert_allclose(leaking.sdr, level, atol=1e-6)
    np.testing.assert_allclose(leaking.sir, level, atol=1e-6)
    assert (leaking.sar > 95).all()
    noisy = si_bss_eval(references, references + gain * noise)
    np.testing.assert_allclose(noisy.sdr, level, atol=1e-6)
    np.testing.assert_allclose(noisy.sar, level, atol=1e-6)
    assert (noisy.sir > 95).all()


def test_a_filter_is_forgiven_by_bss_eval_alone(references: Signals) -> None:
    quiet_end = references * (np.arange(3000) < 2500)
    filtered = scipy.signal.lfilter([0.2, 1.0, 0.5], [1.0], np.roll(quiet_end, 100, axis=1))
    assert (bss_eval(quiet_end, filtered).sdr > 60).all()
    assert (si_bss_eval(quiet_end, filtered).sdr < 10).all()


def test_perfection_and_silence_stay_finite_or_are_not_scored(references: Signals) -> None:
    estimates = np.stack([references[0], np.zeros(3000), references[2]])
    for score in (bss_eval, si_bss_eval):
        scores = score(references, estimates)
        np.testing.assert_array_equal(scores.sdr, [100, -60, 100])
        assert np.isnan(scores.sir[1]) and np.isnan(scores.sar[1])
        gap = references * [[1.0], [0.0], [1.0]]
        assert np.isnan([score(gap, estimates).sdr[1], score(gap, estimates).sar[1]]).all()
        alone = score(references[:1], references[:1] + references[1:2])
        assert np.isnan(alone.sir[0]) and np.isfinite([alone.sdr[0], alone.sar[0]]).all()


@pytest.mark.parametrize("kind", ["equal", "constant", "tones"])
def test_references_that_cannot_be_told_apart_are_no_error(
    kind: str, references: Signals, estimates: Signals
) -> None:
    time = np.arange(3000)
    same = {
        "equal": np.stack([references[0]] * 3),
        "constant": np.ones((3, 3000)),
        "tones": np.sin(0.1 * time * np.array([[1], [2], [3]])),
    }
    scores = bss_eval(same[kind], estimates)
    assert np.isfinite([scores.sdr, scores.sir, scores.sar]).all()


def test_several_methods_at_once_are_each_by_itself(references: Signals, estimates: Signals) -> None:
    both = bss_eval(references, np.stack([estimates, references]), taps=32)
    np.testing.assert_allclose(both.sir[0], bss_eval(references, estimates, taps=32).sir, atol=1e-9)
    assert both.sdr.shape == (2, 3) and (both.sdr[1] == 100).all()


@pytest.mark.parametrize("taps", [None, 4])
def test_each_second_is_scored_by_itself_and_quiet_ones_are_left_out(
    taps: int | None, references: Signals, estimates: Signals
) -> None:
    rate = 900  # three whole seconds and a rest
    references[1, rate : 2 * rate] *= 1e-3
    shares: list[float] = []
    scores = bss_eval_per_second(references, estimates[None], rate, taps, shares.append)
    assert scores.sdr.shape == (1, 3, 3) and shares == pytest.approx([1 / 3, 2 / 3, 1])
    quiet = np.zeros((3, 3), dtype=bool)
    quiet[1, 1] = True
    np.testing.assert_array_equal(np.isnan(scores.sir[0]), quiet)
    last = slice(2 * rate, 3 * rate)
    window = (references[:, last], estimates[:, last])
    expected = si_bss_eval(*window) if taps is None else bss_eval(*window, taps)
    np.testing.assert_allclose(scores.sar[0, :, 2], expected.sar, atol=1e-9)
    if taps is None:
        np.testing.assert_allclose(scores.sdr[0], si_sdr_per_second(references, estimates, rate), atol=1e-6)


def test_shapes_that_do_not_fit_are_refused(references: Signals) -> None:
    with pytest.raises(ValueError, match=r"\(3, 3000\).*\(2, 3000\)"):
        bss_eval(references, references[:2])
