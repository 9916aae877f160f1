"""Octaves that nobody sings, and octaves that somebody does."""

import numpy as np
import pytest

from vocsep.pitch import octaves as room
from vocsep.pitch.candidates import Candidates
from vocsep.pitch.gaps import mend
from vocsep.pitch.octaves import Octave, gain_below, lower_octaves, octaves, unexplained
from vocsep.pitch.viterbi import assign_viterbi
from vocsep.spectra import HOP, SAMPLE_RATE

FRAMES = 126  # 2 s
TIME = np.arange(FRAMES) * HOP / SAMPLE_RATE
STEADY = 60 + 0.08 * np.sin(2 * np.pi * 4.6 * TIME)  # a singer with little vibrato, and one with much
LIVELY = 60 + 0.5 * np.sin(2 * np.pi * 5.6 * TIME + 1)
EVEN = np.array([1.0, 1.6, 0.3, 1.2, 0.3, 0.8, 0.2, 0.5])  # a vowel with strong even partials
FALLING = 1 / np.arange(1, 9)
WHOLE = Octave(0, FRAMES, 0, 1)


def sung(pitch: np.ndarray, amplitudes: np.ndarray) -> np.ndarray:
    """Sines at the multiples of a pitch in semitones."""
    at = np.arange((FRAMES - 1) * HOP + 1) / HOP
    f0 = np.interp(at, np.arange(FRAMES), 440 * 2 ** ((pitch - 69) / 12))
    phase = 2 * np.pi * np.cumsum(f0) / SAMPLE_RATE
    partials = np.arange(1, len(amplitudes) + 1)[:, None] * phase + np.arange(len(amplitudes))[:, None] ** 2
    return (0.05 * amplitudes @ np.sin(partials)).astype(np.float32)


def heard(*lines: np.ndarray, salience: tuple[float, ...]) -> Candidates:
    """One candidate a line in every frame, and an empty one."""
    pitch = np.stack([*lines, np.full(FRAMES, np.inf)]).T
    return Candidates(pitch, np.tile(np.array([*salience, 0.0]), (FRAMES, 1)))


def unison() -> np.ndarray:
    return sung(STEADY, FALLING) + sung(LIVELY, EVEN)


def octave() -> np.ndarray:
    return sung(STEADY, FALLING) + sung(LIVELY + 12, FALLING)


AS_HEARD = np.stack((LIVELY + 12, STEADY))


def test_octaves_are_found_where_they_last() -> None:
    pitch = np.stack((np.full(200, 72.0), np.full(200, 65.0), np.full(200, 60.3)))
    pitch[0, 100:160] = 70.0
    assert octaves(pitch) == [Octave(0, 100, 0, 2), Octave(160, 200, 0, 2)]
    pitch[2, 40:44] = np.nan  # a short gap is none
    pitch[2, 165:175] = 58.0
    assert octaves(pitch) == [Octave(0, 100, 0, 2)]
    assert octaves(np.full((2, 200), np.nan)) == []


def test_silence_of_the_upper_voice_is_no_octave() -> None:
    pitch = np.stack((np.full(60, 72.0), np.full(60, 60.0)))
    pitch[0, 28:32] = np.nan
    assert octaves(pitch) == []


def test_right_tracks_explain_more_than_wrong_ones() -> None:
    audio = octave()
    right = unexplained(audio, AS_HEARD).mean()
    wrong = [AS_HEARD + np.array([[moved], [0.0]]) for moved in (-5.0, 1.0, 4.0)]
    assert all(right < unexplained(audio, tracks).mean() for tracks in wrong)
    alone = np.stack((np.full(FRAMES, np.nan), STEADY))
    assert right < unexplained(audio, alone).mean()


def test_what_is_unexplained_does_not_depend_on_the_level() -> None:
    audio = octave()
    assert np.allclose(unexplained(audio, AS_HEARD), unexplained(0.01 * audio, AS_HEARD), rtol=1e-3)


def test_the_lower_place_gains_in_unison_and_loses_in_an_octave() -> None:
    assert gain_below(unison(), AS_HEARD, WHOLE) > room.BETTER
    assert gain_below(octave(), AS_HEARD, WHOLE) < -room.BETTER


def test_an_octave_that_is_sung_stays() -> None:
    candidates = heard(STEADY, LIVELY + 12, salience=(0.9, 0.7))
    assert lower_octaves(octave(), candidates, AS_HEARD) is candidates


def test_what_is_surely_heard_is_not_asked() -> None:
    candidates = heard(STEADY, LIVELY + 12, salience=(0.9, 0.95))
    assert lower_octaves(unison(), candidates, AS_HEARD) is candidates


def test_an_octave_that_nobody_sings_falls() -> None:
    candidates = heard(STEADY, LIVELY + 12, salience=(0.9, 0.7))
    lowered = lower_octaves(unison(), candidates, AS_HEARD)
    assert (np.diff(lowered.pitch, axis=1) >= 0).all()
    upper, below = lowered.pitch > 66, np.isclose(lowered.pitch, LIVELY[:, None])
    assert upper.sum() == below.sum() == FRAMES
    odds = np.log(lowered.salience[upper] / (1 - lowered.salience[upper]))
    assert np.allclose(odds, np.log(0.7 / 0.3) - room.FALL)
    assert np.allclose(lowered.salience[below], 0.7)
    assert np.allclose(lowered.salience[~upper & ~below], 0.9)
    assert (candidates.salience[:, 1] == 0.7).all()  # what was given is left alone


def test_voices_return_to_their_places() -> None:
    """A quartet whose tenor joins the bass: the phantom above must not push everybody up."""
    alto, soprano = np.full(FRAMES, 64.0), np.full(FRAMES, 67.0)
    audio = unison() + sung(alto, FALLING) + sung(soprano, FALLING)
    candidates = heard(STEADY, alto, soprano, LIVELY + 12, salience=(0.95, 0.97, 0.98, 0.7))
    pushed = mend(assign_viterbi(candidates, 4))
    assert np.allclose(pushed[0], LIVELY + 12)
    placed = mend(assign_viterbi(lower_octaves(audio, candidates, pushed), 4))
    assert np.allclose(placed[:2], np.stack((soprano, alto)))
    assert np.abs(placed[2:] - 60).max() < 0.6


@pytest.mark.parametrize(("usual", "falls"), [(0.5, False), (-0.5, True)])
def test_rooms_are_known_by_the_octaves_that_are_sung(
    usual: float, falls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What all octaves of a recording gain is no sign of unison."""
    candidates = heard(STEADY, LIVELY + 12, salience=(0.9, 0.7))
    candidates.salience[: FRAMES // 2, 1] = 0.99
    pitch = AS_HEARD.copy()
    pitch[:, FRAMES // 2 - 10 : FRAMES // 2 + 10] = np.nan

    def gain(audio: np.ndarray, pitch: np.ndarray, octave: Octave) -> float:
        return usual if octave.first == 0 else 0.1

    monkeypatch.setattr(room, "gain_below", gain)
    assert (lower_octaves(unison(), candidates, pitch) is not candidates) == falls
