"""Two parts in a written unison get F0 of their own, and each its own: not one F0 twice, nor the other's."""

import numpy as np
import pytest
from numpy.typing import NDArray

from vocsep.pitch.close_parts import close_parts
from vocsep.spectra import HOP, SAMPLE_RATE

Array = NDArray[np.float64]

FRAMES, MEET = 190, 80  # frames, and the one from which both have the same note
WRITTEN = np.array([[57.0] * FRAMES, [64.0] * MEET + [57.0] * (FRAMES - MEET), [69.0] * FRAMES])
SLOPES = (1.5, 0.5, 1.2)  # partial k of each voice has amplitude k ^ -slope


def sung() -> Array:
    """Semitones: in the unison the second is 45 cents above the first, with another vibrato."""
    time = np.arange(FRAMES) * HOP / SAMPLE_RATE
    pitch = WRITTEN.copy()
    pitch[0] += 0.15 * np.sin(2 * np.pi * 5.1 * time) - 0.2
    pitch[1] += 0.12 * np.sin(2 * np.pi * 6.2 * time + 1) + 0.25
    return np.asarray(pitch)


def sound(pitch: Array) -> NDArray[np.float32]:
    at = np.arange(FRAMES * HOP) / HOP
    total = np.zeros(len(at))
    for row, slope in zip(pitch, SLOPES, strict=True):
        frequency = 440 * 2 ** ((np.interp(at, np.arange(FRAMES), row) - 69) / 12)
        phase = 2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE
        for number in range(1, 16):
            total += number**-slope * np.cos(number * (phase + number))
    noise = np.random.default_rng(3).standard_normal(len(at))
    return np.asarray(0.05 * total + 0.003 * noise, dtype=np.float32)


@pytest.fixture(scope="module")
def found() -> tuple[Array, Array]:
    truth = sung()
    heard = truth.copy()
    heard[:2, MEET:] = heard[:2, MEET:].mean(axis=0)  # as the salience hears them
    return truth, close_parts(sound(truth), heard, WRITTEN)


def test_parts_in_a_written_unison_get_their_own_f0(found: tuple[Array, Array]) -> None:
    truth, parts = found
    cents = 100 * np.abs(parts - truth)[:2, MEET + 5 : -5]
    assert (np.median(cents, axis=1) < 5).all()
    assert (cents > 20).mean() < 0.1


def test_others_keep_theirs(found: tuple[Array, Array]) -> None:
    truth, parts = found
    np.testing.assert_array_equal(parts[2], truth[2])
    np.testing.assert_array_equal(parts[:, : MEET - 3], truth[:, : MEET - 3])


def test_parts_that_are_exchanged_are_exchanged_back() -> None:
    truth = sung()
    wrong = truth.copy()
    wrong[:2, MEET:] = wrong[1::-1, MEET:]
    parts = close_parts(sound(truth), wrong, WRITTEN)
    assert np.median(100 * np.abs(parts - truth)[:2, MEET + 5 : -5]) < 5


def test_tracks_far_from_each_other_are_left_alone() -> None:
    truth = sung()
    truth[1, MEET:] = np.nan
    assert close_parts(sound(sung()), truth, WRITTEN) is truth


def test_a_part_with_a_rest_does_not_sing_the_note_of_another() -> None:
    written, truth = WRITTEN.copy(), sung()
    written[0, :MEET], written[1, :MEET] = np.nan, 57.0
    truth[0, :MEET], truth[1, :MEET] = np.nan, truth[1, MEET]
    heard = truth.copy()
    heard[0, MEET - 30 : MEET] = truth[1, MEET - 30 : MEET] + 0.04
    parts = close_parts(sound(np.nan_to_num(truth, nan=57.0)), heard, written)
    assert np.isnan(parts[0, :MEET]).all()
    assert np.isfinite(parts[:, MEET:]).all()
    np.testing.assert_array_equal(parts[1, : MEET - 3], truth[1, : MEET - 3])


def test_contours_that_cross_are_told_from_those_that_touch_and_part() -> None:
    time = np.arange(FRAMES) * HOP / SAMPLE_RATE
    truth = WRITTEN.copy()
    truth[0] += 0.4 * np.sin(2 * np.pi * 5.4 * time)
    truth[1] += 0.45 * np.sin(2 * np.pi * 5.6 * time + 2.6)
    heard = truth.copy()
    heard[:2, MEET:] = heard[:2, MEET:].mean(axis=0)
    cents = 100 * np.abs(close_parts(sound(truth), heard, WRITTEN) - truth)[:2, MEET + 5 : -5]
    assert np.median(cents) < 5
    assert (cents > 25).mean() < 0.1
