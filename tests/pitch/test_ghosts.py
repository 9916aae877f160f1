"""Ghosts: a pitch that explains nothing loses its candidates, and a quiet singer keeps them."""

import numpy as np
import pytest

from tests.pitch.test_naming import sung
from vocsep.pitch.candidates import Candidates, log_odds
from vocsep.pitch.ghosts import (
    judged_notes,
    left_unexplained,
    share_explained,
    without_ghosts,
    without_short_ghosts,
)
from vocsep.spectra import HOP

FRAMES = 600


def tracks() -> np.ndarray:
    upper, lower = np.full(FRAMES, 67.0), np.full(FRAMES, 62.5)
    for index, step in enumerate((0, 2, -1, 3, 1, -2)):
        upper[100 * index : 100 * index + 90] += step
        lower[100 * index : 100 * index + 90] -= step
    return np.stack((upper, lower))


def heard(pitch: np.ndarray) -> Candidates:
    order = np.argsort(pitch, axis=0)
    return Candidates(np.take_along_axis(pitch, order, axis=0).T, np.full((pitch.shape[1], len(pitch)), 0.95))


@pytest.mark.parametrize(("quieter", "ghost"), [(55.0, True), (12.0, False)])
def test_what_explains_nothing_is_a_ghost_and_a_quiet_singer_is_none(quieter: float, ghost: bool) -> None:
    pitch = tracks()
    third = np.full(FRAMES, np.nan)
    third[200:300] = 51.3
    everybody = np.vstack((pitch, third))
    audio = sung(pitch[0], 6.0, 0.1) + sung(pitch[1], 6.0, 0.1)
    audio = audio + sung(
        np.where(np.isfinite(third), third, 51.3), 6.0, 0.1 * 10 ** (-quieter / 20)
    ) * np.repeat(np.isfinite(third), HOP)[: len(audio)].astype(np.float32)
    found = Candidates(
        np.where(np.isfinite(everybody), everybody, np.inf).T[:, ::-1],
        np.where(np.isfinite(everybody), 0.95, 0.0).T[:, ::-1],
    )
    left = without_ghosts(audio, found, everybody)
    part = slice(210, 280)
    before, after = log_odds(found.salience)[part], log_odds(left.salience)[part]
    assert (before[:, 0] - after[:, 0] > 3).all() if ghost else left is found
    np.testing.assert_array_equal(before[:, 1:], after[:, 1:])


def test_without_ghosts_the_candidates_are_the_same_object() -> None:
    pitch = tracks()
    found = heard(pitch)
    assert without_ghosts(sung(pitch[0], 6.0, 0.1) + sung(pitch[1], 6.0, 0.1), found, pitch) is found


def test_every_singer_explains_a_part_and_silence_explains_nothing() -> None:
    pitch = np.vstack((tracks(), np.full(FRAMES, np.nan)))
    left = left_unexplained(sung(pitch[0], 6.0, 0.1) + sung(pitch[1], 6.0, 0.1), pitch)
    gain = left[1:] - left[0]
    assert gain.shape == (3, FRAMES // 2)
    assert (gain[:2].mean(axis=1) > 0.1).all() and not gain[2].any()


def test_notes_whose_partials_are_anothers_are_not_judged() -> None:
    pitch = np.stack((np.full(FRAMES, 72.0), np.full(FRAMES, 60.0)))
    notes = judged_notes(sung(pitch[1], 6.0, 0.1), pitch)
    assert notes.track.tolist() == [1]


@pytest.mark.parametrize("sings", [True, False])
def test_a_short_note_on_a_partial_of_another_stays_if_it_is_sung(sings: bool) -> None:
    pitch = np.vstack((np.full(FRAMES, np.nan), tracks()))
    note = slice(210, 240)
    pitch[0, note] = pitch[2, note] + 19.02  # the third partial of the lowest
    audio = sung(pitch[1], 6.0, 0.1) + sung(pitch[2], 6.0, 0.1)
    if sings:
        sound = sung(np.nan_to_num(pitch[0], nan=pitch[0, 210]), 6.0, 0.1)
        audio = audio + sound * np.repeat(np.isfinite(pitch[0]), HOP)[: len(audio)].astype(np.float32)
    share = share_explained(audio, pitch, 0, note.start, note.stop)
    kept = without_short_ghosts(audio, pitch, np.ones(pitch.shape))
    assert np.isfinite(kept[0, note]).all() == sings
    assert (share > 0.15) == sings
    np.testing.assert_array_equal(kept[1:], pitch[1:])
    # Who is heard clearly is not asked.
    np.testing.assert_array_equal(without_short_ghosts(audio, pitch, np.full(pitch.shape, 4.0)), pitch)
