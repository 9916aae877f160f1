"""A pitch that nobody sings loses against two voices on one line; singers apart stay apart."""

import numpy as np
import pytest

from tests.pitch.test_naming import sung
from tests.pitch.test_near_voices import mixture, pair
from vocsep.pitch.ghosts_of_unison import in_unison
from vocsep.pitch.near_voices import near_voices

GHOST = slice(40, 90)


@pytest.mark.parametrize("below", [12.0, 3.5, 19.0])
def test_a_ghost_below_a_unison_is_the_second_voice_of_it(below: float) -> None:
    pitch = pair(60.0)
    heard = np.stack((pitch[0], pitch[1]))
    heard[1, GHOST] = pitch[1, GHOST] - below
    audio = mixture(pitch)
    joined = in_unison(audio, heard)
    # Where the tracks jump may be told some frames off.
    inside = slice(GHOST.start + 6, GHOST.stop - 6)
    np.testing.assert_array_equal(joined[0, inside], joined[1, inside])
    np.testing.assert_array_equal(joined[:, :30], heard[:, :30])
    found = near_voices(audio, joined, joined)
    away = np.abs(found - np.sort(pitch, axis=0)[::-1])[:, inside]
    assert np.isfinite(found).all() and np.mean(away < 0.25) > 0.8


@pytest.mark.parametrize("interval", [3.0, 7.0, 12.0, 19.0])
def test_singers_apart_stay_where_they_are(interval: float) -> None:
    pitch = pair(100 * interval)
    assert in_unison(mixture(pitch), pitch) is pitch


def test_a_soft_singer_an_octave_below_is_no_ghost() -> None:
    pitch = pair(1200.0)
    audio = sung(pitch[0], 5.0, 0.1) + sung(pitch[1], 9.0, 0.02)
    assert in_unison(audio, pitch) is pitch


def test_who_is_near_the_other_has_no_ghost() -> None:
    pitch = pair(50.0)
    assert in_unison(mixture(pitch), pitch) is pitch
