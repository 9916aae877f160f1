"""Candidates: peaks where scipy finds them, refined below a bin."""

import numpy as np
import pytest
from scipy.signal import find_peaks

from vocsep.pitch.candidates import Candidates, find_candidates, pitch_of_bins
from vocsep.pitch.harmonic_stack import BINS, bin_frequencies


def bump(*positions: float, height: float = 0.9, width: float = 0.8) -> np.ndarray:
    """Salience ``(BINS, 1)`` of a frame with Gaussians at these positions in bins."""
    bins = np.arange(BINS)[:, None]
    shapes = [height * np.exp(-0.5 * ((bins - position) / width) ** 2) for position in positions]
    return np.asarray(np.max(shapes, axis=0), dtype=np.float32)


def test_pitch_of_bins_is_the_midi_number_of_their_frequencies() -> None:
    expected = 69 + 12 * np.log2(bin_frequencies().numpy() / 440)
    np.testing.assert_allclose(pitch_of_bins(np.arange(BINS, dtype=float)), expected, atol=1e-9)


@pytest.mark.parametrize("position", [50.0, 50.2, 50.49, 80.77, 120.5])
def test_a_gaussian_is_found_to_a_cent(position: float) -> None:
    found = find_candidates(bump(position), 4, 0.1)
    expected = pitch_of_bins(np.array(position))
    assert found.pitch[0, 0] == pytest.approx(float(expected), abs=0.01)
    assert np.isinf(found.pitch[0, 1:]).all() and (found.salience[0, 1:] == 0).all()


def test_peaks_are_those_that_scipy_finds() -> None:
    salience = np.random.default_rng(0).random((BINS, 20)).astype(np.float32)
    found = find_candidates(salience, BINS, 0.3)
    for frame in range(20):
        padded = np.pad(salience[:, frame], 1)
        expected, _ = find_peaks(padded, height=0.3)
        strengths = found.salience[frame][found.salience[frame] > 0]
        np.testing.assert_allclose(strengths, padded[expected], atol=1e-7)
        close = pitch_of_bins((expected - 1).astype(float))
        assert np.abs(found.pitch[frame][: len(expected)] - close).max() <= 0.5 * 12 / 36 + 1e-9


def test_the_strongest_are_kept_in_order_of_pitch() -> None:
    salience = np.maximum(bump(30.0, 90.0, height=0.9), bump(60.0, 110.0, height=0.5))
    found = find_candidates(salience, 3, 0.1)
    assert (np.diff(found.pitch[0]) > 0).all()
    assert sorted(found.salience[0].round(3)) == [0.5, 0.9, 0.9]
    two = find_candidates(salience, 4, 0.1).strongest(2)
    np.testing.assert_allclose(two.pitch[0], pitch_of_bins(np.array([30.0, 90.0])), atol=0.01)


def test_fewer_by_strength_is_the_same_as_fewer_from_the_start() -> None:
    salience = np.random.default_rng(1).random((BINS, 30)).astype(np.float32)
    direct, later = find_candidates(salience, 3, 0.2), find_candidates(salience, 10, 0.2).strongest(3)
    np.testing.assert_array_equal(direct.pitch, later.pitch)
    np.testing.assert_array_equal(direct.salience, later.salience)


def test_nothing_under_the_floor_is_a_candidate() -> None:
    found = find_candidates(bump(40.0, height=0.2), 3, 0.25)
    assert np.isinf(found.pitch).all() and (found.salience == 0).all()


@pytest.mark.parametrize("bin_", [0, BINS - 1])
def test_the_first_and_last_bin_can_be_a_peak(bin_: int) -> None:
    found = find_candidates(bump(float(bin_)), 2, 0.1)
    assert found.pitch[0, 0] == pytest.approx(float(pitch_of_bins(np.array(float(bin_)))), abs=0.17)
    assert np.isfinite(found.pitch).sum() == 1


def test_a_plateau_is_one_candidate() -> None:
    salience = np.zeros((BINS, 1), np.float32)
    salience[50:53] = 0.8
    found = find_candidates(salience, 3, 0.1)
    assert np.isfinite(found.pitch).sum() == 1


def test_saturated_and_empty_salience_are_finite() -> None:
    for salience in (np.ones((BINS, 2), np.float32), np.zeros((BINS, 2), np.float32)):
        found = find_candidates(salience, 3, 0.1)
        assert found.frames == 2 and found.count == 3
        assert not np.isnan(found.pitch).any() and np.isfinite(found.salience).all()


def test_asking_for_more_than_there_are_changes_nothing() -> None:
    given = Candidates(np.array([[60.0, np.inf]]), np.array([[0.5, 0.0]]))
    assert given.strongest(5) is given
