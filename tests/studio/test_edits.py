"""Corrections of pitches: what each does, and the laws that undo and redo rest on."""

import numpy as np
import pytest

from vocsep.errors import F0Error
from vocsep.pitch.tracks import F0Tracks
from vocsep.studio.edits import KINDS, Edit, edited, parse_edit
from vocsep.transcription.notes import FRAME

FRAMES = 50
END = FRAMES * FRAME


def tracks(seed: int = 0) -> F0Tracks:
    """Two voices with rests, no frame like another."""
    rng = np.random.default_rng(seed)
    rows = np.stack([rng.uniform(300, 500, FRAMES), rng.uniform(100, 200, FRAMES)])
    rows[0, 10:20] = rows[1, 30:35] = np.nan
    return F0Tracks(rows, names=("high", "low"))


def plain_edits(count: int = 300) -> list[dict[str, object]]:
    """Edits as the page sends them, of every kind, at random."""
    rng = np.random.default_rng(1)
    edits = []
    for _ in range(count):
        voice, start = int(rng.integers(2)), round(rng.uniform(0, END - 2 * FRAME), 4)
        end = start + rng.uniform(0.02, 0.5)
        plain = {"kind": str(rng.choice([*KINDS])), "voice": voice, "start": start, "end": end}
        plain |= {"cents": rng.uniform(-99, 99), "to": 1 - voice, "with": 1 - voice}
        edits.append(plain | {"points": [[start, 220.0], [end, 330.0]]})
    return edits


def same(one: F0Tracks, other: F0Tracks) -> bool:
    return np.array_equal(one.frequencies, other.frequencies, equal_nan=True) and one.names == other.names


@pytest.mark.parametrize("kind", KINDS)
def test_an_edit_changes_nothing_that_it_was_given_and_nothing_outside_of_its_stretch(kind: str) -> None:
    for plain in plain_edits():
        if plain["kind"] == kind:
            changes_its_stretch_alone(plain)


def changes_its_stretch_alone(plain: dict[str, object]) -> None:
    before, edit = tracks(), parse_edit(plain)
    after = edit.apply(before)
    assert same(before, tracks())
    times = np.arange(FRAMES) * FRAME
    last = np.inf if edit.end is None else edit.end
    outside = (times < edit.start - 1e-6) | (times > last + 1e-6)
    np.testing.assert_array_equal(after.frequencies[:, outside], before.frequencies[:, outside])
    untouched = [voice for voice in (0, 1) if voice not in (edit.voice, edit.other)]
    np.testing.assert_array_equal(after.frequencies[untouched], before.frequencies[untouched])


def test_an_edit_survives_the_project_file() -> None:
    edits = [parse_edit(plain) for plain in plain_edits()]
    assert {edit.kind for edit in edits} == {*KINDS}
    assert [parse_edit(edit.to_dict()) for edit in edits] == edits


@pytest.mark.parametrize(("voice", "start"), [(0, 0.0), (1, 0.1), (0, 0.333)])
def test_giving_and_swapping_twice_is_nothing(voice: int, start: float) -> None:
    for kind, end in (("give", start + 0.2), ("swap", None)):
        edit = Edit(kind, voice, start, end, 1 - voice)
        assert same(edited(tracks(), [edit, edit]), tracks())


def test_a_shift_is_a_ratio_and_keeps_rests() -> None:
    after = Edit("shift", 0, 0.0, END, cents=-1200.0).apply(tracks())
    np.testing.assert_allclose(after.frequencies[0], tracks().frequencies[0] / 2)


def test_what_is_given_moves_where_the_other_is_silent_and_is_exchanged_where_he_sings() -> None:
    before = tracks().frequencies
    after = Edit("give", 1, 0.0, END, 0).apply(tracks()).frequencies
    np.testing.assert_array_equal(after, before[::-1])


def test_erased_frames_are_unvoiced_and_extended_ones_are_like_the_nearest() -> None:
    silent = Edit("erase", 0, 0.0, 10 * FRAME).apply(tracks())
    assert not silent.voiced[0, :20].any() and silent.voiced[0, 20:].all()
    longer = Edit("extend", 0, 8 * FRAME, 22 * FRAME).apply(tracks()).frequencies[0]
    before = tracks().frequencies[0]
    np.testing.assert_array_equal(longer[10:15], before[9])
    np.testing.assert_array_equal(longer[15:20], before[20])
    np.testing.assert_array_equal(np.delete(longer, np.s_[10:20]), np.delete(before, np.s_[10:20]))


def test_a_drawn_line_is_straight_in_semitones() -> None:
    plain = {"kind": "draw", "voice": 1, "points": [[5 * FRAME, 100.0], [15 * FRAME, 400.0]]}
    after = parse_edit(plain).apply(tracks()).frequencies[1]
    np.testing.assert_allclose(after[5:16], 100 * 4 ** (np.arange(11) / 10))
    np.testing.assert_array_equal(after[16:], tracks().frequencies[1, 16:])


@pytest.mark.parametrize(
    ("plain", "word"),
    [
        (7, "object"),
        ({"kind": "sing"}, "sing"),
        ({"kind": "erase", "voice": True, "start": 0, "end": 1}, "voice"),
        ({"kind": "erase", "voice": 0, "start": "0", "end": 1}, "start"),
        ({"kind": "erase", "voice": 0, "start": 0, "end": float("nan")}, "end"),
        ({"kind": "give", "voice": 0, "to": 0, "start": 0, "end": 1}, "different"),
        ({"kind": "draw", "voice": 0, "points": []}, "points"),
        ({"kind": "draw", "voice": 0, "points": [[1, 100], [0, 100]]}, "rise"),
        ({"kind": "draw", "voice": 0, "points": [[0, 5]]}, "20 Hz"),
    ],
)
def test_what_is_no_edit_is_refused_in_one_line(plain: object, word: str) -> None:
    with pytest.raises(F0Error, match=word) as refused:
        parse_edit(plain)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("edit", "word"),
    [
        (Edit("erase", 2, 0.0, 1.0), "voice 3"),
        (Edit("erase", 0, 0.5, 0.5), "no frame"),
        (Edit("shift", 0, 0.0, END, cents=4800.0), "4000 Hz"),
        (Edit("extend", 0, 0.0, END), "never sings"),
    ],
)
def test_an_edit_that_does_not_fit_is_refused(edit: Edit, word: str) -> None:
    silent = F0Tracks(np.full((2, FRAMES), np.nan))
    with pytest.raises(F0Error, match=word):
        edit.apply(silent if edit.kind == "extend" else tracks())
