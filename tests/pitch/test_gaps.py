"""Mending of tracks: what is filled, what is removed, what stays as it is."""

import numpy as np
import pytest

from vocsep.pitch.gaps import HOLD, LONGEST_GAP, SAME_NOTE, SHORTEST, mend
from vocsep.spectra import HOP, SAMPLE_RATE

FRAME = HOP / SAMPLE_RATE  # s
GAP, BLIP, EDGE = round(LONGEST_GAP / FRAME), round(SHORTEST / FRAME), round(HOLD / FRAME)


def track(*parts: tuple[int, float]) -> np.ndarray:
    """``(1, frames)`` of stretches (frames, semitones; NaN = silent)."""
    return np.concatenate([np.full(frames, pitch) for frames, pitch in parts])[None]


NOTHING = float("nan")


def test_a_gap_inside_a_note_is_filled_with_a_line() -> None:
    given = track((20, 60.0), (GAP - 1, NOTHING), (20, 61.0))
    mended = mend(given)[0]
    assert np.isfinite(mended).all()
    line = mended[19 : 20 + GAP]
    np.testing.assert_allclose(np.diff(line), np.diff(line)[0], atol=1e-9)
    assert line[0] == 60.0 and line[-1] == 61.0


def test_a_long_gap_stays() -> None:
    silence = 2 * GAP + 2 * EDGE
    mended = mend(track((20, 60.0), (silence, NOTHING), (20, 60.0)))[0]
    assert np.isnan(mended[20 + EDGE : 20 + silence - EDGE]).all()


def test_a_gap_between_two_notes_is_no_glide() -> None:
    higher = 60.0 + 2 * SAME_NOTE
    mended = mend(track((20, 60.0), (6, NOTHING), (20, higher)))[0]
    assert set(np.unique(mended[np.isfinite(mended)])) == {60.0, higher}


def test_a_blip_is_no_note() -> None:
    given = track((30, NOTHING), (BLIP - 1, 70.0), (30, NOTHING))
    assert np.isnan(mend(given)).all()


def test_a_blip_in_a_gap_is_replaced_by_the_note() -> None:
    half = GAP // 2 - 1
    mended = mend(track((20, 60.0), (half, NOTHING), (1, 72.0), (half, NOTHING), (20, 60.0)))
    np.testing.assert_allclose(mended, 60.0)


def test_edges_are_held() -> None:
    mended = mend(track((30, NOTHING), (20, 60.0), (30, NOTHING)))[0]
    assert np.flatnonzero(np.isfinite(mended)).tolist() == list(range(30 - EDGE, 50 + EDGE))
    np.testing.assert_allclose(mended[np.isfinite(mended)], 60.0)


def test_held_edges_stay_inside_of_the_recording() -> None:
    mended = mend(track((20, 60.0)))
    assert mended.shape == (1, 20) and (mended == 60.0).all()
    assert mend(track((1, NOTHING), (20, 60.0), (1, NOTHING))).shape == (1, 22)


def test_held_edges_of_neighbours_meet_and_do_not_overwrite_notes() -> None:
    given = track((20, 60.0), (1, NOTHING), (20, 67.0))
    mended = mend(given)[0]
    np.testing.assert_array_equal(mended[:20], 60.0)
    np.testing.assert_array_equal(mended[21:], 67.0)


@pytest.mark.parametrize("seed", range(5))
def test_sung_frames_of_notes_are_never_changed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = [(int(rng.integers(BLIP, 30)), float(rng.integers(50, 70))) for _ in range(12)]
    rests = [(int(rng.integers(1, 30)), NOTHING) for _ in range(12)]
    given = track(*(piece for pair in zip(parts, rests, strict=True) for piece in pair))
    mended = mend(given)
    sung = np.isfinite(given)
    np.testing.assert_array_equal(mended[sung], given[sung])


def test_voices_are_mended_apart_and_the_input_is_left_alone() -> None:
    upper, lower = track((20, 70.0), (3, NOTHING), (20, 70.0)), track((43, 50.0))
    given = np.concatenate((upper, lower))
    before = given.copy()
    mended = mend(given)
    np.testing.assert_array_equal(given, before)
    np.testing.assert_array_equal(mended[1], lower[0])
    assert np.isfinite(mended[0]).all()


def test_silence_stays_silence() -> None:
    assert np.isnan(mend(np.full((3, 50), np.nan))).all()
    assert mend(np.full((2, 0), np.nan)).shape == (2, 0)


def test_mending_a_mended_track_moves_edges_only() -> None:
    given = track((30, NOTHING), (20, 60.0), (4, NOTHING), (20, 60.5), (40, NOTHING), (20, 48.0))
    once, twice = mend(given), mend(mend(given))
    both = np.isfinite(once)
    np.testing.assert_array_equal(twice[both], once[both])
