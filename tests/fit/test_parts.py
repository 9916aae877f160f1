"""Which stem is which voice: names first, pitch where names say nothing."""

import numpy as np
import pytest

from vocsep.fit.parts import names_of_rows, numbered, part_of, rows_by_name, rows_by_pitch
from vocsep.fit.settings import QUARTET
from vocsep.pitch.tracks import F0Tracks


@pytest.mark.parametrize(
    ("stem", "part"),
    [
        ("soprano.wav", "soprano"),
        ("03_Nino_Dios-ALTO2.flac", "alto"),
        ("contralto.wav", None),  # a word, not a part of one
        ("sopranos.wav", None),
        ("alto+tenor.wav", None),
        ("x.bass.wav", "bass"),
    ],
)
def test_a_part_is_a_word_of_the_file_name(stem: str, part: str | None) -> None:
    assert part_of(stem, QUARTET) == part


def test_names_of_several_words_are_found() -> None:
    assert part_of("song second tenor.wav", ["first tenor", "second tenor"]) == "second tenor"


def test_voices_are_numbered_from_one() -> None:
    assert [numbered(name) for name in ("voice_1.wav", "Voice 12.mp3", "voice_0.wav", "1_alto.wav")] == [
        0,
        11,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("stems", "voices", "rows"),
    [
        (["voice_3.wav", "voice_1.wav"], 4, [2, 0]),
        (["bass.wav", "soprano.wav"], 4, [3, 0]),
        (["alto.wav", "bass.wav", "soprano.wav"], 3, [1, 2, 0]),  # a trio: in the order of the parts
        (["bass.wav"], 3, None),  # the lowest of which three?
        (["tenor_i.wav", "tenor_ii.wav"], 2, None),
        (["voice_5.wav"], 4, None),
        (["voice_1.wav", "bass.wav"], 4, None),
        (["x.wav"], 1, None),
    ],
)
def test_names_tell_the_row_or_do_not(stems: list[str], voices: int, rows: list[int] | None) -> None:
    assert rows_by_name(stems, voices, QUARTET) == rows


def test_names_of_ones_own_come_first() -> None:
    names = ["treble", "mean", "bass"]
    assert rows_by_name(["mean.wav"], 3, names) == [1]
    assert rows_by_name(["alto.wav"], 3, names) is None


def test_pitch_tells_the_row_also_through_errors_and_gaps() -> None:
    heard = np.repeat([[440.0], [330.0], [220.0], [110.0]], 200, axis=1)
    sung = heard[[2, 0]].copy()
    sung[:, ::5] = np.nan
    sung[0, 1::5] *= 1.5  # a fifth too high: 330 Hz, voice 2
    assert rows_by_pitch(F0Tracks(sung[:, :180]), F0Tracks(heard)) == [2, 0]


def test_every_row_is_given_once() -> None:
    heard = F0Tracks(np.repeat([[440.0], [220.0]], 50, axis=1))
    twice = F0Tracks(np.repeat([[440.0], [441.0]], 50, axis=1))
    assert sorted(rows_by_pitch(twice, heard)) == [0, 1]


def test_voices_are_called_as_their_stems_or_as_all_are() -> None:
    assert names_of_rows(["a.wav"], [2], 4, QUARTET) == QUARTET
    assert names_of_rows(["my alto.wav", "x.wav"], [1, 2], 3, QUARTET) == (None, "alto", None)
    assert names_of_rows(["bass.wav"], [0], 1, QUARTET) == ("bass",)
    assert names_of_rows(["x.wav"], [0], 1, QUARTET) is None
