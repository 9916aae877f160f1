"""Octaves that nobody sings, and octaves that somebody does."""

from collections.abc import Callable

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


def test_guesses_that_are_compared_are_judged_as_each_by_itself() -> None:
    guesses = np.stack((AS_HEARD, AS_HEARD - 5, np.stack((np.full(FRAMES, np.nan), STEADY))))
    together = unexplained(octave(), guesses)
    assert together.shape == (3, FRAMES // 2)
    np.testing.assert_array_equal(together, [unexplained(octave(), guess) for guess in guesses])


def test_the_lower_place_gains_in_unison_and_loses_in_an_octave() -> None:
    assert gain_below(unison(), AS_HEARD, WHOLE) > room.BETTER
    assert gain_below(octave(), AS_HEARD, WHOLE) < -room.BETTER


def song(last: np.ndarray, salience: float) -> tuple[np.ndarray, Candidates, np.ndarray]:
    """Four octaves that are surely sung, then two seconds of what ``last`` is, heard as an octave.

    Returns:
        audio, candidates (steady singer, octave, an empty one) and tracks of all.
    """
    audio = np.concatenate((octave()[:-1], octave()[:-1], last))
    tracks = np.tile(AS_HEARD, 3)[:, : len(audio) // HOP + 1]
    tracks[:, FRAMES - 1 :] = np.concatenate((AS_HEARD[:, :-1], AS_HEARD), axis=1)
    heard = np.full(tracks.shape[1], 0.97)
    heard[LAST] = salience
    pitch = np.stack((tracks[1], tracks[0], np.full_like(heard, np.inf)), axis=1)
    candidates = Candidates(pitch, np.stack((np.full_like(heard, 0.9), heard, 0 * heard), axis=1))
    rests = tracks.copy()
    for rest in (50, 126, 176, 245):
        rests[:, rest : rest + 12] = np.nan
    return audio, candidates, rests


LAST = slice(2 * (FRAMES - 1), None)


@pytest.mark.parametrize(("last", "salience"), [(octave(), 0.7), (unison(), 0.95)])
def test_octaves_that_are_sung_stay(last: np.ndarray, salience: float) -> None:
    """Whether the mixture says so, or the first estimate is sure of it."""
    audio, candidates, tracks = song(last, salience)
    assert lower_octaves(audio, candidates, tracks) is candidates


def test_an_octave_that_nobody_sings_falls() -> None:
    audio, candidates, tracks = song(unison(), 0.7)
    lowered = lower_octaves(audio, candidates, tracks)
    assert (np.diff(lowered.pitch, axis=1) >= 0).all()
    fallen = np.arange(len(lowered.pitch)) >= LAST.start + 12
    assert np.array_equal(lowered.pitch[: LAST.start], candidates.pitch[: LAST.start])
    pitch, salience = lowered.pitch[fallen], lowered.salience[fallen]
    lively = candidates.pitch[fallen, 1] - 12
    upper, below = pitch > 66, np.isclose(pitch, lively[:, None])
    assert upper.sum() == below.sum() == fallen.sum()
    odds = np.log(salience[upper] / (1 - salience[upper]))
    assert np.allclose(odds, np.log(0.7 / 0.3) - room.FALL)
    assert np.allclose(salience[below], 0.7) and np.allclose(salience[~upper & ~below], 0.9)
    assert (candidates.salience[fallen, 1] == 0.7).all()  # what was given is left alone


def test_a_unison_without_octaves_beside_it_is_left_as_heard() -> None:
    """Nothing tells whether this is a hall."""
    audio, candidates, tracks = song(unison(), 0.7)
    alone = Candidates(candidates.pitch[LAST], candidates.salience[LAST])
    assert lower_octaves(audio[LAST.start * HOP :], alone, tracks[:, LAST]) is alone


def only_the_last(usual: float) -> Callable[..., float]:
    """A gain that says that the last two seconds of `song` are a unison; elsewhere it is ``usual``."""
    return lambda audio, pitch, octave: 0.1 if octave.first >= LAST.start else usual


def test_voices_return_to_their_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenor joins the bass: the phantom above must not push everybody up."""
    monkeypatch.setattr(room, "gain_below", only_the_last(-0.1))
    audio, candidates, _ = song(unison(), 0.7)
    before = np.arange(candidates.frames) < LAST.start
    lower, upper = np.where(before, 63.0, 64.0), np.full(candidates.frames, 67.0)
    bass, phantom, nobody = candidates.pitch.T
    full = np.full(candidates.frames, 0.97)
    quartet = Candidates(
        np.stack((bass, lower, upper, phantom, nobody), axis=1),
        np.stack((candidates.salience[:, 0], full, full, *candidates.salience[:, 1:].T), axis=1),
    )
    pushed = mend(assign_viterbi(quartet, 4))
    assert np.allclose(pushed[:3, LAST], np.stack((phantom, upper, lower))[:, LAST])
    for rest in (50, 113, 176, 238):
        pushed[:, rest : rest + 12] = np.nan
    placed = mend(assign_viterbi(lower_octaves(audio, quartet, pushed), 4))
    after = slice(LAST.start + 12, None)
    assert np.allclose(placed[:2, after], np.stack((upper, lower))[:, after])
    assert np.abs(placed[2:, after] - 60).max() < 0.6


@pytest.mark.parametrize(("usual", "falls"), [(0.05, False), (-0.05, True)])
def test_halls_are_known_by_the_octaves_that_are_sung(
    usual: float, falls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the octaves of a recording gain anyway is no sign of unison."""
    audio, candidates, tracks = song(unison(), 0.7)
    monkeypatch.setattr(room, "gain_below", only_the_last(usual))
    assert (lower_octaves(audio, candidates, tracks) is not candidates) == falls
