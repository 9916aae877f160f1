"""The F0 that follows from what is wished."""

import numpy as np
import pytest

from vocsep.editing.wishes import Wishes, wished_f0
from vocsep.errors import SettingsError
from vocsep.pitch.intonation import cents_apart
from vocsep.pitch.tracks import F0Tracks
from vocsep.transcription.contour import contour_of
from vocsep.transcription.notes import FRAME, hertz, semitones


def chord(extent: float = 0.0) -> F0Tracks:
    """A major third that is 20 cents sharp of equal temperament, its root sung in tune, its fifth as well."""
    time = np.arange(120) * FRAME
    vibrato = extent / 100 * np.sin(2 * np.pi * 5.5 * time)
    return F0Tracks(np.stack([hertz(67 + 0 * time), hertz(64.2 + vibrato), hertz(60 + 0 * time)]))


def test_transposition_is_a_factor() -> None:
    tracks = chord(30.0)
    moved = wished_f0(tracks, 1, Wishes(transpose=-3.0))
    assert cents_apart(moved, tracks.frequencies[1]) == pytest.approx(-300)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_just_intonation_is_relative_to_the_others(share: float) -> None:
    tracks = chord()
    moved = wished_f0(tracks, 1, Wishes(retune="just", share=share))
    # A pure third lies 13.69 cents below the tempered one; the others are 1.96 / 2 cents below pure together.
    pure = hertz(64 - 0.1369 - 0.0098)
    away = float(np.median(cents_apart(moved, pure)))
    assert away == pytest.approx((1 - share) * (20 + 13.69 + 0.98), abs=0.1)


def test_equal_temperament_is_the_choirs_own() -> None:
    tracks = F0Tracks(chord().frequencies * 2 ** (-30 / 1200))
    moved = wished_f0(tracks, 1, Wishes(retune="equal"))
    # The grid is the mean of three voices: 20 / 3 cents above what the other two sing.
    assert np.median(cents_apart(moved, hertz(64 - 0.30 + 0.20 / 3))) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("factor", [0.0, 0.5, 2.0])
def test_vibrato_is_multiplied_and_the_note_stays(factor: float) -> None:
    tracks = chord(40.0)
    found = contour_of(semitones(wished_f0(tracks, 1, Wishes(vibrato=factor))))
    assert found.mean == pytest.approx(64.2, abs=0.02)
    extent = 0.0 if np.isnan(found.vibrato_extent) else found.vibrato_extent
    assert extent == pytest.approx(40 * factor, abs=3)


def test_silence_stays_silent() -> None:
    rows = chord().frequencies.copy()
    rows[1, 50:60] = np.nan
    moved = wished_f0(F0Tracks(rows), 1, Wishes(retune="just", vibrato=0.5, transpose=1.0))
    assert np.array_equal(np.isfinite(moved), np.isfinite(rows[1]))


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"transpose": 13.0}, "transpose: 13 is not within -12 .. 12"),
        ({"share": 1.5}, "share"),
        ({"vibrato": -1.0}, "vibrato"),
        ({"formants": 3.0}, "formants"),
        ({"retune": "mean"}, "retune"),
    ],
)
def test_what_is_out_of_bounds_is_refused(wish: dict[str, float], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Wishes(**wish)  # type: ignore[arg-type]


def test_nothing_is_nothing() -> None:
    assert Wishes().nothing
    assert Wishes(retune="just", share=0.0).nothing
    assert not Wishes(formants=1.1).nothing
