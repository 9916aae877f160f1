"""Two voices near one note: both F0 and both levels are found where a spectrogram shows one peak."""

import numpy as np
import pytest

from tests.pitch.test_naming import sung
from vocsep.pitch.comb_levels import fitted_levels
from vocsep.pitch.duet_stretches import find_places
from vocsep.pitch.near_voices import near_voices
from vocsep.pitch.two_combs import best_pairs
from vocsep.spectra import HOP, SAMPLE_RATE

FRAMES = 120
TIME = np.arange(FRAMES) * HOP / SAMPLE_RATE


def pair(cents: float, depth: float = 30.0) -> np.ndarray:
    """Two voices about 62 with vibratos of their own, ``cents`` apart in the mean, ``(2, frames)``."""
    one = 62 + (cents + depth * np.sin(2 * np.pi * 5.5 * TIME)) / 100
    return np.stack((one, 62 + depth / 100 * np.sin(2 * np.pi * 6.3 * TIME + 2)))


def mixture(pitch: np.ndarray) -> np.ndarray:
    return sung(pitch[0], 5.0, 0.1) + sung(pitch[1], 9.0, 0.1)


@pytest.mark.parametrize("cents", [0.0, 30.0, 60.0])
def test_both_f0_are_found_around_one_line(cents: float) -> None:
    pitch = pair(cents)
    found = best_pairs(mixture(pitch), np.full(FRAMES, 62.2), 0)
    away = np.abs(62.2 + found.cents / 100 - np.sort(pitch, axis=0)[::-1])[:, 5:-5]
    assert np.mean(away < 0.2) > 0.85
    assert np.all(found.cents[0] >= found.cents[1])


def test_a_second_voice_explains_more_than_none() -> None:
    pitch = pair(40.0)
    two, one = (best_pairs(audio, pitch[0], 0).gain for audio in (mixture(pitch), sung(pitch[0], 5.0, 0.1)))
    assert np.median(two) > np.median(one) + 2


def test_who_is_taken_for_silent_is_found_near_the_other() -> None:
    pitch = pair(50.0)
    heard = np.stack((pitch.mean(axis=0), pitch[1]))
    heard[1, 40:90] = np.nan
    found = near_voices(mixture(pitch), heard, np.stack((heard[0], heard[0])))
    away = np.abs(found - np.sort(pitch, axis=0)[::-1])[:, 45:85]
    assert np.isfinite(found).all() and np.mean(away < 0.25) > 0.8


def test_a_rest_stays_a_rest_and_tracks_apart_stay() -> None:
    alone = pair(0.0)[0]
    silent = np.full(FRAMES, np.nan)
    silent[:20] = 52.0
    pitch = np.stack((alone, silent))
    audio = sung(alone, 5.0, 0.1) + sung(silent, 5.0, 0.1)
    np.testing.assert_array_equal(near_voices(audio, pitch, pitch), pitch)


def test_levels_of_covered_partials_are_those_that_were_sung() -> None:
    pitch = pair(45.0)
    levels, sure = fitted_levels(mixture(pitch), pitch)
    number = np.arange(1, 9)
    for track, slope in enumerate((5.0, 9.0)):
        expected = 20 * np.log10(0.1) - 10 * np.log10(2) - slope * np.log2(number)
        known = sure[5:-5, track, :8] > 0.3
        assert np.median(np.abs(levels[5:-5, track, :8] - expected)[known]) < 1.5
    assert sure.min() >= 0 and sure.max() < 1.02


def test_silent_tracks_have_no_levels() -> None:
    pitch = pair(300.0)
    pitch[1, 60:] = np.nan
    levels, sure = fitted_levels(sung(pitch[0], 5.0, 0.1), pitch)
    assert np.isnan(levels[32:, 1]).all() and not sure[32:, 1].any() and np.isfinite(levels[:, 0, :5]).all()


def test_voices_may_change_places_where_they_touch() -> None:
    glide = np.linspace(-4, 4, 200)
    places = find_places(np.stack((62 + np.abs(glide), 62 - np.abs(glide))))
    assert any(90 <= place <= 110 for place in places)
    assert find_places(np.stack((np.full(100, 64.0), np.full(100, 60.0)))).tolist() == [0, 100]
